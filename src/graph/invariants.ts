import { NODE_STATES } from "../core/lifecycle.js";
import { DEAD, MET } from "./frontier.js";
import {
	ABANDONED,
	AWAITS,
	COMPLETED,
	OPEN,
	PENDING,
	READY,
	RUNNING,
	SKIPPED,
	SPECULATIVE,
	STARTED,
	TOUCHED,
	WAITING,
} from "./node-table.js";
import type { RunState } from "./state.js";

/** At most so many edges are looked at for one event when the check is local. */
const LOCAL_EDGES = 8;

/**
 * Checks one node: what its own fields say of each other, in constant time, and what some of its edges say. Its
 * counters are recounted where all edges into it were looked at, so never those of a wide node.
 *
 * The edges into a node are looked at until it has started, and those out of it once it has ended: before and after
 * that they decide nothing.
 *
 * @returns what is wrong, in one sentence, or undefined
 */
export function checkNode(state: RunState, n: number): string | undefined {
	const { nodes, edges } = state.graph;
	const ended = nodes.state(n) >= COMPLETED;
	if (ended && nodes.has(n, STARTED)) return checkDependents(state, n, LOCAL_EDGES) ?? checkFields(state, n);
	const label = nodes.label(n);
	// Four bits for each counter: they are enough for eight edges, and nothing is allocated.
	let counted = 0;
	let left = LOCAL_EDGES;
	let edge = nodes.firstIn(n);
	for (; edge !== 0 && left > 0; edge = edges.nextIn(edge), left--) {
		const from = edges.fromInto(edge, n);
		if (from < 0) return strayEdge(state, n);
		if (!(nodes.label(from) < label)) return outOfOrder(state, from, n);
		counted += 1 << (nodes.counterOf(from) * 4);
	}
	if (edge === 0 && !nodes.agrees(n, counted)) return miscounted(state, n);
	return (ended ? checkDependents(state, n, left) : undefined) ?? checkFields(state, n);
}

/** A dependent whose join nobody evaluated would wait for ever. */
function checkDependents(state: RunState, n: number, most: number): string | undefined {
	const { nodes, edges } = state.graph;
	const label = nodes.label(n);
	let left = most;
	for (let edge = nodes.firstOut(n); edge !== 0 && left > 0; edge = edges.nextOut(edge), left--) {
		const to = edges.toOutOf(edge, n);
		if (to < 0) return strayEdge(state, n);
		if (!(label < nodes.label(to))) return outOfOrder(state, n, to);
		const wrong = nodes.looksRight(to, state.seq) ? undefined : checkJoin(state, to);
		if (wrong !== undefined) return wrong;
	}
	return undefined;
}

/** Checks what the fields of one node say of each other, without a look at its edges. */
export function checkFields(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes } = graph;
	if (nodes.state(n) === READY && !graph.frontier.isListed(n))
		return `"${graph.id(n)}" is ready, and not in the list of ready nodes`;
	return nodes.looksRight(n, state.seq) ? undefined : checkClosely(state, n);
}

function checkClosely(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes } = graph;
	if (nodes.has(n, STARTED) !== nodes.attempt(n) > 0)
		return `"${graph.id(n)}" is in attempt ${nodes.attempt(n)} and its started flag disagrees`;
	if (nodes.has(n, TOUCHED)) return `the join of "${graph.id(n)}" still waits to be evaluated`;
	switch (nodes.state(n)) {
		case RUNNING:
			return checkLease(state, n);
		case WAITING:
			return graph.extras.get(n)?.wait === undefined ? `"${graph.id(n)}" waits for nothing` : undefined;
		case SKIPPED:
			return nodes.root(n) === 0 ? `"${graph.id(n)}" is skipped for no reason` : undefined;
		case ABANDONED:
			return graph.extras.get(n)?.abandoned === undefined ? `"${graph.id(n)}" is abandoned for no reason` : undefined;
		default:
			return checkJoin(state, n);
	}
}

function checkLease(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const lease = graph.nodes.lease(n);
	if (lease === 0) return `"${graph.id(n)}" runs without a lease`;
	if (lease > state.seq) return `"${graph.id(n)}" has a lease from the future`;
	// An older lease was looked at when it was granted.
	if (lease === state.seq && graph.nodes.attempt(n) === 1 && graph.frontier.judge(n) !== MET)
		return `"${graph.id(n)}" has started, and its join is not met`;
	return undefined;
}

/** Pending, ready and skipped must be what the join says. */
function checkJoin(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes } = graph;
	const nodeState = nodes.state(n);
	if (nodeState !== PENDING && nodeState !== READY && nodeState !== SPECULATIVE) return undefined;
	if (nodes.has(n, STARTED)) return undefined;
	const join = graph.frontier.judge(n);
	if (join === DEAD && !state.ended) return `the join of "${graph.id(n)}" is dead, and it is ${NODE_STATES[nodeState]}`;
	if (join === MET && nodeState === PENDING) return `the join of "${graph.id(n)}" is met, and it is pending`;
	if (join !== MET && nodeState === READY) return `"${graph.id(n)}" is ready, and its join is not met`;
	return undefined;
}

/** Whether a node is found by its id. A lookup costs more than all the rest. */
export function checkIndex(state: RunState, n: number): string | undefined {
	const { graph } = state;
	return graph.index.get(graph.id(n)) === n ? undefined : `"${graph.id(n)}" is not where the index says`;
}

/**
 * Checks in constant time what a state counts: whether its figures can be right.
 *
 * @returns what is wrong, in one sentence, or undefined
 */
export function checkFigures(state: RunState): string | undefined {
	const { graph, awaiting } = state;
	const { counts, frontier, size } = graph;
	let counted = 0;
	// The sign of all of them at once: negative if one is.
	let signs = awaiting;
	for (let s = 0; s < counts.length; s++) {
		const count = counts[s] as number;
		counted += count;
		signs |= count;
	}
	if (signs < 0 || counted !== size)
		return `${counted} nodes are counted in all states (${counts.join(",")}), and there are ${size}`;
	if (graph.index.size !== size) return `${graph.index.size} nodes have an id, and there are ${size}`;
	const ready = counts[READY] as number;
	if ((ready === 0) !== frontier.first() < 0)
		return `${ready} nodes are ready, and their list ${ready === 0 ? "is not empty" : "is empty"}`;
	if (awaiting > (counts[WAITING] as number))
		return `${awaiting} of ${counts[WAITING]} waiting nodes are counted as waiting for somebody`;
	return frontier.touchedCount > 0 ? `${frontier.touchedCount} joins still wait to be evaluated` : undefined;
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
		if (state.parked.has(n) !== isParked(state, n))
			return `"${graph.id(n)}" is ${graph.stateName(n)}, and ${state.parked.has(n) ? "listed" : "not listed"} as parked`;
		const wrong = checkIndex(state, n) ?? checkNode(state, n) ?? miscounted(state, n) ?? checkLinks(state, n);
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
	return checkReadyList(state) ?? checkFigures(state);
}

function isParked({ graph }: RunState, n: number): boolean {
	const wait = graph.nodes.state(n) === WAITING ? graph.extras.get(n)?.wait : undefined;
	return wait !== undefined && wait.kind !== "retry";
}

/** Recounts the dependencies of a node, however many there are. */
function miscounted(state: RunState, n: number): string | undefined {
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
	return undefined;
}

function checkLinks(state: RunState, n: number): string | undefined {
	const { graph } = state;
	const { nodes, edges } = graph;
	let previous = 0;
	for (let edge = nodes.firstOut(n); edge !== 0; previous = edge, edge = edges.nextOut(edge)) {
		if (edges.from(edge) !== n || edges.prevOut(edge) !== previous) return strayEdge(state, n);
	}
	if (nodes.lastOut(n) !== previous) return `the last edge out of "${graph.id(n)}" is another one`;
	previous = 0;
	for (let edge = nodes.firstIn(n); edge !== 0; previous = edge, edge = edges.nextIn(edge)) {
		if (edges.to(edge) !== n || edges.prevIn(edge) !== previous) return strayEdge(state, n);
		if (!(nodes.label(edges.from(edge)) < nodes.label(n))) return outOfOrder(state, edges.from(edge), n);
	}
	return nodes.lastIn(n) === previous ? undefined : `the last edge into "${graph.id(n)}" is another one`;
}

function strayEdge({ graph }: RunState, n: number): string {
	return `the edges of "${graph.id(n)}" are not linked as they should be`;
}

function outOfOrder({ graph }: RunState, from: number, to: number): string {
	return `the order has "${graph.id(from)}" behind its dependent "${graph.id(to)}"`;
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
