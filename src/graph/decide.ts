import type { ErrorInfo, Refusal } from "../core/errors.js";
import { nextRunStatus } from "../core/lifecycle.js";
import { type Author, HOST } from "./author.js";
import type { Command } from "./command.js";
import { abort, cancelRun, continueRun, type EndRules, follow, leaseOf } from "./consequences.js";
import { charge, childEnded, emit, exhaust, extend, kill, portFailed, steer } from "./control.js";
import { resolveInput } from "./dependencies.js";
import { type Accepted, DONE, leased, runEnded } from "./fence.js";
import { Started } from "./lease.js";
import { EAGER, HAS_REFS, NodeTable, READY, RUNNING, STARTED, WAITING } from "./node-table.js";
import { failAttempt, failFinally, type OutcomeRules, refusalError, settlePatch, succeed } from "./outcome.js";
import { tryPatch } from "./patch.js";
import { mutationRight } from "./policies.js";
import { applyStarted } from "./progress.js";
import { askForVersion, interruptAll, isAsked, recover } from "./resume.js";
import { refuse } from "./spec.js";
import { step } from "./steps.js";
import { setTimeouts, timeoutError } from "./time-limits.js";
import type { Transaction } from "./transaction.js";
import type { Lease, StagedPatch } from "./types.js";
import { answerApproval, park, signal, wake } from "./waits.js";

/** Everything a decision depends on beside the state and the command. */
export interface Rules extends OutcomeRules, EndRules {
	/** Whether any agent, the run or the swarm sets time limits; a spec's own are looked at anyway. */
	readonly timed: boolean;
}

/**
 * Judges a command and, unless it refuses, writes what follows: its own fact, its patch, the
 * consequences breadth-first, then what becomes of the run. It has no clock, no randomness and never
 * waits. A refusal leaves everything as it was.
 */
export function decide(tx: Transaction, command: Command, rules: Rules): Accepted | Refusal {
	const { state } = tx;
	const { seq } = state;
	const answer = judge(tx, command, rules);
	if ("code" in answer) return answer;
	follow(tx, rules);
	if (state.seq !== seq) state.at = tx.now;
	return answer;
}

function judge(tx: Transaction, command: Command, rules: Rules): Accepted | Refusal {
	switch (command.type) {
		case "complete": {
			const n = leased(tx, command.lease);
			if (typeof n === "object") return n;
			succeed(tx, n, command.output, command.patch, rules, command.memo);
			return DONE;
		}
		case "claim":
			return claim(tx, command.n, rules, command.error);
		case "fail": {
			const n = leased(tx, command.lease);
			if (typeof n === "object") return n;
			failAttempt(tx, n, command.error, rules);
			return DONE;
		}
		case "mutate":
			return mutate(tx, command.patch, command.key, rules);
		case "commit":
			return commitEarly(tx, command.lease, command.patch, rules);
		case "park":
			return park(tx, command);
		case "timer":
			return onTimer(tx, command, rules);
		case "signal":
			return signal(tx, command);
		case "answer":
			return answerApproval(tx, command, rules);
		case "cancel":
			if (tx.state.ended) return runEnded(tx);
			cancelRun(tx, command.status, command.reason);
			return DONE;
		case "pause":
		case "resume":
			return command.type === "pause" ? pause(tx) : resume(tx);
		case "close":
			return close(tx);
		case "step":
			return step(tx, command);
		case "recover":
			return recover(tx, command, rules);
		case "charge":
			return charge(tx, command);
		case "steer":
			return steer(tx, command);
		case "emit":
			return emit(tx, command);
		case "extend":
			return extend(tx, command);
		case "kill":
			return kill(tx, command, rules);
		case "child":
			return childEnded(tx, command);
		case "portFailed":
			return portFailed(tx, command);
		case "exhaust":
			return exhaust(tx, command);
		case "interrupt":
			return interruptAll(tx);
	}
}

function claim(tx: Transaction, n: number, rules: Rules, error: ErrorInfo | undefined): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	const { nodes } = graph;
	if (state.ended) return runEnded(tx);
	if (n < 0 || n >= graph.size) return refuse("UNKNOWN_NODE", "there is no such node");
	const id = graph.id(n);
	if (state.status === "paused")
		return refuse("ILLEGAL_STATE", `the run is paused, so "${id}" cannot be claimed`, { nodes: [id] });
	if (nodes.state(n) !== READY) {
		return refuse("ILLEGAL_STATE", `"${id}" is ${graph.stateName(n)}, not ready`, { nodes: [id] });
	}
	const extras = nodes.has(n, STARTED) ? graph.extras.get(n) : undefined;
	const continues = extras?.wake !== undefined && extras.lost !== true;
	const wake = continues ? extras?.wake : undefined;
	// A node that was taken up again and again keeps the last number there is: the lease tells attempts apart.
	const attempt = continues ? nodes.attempt(n) : Math.min(nodes.attempt(n) + 1, NodeTable.maxAttempt);
	const lease = new Started(++state.seq, tx.now, id, attempt, state.epoch, n);
	tx.batch.push(lease);
	applyStarted(state, n, attempt, lease.seq, tx.now);
	if (state.asking !== undefined && isAsked(state, n)) {
		askForVersion(tx, n);
		return { lease };
	}
	if (rules.timed || graph.spec(n).timeout !== undefined) setTimeouts(tx, n, lease.seq, rules.policies);
	if (error !== undefined) {
		failAttempt(tx, n, error, rules);
		return { lease };
	}
	if (!nodes.has(n, HAS_REFS) || continues) {
		const { input } = graph.spec(n);
		const start = { type: "start", lease, input, wake } as const;
		tx.batch.effects.push(start);
		return start;
	}
	const resolved = resolveInput(graph, n);
	if ("code" in resolved) {
		failAttempt(tx, n, refusalError(resolved), rules);
		return { lease };
	}
	const start = { type: "start", lease, input: resolved.input, wake } as const;
	tx.batch.effects.push(start);
	return start;
}

function mutate(tx: Transaction, patch: StagedPatch, key: string | undefined, rules: Rules): Accepted | Refusal {
	const { state } = tx;
	if (state.ended || state.stopping !== undefined) return runEnded(tx);
	if (key !== undefined && state.keys.has(key)) return DONE;
	const start = tx.savepoint();
	tx.key = key;
	const tried = tryPatch(tx, patch, HOST, rules);
	if ("code" in tried) {
		tx.rollback(start);
		// Nor may an event of the next command carry it.
		tx.key = undefined;
		return tried;
	}
	settlePatch(tx, tried, undefined, rules);
	// A patch without effect leaves no other event that could carry its key.
	if (tx.key !== undefined) {
		const unused = tx.key;
		tx.key = undefined;
		state.keys.add(unused);
		tx.stamp({ type: "patch.applied", key: unused });
	}
	return DONE;
}

function commitEarly(tx: Transaction, lease: Lease, patch: StagedPatch, rules: Rules): Accepted | Refusal {
	const n = leased(tx, lease);
	if (typeof n === "object") return n;
	const { graph } = tx.state;
	const id = graph.id(n);
	if (graph.nodes.has(n, EAGER)) {
		return refuse("NOT_PERMITTED", `"${id}" is speculative and cannot commit before it is confirmed`, { nodes: [id] });
	}
	const right = mutationRight(rules.policies, graph.spec(n));
	const author: Author = { n, attempt: lease.attempt, right, early: true, completing: false };
	const start = tx.savepoint();
	const tried = tryPatch(tx, patch, author, rules);
	if ("code" in tried) {
		tx.rollback(start);
		return tried;
	}
	settlePatch(tx, tried, id, rules);
	return DONE;
}

function onTimer(tx: Transaction, command: Extract<Command, { type: "timer" }>, rules: Rules): Accepted | Refusal {
	const { graph } = tx.state;
	const { nodes } = graph;
	const n = graph.index.get(command.node);
	if (n === undefined || graph.isTerminal(n)) return lateTimer(command);
	const { wait, firstStart } = graph.extras.get(n) ?? {};
	switch (command.kind) {
		case "retry":
			if (nodes.state(n) !== WAITING || wait?.kind !== "retry" || nodes.attempt(n) !== command.fence)
				return lateTimer(command);
			wake(tx, n, { kind: "retry" });
			return DONE;
		case "wait":
			if (nodes.state(n) !== WAITING || wait === undefined || wait.kind === "retry" || wait.until !== command.fence) {
				return lateTimer(command);
			}
			wake(tx, n, { kind: wait.kind === "sleep" ? "timer" : "expired" });
			return DONE;
		case "attempt":
			if (nodes.state(n) !== RUNNING || nodes.lease(n) !== command.fence) return lateTimer(command);
			// Not `abort`: the limit of all attempts together goes on.
			tx.batch.effects.push({ type: "abort", lease: leaseOf(tx, n), code: "TIMEOUT" });
			failAttempt(tx, n, timeoutError(tx, n, "attempt", rules.policies), rules, { later: true });
			return DONE;
		case "total":
			if (firstStart !== command.fence || !nodes.has(n, STARTED)) return lateTimer(command);
			// An eager outcome that waits to be confirmed takes no time any more.
			if (nodes.state(n) !== RUNNING && nodes.state(n) !== WAITING && nodes.state(n) !== READY)
				return lateTimer(command);
			abort(tx, n, "TIMEOUT");
			failFinally(tx, n, timeoutError(tx, n, "total", rules.policies), rules);
			return DONE;
	}
}

function lateTimer(command: Extract<Command, { type: "timer" }>): Refusal {
	return refuse("STALE_LEASE", `a timer of "${command.node}" came late`, { nodes: [command.node] });
}

function pause(tx: Transaction): Accepted | Refusal {
	const { state } = tx;
	const next = nextRunStatus(state.status, "PAUSE");
	if (state.status === "paused") return DONE;
	if (next === undefined)
		return state.ended ? runEnded(tx) : refuse("ILLEGAL_STATE", `the run is ${state.status} and cannot be paused`);
	tx.stamp({ type: "run.paused" });
	state.status = next;
	return DONE;
}

function resume(tx: Transaction): Accepted | Refusal {
	const { state } = tx;
	if (state.status === "paused") {
		continueRun(tx);
		return DONE;
	}
	return state.ended ? runEnded(tx) : DONE;
}

function close(tx: Transaction): Accepted | Refusal {
	const { state } = tx;
	if (!state.open || state.ended) return DONE;
	tx.stamp({ type: "run.closed" });
	state.open = false;
	return DONE;
}

/** Starts a run that was created: its nodes become ready from now on. */
export function startRun(tx: Transaction, rules: Rules): void {
	tx.stamp({ type: "run.started" });
	tx.state.status = "running";
	follow(tx, rules);
	tx.state.at = tx.now;
}
