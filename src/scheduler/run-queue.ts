import type { ErrorInfo } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { tokensOf, type Usage } from "../core/usage.js";
import type { GraphActor } from "../graph/actor.js";
import type { Graph } from "../graph/graph.js";
import type { Lease } from "../graph/types.js";
import type { Ask, LimitWaiter } from "./limit-ask.js";
import type { LimitGrant } from "./limit-grant.js";
import type { Limits } from "./limits.js";
import { type AgentLimits, NodeAsks } from "./node-asks.js";
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
	/** The run that the calls which led to this one began with: all runs of a root share its turns. By default the run itself. */
	readonly root?: RunId | undefined;
	readonly limits: Limits;
	/** The limits that every node of an agent takes. */
	readonly agentLimits: (agent: string) => AgentLimits | undefined;
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

const READY = 1;

/**
 * The ready nodes of one run in the order in which they are to be claimed. As long as no node says
 * anything that has to be weighed, that is the graph's own list, and nothing is kept here.
 */
export class RunQueue implements LimitWaiter {
	/** Whose turns at slots and limits it shares. */
	readonly root: RunId;
	/** How many nodes of the run hold a slot. */
	running = 0;
	/** Whether the scheduler has it among the runs with work. */
	active = false;
	/** Why the node that was taken last cannot run: what its limits are could not be told. */
	refusal: ErrorInfo | undefined;
	readonly #graph: Graph;
	readonly #asks: NodeAsks;
	/** What attempts under way have taken of limits, by node. */
	readonly #grants = new Map<number, LimitGrant>();
	/** How many nodes here have waited for a limit and may try again. */
	#woken = 0;
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
		this.root = options.root ?? actor.state.run;
		this.#graph = actor.state.graph;
		this.#asks = new NodeAsks(this.#graph, options.limits, options.agentLimits);
	}

	/** Whether a node of the run may start now. */
	get isOpen(): boolean {
		return this.running < this.options.concurrency && this.actor.state.status !== "paused";
	}

	/** When the run was paused, resumed, filled up or relieved: turns at limits go to who can use them. */
	settleTurns(): void {
		if (this.#weighed === undefined || this.isOpen === this.#wasOpen) return;
		this.#wasOpen = !this.#wasOpen;
		this.options.limits.settle(this);
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
		this.refusal = undefined;
		for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
			const { turn } = entry;
			if (turn !== undefined) this.#woken--;
			if (!this.#isCurrent(entry) || !this.#takeLimits(entry)) continue;
			this.#latest.delete(entry.n);
			// A turn that this run does not use at its next start is of more use to others.
			if (turn === undefined && this.#woken > 0) this.options.limits.yieldTurns(this);
			return entry.n;
		}
		return -1;
	}

	/** @returns false when the node waits for a limit from now on */
	#takeLimits(entry: ReadyEntry): boolean {
		const { n } = entry;
		const before = this.#grants.get(n);
		const goesOn = before?.ended === false ? before : undefined;
		const ask: Ask | ErrorInfo =
			goesOn === undefined ? (entry.ask ?? this.#asks.of(n)) : { names: goesOn.names, calls: false, tokens: 0 };
		if ("code" in ask) {
			this.refusal = ask;
			return true;
		}
		if (ask.names.length === 0) return true;
		const grant = this.options.limits.take(this, entry, ask, goesOn);
		if (grant === undefined) return false;
		this.#grants.set(n, grant);
		return true;
	}

	/** The function of an attempt is about to be called. */
	called(lease: Lease): void {
		if (this.#grants.size > 0) this.#grants.get(this.actor.leases.numberOf(lease))?.called(lease.attempt);
	}

	/** An attempt reports what it has used since its last report. */
	used(lease: Lease, usage: Usage): void {
		if (this.#grants.size === 0) return;
		this.#grants.get(this.actor.leases.numberOf(lease))?.used(lease.attempt, tokensOf(usage));
	}

	/**
	 * An attempt has ended: its function has returned, or was told to stop.
	 *
	 * @param error - how it failed; undefined when it did not
	 */
	ended(lease: Lease, error: ErrorInfo | undefined): void {
		if (this.#grants.size > 0) this.#end(this.actor.leases.numberOf(lease), error);
	}

	#end(n: number, error: ErrorInfo | undefined): void {
		const grant = this.#grants.get(n);
		if (grant === undefined) return;
		grant.end(error);
		if (grant.isOver) this.#grants.delete(n);
	}

	/** A lease came to nothing: its function was not called, or was not let go on. */
	undo(n: number): void {
		this.release(n);
		this.drop(n);
	}

	/** The same where the slot is free already. */
	drop(n: number): void {
		if (this.#grants.get(n)?.isCalled === false) this.#end(n, undefined);
	}

	/** A node holds its slot and its limits no more. */
	release(n: number): void {
		const wasFull = this.running-- >= this.options.concurrency;
		const grant = this.#grants.get(n);
		// Who waits for a limit is woken by the limit itself.
		if (grant !== undefined) {
			grant.release();
			if (grant.isOver) this.#grants.delete(n);
		}
		if (!wasFull) return;
		this.settleTurns();
		this.options.onWake(this);
	}

	/** It is the turn of a node that has waited for a limit. */
	retry(entry: ReadyEntry): void {
		this.#woken++;
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
		const entry: ReadyEntry = { n, priority: spec.priority ?? 0, rank: this.#rank(n), order };
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
		if (this.#latest.get(entry.n) === entry && this.#graph.nodes.state(entry.n) === READY) return true;
		if (entry.turn !== undefined) this.options.limits.passOn(this, entry.turn);
		return false;
	}
}
