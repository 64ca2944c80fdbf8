import { SwarmError } from "../core/errors.js";
import type { RunStatus } from "../core/lifecycle.js";
import {
	applyAbandoned,
	applyAttemptFailed,
	applyCancelled,
	applyCharged,
	applyCompleted,
	applyConfirmed,
	applyFailed,
	applySkipped,
	applySpeculated,
	applyStarted,
	applySteered,
	applyStepped,
} from "./progress.js";
import { applyAdded, applyUpdated, changed, nodeNumber } from "./shape.js";
import type { RunState } from "./state.js";
import type { NodeFact, RunEvent } from "./types.js";
import { applyParked, applyWoken, keepSignal } from "./waiting.js";

/**
 * Folds one event into the state. An event that does not fit throws: it is a bug, or not this
 * run's event.
 */
export function apply(state: RunState, event: RunEvent): void {
	if (event.seq !== state.seq + 1) {
		throw new SwarmError("INTERNAL", `event ${event.seq} (${event.type}) cannot follow event ${state.seq}`);
	}
	state.seq = event.seq;
	state.at = event.at;
	if ("key" in event && event.key !== undefined) state.keys.add(event.key);
	if (event.type === "node.added") {
		applyAdded(state, event.spec, event.addedBy, event.early);
		settleJoins(state);
		return;
	}
	if ("node" in event && event.type !== "run.stopping" && event.type !== "patch.rejected") {
		applyToNode(state, nodeNumber(state, event.node), event, event.at);
	} else applyToRun(state, event);
	settleJoins(state);
}

/** Evaluates the touched joins without following up deaths: in a fold these come as events of their own. */
export function settleJoins(state: RunState): void {
	while (state.graph.frontier.nextDead() >= 0);
}

function applyToRun(state: RunState, event: RunEvent): void {
	switch (event.type) {
		case "run.created":
			state.run = event.run;
			state.epoch = event.epoch;
			state.open = event.open;
			state.settings = event.settings ?? {};
			state.versions = event.settings?.versions;
			return;
		case "run.recovered":
			applyRecovered(state, event);
			return;
		case "run.closed":
			state.open = false;
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
		case "patch.applied":
		case "run.portFailed":
			return;
		default:
			throw new SwarmError("INTERNAL", `an event of type ${event.type} is not about a run`);
	}
}

/** Another process goes on with the run: the functions of the one before are gone. */
export function applyRecovered(state: RunState, event: Extract<RunEvent, { readonly type: "run.recovered" }>): void {
	const { graph } = state;
	state.epoch = event.epoch;
	state.versions = event.versions;
	state.settings = { ...state.settings, timed: event.timed === true };
	state.asking = event.ask && { agents: new Set(event.ask), below: graph.size };
	for (const [n, extras] of graph.extras) {
		delete extras.admitted;
		// Retry waits have no function that waits.
		if ((extras.wait !== undefined && extras.wait.kind !== "retry") || extras.wake !== undefined) extras.lost = true;
		if (graph.isTerminal(n)) delete extras.lost;
		graph.onChange?.(n);
	}
}

function applyToNode(state: RunState, n: number, event: NodeFact, at: number): void {
	switch (event.type) {
		case "node.started":
			return applyStarted(state, n, event.attempt, state.seq, at);
		case "node.stepped":
			return applyStepped(state, n, event.name, event.value);
		case "node.charged":
			return applyCharged(state, n, event.usage);
		case "node.steered":
			return applySteered(state, n, event.payload);
		case "node.emitted":
			return;
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
			return applyParked(state, n, event.wait, at);
		case "node.woken":
			return applyWoken(state, n, event, at);
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

export function applyStopping(state: RunState, status: RunStatus, reason: string | undefined): void {
	state.stopping = { status, ...(reason !== undefined && { reason }) };
	state.status = "stopping";
}
