import type { NodeId } from "../../core/ids.js";
import type { RunStatus } from "../../core/lifecycle.js";
import type { NodeView, RunEvent, Snapshot, Wait } from "../../graph/types.js";

/** The ends of nodes. */
const ENDS = ["completed", "failed", "skipped", "abandoned", "cancelled"] as const;
export type End = (typeof ENDS)[number];

/** A node that is worked on. */
export interface RunningNode {
	readonly attempt: number;
	readonly since: number;
}

/** A node that waits. */
export interface WaitingEntry {
	readonly wait: Wait | { readonly kind: "retry"; readonly until: number };
	readonly since: number;
}

/** Why a node failed. */
export interface FailedNode {
	readonly node: NodeId;
	readonly code: string;
	readonly message: string;
}

/** Seconds over which the speed is taken. */
const WINDOW_S = 10;
/** An estimate before that would be a guess. */
const FIRST_ESTIMATE_MS = 3_000;
/** Where nodes are still being added nobody knows when they end. */
const SETTLED_MS = 5_000;
const KEPT_FAILURES = 20;

/**
 * How far a run is, by its events alone: each costs the same, however large the graph is, and so does asking. Which of the
 * nodes to come are ready, events do not say.
 */
export class RunProgress {
	status: RunStatus = "running";
	nodes = 0;
	/** When the events that count began. */
	startedAt: number | undefined;
	readonly ends: Record<End, number> = { completed: 0, failed: 0, skipped: 0, abandoned: 0, cancelled: 0 };
	/** In the order in which they began. */
	readonly running = new Map<NodeId, RunningNode>();
	readonly waiting = new Map<NodeId, WaitingEntry>();
	/** The last ones. */
	readonly failures: FailedNode[] = [];
	#grownAt = 0;
	/** Ends in each of the last seconds. */
	readonly #seconds: { second: number; ends: number }[] = [];

	/** @param snapshot - where the events that are to come begin; by default at the run's beginning */
	constructor(
		readonly run: string,
		snapshot?: Snapshot,
	) {
		if (snapshot === undefined) return;
		this.status = snapshot.status;
		this.nodes = snapshot.size;
		for (const end of ENDS) this.ends[end] = snapshot.counts[end];
		for (const node of snapshot.nodes()) this.#take(node);
	}

	/** How many nodes have ended. */
	get done(): number {
		const { completed, failed, skipped, abandoned, cancelled } = this.ends;
		return completed + failed + skipped + abandoned + cancelled;
	}

	observe(event: RunEvent): void {
		this.startedAt ??= event.at;
		switch (event.type) {
			case "run.started":
			case "run.resumed":
				this.status = "running";
				return;
			case "run.recovered":
				// Whoever worked on them is gone; what has been waiting still waits.
				this.running.clear();
				return;
			case "run.waiting":
				this.status = "waiting";
				return;
			case "run.paused":
				this.status = "paused";
				return;
			case "run.stopping":
				this.status = "stopping";
				return;
			case "run.ended":
				this.status = event.status;
				return;
			case "node.added":
				this.nodes++;
				if (event.addedBy !== undefined) this.#grownAt = event.at;
				return;
			default:
				if (event.type.startsWith("node.")) this.#observeNode(event as Extract<RunEvent, { readonly node: NodeId }>);
		}
	}

	#observeNode(event: Extract<RunEvent, { readonly node: NodeId }>): void {
		const { node, at } = event;
		switch (event.type) {
			case "node.started":
				this.waiting.delete(node);
				this.running.set(node, { attempt: event.attempt, since: at });
				return;
			case "node.parked":
				this.running.delete(node);
				this.waiting.set(node, { wait: event.wait, since: at });
				return;
			case "node.woken":
				this.waiting.delete(node);
				return;
			case "node.attemptFailed":
				this.running.delete(node);
				this.waiting.set(node, { wait: { kind: "retry", until: event.retryAt }, since: at });
				return;
			case "node.speculated":
				// Its outcome is known and withheld.
				if (event.outcome !== undefined) this.#leave(node);
				return;
			case "node.completed":
				return this.#end(node, "completed", at);
			case "node.failed":
				this.#fail({ node, code: event.error.code, message: event.error.message });
				return this.#end(node, "failed", at);
			case "node.skipped":
				return this.#end(node, "skipped", at);
			case "node.abandoned":
				return this.#end(node, "abandoned", at);
			case "node.cancelled":
				return this.#end(node, "cancelled", at);
			default:
		}
	}

	/** Nodes that end in a second, over the last ten. */
	rate(now: number): number {
		const began = this.startedAt ?? now;
		const from = Math.floor(now / 1_000) - WINDOW_S;
		let ends = 0;
		for (const each of this.#seconds) if (each.second > from) ends += each.ends;
		return (ends * 1_000) / Math.min(WINDOW_S * 1_000, Math.max(1_000, now - began));
	}

	/** Milliseconds until the last node ends, if it goes on like this; undefined where nobody can say. */
	left(now: number): number | undefined {
		if (this.status !== "running" || this.startedAt === undefined) return undefined;
		if (now - this.startedAt < FIRST_ESTIMATE_MS || now - this.#grownAt < SETTLED_MS) return undefined;
		const rate = this.rate(now);
		return rate > 0 ? ((this.nodes - this.done) / rate) * 1_000 : undefined;
	}

	#take({ id, state, attempt, wait, error }: NodeView): void {
		// Since when is not told by the state: the first look counts.
		if (state === "running") this.running.set(id, { attempt, since: Number.NaN });
		if (state === "waiting" && wait !== undefined) this.waiting.set(id, { wait, since: Number.NaN });
		if (state === "failed" && error !== undefined) this.#fail({ node: id, code: error.code, message: error.message });
	}

	#fail(failed: FailedNode): void {
		this.failures.push(failed);
		if (this.failures.length > KEPT_FAILURES) this.failures.shift();
	}

	#end(node: NodeId, end: End, at: number): void {
		this.#leave(node);
		this.ends[end]++;
		const second = Math.floor(at / 1_000);
		const last = this.#seconds.at(-1);
		if (last?.second === second) last.ends++;
		else this.#seconds.push({ second, ends: 1 });
		if (this.#seconds.length > WINDOW_S + 1) this.#seconds.shift();
	}

	#leave(node: NodeId): void {
		this.running.delete(node);
		this.waiting.delete(node);
	}
}
