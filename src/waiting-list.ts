import type { NodeId, RunId } from "./core/ids.js";
import type { RunState } from "./graph/state.js";
import type { Wait } from "./graph/types.js";

/** Which nodes that wait are wanted. */
export interface WaitingFilter {
	/** Those that wait for this only. */
	readonly kind?: Wait["kind"];
	/** Approvals that were asked for with this `to` only. */
	readonly to?: string;
}

/** A node that has given its slot back, and what it waits for. */
export interface WaitingNode {
	readonly run: RunId;
	readonly node: NodeId;
	/** The agent that does its work. */
	readonly agent: string;
	readonly kind: Wait["kind"];
	/** The question of an approval. */
	readonly reason?: string;
	/** Of the approval, the signal, or the agent that was called. */
	readonly name?: string;
	/** Whom the approval is for. */
	readonly to?: string;
	/** What the approval is about. */
	readonly data?: unknown;
	/** Answers to choose from. */
	readonly choices?: readonly string[];
	/** What the answer's data has to look like: a JSON Schema, where the schema's library gives one. */
	readonly schema?: unknown;
	/** Why the answer before was not taken, where the same is asked again. */
	readonly problem?: string;
	/** The step of the agent's that it is a part of. */
	readonly step?: string;
	/** Asked by the runtime: whether the node may run again after a crash, or with another version of its agent. */
	readonly resume?: "crash" | "version";
	/** When it began to wait; milliseconds of the clock. */
	readonly since: number;
	/** When it stops waiting, where there is a limit. */
	readonly until?: number;
}

/** A question that waits for its answer. */
export interface WaitingApproval extends WaitingNode {
	readonly kind: "approval";
	readonly reason: string;
}

/** What waits in a run, the longest first. It costs what waits, however large the graph is. */
export function waitingIn(state: RunState, { kind, to }: WaitingFilter = {}): WaitingNode[] {
	const found: WaitingNode[] = [];
	for (const n of state.parked) {
		const wait = waitOf(state, n);
		if (wait === undefined || (kind !== undefined && wait.kind !== kind)) continue;
		if (to !== undefined && !("to" in wait && wait.to === to)) continue;
		found.push(waitingNode(state, n, wait));
	}
	return found;
}

/** What a node waits for at this moment, other than another attempt. */
export function waitOf({ graph, parked }: RunState, n: number): Wait | undefined {
	if (!parked.has(n)) return undefined;
	const wait = graph.extras.get(n)?.wait;
	return wait?.kind === "retry" ? undefined : wait;
}

/** A node that waits, as it is listed. */
export function waitingNode({ run, graph }: RunState, n: number, wait: Wait): WaitingNode {
	const about = wait.kind === "child" ? { kind: wait.kind, name: wait.name } : wait;
	const since = graph.extras.get(n)?.parkedAt ?? 0;
	return { run, node: graph.id(n), agent: graph.spec(n).agent, ...about, since };
}

/** A run of a swarm, as far as its list of what waits goes. */
interface ListedRun {
	readonly actor: { readonly isOver: boolean };
	readonly handle: { waiting(filter: WaitingFilter): WaitingNode[] };
}

/** What waits in several runs, the longest first. */
export function waitingInAll(runs: Iterable<ListedRun>, filter: WaitingFilter): WaitingNode[] {
	const found: WaitingNode[] = [];
	for (const { actor, handle } of runs) {
		try {
			if (!actor.isOver) found.push(...handle.waiting(filter));
		} catch (error) {
			// A run whose journal fails at this moment is over, and hides nobody else's.
			if (!actor.isOver) throw error;
		}
	}
	return found.sort((a, b) => a.since - b.since);
}
