import { ABANDONED, BLOCKS, COMPLETED, EAGER, FAILED, FAILURE_CAUSE, SKIPPED } from "./graph/node-table.js";
import type { RunState } from "./graph/state.js";
import type { NodeFact, RunEvent, RunFact, StoredSpec } from "./graph/types.js";

/**
 * Events that lead to a state, where those that did are no longer kept: the graph as it stands, then how its nodes
 * ended, dependencies first. What nodes that have not ended had come to is left out.
 */
export function historyOf(state: RunState): RunEvent[] {
	const events: RunEvent[] = [];
	const stamp = (fact: RunFact): void => {
		events.push({ seq: events.length + 1, at: state.at, ...fact } as RunEvent);
	};
	stamp({ type: "run.created", run: state.run, epoch: 1, open: state.open, settings: state.settings });
	const later: RunFact[] = [];
	for (let n = 0; n < state.graph.size; n++) stamp(addedFact(state, n, later));
	for (const edge of later) stamp(edge);
	stamp({ type: "run.started" });
	for (const key of state.keys) stamp({ type: "patch.applied", key });
	for (const [name, kept] of state.signals)
		for (const { payload, for: node } of kept)
			stamp({ type: "run.signalled", name, payload, ...(node !== undefined && { for: node }) });
	const { nodes } = state.graph;
	const order = Array.from({ length: state.graph.size }, (_, n) => n).sort((a, b) => nodes.label(a) - nodes.label(b));
	for (const n of order) for (const fact of endFacts(state, n)) stamp(fact);
	return events;
}

/** A node with the dependencies that stand before it and have plain names; the others come as edges of their own. */
function addedFact(state: RunState, n: number, later: RunFact[]): NodeFact {
	const { graph } = state;
	const { nodes, edges } = graph;
	const id = graph.id(n);
	const { dependsOn: _, speculative: __, ...spec } = graph.spec(n);
	const before: string[] = [];
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
		const from = edges.from(edge);
		const alias = graph.aliasOf(edge);
		if (from < n && alias === undefined) before.push(graph.id(from));
		else later.push({ type: "edge.added", from: graph.id(from), to: id, ...(alias !== undefined && { alias }) });
	}
	const creator = nodes.creator(n);
	const mode = graph.isHeld(n) ? "hold" : nodes.has(n, EAGER) ? "eager" : undefined;
	const stored: StoredSpec = {
		...spec,
		...(before.length > 0 && { dependsOn: before }),
		...(mode !== undefined && { speculative: mode }),
	};
	return {
		type: "node.added",
		node: id,
		spec: stored,
		...(creator !== 0 && { addedBy: graph.id(creator - 1), depth: graph.depth(n) }),
	};
}

function endFacts({ graph }: RunState, n: number): RunFact[] {
	const { nodes } = graph;
	const node = graph.id(n);
	const attempt = nodes.attempt(n);
	const extras = graph.extras.get(n);
	switch (nodes.state(n)) {
		case COMPLETED:
			return [
				{ type: "node.started", node, attempt, epoch: 1 },
				{ type: "node.completed", node, attempt, output: graph.outputs.get(n) },
			];
		case FAILED:
			return [
				{ type: "node.started", node, attempt, epoch: 1 },
				{
					type: "node.failed",
					node,
					attempt,
					error: extras?.error ?? { code: "AGENT_ERROR", message: "" },
					...(nodes.has(n, BLOCKS) && { onFailure: "block" as const }),
				},
			];
		case SKIPPED:
			return [
				{
					type: "node.skipped",
					node,
					cause: nodes.has(n, FAILURE_CAUSE) ? "failure" : "not-needed",
					root: graph.id(nodes.root(n) - 1),
				},
			];
		case ABANDONED:
			return [{ type: "node.abandoned", node, reason: extras?.abandoned ?? "pruned" }];
		default:
			return [];
	}
}
