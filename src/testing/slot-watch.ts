import type { NodeId, RunId } from "../core/ids.js";
import type { RunEvent, StoredSpec } from "../graph/types.js";

/** How much may run at a time. */
export interface SlotBounds {
	/** Attempts at a time, at least 1. */
	readonly concurrency: number;
	/** Attempts at a time for each named limit that nodes take. */
	readonly limits?: Readonly<Record<string, number>>;
	/** The same for limits that are no fixed list; undefined for any number. */
	readonly limitOf?: (name: string) => number | undefined;
	/** Limits that every node of an agent takes beside its own, by the name of the agent. */
	readonly agentLimits?: Readonly<Record<string, readonly string[]>>;
	/** Attempts at a time of one run, by its id. */
	readonly perRun?: Readonly<Record<RunId, number>>;
}

const NONE: readonly string[] = [];

/** Counts from the events of one or more runs, in the order of their commits, how many nodes run at a time. */
export class SlotWatch {
	readonly problems: string[] = [];
	readonly #bounds: SlotBounds;
	/** What each node takes when it starts, by run and node. */
	readonly #takes = new Map<string, readonly string[]>();
	readonly #held = new Map<string, readonly string[]>();
	readonly #used = new Map<string, number>();
	#isTogether = false;
	/** How many nodes of each run run. */
	readonly #runs = new Map<RunId, number>();

	constructor(bounds: SlotBounds) {
		this.#bounds = bounds;
	}

	take(run: RunId, event: RunEvent): void {
		if (event.type === "node.added" || event.type === "node.updated")
			this.#takes.set(key(run, event.node), this.#limitsOf(event.spec));
		else if (event.type === "node.started") this.#hold(run, event.node);
		else if ("node" in event && event.node !== undefined && event.type !== "patch.rejected")
			this.#free(run, key(run, event.node));
	}

	/** The process died: nothing runs. */
	died(): void {
		this.#held.clear();
		this.#used.clear();
		this.#runs.clear();
	}

	#limitsOf({ agent, limits = NONE }: StoredSpec): readonly string[] {
		return [...new Set([...limits, ...(this.#bounds.agentLimits?.[agent] ?? NONE)])];
	}

	#hold(run: RunId, node: NodeId): void {
		const name = key(run, node);
		const ofRun = (this.#runs.get(run) ?? 0) + (this.#held.has(name) ? 0 : 1);
		this.#runs.set(run, ofRun);
		const limits = this.#takes.get(name) ?? NONE;
		this.#held.set(name, limits);
		for (const limit of limits) this.#used.set(limit, (this.#used.get(limit) ?? 0) + 1);
		if (!this.#isTogether) this.#judge(run, node, limits);
	}

	/** Events that are committed together, of whatever runs: the bounds hold after the last of them. */
	together(take: () => void): void {
		this.#isTogether = true;
		take();
		this.#isTogether = false;
		for (const [name, limits] of this.#held) {
			const [run, node] = JSON.parse(name) as [RunId, NodeId];
			this.#judge(run, node, limits);
		}
	}

	#judge(run: RunId, node: NodeId, limits: readonly string[]): void {
		const ofRun = this.#runs.get(run) ?? 0;
		const most = this.#bounds.perRun?.[run] ?? Number.POSITIVE_INFINITY;
		if (ofRun > most) this.problems.push(`${ofRun} nodes of ${run} run, which may run ${most}, ${node} the last`);
		if (this.#held.size > this.#bounds.concurrency)
			this.problems.push(`${this.#held.size} nodes run on ${this.#bounds.concurrency} slots, ${node} the last`);
		for (const limit of limits) {
			const used = this.#used.get(limit) ?? 0;
			const bound = this.#bounds.limits?.[limit] ?? this.#bounds.limitOf?.(limit) ?? Number.POSITIVE_INFINITY;
			if (used > bound) this.problems.push(`${used} nodes hold the limit ${limit} of ${bound}, ${node} the last`);
		}
	}

	#free(run: RunId, name: string): void {
		if (this.#held.has(name)) this.#runs.set(run, (this.#runs.get(run) ?? 1) - 1);
		for (const limit of this.#held.get(name) ?? NONE) this.#used.set(limit, (this.#used.get(limit) ?? 1) - 1);
		this.#held.delete(name);
	}
}

function key(run: RunId, node: NodeId): string {
	return JSON.stringify([run, node]);
}
