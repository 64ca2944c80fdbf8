import type { ErrorInfo, Refusal } from "../core/errors.js";
import { SwarmError } from "../core/errors.js";
import { deepFreeze } from "../core/plain.js";
import type { Author } from "./author.js";
import { abort, clearTimers, stopRun } from "./consequences.js";
import { outputProblem } from "./dependencies.js";
import type { Graph } from "./graph.js";
import type { PatchOutcome } from "./marking.js";
import { COMMITTED_EARLY, EAGER, HAS_TIMERS, WITHHELD } from "./node-table.js";
import { checkExpectations, type PatchRules, superseded, tryPatch } from "./patch.js";
import { failurePolicy, mutationRight, policyOf, retryPolicy } from "./policies.js";
import { applyAbandoned, applyAttemptFailed, applyCompleted, applyFailed, applySpeculated } from "./progress.js";
import { jitterFraction, retryDelay } from "./retry.js";
import type { Transaction } from "./transaction.js";
import type { AbandonReason, StagedPatch, Wake, WithheldOutcome } from "./types.js";
import { applyWoken } from "./waiting.js";

/** What outcomes are decided by, beside the state. */
export interface OutcomeRules extends PatchRules {
	/** Of the run's jitter. */
	readonly seed: number;
}

/** An attempt returned. */
export function succeed(
	tx: Transaction,
	n: number,
	output: unknown,
	patch: StagedPatch | undefined,
	rules: OutcomeRules,
	memo?: true,
): void {
	const { graph } = tx.state;
	const problem = outputProblem(graph.id(n), output);
	if (problem !== undefined) return failAttempt(tx, n, problem, rules);
	if (rules.check !== "off") deepFreeze(output);
	if (graph.nodes.has(n, EAGER)) {
		return withhold(tx, n, { kind: "completed", output, ...(patch !== undefined && { patch }) });
	}
	count(tx, n, output, patch, rules, memo);
}

/** A success counts: the node completes together with its patch. */
function count(
	tx: Transaction,
	n: number,
	output: unknown,
	patch: StagedPatch | undefined,
	rules: OutcomeRules,
	memo?: true,
): void {
	const { state } = tx;
	const { graph } = state;
	const plain =
		patch === undefined || (patch.mutations?.length === 0 && patch.expand !== true && patch.expect === undefined);
	if (plain) return complete(tx, n, output, memo);
	const attempt = graph.nodes.attempt(n);
	const author: Author = {
		n,
		attempt,
		right: mutationRight(rules.policies, graph.spec(n)),
		early: false,
		completing: true,
	};
	// Expectations come first: they are of the states before the completion.
	const unexpected = checkExpectations(tx, patch);
	const start = tx.savepoint();
	stampCompleted(tx, n, output, memo);
	const { withheld, steps, waited } = graph.extras.get(n) ?? {};
	const before = { state: graph.nodes.state(n), lease: graph.nodes.lease(n) };
	tx.undoable(
		() => applyCompleted(state, n, output),
		() => {
			graph.restore(n, before.state);
			graph.outputs.set(n, undefined);
			graph.nodes.setLease(n, before.lease);
			if (steps !== undefined) graph.extrasOf(n).steps = steps;
			if (waited !== undefined) graph.extrasOf(n).waited = waited;
			if (withheld === undefined) return;
			graph.extrasOf(n).withheld = withheld;
			graph.nodes.flag(n, WITHHELD);
		},
	);
	const tried = unexpected ?? tryPatch(tx, patch, author, rules);
	if (!("code" in tried)) return finish(tx, n, tried, rules);
	tx.rollback(start);
	tx.stamp({ type: "patch.rejected", node: graph.id(n), attempt, refusal: tried });
	if (policyOf(rules.policies, graph.spec(n), "onPatchRejected") === "complete") return complete(tx, n, output);
	// The next attempt is told what was wrong, and may plan something else: whatever it was, it is no wrong input of its own.
	failAttempt(tx, n, refusalError(tried), rules, { ofPatch: true });
}

function complete(tx: Transaction, n: number, output: unknown, memo?: true): void {
	const { state } = tx;
	// Not before: the timers of a node whose patch is rejected go on into its retry.
	clearTimers(tx, n);
	stampCompleted(tx, n, output, memo);
	applyCompleted(state, n, output);
	if (state.graph.nodes.has(n, COMMITTED_EARLY)) supersede(tx, n);
}

function stampCompleted(tx: Transaction, n: number, output: unknown, memo: true | undefined): void {
	const { state } = tx;
	const event = {
		seq: ++state.seq,
		at: tx.now,
		type: "node.completed",
		node: state.graph.id(n),
		attempt: state.graph.nodes.attempt(n),
		output,
	} as const;
	tx.batch.push(memo === undefined ? event : { ...event, memo });
}

function supersede(tx: Transaction, n: number): void {
	for (const stale of superseded(tx, n, tx.state.graph.nodes.attempt(n)))
		abandon(tx, stale, "superseded", tx.state.graph.id(n));
}

/** A patch stands with its completion: what it leaves to be done is done. */
function finish(tx: Transaction, n: number, outcome: PatchOutcome, rules: OutcomeRules): void {
	clearTimers(tx, n);
	if (tx.state.graph.nodes.has(n, COMMITTED_EARLY)) supersede(tx, n);
	settlePatch(tx, outcome, tx.state.graph.id(n), rules);
}

/** Abandons what a patch pruned and discarded, and counts the outcomes it confirmed. */
export function settlePatch(tx: Transaction, outcome: PatchOutcome, by: string | undefined, rules: OutcomeRules): void {
	for (const n of outcome.pruned) abandon(tx, n, "pruned", by);
	for (const n of outcome.discarded) abandon(tx, n, "discarded", by);
	for (const n of outcome.released) tx.released.push(n);
	// A released patch may release others: a queue, not a recursion.
	if (tx.releasing) return;
	tx.releasing = true;
	for (let n = tx.released.shift(); n !== undefined; n = tx.released.shift()) release(tx, n, rules);
	tx.releasing = false;
}

/** A withheld outcome counts from now on, its patch is validated only now. */
function release(tx: Transaction, n: number, rules: OutcomeRules): void {
	const { graph } = tx.state;
	const withheld = graph.extras.get(n)?.withheld;
	if (withheld === undefined || graph.isTerminal(n)) return;
	// What this outcome may change is judged as a command of its own.
	tx.begin();
	if (withheld.kind === "completed") count(tx, n, withheld.output, withheld.patch, rules);
	else failFinally(tx, n, withheld.error, rules);
}

function abandon(tx: Transaction, n: number, reason: AbandonReason, by: string | undefined): void {
	const { state } = tx;
	const { graph } = state;
	if (graph.isTerminal(n)) return;
	abort(tx, n, "CANCELLED");
	const event = { type: "node.abandoned", node: graph.id(n), reason, ...(by !== undefined && { by }) } as const;
	tx.stamp(event);
	applyAbandoned(state, n, event);
}

function withhold(tx: Transaction, n: number, outcome: WithheldOutcome): void {
	const { state } = tx;
	clearTimers(tx, n);
	const event = { type: "node.speculated", node: state.graph.id(n), mode: "eager", outcome } as const;
	tx.stamp(event);
	applySpeculated(state, n, event);
}

/**
 * An attempt failed: it is tried again, or the node fails.
 *
 * @param how - `later`: the retry has to wait for the clock even if its delay is 0, as the old function may still run;
 * `ofPatch`: its patch was refused
 */
export function failAttempt(
	tx: Transaction,
	n: number,
	error: ErrorInfo,
	rules: OutcomeRules,
	{ later = false, ofPatch = false }: { readonly later?: boolean; readonly ofPatch?: boolean } = {},
): void {
	const { state } = tx;
	const { graph } = state;
	const id = graph.id(n);
	const attempt = graph.nodes.attempt(n);
	const delay = retryDelay(
		retryPolicy(rules.policies, graph.spec(n)),
		attempt - interruptions(graph, n),
		error,
		jitterFraction(rules.seed, id, attempt),
		ofPatch,
	);
	// What is over its budget is not tried again.
	if (delay === undefined || state.stopping?.status === "budget_exceeded") return failFinally(tx, n, error, rules);
	if (graph.nodes.has(n, HAS_TIMERS)) tx.batch.effects.push({ type: "clearTimers", node: id, kind: "attempt" });
	const event = { type: "node.attemptFailed", node: id, attempt, error, retryAt: tx.now + delay } as const;
	tx.stamp(event);
	applyAttemptFailed(state, n, event);
	if (delay > 0 || later) {
		graph.nodes.flag(n, HAS_TIMERS);
		tx.batch.effects.push({ type: "timer", node: id, kind: "retry", due: event.retryAt, fence: attempt });
		return;
	}
	stampWoken(tx, n, { kind: "retry" });
}

/** A wait is over: the node is ready again. */
export function stampWoken(tx: Transaction, n: number, wake: Wake): void {
	const { graph } = tx.state;
	const woken = { type: "node.woken", node: graph.id(n), attempt: graph.nodes.attempt(n), wake } as const;
	tx.stamp(woken);
	applyWoken(tx.state, n, woken, tx.now);
}

/** Attempts that did not end by themselves, and cost no retry. */
function interruptions({ extras }: Graph, n: number): number {
	return extras.size === 0 ? 0 : (extras.get(n)?.interruptions ?? 0);
}

/** A node fails for good; its policy says what that does to the rest. */
export function failFinally(tx: Transaction, n: number, error: ErrorInfo, rules: OutcomeRules): void {
	const { state } = tx;
	const { graph } = state;
	if (graph.nodes.has(n, EAGER)) return withhold(tx, n, { kind: "failed", error });
	clearTimers(tx, n);
	const policy = failurePolicy(rules.policies, graph.spec(n));
	const event = {
		type: "node.failed",
		node: graph.id(n),
		attempt: graph.nodes.attempt(n),
		error,
		...(policy !== "skip" && { onFailure: policy }),
	} as const;
	tx.stamp(event);
	applyFailed(state, n, event);
	if (policy === "failRun" && state.stopping === undefined) stopRun(tx, "failed", n);
}

/** A refusal as the error of the attempt that caused it. */
export function refusalError(refusal: Refusal): ErrorInfo {
	return {
		code: refusal.code,
		message: SwarmError.from(refusal).message,
		...(refusal.nodes !== undefined && { nodes: refusal.nodes }),
		...(refusal.path !== undefined && { path: refusal.path }),
	};
}
