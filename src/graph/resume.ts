import type { ErrorInfo } from "../core/errors.js";
import { applyRecovered } from "./apply.js";
import type { Command } from "./command.js";
import { type Accepted, DONE } from "./fence.js";
import { HAS_TIMERS, READY, RUNNING, WAITING } from "./node-table.js";
import { failFinally, type OutcomeRules, stampWoken } from "./outcome.js";
import { policyOf, timeouts } from "./policies.js";
import { applyAttemptFailed } from "./progress.js";
import type { RunState } from "./state.js";
import { setTotalTimeout, timeoutError } from "./time-limits.js";
import type { Transaction } from "./transaction.js";
import type { Interruption, Wait } from "./types.js";
import { applyParked, isExcused } from "./waiting.js";

/** A node that has brought down its process so often does not run again. */
const MAX_CRASHES = 3;

/** The run goes on in this process: what ran when the other one died is tried again, and its timers are set anew. */
export function recover(
	tx: Transaction,
	{ epoch, versions, timed, ask }: Extract<Command, { type: "recover" }>,
	rules: OutcomeRules,
): Accepted {
	const { state } = tx;
	const { graph } = state;
	const event = {
		type: "run.recovered",
		epoch,
		...(versions !== undefined && { versions }),
		...(timed && { timed }),
		...(ask.length > 0 && { ask }),
	} as const;
	tx.stamp(event);
	applyRecovered(state, { ...event, seq: state.seq, at: tx.now });
	for (let n = 0; n < graph.size; n++) {
		if (graph.nodes.state(n) === RUNNING) resume(tx, n, rules);
		setTimers(tx, n, rules);
	}
	return DONE;
}

/** An attempt whose process died. */
function resume(tx: Transaction, n: number, rules: OutcomeRules): void {
	const { graph } = tx.state;
	const node = graph.id(n);
	const policy = policyOf(rules.policies, graph.spec(n), "onResume") ?? "retry";
	const crashes = (graph.extras.get(n)?.crashes ?? 0) + 1;
	const attempt = graph.nodes.attempt(n);
	const error: ErrorInfo = {
		code: "CRASHED",
		message: `the process died while attempt ${attempt} of "${node}" was running${crashes > 1 ? `, for the ${crashes}. time` : ""}`,
		nodes: [node],
	};
	if (policy === "fail" || crashes >= MAX_CRASHES) failFinally(tx, n, error, rules);
	else if (policy === "ask") ask(tx, n, `${error.message}: may it run again?`, "crash");
	else interrupt(tx, n, error, "crash");
}

function ask(tx: Transaction, n: number, reason: string, resume: "crash" | "version"): void {
	const { state } = tx;
	const { graph } = state;
	const wait: Wait = { kind: "approval", reason, resume };
	tx.stamp({ type: "node.parked", node: graph.id(n), attempt: graph.nodes.attempt(n), wait });
	applyParked(state, n, wait, tx.now);
}

/** The attempt is over without having failed: the node is ready again at once. */
function interrupt(tx: Transaction, n: number, error: ErrorInfo, interrupted: Interruption): void {
	const { state } = tx;
	const node = state.graph.id(n);
	const attempt = state.graph.nodes.attempt(n);
	const failed = { type: "node.attemptFailed", node, attempt, error, retryAt: tx.now, interrupted } as const;
	tx.stamp(failed);
	applyAttemptFailed(state, n, failed);
	stampWoken(tx, n, { kind: "retry" });
}

/** Timers are stored as absolute times: those of this process are set from what the state says. */
function setTimers(tx: Transaction, n: number, rules: OutcomeRules): void {
	const { graph } = tx.state;
	const { nodes } = graph;
	const state = nodes.state(n);
	if (state !== WAITING && state !== READY) return;
	const extras = graph.extras.get(n);
	if (extras === undefined) return;
	const { wait } = extras;
	const node = graph.id(n);
	if (state === WAITING && wait?.until !== undefined) {
		const fence = wait.kind === "retry" ? nodes.attempt(n) : wait.until;
		const kind = wait.kind === "retry" ? "retry" : "wait";
		nodes.flag(n, HAS_TIMERS);
		tx.batch.effects.push({ type: "timer", node, kind, due: wait.until, fence });
	}
	if (extras.firstStart === undefined) return;
	extras.total = timeouts(rules.policies, graph.spec(n))?.total;
	const excused = state === WAITING && wait !== undefined && isExcused(wait);
	if (excused || extras.total === undefined) return;
	// Whose time was over while no process had the run does not start any more.
	if (extras.firstStart + extras.total + (extras.excused ?? 0) > tx.now) setTotalTimeout(tx, n, extras);
	else failFinally(tx, n, timeoutError(tx, n, "total", rules.policies), rules);
}

/** Whether a person has to say first that a node may run with its agent as it is now. */
export function isAsked({ asking, graph }: RunState, n: number): boolean {
	if (asking === undefined || n >= asking.below || !asking.agents.has(graph.spec(n).agent)) return false;
	return graph.extras.get(n)?.admitted !== true;
}

/** A node that was just claimed waits for a person instead: its agent is another one by now. */
export function askForVersion(tx: Transaction, n: number): void {
	const { agent } = tx.state.graph.spec(n);
	const version = tx.state.versions?.[agent];
	const now = version === undefined ? "has no version now" : `is version ${version} now`;
	ask(tx, n, `the agent "${agent}" ${now}, not the one that this node was made for: may it run?`, "version");
}

/** The process lets go of the run: what runs is over here, and will run again elsewhere. */
export function interruptAll(tx: Transaction): Accepted {
	const { graph } = tx.state;
	for (let n = 0; n < graph.size; n++) {
		if (graph.nodes.state(n) !== RUNNING) continue;
		const node = graph.id(n);
		const message = `attempt ${graph.nodes.attempt(n)} of "${node}" was running when its process was shut down`;
		interrupt(tx, n, { code: "CANCELLED", message, nodes: [node] }, "shutdown");
	}
	return DONE;
}
