import { addUsage, emptyUsage, type Usage } from "../core/usage.js";
import { BLOCKS, EAGER, FAILURE_CAUSE, READY, SPECULATIVE, STARTED, WAITING, WITHHELD } from "./node-table.js";
import { changed } from "./shape.js";
import type { RunState } from "./state.js";
import { TRIGGER } from "./triggers.js";
import type { NodeFactOf } from "./types.js";
import { countInterruption, leaveWait } from "./waiting.js";

export function applyStarted(state: RunState, n: number, attempt: number, seq: number, at: number): void {
	const { graph } = state;
	graph.frontier.remove(n);
	graph.transition(n, TRIGGER.CLAIM);
	if (state.settings.timed === true || graph.spec(n).timeout !== undefined) countTime(state, n, attempt, at);
	if (graph.nodes.has(n, STARTED)) {
		const extras = graph.extrasOf(n);
		delete extras.wake;
		delete extras.parkedAt;
		if (extras.lost === true) countInterruption(extras, false);
		delete extras.lost;
	} else graph.nodes.flag(n, STARTED);
	graph.nodes.setAttempt(n, attempt);
	graph.nodes.setLease(n, seq);
}

/** An attempt's own time is what it holds a slot, the total runs from the first start. */
function countTime({ graph }: RunState, n: number, attempt: number, at: number): void {
	const extras = graph.extrasOf(n);
	if (graph.nodes.attempt(n) !== attempt) extras.held = 0;
	extras.leasedAt = at;
	extras.firstStart ??= at;
}

export function applyStepped(state: RunState, n: number, name: string, value: unknown): void {
	const extras = state.graph.extrasOf(n);
	extras.steps ??= new Map();
	extras.steps.set(name, value);
	state.graph.onChange?.(n);
}

export function applyCharged(state: RunState, n: number, usage: Usage): void {
	const extras = state.graph.extrasOf(n);
	extras.usage = addUsage(extras.usage ?? emptyUsage(), usage);
	state.usage = addUsage(state.usage ?? emptyUsage(), usage);
	state.graph.onChange?.(n);
}

export function applySteered(state: RunState, n: number, payload: unknown): void {
	const extras = state.graph.extrasOf(n);
	extras.inbox ??= [];
	extras.inbox.push(payload);
	state.graph.onChange?.(n);
}

export function applyCompleted(state: RunState, n: number, output: unknown): void {
	const { graph } = state;
	if (output !== undefined) graph.outputs.set(n, output);
	leaveWithheld(state, n);
	forgetProgress(state, n);
	graph.end(n, TRIGGER.COMPLETE);
}

/** No attempt of the node will ask for its steps and waits any more. */
function forgetProgress({ graph }: RunState, n: number): void {
	if (graph.extras.size === 0) return;
	const extras = graph.extras.get(n);
	if (extras === undefined) return;
	if (extras.steps !== undefined) delete extras.steps;
	if (extras.waited !== undefined) delete extras.waited;
	if (extras.inbox !== undefined) delete extras.inbox;
}

export function applyFailed(state: RunState, n: number, event: NodeFactOf<"node.failed">): void {
	const { graph } = state;
	graph.extrasOf(n).error = event.error;
	if (event.onFailure === "block") graph.nodes.flag(n, BLOCKS);
	leaveOpen(state, n);
	graph.end(n, TRIGGER.FAIL);
}

export function applySkipped(state: RunState, n: number, failure: boolean, root: number): void {
	const { graph } = state;
	if (graph.nodes.state(n) === READY) graph.frontier.remove(n);
	if (failure) graph.nodes.flag(n, FAILURE_CAUSE);
	graph.nodes.setRoot(n, root + 1);
	graph.end(n, TRIGGER.SKIP);
}

export function applyAbandoned(state: RunState, n: number, event: NodeFactOf<"node.abandoned">): void {
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
	forgetProgress(state, n);
}

function leaveWithheld(state: RunState, n: number): void {
	const { nodes } = state.graph;
	if (!nodes.has(n, WITHHELD)) return;
	nodes.unflag(n, WITHHELD);
	delete state.graph.extrasOf(n).withheld;
}

export function applySpeculated(state: RunState, n: number, event: NodeFactOf<"node.speculated">): void {
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

export function applyAttemptFailed(state: RunState, n: number, event: NodeFactOf<"node.attemptFailed">): void {
	const { graph } = state;
	const extras = graph.extrasOf(n);
	extras.error = event.error;
	extras.wait = { kind: "retry", until: event.retryAt };
	if (event.interrupted === undefined) delete extras.waited;
	else countInterruption(extras, event.interrupted === "crash");
	leaveWithheld(state, n);
	graph.nodes.setLease(n, 0);
	graph.transition(n, TRIGGER.RETRY);
}
