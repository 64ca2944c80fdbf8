import type { Graph } from "./graph.js";
import { BLOCK_FAILED, COMPLETED, JOIN_AT_LEAST, OPEN, PENDING, SPECULATIVE } from "./node-table.js";
import type { RunState } from "./state.js";
import type { Blocked } from "./types.js";

const MAX_THROUGH = 16;

/** Why a node stands where it does, in one sentence, and the nodes that stand in its way. */
export function explain(state: RunState, n: number): Blocked {
	const { graph } = state;
	const { nodes } = graph;
	const node = graph.id(n);
	const status = graph.stateName(n);
	const through = nodes.state(n) === PENDING || graph.isHeld(n) ? obstacles(graph, n) : [];
	return { node, state: status, why: reason(state, n, through), through: through.map((each) => graph.id(each)) };
}

/** Every node that has not ended, explained, in the order in which they were added. */
export function explainBlocked(state: RunState): Blocked[] {
	const { graph } = state;
	const blocked: Blocked[] = [];
	for (let n = 0; n < graph.size; n++) if (!graph.isTerminal(n)) blocked.push(explain(state, n));
	return blocked;
}

function reason(state: RunState, n: number, through: readonly number[]): string {
	const { graph } = state;
	const { nodes } = graph;
	const extras = graph.extras.get(n);
	switch (graph.stateName(n)) {
		case "pending":
			return pendingReason(graph, n, through);
		case "ready":
			return state.status === "paused"
				? "it is ready, and the run is paused"
				: "it is ready and waits for a free slot or limit";
		case "running":
			return `attempt ${nodes.attempt(n)} is running`;
		case "waiting":
			return waitReason(extras?.wait);
		case "speculative":
			return graph.isHeld(n)
				? "it is held until it is confirmed or discarded"
				: `it ${extras?.withheld?.kind ?? "ended"}, and its outcome is withheld until it is confirmed or discarded`;
		case "completed":
			return `it completed in attempt ${nodes.attempt(n)}`;
		case "failed":
			return `it failed: ${extras?.error?.message ?? "unknown error"}`;
		case "skipped":
			return `its join died because of node "${graph.id(nodes.root(n) - 1)}"`;
		case "abandoned":
			return `it was abandoned: ${extras?.abandoned ?? "pruned"}`;
		default:
			return "it was cancelled";
	}
}

/** What a node waits for, in a few words. */
export function waitReason(
	wait: { readonly kind: string; readonly name?: string; readonly reason?: string } | undefined,
): string {
	switch (wait?.kind) {
		case "retry":
			return "it waits for its next attempt";
		case "signal":
			return `it waits for the signal "${wait.name ?? ""}"`;
		case "approval":
			return `it waits for approval: ${wait.reason ?? ""}`;
		case "child":
			return `it waits for what it has called: ${wait.name ?? ""}`;
		default:
			return wait?.name === undefined ? "it sleeps" : `it waits: ${wait.name}`;
	}
}

function pendingReason(graph: Graph, n: number, through: readonly number[]): string {
	const { nodes } = graph;
	const first = through[0];
	if (first === undefined) return "it is pending";
	const id = graph.id(first);
	if (nodes.counterOf(first) === BLOCK_FAILED) return `"${id}" failed and blocks it`;
	const missing =
		nodes.join(n) === JOIN_AT_LEAST
			? `${Math.min(nodes.need(n), nodes.degree(n)) - nodes.ok(n)} more of its dependencies must complete`
			: `${nodes.open(n)} of its dependencies ${nodes.open(n) === 1 ? "has" : "have"} not ended`;
	const held = nodes.state(first) === SPECULATIVE ? ", which is speculative" : "";
	return `${missing}: first "${id}"${held}`;
}

/** The nodes between a node and what holds it up, nearest first, each once. */
function obstacles(graph: Graph, n: number): number[] {
	const { nodes, edges } = graph;
	const found: number[] = [];
	const seen = new Set<number>([n]);
	const queue = [n];
	for (let i = 0; i < queue.length && found.length < MAX_THROUGH; i++) {
		for (let edge = nodes.firstIn(queue[i] as number); edge !== 0; edge = edges.nextIn(edge)) {
			const from = edges.from(edge);
			const counter = nodes.counterOf(from);
			if (seen.has(from) || (counter !== OPEN && counter !== BLOCK_FAILED) || nodes.state(from) === COMPLETED) continue;
			seen.add(from);
			found.push(from);
			queue.push(from);
			if (found.length === MAX_THROUGH) break;
		}
	}
	return found;
}
