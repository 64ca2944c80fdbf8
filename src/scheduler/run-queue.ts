import type { GraphActor } from "../graph/actor.js";
import type { Graph } from "../graph/graph.js";
import type { Limits, LimitWaiter } from "./limits.js";
import { PlannedRanks } from "./planned-ranks.js";
import { Ranks } from "./ranks.js";
import { type ReadyEntry, ReadyQueue } from "./ready-queue.js";

/**
 * How ready nodes of one run are ordered, after their priority: in the order of becoming ready, by the
 * longest path behind them, or by a plan made when the run first weighs its nodes.
 */
export const schedulingPolicies = ["fifo", "critical-path", "planned"] as const;

export type SchedulingPolicy = (typeof schedulingPolicies)[number];

/** What a run's queue goes by. */
export interface RunQueueOptions {
	readonly limits: Limits;
	/** The limits that every node of an agent takes. */
	readonly agentLimits: (agent: string) => readonly string[] | undefined;
	/** Whether any agent has limits. */
	readonly limited: boolean;
	/** By default the critical path as soon as a node carries an estimate. */
	readonly policy?: SchedulingPolicy | undefined;
	/** How many nodes of this run may run at a time. */
	readonly concurrency: number;
	/** How many nodes of all runs may run at a time: a plan reckons with no more. */
	readonly slots?: number | undefined;
	/** Called when a node may be tried again without anything having happened in its run. */
	readonly onWake: (queue: RunQueue) => void;
}

const NO_LIMITS: readonly string[] = [];
const READY = 1;

/**
 * The ready nodes of one run in the order in which they are to be claimed. As long as no node says
 * anything that has to be weighed, that is the graph's own list, and nothing is kept here.
 */
export class RunQueue implements LimitWaiter {
	/** How many nodes of the run hold a slot. */
	running = 0;
	/** Whether the scheduler has it among the runs with work. */
	active = false;
	readonly #graph: Graph;
	#weighed: ReadyQueue | undefined;
	#ranks: Ranks | PlannedRanks | undefined;
	#order = 0;
	/** The latest entry of each ready node: an older one is stale. */
	readonly #latest = new Map<number, ReadyEntry>();
	#wasOpen = true;

	constructor(
		readonly actor: GraphActor,
		private readonly options: RunQueueOptions,
	) {
		this.#graph = actor.state.graph;
	}

	/** Whether a node of the run may start now. */
	get isOpen(): boolean {
		return this.running < this.options.concurrency && this.actor.state.status !== "paused";
	}

	/** When the run was paused, resumed, filled up or relieved: turns at limits go to who can use them. */
	settleTurns(): void {
		if (this.#weighed === undefined || this.isOpen === this.#wasOpen) return;
		this.#wasOpen = !this.#wasOpen;
		this.options.limits.wakeFree();
	}

	/** Whether it is worth asking for a node. */
	hasWork(): boolean {
		if (!this.isOpen) return false;
		if (this.#weighed !== undefined) return this.#weighed.size > 0;
		return this.#graph.frontier.first() >= 0;
	}

	/** How many nodes could be started, at most. */
	get depth(): number {
		return Math.min(this.#weighed?.size ?? this.actor.state.count(READY), this.options.concurrency - this.running);
	}

	/**
	 * The node to claim next, its limits taken; -1 when all that are ready wait for a limit.
	 */
	take(): number {
		if (this.#weighed === undefined) {
			if (this.#graph.plain && !this.options.limited) return this.#graph.frontier.first();
			this.#weigh();
		}
		const queue = this.#weighed as ReadyQueue;
		if (this.#ranks?.refresh(this.actor.state.unfinished) === true) queue.rerank((n) => this.#rank(n));
		for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
			const names = this.#limitsOf(entry.n);
			const { turn } = entry;
			entry.turn = undefined;
			const current = this.#isCurrent(entry);
			// Its limits may be others by now than the one it waited for.
			if (turn !== undefined && (!current || !names.includes(turn))) this.options.limits.passOn([turn]);
			if (!current) continue;
			const full = this.options.limits.take(names);
			if (full === undefined) {
				this.#latest.delete(entry.n);
				return entry.n;
			}
			this.options.limits.wait(full, this, entry);
			this.options.limits.passOn(names, full);
		}
		return -1;
	}

	/** A node holds its slot and its limits no more. */
	release(n: number): void {
		const wasFull = this.running-- >= this.options.concurrency;
		// Who waits for a limit is woken by the limit itself.
		if (this.#weighed !== undefined) this.options.limits.release(this.#limitsOf(n));
		if (!wasFull) return;
		this.settleTurns();
		this.options.onWake(this);
	}

	/** A key was given back: one of the nodes that waited for it may try again. */
	retry(entry: ReadyEntry): void {
		this.#weighed?.push(entry);
		this.options.onWake(this);
	}

	/** The run has ended. */
	close(): void {
		this.#graph.frontier.onReady = undefined;
		this.options.limits.forget(this);
	}

	#weigh(): void {
		this.#weighed = new ReadyQueue();
		const { frontier } = this.#graph;
		for (let n = frontier.first(); n >= 0; n = frontier.next(n)) this.#push(n);
		frontier.onReady = (n, before) => this.#push(n, before);
	}

	/** @param before - it was ready before and keeps its place among equals */
	#push(n: number, before = false): void {
		const spec = this.#graph.spec(n);
		if (this.#ranks === undefined && this.options.policy !== "fifo") {
			if (spec.estimateMs !== undefined || this.options.policy !== undefined) this.#ranks = this.#makeRanks();
		}
		const order = (before ? this.#latest.get(n)?.order : undefined) ?? ++this.#order;
		const entry: ReadyEntry = { n, priority: spec.priority ?? 0, rank: this.#rank(n), order, turn: undefined };
		this.#latest.set(n, entry);
		this.#weighed?.push(entry);
	}

	#makeRanks(): Ranks | PlannedRanks {
		const { policy, concurrency, slots = concurrency } = this.options;
		return policy === "planned" ? new PlannedRanks(this.#graph, Math.min(concurrency, slots)) : new Ranks(this.#graph);
	}

	#rank(n: number): number {
		return this.#ranks?.of(n) ?? 0;
	}

	#isCurrent(entry: ReadyEntry): boolean {
		return this.#latest.get(entry.n) === entry && this.#graph.nodes.state(entry.n) === READY;
	}

	#limitsOf(n: number): readonly string[] {
		const spec = this.#graph.spec(n);
		const ofAgent = this.options.agentLimits(spec.agent) ?? NO_LIMITS;
		if (spec.limits === undefined) return ofAgent;
		return ofAgent.length === 0 ? spec.limits : [...new Set([...spec.limits, ...ofAgent])];
	}
}
