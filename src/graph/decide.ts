import type { errorInfo, Refusal } from "../core/errors.js";
import { NODE_STATES, nextRunStatus } from "../core/lifecycle.js";
import { applyParked, applyStarted, applyWoken, keepSignal, keptSignal } from "./apply.js";
import { type Author, HOST } from "./author.js";
import type { Command } from "./command.js";
import { abort, cancelRun, continueRun, type EndRules, follow } from "./consequences.js";
import { resolveInput } from "./dependencies.js";
import { Started } from "./lease.js";
import { EAGER, HAS_REFS, HAS_TIMERS, READY, RUNNING, STARTED, WAITING } from "./node-table.js";
import { failAttempt, failFinally, type OutcomeRules, refusalError, settlePatch, succeed } from "./outcome.js";
import { tryPatch } from "./patch.js";
import { mutationRight, type Timeouts, timeouts } from "./policies.js";
import { refuse } from "./spec.js";
import type { Transaction } from "./transaction.js";
import type { Lease, StagedPatch, Wake } from "./types.js";

/** Everything a decision depends on beside the state and the command. */
export interface Rules extends OutcomeRules, EndRules {
	/** Whether any agent, the run or the swarm sets time limits; a spec's own are looked at anyway. */
	readonly timed: boolean;
}

/** What a command that was accepted gives back. */
export interface Accepted {
	readonly lease?: Lease;
	/** With a lease: the input, its references replaced. */
	readonly input?: unknown;
	/** With a lease that continues a parked attempt: what ended its wait. */
	readonly wake?: Wake | undefined;
}

const DONE: Accepted = Object.freeze({});

/**
 * Judges a command and, unless it refuses, writes what follows: its own fact, its patch, the
 * consequences breadth-first, then what becomes of the run. It has no clock, no randomness and never
 * waits. A refusal leaves everything as it was.
 */
export function decide(tx: Transaction, command: Command, rules: Rules): Accepted | Refusal {
	const answer = judge(tx, command, rules);
	if ("code" in answer) return answer;
	follow(tx, rules);
	return answer;
}

function judge(tx: Transaction, command: Command, rules: Rules): Accepted | Refusal {
	switch (command.type) {
		case "complete": {
			const n = leased(tx, command.lease);
			if (typeof n === "object") return n;
			succeed(tx, n, command.output, command.patch, rules);
			return DONE;
		}
		case "claim":
			return claim(tx, command.n, rules);
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
			return answerApproval(tx, command.node, command.wake);
		case "cancel":
			if (tx.state.ended) return runEnded(tx);
			cancelRun(tx, command.status, command.reason);
			return DONE;
		case "pause":
		case "resume":
			return command.type === "pause" ? pause(tx) : resume(tx);
		case "close":
			tx.state.open = false;
			return DONE;
	}
}

function runEnded(tx: Transaction): Refusal {
	return refuse("RUN_ENDED", `the run is ${tx.state.status}`, {});
}

/** The node of a live lease: every part of it is compared. */
function leased(tx: Transaction, lease: Lease): number | Refusal {
	const { graph, epoch } = tx.state;
	let n = Started.numberOf(lease);
	if (n < 0 || graph.ids.get(n) !== lease.node) n = graph.index.get(lease.node) ?? -1;
	if (n < 0) return refuse("UNKNOWN_NODE", `there is no node "${lease.node}"`, { nodes: [lease.node] });
	const { nodes } = graph;
	if (
		nodes.state(n) === RUNNING &&
		nodes.lease(n) === lease.seq &&
		nodes.attempt(n) === lease.attempt &&
		epoch === lease.epoch
	) {
		return n;
	}
	return refuse(
		"STALE_LEASE",
		`the lease of attempt ${lease.attempt} of "${lease.node}" is over; the node is ${NODE_STATES[nodes.state(n)]}`,
		{
			nodes: [lease.node],
		},
	);
}

function claim(tx: Transaction, n: number, rules: Rules): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	const { nodes } = graph;
	if (state.ended) return runEnded(tx);
	if (n < 0 || n >= graph.size) return refuse("UNKNOWN_NODE", "there is no such node");
	const id = graph.id(n);
	if (state.status === "paused")
		return refuse("ILLEGAL_STATE", `the run is paused, so "${id}" cannot be claimed`, { nodes: [id] });
	if (nodes.state(n) !== READY) {
		return refuse("ILLEGAL_STATE", `"${id}" is ${NODE_STATES[nodes.state(n)]}, not ready`, { nodes: [id] });
	}
	const extras = nodes.has(n, STARTED) ? graph.extras.get(n) : undefined;
	const wake = extras?.wake;
	const continues = wake !== undefined;
	const attempt = continues ? nodes.attempt(n) : nodes.attempt(n) + 1;
	const lease = new Started(++state.seq, tx.now, id, attempt, state.epoch, n);
	tx.batch.push(lease);
	applyStarted(state, n, attempt, lease.seq);
	if (extras !== undefined) delete extras.parkedAt;
	if (rules.timed || graph.spec(n).timeout !== undefined) setTimeouts(tx, n, lease.seq, continues, rules);
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

/** Sets the timers of an attempt: its own time is what it holds a slot, the total runs from the first start. */
function setTimeouts(tx: Transaction, n: number, seq: number, continues: boolean, rules: Rules): void {
	const { graph } = tx.state;
	const limits: Timeouts | undefined = timeouts(rules.policies, graph.spec(n));
	if (limits === undefined) return;
	const extras = graph.extrasOf(n);
	const node = graph.id(n);
	if (!continues) extras.held = 0;
	extras.leasedAt = tx.now;
	extras.firstStart ??= tx.now;
	if (limits.attempt !== undefined) {
		graph.nodes.flag(n, HAS_TIMERS);
		const due = tx.now + Math.max(0, limits.attempt - (extras.held ?? 0));
		tx.batch.effects.push({ type: "timer", node, kind: "attempt", due, fence: seq });
	}
	if (limits.total !== undefined) {
		graph.nodes.flag(n, HAS_TIMERS);
		const due = extras.firstStart + limits.total + (extras.excused ?? 0);
		tx.batch.effects.push({ type: "timer", node, kind: "total", due, fence: extras.firstStart });
	}
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
	// A patch without effect leaves no event that could carry its key.
	if (tx.key !== undefined) state.keys.add(tx.key);
	tx.key = undefined;
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

function park(tx: Transaction, { lease, wait }: Extract<Command, { type: "park" }>): Accepted | Refusal {
	const n = leased(tx, lease);
	if (typeof n === "object") return n;
	const { state } = tx;
	const { graph } = state;
	const extras = graph.extrasOf(n);
	tx.stamp({ type: "node.parked", node: lease.node, attempt: lease.attempt, wait });
	if (extras.leasedAt !== undefined) extras.held = (extras.held ?? 0) + tx.now - extras.leasedAt;
	extras.parkedAt = tx.now;
	if (graph.nodes.has(n, HAS_TIMERS)) {
		tx.batch.effects.push({ type: "clearTimers", node: lease.node, kind: "attempt" });
		if (wait.kind !== "sleep") tx.batch.effects.push({ type: "clearTimers", node: lease.node, kind: "total" });
	}
	applyParked(state, n, wait);
	const kept = wait.kind === "signal" ? keptSignal(state, wait.name, lease.node) : undefined;
	if (kept !== undefined) {
		wake(tx, n, { kind: "signal", ...(kept.payload !== undefined && { payload: kept.payload }) });
	} else if (wait.until !== undefined) {
		graph.nodes.flag(n, HAS_TIMERS);
		tx.batch.effects.push({ type: "timer", node: lease.node, kind: "wait", due: wait.until, fence: wait.until });
	}
	return DONE;
}

function wake(tx: Transaction, n: number, how: Wake): void {
	const { state } = tx;
	const { graph } = state;
	const extras = graph.extrasOf(n);
	const node = graph.id(n);
	if (extras.wait !== undefined && (extras.wait.kind === "signal" || extras.wait.kind === "approval")) {
		extras.excused = (extras.excused ?? 0) + tx.now - (extras.parkedAt ?? tx.now);
	}
	if (graph.nodes.has(n, HAS_TIMERS)) tx.batch.effects.push({ type: "clearTimers", node, kind: "wait" });
	const event = { type: "node.woken", node, attempt: graph.nodes.attempt(n), wake: how } as const;
	tx.stamp(event);
	applyWoken(state, n, event);
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
			abort(tx, n, "TIMEOUT");
			failAttempt(tx, n, timeoutError(command.node, "attempt", rules, tx, n), rules, true);
			return DONE;
		case "total":
			if (firstStart !== command.fence || !nodes.has(n, STARTED)) return lateTimer(command);
			// An eager outcome that waits to be confirmed takes no time any more.
			if (nodes.state(n) !== RUNNING && nodes.state(n) !== WAITING && nodes.state(n) !== READY)
				return lateTimer(command);
			abort(tx, n, "TIMEOUT");
			failFinally(tx, n, timeoutError(command.node, "total", rules, tx, n), rules);
			return DONE;
	}
}

function lateTimer(command: Extract<Command, { type: "timer" }>): Refusal {
	return refuse("STALE_LEASE", `a timer of "${command.node}" came late`, { nodes: [command.node] });
}

function timeoutError(
	node: string,
	which: "attempt" | "total",
	rules: Rules,
	tx: Transaction,
	n: number,
): ReturnType<typeof errorInfo> {
	const limit = timeouts(rules.policies, tx.state.graph.spec(n))?.[which] ?? 0;
	return {
		code: "TIMEOUT",
		message:
			which === "attempt"
				? `an attempt of "${node}" took longer than ${limit} ms`
				: `"${node}" took longer than ${limit} ms in all`,
		nodes: [node],
	};
}

function signal(tx: Transaction, command: Extract<Command, { type: "signal" }>): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	if (command.node !== undefined && !graph.index.has(command.node)) {
		return refuse("UNKNOWN_NODE", `there is no node "${command.node}"`, { nodes: [command.node] });
	}
	// The one that has waited for longest: the earliest park.
	let oldest = -1;
	let since = Number.POSITIVE_INFINITY;
	if (state.awaiting > 0) {
		for (const [n, extras] of graph.extras) {
			if (graph.nodes.state(n) !== WAITING || extras.wait?.kind !== "signal" || extras.wait.name !== command.name)
				continue;
			if (command.node !== undefined && graph.id(n) !== command.node) continue;
			if ((extras.parkedAt ?? 0) >= since) continue;
			oldest = n;
			since = extras.parkedAt ?? 0;
		}
	}
	if (oldest >= 0) {
		wake(tx, oldest, { kind: "signal", ...(command.payload !== undefined && { payload: command.payload }) });
		return DONE;
	}
	tx.stamp({
		type: "run.signalled",
		name: command.name,
		...(command.payload !== undefined && { payload: command.payload }),
		...(command.node !== undefined && { for: command.node }),
	});
	keepSignal(state, command.name, command.payload, command.node);
	return DONE;
}

function answerApproval(tx: Transaction, id: string, how: Wake): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const n = graph.index.get(id);
	if (n === undefined) return refuse("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] });
	if (graph.nodes.state(n) !== WAITING || graph.extras.get(n)?.wait?.kind !== "approval") {
		return refuse("ILLEGAL_STATE", `"${id}" is ${NODE_STATES[graph.nodes.state(n)]} and waits for no approval`, {
			nodes: [id],
		});
	}
	wake(tx, n, how);
	return DONE;
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

/** Starts a run that was created: its nodes become ready from now on. */
export function startRun(tx: Transaction, rules: Rules): void {
	tx.stamp({ type: "run.started" });
	tx.state.status = "running";
	follow(tx, rules);
}
