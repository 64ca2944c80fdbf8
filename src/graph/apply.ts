import { SwarmError } from "../core/errors.js";
import type { RunStatus } from "../core/lifecycle.js";
import {
	AWAITS,
	BLOCKS,
	COMMITTED_EARLY,
	EAGER,
	FAILURE_CAUSE,
	HAS_REFS,
	READY,
	SPECULATIVE,
	STARTED,
	WAITING,
	WITHHELD,
} from "./node-table.js";
import { joinNeed, joinNumber, outputRefs } from "./spec.js";
import type { KeptSignal, RunState } from "./state.js";
import { TRIGGER } from "./triggers.js";
import type { NodeFact, RunEvent, StoredSpec, Wait } from "./types.js";

type Fact<Type extends NodeFact["type"]> = Extract<NodeFact, { readonly type: Type }>;

/**
 * Folds one event into the state. An event that does not fit throws: it is a bug, or not this
 * run's event.
 */
export function apply(state: RunState, event: RunEvent): void {
	if (event.seq !== state.seq + 1) {
		throw new SwarmError("INTERNAL", `event ${event.seq} (${event.type}) cannot follow event ${state.seq}`);
	}
	state.seq = event.seq;
	if ("key" in event && event.key !== undefined) state.keys.add(event.key);
	if (event.type === "node.added") {
		applyAdded(state, event.spec, event.addedBy, event.early);
		settleJoins(state);
		return;
	}
	if ("node" in event && event.type !== "run.stopping" && event.type !== "patch.rejected") {
		applyToNode(state, nodeNumber(state, event.node), event);
	} else applyToRun(state, event);
	settleJoins(state);
}

/** Evaluates the touched joins without following up deaths: in a fold these come as events of their own. */
export function settleJoins(state: RunState): void {
	while (state.graph.frontier.nextDead() >= 0);
}

function nodeNumber(state: RunState, id: string): number {
	const n = state.graph.index.get(id);
	if (n === undefined)
		throw new SwarmError("INTERNAL", `an event names node "${id}", which the run does not have`, { nodes: [id] });
	return n;
}

function applyToRun(state: RunState, event: RunEvent): void {
	switch (event.type) {
		case "run.created":
			state.run = event.run;
			state.epoch = event.epoch;
			state.open = event.open;
			return;
		case "run.started":
		case "run.resumed":
			state.status = "running";
			return;
		case "run.waiting":
			state.status = "waiting";
			return;
		case "run.paused":
			state.status = "paused";
			return;
		case "run.stopping":
			applyStopping(state, event.status, event.reason);
			return;
		case "run.ended":
			state.status = event.status;
			state.ended = true;
			state.reason = event.reason;
			return;
		case "run.signalled":
			keepSignal(state, event.name, event.payload, event.for);
			return;
		case "edge.added": {
			const from = nodeNumber(state, event.from);
			const to = nodeNumber(state, event.to);
			if (state.graph.topology.admit(from, to) !== undefined)
				throw new SwarmError("INTERNAL", "an event closes a cycle");
			state.graph.link(from, to, event.alias);
			changed(state, to);
			return;
		}
		case "edge.removed": {
			const to = nodeNumber(state, event.to);
			const edge = state.graph.findEdge(nodeNumber(state, event.from), to);
			if (edge === 0) throw new SwarmError("INTERNAL", `there is no edge from "${event.from}" to "${event.to}"`);
			state.graph.unlink(edge);
			state.graph.release(edge);
			changed(state, to);
			return;
		}
		case "patch.rejected":
			return;
		default:
			throw new SwarmError("INTERNAL", `an event of type ${event.type} is not about a run`);
	}
}

function applyToNode(state: RunState, n: number, event: NodeFact): void {
	switch (event.type) {
		case "node.started":
			return applyStarted(state, n, event.attempt, state.seq);
		case "node.completed":
			return applyCompleted(state, n, event.output);
		case "node.failed":
			return applyFailed(state, n, event);
		case "node.attemptFailed":
			return applyAttemptFailed(state, n, event);
		case "node.skipped":
			return applySkipped(state, n, event.cause === "failure", nodeNumber(state, event.root));
		case "node.abandoned":
			return applyAbandoned(state, n, event);
		case "node.cancelled":
			return applyCancelled(state, n);
		case "node.parked":
			return applyParked(state, n, event.wait);
		case "node.woken":
			return applyWoken(state, n, event);
		case "node.updated":
			return applyUpdated(state, n, event.spec, event.early);
		case "node.speculated":
			return applySpeculated(state, n, event);
		case "node.confirmed":
			return applyConfirmed(state, n);
		default:
			throw new SwarmError("INTERNAL", `an event of type ${event.type} changes no node`);
	}
}

/** A join that changed its dependencies, or its own terms, waits to be evaluated. */
export function changed(state: RunState, n: number): void {
	state.graph.frontier.touch(n);
	state.graph.onChange?.(n);
}

/** @returns the number of the added node; its dependencies must be there */
export function applyAdded(
	state: RunState,
	spec: StoredSpec,
	addedBy: string | undefined,
	early: number | undefined,
): number {
	const { graph } = state;
	const creator = addedBy === undefined ? 0 : nodeNumber(state, addedBy) + 1;
	const n = graph.addNode(spec, creator);
	setTerms(state, n, spec);
	const missing = linkDependencies(state, n, spec.dependsOn);
	if (missing !== undefined) throw new SwarmError("INTERNAL", `node "${spec.id}" is added before "${missing}"`);
	graph.frontier.touchFresh(n);
	if (early !== undefined) applyEarly(state, creator - 1, n, early);
	return n;
}

/** Sets what a node's spec says of its join and input. */
export function setTerms(state: RunState, n: number, spec: StoredSpec): void {
	const { nodes } = state.graph;
	if (spec.join !== undefined || nodes.join(n) !== 0) nodes.setJoin(n, joinNumber(spec.join), joinNeed(spec.join));
	if (typeof spec.input === "object" && spec.input !== null && outputRefs(spec.input).length > 0)
		nodes.flag(n, HAS_REFS);
	else nodes.unflag(n, HAS_REFS);
}

/**
 * Links a fresh node to the dependencies its spec names, each once.
 *
 * @returns the first id that is not there
 */
export function linkDependencies(state: RunState, n: number, dependsOn: StoredSpec["dependsOn"]): string | undefined {
	if (dependsOn === undefined) return undefined;
	const { graph } = state;
	if (!Array.isArray(dependsOn)) return linkAliases(state, n, dependsOn as Readonly<Record<string, string>>);
	const ids = dependsOn as readonly string[];
	// A few are compared with each other; many are marked.
	const seen = ids.length > FEW ? graph.marks.fresh(graph.size) : 0;
	for (let i = 0; i < ids.length; i++) {
		const id = ids[i] as string;
		const from = graph.index.get(id);
		if (from === undefined || from === n) return id;
		if (seen === 0) {
			if (i > 0 && ids.indexOf(id) < i) continue;
		} else {
			if (graph.marks.mark(from) === seen) continue;
			graph.marks.setMark(from, seen);
		}
		graph.link(from, n);
	}
	return undefined;
}

const FEW = 4;

function linkAliases(state: RunState, n: number, dependsOn: Readonly<Record<string, string>>): string | undefined {
	for (const [alias, id] of Object.entries(dependsOn)) {
		const from = state.graph.index.get(id);
		if (from === undefined || from === n) return id;
		state.graph.link(from, n, alias === id ? undefined : [alias]);
	}
	return undefined;
}

/** Remembers that an attempt of `creator` added a node by an early commit. */
export function applyEarly(state: RunState, creator: number, n: number, attempt: number): void {
	const { graph } = state;
	graph.extrasOf(n).addedIn = attempt;
	const extras = graph.extrasOf(creator);
	extras.early ??= new Set();
	extras.early.add(graph.id(n));
	graph.nodes.flag(creator, COMMITTED_EARLY);
}

export function applyStarted(state: RunState, n: number, attempt: number, seq: number): void {
	const { graph } = state;
	graph.frontier.remove(n);
	graph.transition(n, TRIGGER.CLAIM);
	if (graph.nodes.has(n, STARTED)) delete graph.extrasOf(n).wake;
	else graph.nodes.flag(n, STARTED);
	graph.nodes.setAttempt(n, attempt);
	graph.nodes.setLease(n, seq);
}

export function applyCompleted(state: RunState, n: number, output: unknown): void {
	const { graph } = state;
	if (output !== undefined) graph.outputs.set(n, output);
	leaveWithheld(state, n);
	graph.end(n, TRIGGER.COMPLETE);
}

export function applyFailed(state: RunState, n: number, event: Fact<"node.failed">): void {
	const { graph } = state;
	graph.extrasOf(n).error = event.error;
	if (event.onFailure === "block") graph.nodes.flag(n, BLOCKS);
	leaveOpen(state, n);
	graph.end(n, TRIGGER.FAIL);
}

export function applyAttemptFailed(state: RunState, n: number, event: Fact<"node.attemptFailed">): void {
	const { graph } = state;
	const extras = graph.extrasOf(n);
	extras.error = event.error;
	extras.wait = { kind: "retry", until: event.retryAt };
	leaveWithheld(state, n);
	graph.nodes.setLease(n, 0);
	graph.transition(n, TRIGGER.RETRY);
}

export function applySkipped(state: RunState, n: number, failure: boolean, root: number): void {
	const { graph } = state;
	if (graph.nodes.state(n) === READY) graph.frontier.remove(n);
	if (failure) graph.nodes.flag(n, FAILURE_CAUSE);
	graph.nodes.setRoot(n, root + 1);
	graph.end(n, TRIGGER.SKIP);
}

export function applyAbandoned(state: RunState, n: number, event: Fact<"node.abandoned">): void {
	const { graph } = state;
	graph.extrasOf(n).abandoned = event.reason;
	leaveOpen(state, n);
	graph.end(n, TRIGGER.ABANDON);
}

export function applyCancelled(state: RunState, n: number): void {
	leaveOpen(state, n);
	state.graph.end(n, TRIGGER.CANCEL);
}

/** What has to be put away before an open node ends out of its turn. */
function leaveOpen(state: RunState, n: number): void {
	const { graph } = state;
	const { nodes } = graph;
	if (nodes.state(n) === READY) graph.frontier.remove(n);
	if (nodes.state(n) === WAITING) leaveWait(state, n);
	leaveWithheld(state, n);
}

function leaveWait(state: RunState, n: number): void {
	const { graph } = state;
	if (graph.nodes.has(n, AWAITS)) {
		graph.nodes.unflag(n, AWAITS);
		state.awaiting--;
	}
	const extras = graph.extrasOf(n);
	if (extras.wait?.kind === "signal") stopListening(state, extras.wait.name, n);
	delete extras.wait;
}

function listen(state: RunState, name: string, n: number): void {
	const listening = state.listening.get(name);
	if (listening === undefined) state.listening.set(name, new Set([n]));
	else listening.add(n);
}

function stopListening(state: RunState, name: string, n: number): void {
	const listening = state.listening.get(name);
	listening?.delete(n);
	if (listening?.size === 0) state.listening.delete(name);
}

function leaveWithheld(state: RunState, n: number): void {
	const { nodes } = state.graph;
	if (!nodes.has(n, WITHHELD)) return;
	nodes.unflag(n, WITHHELD);
	delete state.graph.extrasOf(n).withheld;
}

export function applyParked(state: RunState, n: number, wait: Wait): void {
	const { graph } = state;
	graph.extrasOf(n).wait = wait;
	if (wait.kind === "signal") listen(state, wait.name, n);
	if (wait.kind !== "sleep") {
		graph.nodes.flag(n, AWAITS);
		state.awaiting++;
	}
	graph.nodes.setLease(n, 0);
	graph.transition(n, TRIGGER.PARK);
}

export function applyWoken(state: RunState, n: number, event: Fact<"node.woken">): void {
	const { graph } = state;
	const wait = graph.extrasOf(n).wait;
	leaveWait(state, n);
	if (event.wake.kind !== "retry") graph.extrasOf(n).wake = event.wake;
	// A signal that had been kept is used up by the one it wakes.
	if (event.wake.kind === "signal" && wait?.kind === "signal") takeSignal(state, wait.name, graph.id(n));
	graph.frontier.wake(n);
}

export function applyUpdated(state: RunState, n: number, spec: StoredSpec, early: number | undefined): void {
	const { graph } = state;
	graph.setSpec(n, spec);
	setTerms(state, n, spec);
	if (early !== undefined) applyEarly(state, graph.nodes.creator(n) - 1, n, early);
	changed(state, n);
}

export function applySpeculated(state: RunState, n: number, event: Fact<"node.speculated">): void {
	const { graph } = state;
	const { nodes } = graph;
	if (event.outcome !== undefined) {
		leaveOpen(state, n);
		graph.extrasOf(n).withheld = event.outcome;
		nodes.flag(n, WITHHELD);
		nodes.setLease(n, 0);
		graph.transition(n, TRIGGER.WITHHOLD);
		return;
	}
	if (event.mode === "eager") {
		nodes.flag(n, EAGER);
		if (nodes.state(n) === SPECULATIVE) graph.transition(n, TRIGGER.CONFIRM);
		changed(state, n);
		return;
	}
	nodes.unflag(n, EAGER);
	if (nodes.state(n) === SPECULATIVE) return;
	if (nodes.state(n) === READY) graph.frontier.remove(n);
	graph.transition(n, TRIGGER.HOLD);
	changed(state, n);
}

export function applyConfirmed(state: RunState, n: number): void {
	const { graph } = state;
	graph.nodes.unflag(n, EAGER);
	if (graph.isHeld(n)) graph.transition(n, TRIGGER.CONFIRM);
	changed(state, n);
}

export function applyStopping(state: RunState, status: RunStatus, reason: string | undefined): void {
	state.stopping = { status, ...(reason !== undefined && { reason }) };
	state.status = "stopping";
}

export function keepSignal(state: RunState, name: string, payload: unknown, node: string | undefined): void {
	const kept = state.signals.get(name);
	if (kept === undefined) state.signals.set(name, [{ payload, for: node }]);
	else kept.push({ payload, for: node });
}

/** The oldest kept signal of a name that is for any node or for this one. */
export function keptSignal(state: RunState, name: string, node: string): KeptSignal | undefined {
	return state.signals.get(name)?.find((kept) => kept.for === undefined || kept.for === node);
}

function takeSignal(state: RunState, name: string, node: string): void {
	const taken = keptSignal(state, name, node);
	const kept = state.signals.get(name);
	if (taken === undefined || kept === undefined) return;
	kept.splice(kept.indexOf(taken), 1);
	if (kept.length === 0) state.signals.delete(name);
}
