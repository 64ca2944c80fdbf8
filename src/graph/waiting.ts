import { waitKey } from "../core/wait-key.js";
import type { Extras } from "./graph.js";
import { AWAITS } from "./node-table.js";
import type { KeptSignal, RunState } from "./state.js";
import { TRIGGER } from "./triggers.js";
import type { NodeFactOf, Wait, Wake } from "./types.js";

export function countInterruption(extras: Extras, crash: boolean): void {
	extras.interruptions = (extras.interruptions ?? 0) + 1;
	if (crash) extras.crashes = (extras.crashes ?? 0) + 1;
}

/** Whether a wait is for a person or for word from outside: no limit of time counts it. */
export function isExcused({ kind }: { readonly kind: string }): boolean {
	return kind === "signal" || kind === "approval";
}

/** The node waits no more. */
export function leaveWait(state: RunState, n: number): void {
	const { graph } = state;
	if (graph.nodes.has(n, AWAITS)) {
		graph.nodes.unflag(n, AWAITS);
		state.awaiting--;
	}
	const extras = graph.extrasOf(n);
	state.parked.delete(n);
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

export function applyParked(state: RunState, n: number, wait: Wait, at: number): void {
	const { graph } = state;
	const extras = graph.extrasOf(n);
	extras.wait = wait;
	if (extras.leasedAt !== undefined) extras.held = (extras.held ?? 0) + at - extras.leasedAt;
	extras.parkedAt = at;
	state.parked.add(n);
	if (wait.kind === "approval" && wait.resume !== undefined) {
		// Nobody waits inside: what follows is an attempt of its own.
		extras.lost = true;
		if (wait.resume === "crash") extras.crashes = (extras.crashes ?? 0) + 1;
	}
	if (wait.kind === "signal") listen(state, wait.name, n);
	if (isExcused(wait)) {
		graph.nodes.flag(n, AWAITS);
		state.awaiting++;
	}
	graph.nodes.setLease(n, 0);
	graph.transition(n, TRIGGER.PARK);
}

export function applyWoken(state: RunState, n: number, event: NodeFactOf<"node.woken">, at: number): void {
	const { graph } = state;
	const extras = graph.extrasOf(n);
	const { wait } = extras;
	leaveWait(state, n);
	if (wait !== undefined && isExcused(wait)) extras.excused = (extras.excused ?? 0) + at - (extras.parkedAt ?? at);
	if (wait?.kind === "approval" && wait.resume === "version") extras.admitted = true;
	if (event.wake.kind !== "retry") {
		extras.wake = event.wake;
		if (state.settings.durable === true && wait !== undefined && wait.kind !== "retry")
			remember(extras, wait, event.wake);
	}
	// A signal that had been kept is used up by the one it wakes.
	if (event.wake.kind === "signal" && wait?.kind === "signal") takeSignal(state, wait.name, graph.id(n));
	graph.frontier.wake(n);
}

function remember(extras: Extras, wait: Wait, wake: Wake): void {
	if (wait.kind === "approval" && wait.resume !== undefined) return;
	const key = waitKey(wait);
	extras.waited ??= new Map();
	const before = extras.waited.get(key);
	if (before === undefined) extras.waited.set(key, [wake]);
	else before.push(wake);
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
