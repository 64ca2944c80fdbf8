import type { NodeId } from "../core/ids.js";
import type { RunEvent } from "../graph/types.js";
import { invalid } from "./workflow.js";

/** What a node did in a run. */
export interface TracedNode {
	readonly id: NodeId;
	agent: string;
	priority: number | undefined;
	readonly dependsOn: Set<NodeId>;
	/** When it got its first lease, in the clock's milliseconds. */
	startedAt: number | undefined;
	/** How long its latest attempt has held a slot, and all of them together. */
	lastMs: number;
	allMs: number;
	/** It came to be without use: pruned, removed, replaced. */
	abandoned: boolean;
	attempt: number;
	/** While it holds a slot: since when. */
	since: number | undefined;
}

/** A run as its events tell it. */
export interface RunTrace {
	readonly run: string;
	/** In the order in which they were added. */
	readonly nodes: ReadonlyMap<NodeId, TracedNode>;
	readonly startedAt: number;
	/** When the run ended, or its latest event. */
	readonly endedAt: number;
}

/**
 * Follows a run through its events, from the first on.
 *
 * @throws SwarmError `INVALID_WORKFLOW` when events are missing
 */
export async function traceRun(events: AsyncIterable<RunEvent> | Iterable<RunEvent>): Promise<RunTrace> {
	const nodes = new Map<NodeId, TracedNode>();
	let run: string | undefined;
	let startedAt = 0;
	let endedAt = 0;
	let seq = 0;
	for await (const event of events) {
		if (event.seq !== ++seq) throw invalid(`events are missing: number ${event.seq} comes in place of ${seq}`);
		if (event.type === "run.created") {
			run = event.run;
			startedAt = event.at;
		}
		if (event.type === "run.started") startedAt = event.at;
		endedAt = event.at;
		follow(nodes, event);
	}
	if (run === undefined) throw invalid("there are no events");
	for (const node of nodes.values()) leave(node, endedAt);
	return { run, nodes, startedAt, endedAt };
}

function follow(nodes: Map<NodeId, TracedNode>, event: RunEvent): void {
	if (event.type === "node.added") {
		const { id, agent, priority, dependsOn = [] } = event.spec;
		nodes.set(id, {
			id,
			agent,
			priority,
			dependsOn: new Set(Object.values(dependsOn)),
			startedAt: undefined,
			lastMs: 0,
			allMs: 0,
			abandoned: false,
			attempt: 0,
			since: undefined,
		});
		return;
	}
	if (event.type === "edge.added") nodes.get(event.to)?.dependsOn.add(event.from);
	else if (event.type === "edge.removed") nodes.get(event.to)?.dependsOn.delete(event.from);
	else if (event.type.startsWith("node.") && "node" in event && event.node !== undefined) {
		const node = nodes.get(event.node);
		if (node !== undefined) followNode(node, event);
	}
}

function followNode(node: TracedNode, event: RunEvent): void {
	switch (event.type) {
		case "node.updated":
			node.agent = event.spec.agent;
			node.priority = event.spec.priority;
			return;
		case "node.started":
			// A node that was woken goes on with the same attempt.
			if (event.attempt !== node.attempt) node.lastMs = 0;
			node.attempt = event.attempt;
			node.startedAt ??= event.at;
			node.since = event.at;
			return;
		case "node.abandoned":
			node.abandoned = true;
			leave(node, event.at);
			return;
		case "node.parked":
		case "node.attemptFailed":
		case "node.completed":
		case "node.failed":
		case "node.cancelled":
			leave(node, event.at);
			return;
		case "node.speculated":
			if (event.outcome !== undefined) leave(node, event.at);
			return;
		default:
			return;
	}
}

function leave(node: TracedNode, at: number): void {
	if (node.since === undefined) return;
	node.lastMs += at - node.since;
	node.allMs += at - node.since;
	node.since = undefined;
}
