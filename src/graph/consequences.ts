import type { Refusal } from "../core/errors.js";
import { nextRunStatus, type RunStatus, type RunTrigger } from "../core/lifecycle.js";
import { applyStopping, settleJoins } from "./apply.js";
import type { StallPlan } from "./command.js";
import type { Graph } from "./graph.js";
import {
	BAD_BY_FAILURE,
	FAILED,
	FAILURE_CAUSE,
	HAS_TIMERS,
	JOIN_ALWAYS,
	LOST,
	RUNNING,
	SKIPPED,
} from "./node-table.js";
import type { PolicySource } from "./policies.js";
import { applyCancelled, applySkipped } from "./progress.js";
import { agentName, checkSpec, refuse } from "./spec.js";
import type { RunState } from "./state.js";
import type { Transaction } from "./transaction.js";
import type { Lease, StoredSpec } from "./types.js";

/** What the end of a run depends on beside its state. */
export interface EndRules {
	readonly onStall: StallPlan | undefined;
	readonly policies: PolicySource;
}

/** What follows from what a command did: joins first, breadth-first; then the run itself. */
export function follow(tx: Transaction, rules: EndRules): void {
	evaluateJoins(tx);
	followRun(tx, rules);
}

function evaluateJoins(tx: Transaction): void {
	const { frontier } = tx.state.graph;
	for (let n = frontier.nextDead(); n >= 0; n = frontier.nextDead()) skip(tx, n);
}

/** A join died: the node goes, with the reason of the first dependency that stands for it. */
function skip(tx: Transaction, n: number): void {
	const { state } = tx;
	const { graph } = state;
	const failure = graph.nodes.failed(n) > 0;
	const root = rootOf(graph, n, failure ? BAD_BY_FAILURE : LOST);
	tx.stamp({
		type: "node.skipped",
		node: graph.id(n),
		cause: failure ? "failure" : "not-needed",
		root: graph.id(root),
	});
	applySkipped(state, n, failure, root);
}

function rootOf(graph: Graph, n: number, counter: number): number {
	const { nodes, edges } = graph;
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
		const from = edges.from(edge);
		if (nodes.counterOf(from) !== counter) continue;
		return nodes.state(from) === SKIPPED ? nodes.root(from) - 1 : from;
	}
	// A `failed` join whose dependencies all went well goes back to the first of them.
	const first = nodes.firstIn(n);
	return first === 0 ? n : edges.from(first);
}

function followRun(tx: Transaction, rules: EndRules): void {
	const { state } = tx;
	if (state.ended || state.status === "created") return;
	if (state.active > 0) {
		if (state.status === "waiting") continueRun(tx);
		return;
	}
	if (state.unfinished === 0) {
		if (state.stopping !== undefined) endStopped(tx, state.stopping);
		else if (!state.open) endRun(tx, ...verdict(state.graph));
	} else if (state.awaiting > 0) {
		if (state.status === "running") {
			tx.stamp({ type: "run.waiting" });
			state.status = "waiting";
		}
	} else if (state.stopping !== undefined) endStopped(tx, state.stopping);
	else if (state.status !== "paused") {
		// A replanning node may itself be held, or die at once: then this is a stall again.
		while (replan(tx, rules)) if (state.active > 0) return;
		if (state.open) return;
		endRun(tx, "STALL", `${state.unfinished} ${state.unfinished === 1 ? "node" : "nodes"} can go no further`);
	}
}

function endStopped(tx: Transaction, { status, reason }: NonNullable<RunState["stopping"]>): void {
	endRun(tx, status === "budget_exceeded" ? "EXHAUST" : "FAIL", reason);
}

export function continueRun(tx: Transaction): void {
	tx.stamp({ type: "run.resumed" });
	tx.state.status = "running";
}

/** How a run whose nodes have all ended has ended: failed if a sink did. */
function verdict(graph: Graph): [RunTrigger, string | undefined] {
	const { nodes } = graph;
	if ((graph.counts[FAILED] as number) + (graph.counts[SKIPPED] as number) === 0) return ["COMPLETE", undefined];
	for (let n = 0; n < graph.size; n++) {
		if (nodes.firstOut(n) !== 0) continue;
		if (nodes.state(n) === FAILED) return ["FAIL", `node "${graph.id(n)}" failed`];
		if (nodes.state(n) === SKIPPED && nodes.has(n, FAILURE_CAUSE)) {
			return ["FAIL", `node "${graph.id(n)}" was skipped because node "${graph.id(nodes.root(n) - 1)}" failed`];
		}
	}
	return ["COMPLETE", undefined];
}

/** @returns what is wrong with the replanning node of a run, before it is ever wanted */
export function checkStallPlan(plan: StallPlan | undefined, policies: PolicySource): Refusal | undefined {
	if (plan === undefined) return undefined;
	if (typeof plan !== "object" || plan === null) return refuse("INVALID_SPEC", "onStall is no node spec");
	const { times: _, ...spec } = plan;
	return checkSpec(spec, policies);
}

/** @returns whether a replanning node was added */
function replan(tx: Transaction, rules: EndRules): boolean {
	const { onStall } = rules;
	const { state } = tx;
	if (onStall === undefined) return false;
	const { times = 1, ...spec } = onStall;
	const base = spec.id ?? "on-stall";
	let k = 1;
	while (k <= times && state.graph.index.has(k === 1 ? base : `${base}-${k}`)) k++;
	if (k > times) return false;
	const stored = { ...spec, id: k === 1 ? base : `${base}-${k}`, agent: agentName(spec.agent) ?? "" } as StoredSpec;
	if (checkSpec(stored, rules.policies) !== undefined) return false;
	const start = tx.savepoint();
	tx.unchecked.add(state.graph.size);
	const added = tx.addNodes([stored], { creator: 0, depth: 0, early: undefined });
	if (added !== undefined || tx.checkTerms(rules.policies) !== undefined) {
		tx.rollback(start);
		return false;
	}
	evaluateJoins(tx);
	return true;
}

export function endRun(tx: Transaction, trigger: RunTrigger, reason: string | undefined): void {
	const { state } = tx;
	const status = nextRunStatus(state.status, trigger);
	if (status === undefined) throw new Error(`${trigger} reached a run that is ${state.status}`);
	tx.stamp({ type: "run.ended", status, ...(reason !== undefined && { reason }) });
	state.status = status;
	state.ended = true;
	state.reason = reason;
}

const TRIGGERS = { cancelled: "CANCEL", timed_out: "TIME_OUT", failed: "FAIL" } as const;

/** Ends every open node of a run that is cancelled, out of time, or without a port that it cannot do without; then the run. */
export function cancelRun(tx: Transaction, status: "cancelled" | "timed_out" | "failed", reason: string): void {
	cancelNodes(tx, () => true);
	settleJoins(tx.state);
	endRun(tx, TRIGGERS[status], reason);
}

/** The budget is used up: what runs may end, or is aborted; unstarted `always` nodes may still run. */
export function exhaustRun(tx: Transaction, reason: string, abortRunning: boolean): void {
	const { state } = tx;
	const { graph } = state;
	tx.stamp({ type: "run.stopping", status: "budget_exceeded", reason });
	applyStopping(state, "budget_exceeded", reason);
	cancelNodes(tx, (n) => !spared(graph, n) && (abortRunning || graph.nodes.state(n) !== RUNNING));
}

/** What may run after a failure. */
function spared(graph: Graph, n: number): boolean {
	return graph.nodes.join(n) === JOIN_ALWAYS && graph.isUnstarted(n);
}

/** A failure that ends the run: only unstarted `always` nodes may still run. */
export function stopRun(tx: Transaction, status: RunStatus, n: number): void {
	const { state } = tx;
	const reason = `node "${state.graph.id(n)}" failed`;
	tx.stamp({ type: "run.stopping", status, reason, node: state.graph.id(n) });
	applyStopping(state, status, reason);
	cancelNodes(tx, (each) => !spared(state.graph, each));
}

function cancelNodes(tx: Transaction, goes: (n: number) => boolean): void {
	const { state } = tx;
	const { graph } = state;
	for (let n = 0; n < graph.size; n++) {
		if (graph.isTerminal(n) || !goes(n)) continue;
		abort(tx, n, "CANCELLED");
		tx.stamp({ type: "node.cancelled", node: graph.id(n) });
		applyCancelled(state, n);
	}
}

/** Tells the outside that an attempt is over, and takes its timers back. */
export function abort(tx: Transaction, n: number, code: "TIMEOUT" | "CANCELLED"): void {
	const { graph } = tx.state;
	const { nodes } = graph;
	if (nodes.state(n) === RUNNING || graph.extras.get(n)?.parkedAt !== undefined) {
		tx.batch.effects.push({ type: "abort", lease: leaseOf(tx, n), code });
	}
	clearTimers(tx, n);
}

export function clearTimers(tx: Transaction, n: number): void {
	const { graph } = tx.state;
	if (!graph.nodes.has(n, HAS_TIMERS)) return;
	graph.nodes.unflag(n, HAS_TIMERS);
	tx.batch.effects.push({ type: "clearTimers", node: graph.id(n) });
}

export function leaseOf(tx: Transaction, n: number): Lease {
	const { graph, epoch } = tx.state;
	return { node: graph.id(n), attempt: graph.nodes.attempt(n), epoch, seq: graph.nodes.lease(n) };
}
