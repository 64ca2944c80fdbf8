import type { ErrorInfo, Refusal } from "../core/errors.js";
import { checkUsage } from "../core/usage.js";
import type { Command } from "./command.js";
import { abort, cancelRun, exhaustRun } from "./consequences.js";
import { type Accepted, DONE, leased, runEnded } from "./fence.js";
import { HAS_TIMERS, STARTED, WAITING } from "./node-table.js";
import { failFinally, type OutcomeRules } from "./outcome.js";
import { applyCharged, applySteered } from "./progress.js";
import { refuse, refuseNotPlain, unknownNode } from "./spec.js";
import { goesOn } from "./steps.js";
import type { Transaction } from "./transaction.js";
import { wake } from "./waits.js";

/** Messages beyond these are refused: who steers so often should end the attempt. */
const MAX_MESSAGES = 100;

type Asked<Type extends Command["type"]> = Extract<Command, { readonly type: Type }>;

/** What an attempt has used: it counts whether the attempt still has its lease or not, as it is spent. */
export function charge(tx: Transaction, { node, attempt, usage }: Asked<"charge">): Accepted | Refusal {
	const { state } = tx;
	if (state.ended) return runEnded(tx);
	const n = state.graph.index.get(node);
	if (n === undefined) return unknownNode(node);
	try {
		checkUsage(usage, "a usage");
	} catch (error) {
		return refuse("INVALID_INPUT", (error as Error).message, { nodes: [node] });
	}
	tx.stamp({ type: "node.charged", node, attempt, usage });
	applyCharged(state, n, usage);
	return DONE;
}

/** A message to the agent of a node: its attempts find it in their inbox. */
export function steer(tx: Transaction, { node, payload }: Asked<"steer">): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const n = graph.index.get(node);
	if (n === undefined) return unknownNode(node);
	if (graph.isTerminal(n)) return refuse("ILLEGAL_STATE", `"${node}" is ${graph.stateName(n)}`, { nodes: [node] });
	const unfit = refuseNotPlain(`a message to "${node}"`, payload);
	if (unfit !== undefined) return unfit;
	if ((graph.extras.get(n)?.inbox?.length ?? 0) >= MAX_MESSAGES)
		return refuse("LIMIT_EXCEEDED", `node "${node}" has got ${MAX_MESSAGES} messages`, { nodes: [node] });
	tx.stamp({ type: "node.steered", node, payload });
	applySteered(state, n, payload);
	return DONE;
}

/** A part of an output that is to be kept. */
export function emit(tx: Transaction, { lease, index, value }: Asked<"emit">): Accepted | Refusal {
	const live = leased(tx, lease);
	if (typeof live === "object" && goesOn(tx, lease) === undefined) return live;
	const unfit = refuseNotPlain(`chunk ${index} of "${lease.node}"`, value);
	if (unfit !== undefined) return unfit;
	tx.stamp({ type: "node.emitted", node: lease.node, attempt: lease.attempt, index, value });
	return { seq: tx.state.seq };
}

/** An attempt may take longer than its limit says: whoever watches it ends it before, if need be. */
export function extend(tx: Transaction, { lease, until }: Asked<"extend">): Accepted | Refusal {
	const n = leased(tx, lease);
	if (typeof n === "object") return n;
	const { graph } = tx.state;
	const fence = graph.nodes.lease(n);
	graph.nodes.flag(n, HAS_TIMERS);
	tx.batch.effects.push({ type: "timer", node: graph.id(n), kind: "attempt", due: until, fence });
	return DONE;
}

/** An attempt is ended by whoever watches it, for good. */
export function kill(tx: Transaction, { node, reason }: Asked<"kill">, rules: OutcomeRules): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const n = graph.index.get(node);
	if (n === undefined) return unknownNode(node);
	if (graph.isTerminal(n) || !graph.nodes.has(n, STARTED))
		return refuse("ILLEGAL_STATE", `"${node}" is ${graph.stateName(n)} and cannot be killed`, { nodes: [node] });
	abort(tx, n, "CANCELLED");
	const error: ErrorInfo = { code: "KILLED", message: `"${node}" was killed: ${reason}`, nodes: [node] };
	failFinally(tx, n, { ...error, retryable: false }, rules);
	return DONE;
}

/** The run that a node had called is over. */
export function childEnded(tx: Transaction, { node, run, wake: how }: Asked<"child">): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const n = graph.index.get(node);
	if (n === undefined) return unknownNode(node);
	const wait = graph.extras.get(n)?.wait;
	if (graph.nodes.state(n) !== WAITING || wait?.kind !== "child" || wait.run !== run)
		return refuse("ILLEGAL_STATE", `"${node}" does not wait for the run "${run}"`, { nodes: [node] });
	wake(tx, n, how);
	return DONE;
}

/** A port of the host failed: it is recorded, and ends the run where its policy says so. */
export function portFailed(tx: Transaction, { port, message, fail, node }: Asked<"portFailed">): Accepted | Refusal {
	const { state } = tx;
	if (state.ended) return runEnded(tx);
	tx.stamp({ type: "run.portFailed", port, message, ...(fail && { fail }), ...(node !== undefined && { for: node }) });
	if (fail) cancelRun(tx, "failed", `PORT_FAILED: ${message}`);
	return DONE;
}

/** Nothing is left to spend: no attempt starts any more. */
export function exhaust(tx: Transaction, command: Asked<"exhaust">): Accepted | Refusal {
	const { state } = tx;
	if (state.ended) return runEnded(tx);
	// Whatever has stopped it first is why it ends.
	if (state.stopping === undefined) exhaustRun(tx, command.reason, command.abort);
	return DONE;
}
