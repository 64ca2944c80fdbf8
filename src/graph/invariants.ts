import { NODE_STATES } from "../core/lifecycle.js";
import { DEAD, MET } from "./frontier.js";
import {
	ABANDONED,
	AWAITS,
	OPEN,
	PENDING,
	READY,
	RUNNING,
	SKIPPED,
	SPECULATIVE,
	STARTED,
	WAITING,
} from "./node-table.js";
import type { RunState } from "./state.js";

/** How much is checked after each command: nothing, at most eight edges a touched node, or all. */
export type CheckLevel = "off" | "local" | "full";

const LOCAL_EDGES = 8;

/**
 * Checks one node and at most eight of its edges on each side.
 *
 * @returns what is wrong, in one sentence, or undefined
 */
export function checkNode(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes, edges } = graph;
	const id = graph.id(n);
	const nodeState = nodes.state(n);
	if (graph.index.get(id) !== n) return `"${id}" is not where the index says`;
	if (nodeState === RUNNING && nodes.lease(n) === 0) return `"${id}" runs without a lease`;
	if (nodes.has(n, STARTED) !== nodes.attempt(n) > 0)
		return `"${id}" is in attempt ${nodes.attempt(n)} and its started flag disagrees`;
	if (nodeState === RUNNING && nodes.lease(n) > state.seq) return `"${id}" has a lease from the future`;
	let seen = 0;
	let edge = nodes.firstIn(n);
	for (; edge !== 0 && seen < LOCAL_EDGES; edge = edges.nextIn(edge), seen++) {
		if (!(nodes.label(edges.from(edge)) < nodes.label(n))) {
			return `the order has "${graph.id(edges.from(edge))}" behind its dependent "${id}"`;
		}
	}
	// Recounting is for nodes whose dependencies were all seen: never for a wide one.
	return edge === 0 ? checkCounters(state, n) : undefined;
}

function checkCounters(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes, edges } = graph;
	const counted = [0, 0, 0, 0, 0, 0];
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
		const counter = nodes.counterOf(edges.from(edge));
		counted[counter] = (counted[counter] as number) + 1;
	}
	const kept = [0, nodes.open(n), nodes.ok(n), nodes.failed(n), nodes.lost(n), nodes.blockFailed(n)];
	for (let counter = OPEN; counter < kept.length; counter++) {
		if (kept[counter] !== counted[counter]) {
			return `"${graph.id(n)}" counts ${kept.slice(1).join(",")} dependencies (open, ok, failed, lost, blocking), and has ${counted.slice(1).join(",")}`;
		}
	}
	return checkReadiness(state, n);
}

/** Pending, ready and skipped must be what the join says. */
function checkReadiness(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes } = graph;
	const nodeState = nodes.state(n);
	if (nodes.has(n, STARTED) || (nodeState !== PENDING && nodeState !== READY && nodeState !== SPECULATIVE))
		return undefined;
	const join = graph.frontier.judge(n);
	if (join === DEAD && !state.ended) return `the join of "${graph.id(n)}" is dead, and it is ${NODE_STATES[nodeState]}`;
	if (join === MET && nodeState === PENDING) return `the join of "${graph.id(n)}" is met, and it is pending`;
	if (join !== MET && nodeState === READY) return `"${graph.id(n)}" is ready, and its join is not met`;
	return undefined;
}

/**
 * Checks everything that can be seen in a state: order and edges, counters, readiness, leases, counts.
 *
 * @returns what is wrong, in one sentence, or undefined
 */
export function checkState(state: RunState): string | undefined {
	const { graph } = state;
	const { nodes, edges } = graph;
	const counts = new Array<number>(NODE_STATES.length).fill(0);
	let linked = 0;
	let awaiting = 0;
	for (let n = 0; n < graph.size; n++) {
		const nodeState = nodes.state(n);
		counts[nodeState] = (counts[nodeState] as number) + 1;
		if (nodeState === WAITING && nodes.has(n, AWAITS)) awaiting++;
		const wrong = checkNode(state, n) ?? checkCounters(state, n) ?? checkLinks(state, n);
		if (wrong !== undefined) return wrong;
		for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) linked++;
	}
	for (let s = 0; s < counts.length; s++) {
		if (counts[s] !== state.count(s))
			return `${state.count(s)} nodes are counted as ${NODE_STATES[s]}, and ${counts[s]} are`;
	}
	if (linked !== edges.count) return `${edges.count} edges are counted, and ${linked} are linked`;
	if (awaiting !== state.awaiting)
		return `${state.awaiting} nodes are counted as waiting for somebody, and ${awaiting} are`;
	return checkReadyList(state);
}

function checkLinks(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes, edges } = graph;
	let previous = 0;
	for (let edge = nodes.firstOut(n); edge !== 0; previous = edge, edge = edges.nextOut(edge)) {
		if (edges.from(edge) !== n || edges.prevOut(edge) !== previous)
			return `the edges out of "${graph.id(n)}" are not linked as they should be`;
	}
	if (nodes.lastOut(n) !== previous) return `the last edge out of "${graph.id(n)}" is another one`;
	previous = 0;
	for (let edge = nodes.firstIn(n); edge !== 0; previous = edge, edge = edges.nextIn(edge)) {
		if (edges.to(edge) !== n || edges.prevIn(edge) !== previous)
			return `the edges into "${graph.id(n)}" are not linked as they should be`;
		if (!(nodes.label(edges.from(edge)) < nodes.label(n)))
			return `the order has "${graph.id(edges.from(edge))}" behind "${graph.id(n)}"`;
	}
	if (nodes.lastIn(n) !== previous) return `the last edge into "${graph.id(n)}" is another one`;
	if (nodes.state(n) === SKIPPED && nodes.root(n) === 0) return `"${graph.id(n)}" is skipped for no reason`;
	if (nodes.state(n) === ABANDONED && graph.extras.get(n)?.abandoned === undefined)
		return `"${graph.id(n)}" is abandoned for no reason`;
	return undefined;
}

function checkReadyList(state: RunState): string | undefined {
	const { frontier, nodes } = state.graph;
	let listed = 0;
	for (let n = frontier.first(); n >= 0; n = frontier.next(n)) {
		if (nodes.state(n) !== READY)
			return `"${state.graph.id(n)}" is listed as ready, and is ${NODE_STATES[nodes.state(n)]}`;
		if (++listed > state.count(READY)) return "the list of ready nodes does not end";
	}
	return listed === state.count(READY) ? undefined : `${state.count(READY)} nodes are ready, and ${listed} are listed`;
}
