import type { ErrorInfo, Refusal } from "../core/errors.js";
import { waitKey } from "../core/wait-key.js";
import type { Command } from "./command.js";
import { waitReason } from "./explain.js";
import { type Accepted, DONE, leased, runEnded } from "./fence.js";
import { HAS_TIMERS, WAITING } from "./node-table.js";
import { failFinally, type OutcomeRules, stampWoken } from "./outcome.js";
import { checkAnswer, checkChoice, checkQuestion } from "./questions.js";
import { refuse, refuseNotPlain, show, unknownNode } from "./spec.js";
import type { RunState } from "./state.js";
import { setTotalTimeout } from "./time-limits.js";
import type { Transaction } from "./transaction.js";
import type { Wait, Wake } from "./types.js";
import { applyParked, isExcused, keepSignal, keptSignal } from "./waiting.js";

/** How many ends of waits of one kind a durable run remembers for a node. */
const MAX_REMEMBERED = 10_000;

/** An attempt gives its lease back and waits: for time, a signal or a person. */
export function park(tx: Transaction, { lease, wait }: Extract<Command, { type: "park" }>): Accepted | Refusal {
	const n = leased(tx, lease);
	if (typeof n === "object") return n;
	const unfit = checkWait(wait);
	if (unfit !== undefined) return unfit;
	const { state } = tx;
	const { graph } = state;
	if ((graph.extras.get(n)?.waited?.get(waitKey(wait))?.length ?? 0) >= MAX_REMEMBERED) {
		return refuse("LIMIT_EXCEEDED", `node "${lease.node}" has waited ${MAX_REMEMBERED} times for the same`, {
			nodes: [lease.node],
			hint: "what repeats without end belongs into nodes of its own",
		});
	}
	tx.stamp({ type: "node.parked", node: lease.node, attempt: lease.attempt, wait });
	if (graph.nodes.has(n, HAS_TIMERS)) {
		tx.batch.effects.push({ type: "clearTimers", node: lease.node, kind: "attempt" });
		if (isExcused(wait)) tx.batch.effects.push({ type: "clearTimers", node: lease.node, kind: "total" });
	}
	applyParked(state, n, wait, tx.now);
	const kept = wait.kind === "signal" ? keptSignal(state, wait.name, lease.node) : undefined;
	if (kept !== undefined) {
		wake(tx, n, { kind: "signal", ...(kept.payload !== undefined && { payload: kept.payload }) });
	} else if (wait.until !== undefined) {
		graph.nodes.flag(n, HAS_TIMERS);
		tx.batch.effects.push({ type: "timer", node: lease.node, kind: "wait", due: wait.until, fence: wait.until });
	}
	return DONE;
}

/** A signal wakes the node that has waited for it longest, or is kept. */
export function signal(tx: Transaction, command: Extract<Command, { type: "signal" }>): Accepted | Refusal {
	const { state } = tx;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const unfit = checkName(command.name) ?? refuseNotPlain("the payload of a signal", command.payload);
	if (unfit !== undefined) return unfit;
	if (command.node !== undefined && !graph.index.has(command.node)) {
		return unknownNode(command.node);
	}
	const oldest = listener(state, command.name, command.node);
	if (oldest !== undefined) {
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

/** The node that has waited for a signal longest; or the given one, if it waits for it. */
function listener({ graph, listening }: RunState, name: string, node: string | undefined): number | undefined {
	const waiting = listening.get(name);
	if (node === undefined) return waiting?.values().next().value;
	const n = graph.index.get(node);
	return n !== undefined && waiting?.has(n) ? n : undefined;
}

/** A person answers a node that waits for approval. */
export function answerApproval(
	tx: Transaction,
	command: Extract<Command, { type: "answer" }>,
	rules: OutcomeRules,
): Accepted | Refusal {
	const { state } = tx;
	const { node: id, wake: how } = command;
	const { graph } = state;
	if (state.ended) return runEnded(tx);
	const n = graph.index.get(id);
	if (n === undefined) return unknownNode(id);
	const { wait, parkedAt } = graph.extras.get(n) ?? {};
	if (graph.nodes.state(n) !== WAITING || wait?.kind !== "approval") {
		return refuse("ILLEGAL_STATE", `"${id}" is ${graph.stateName(n)} and waits for no approval`, {
			nodes: [id],
			...(wait !== undefined && wait.kind !== "retry" && { hint: waitReason(wait) }),
		});
	}
	const unfit =
		refuseNotPlain("the answer to an approval", { ...how }) ??
		checkAnswer(command, wait, parkedAt) ??
		checkChoice(id, wait, how);
	if (unfit !== undefined) return unfit;
	// Where the question was whether it may run again, there is no function to hear a no.
	if (wait.resume !== undefined && how.kind === "rejected") failFinally(tx, n, refusedToResume(id, wait, how), rules);
	else wake(tx, n, how);
	return DONE;
}

function refusedToResume(
	node: string,
	{ resume, reason }: Extract<Wait, { kind: "approval" }>,
	{ by, reason: why }: Extract<Wake, { kind: "rejected" }>,
): ErrorInfo {
	const who = by === undefined ? "" : ` by ${by}`;
	return {
		code: resume === "crash" ? "CRASHED" : "VERSION_MISMATCH",
		message: `${reason} Rejected${who}${why === undefined ? "" : `: ${why}`}`,
		nodes: [node],
	};
}

/** Ends a wait: the node is ready again. */
export function wake(tx: Transaction, n: number, how: Wake): void {
	const { state } = tx;
	const { graph } = state;
	const extras = graph.extrasOf(n);
	const node = graph.id(n);
	const excused = extras.wait !== undefined && isExcused(extras.wait);
	if (graph.nodes.has(n, HAS_TIMERS)) tx.batch.effects.push({ type: "clearTimers", node, kind: "wait" });
	stampWoken(tx, n, how);
	// From here on it counts again, also while the node waits for a slot.
	if (excused) setTotalTimeout(tx, n, extras);
}

function checkWait(wait: Wait): Refusal | undefined {
	const { kind, until } = (wait ?? {}) as Partial<Wait>;
	if (kind !== "sleep" && kind !== "signal" && kind !== "approval" && kind !== "child")
		return refuse("INVALID_INPUT", `${show(wait)} is nothing to wait for: use kind sleep, signal, approval or child`);
	if (wait.kind === "child") return checkName(wait.run) ?? checkName(wait.name) ?? refuseNotPlain("a wait", wait);
	if (!(until === undefined ? kind !== "sleep" : Number.isFinite(until)))
		return refuse("INVALID_INPUT", `a wait ends at ${show(until)}, which is no time of the clock`);
	if (kind === "approval" && "resume" in wait)
		return refuse("INVALID_INPUT", "an attempt cannot ask whether it may be resumed");
	if (wait.kind === "signal") return checkName(wait.name) ?? refuseNotPlain("a wait", wait);
	if (wait.kind === "approval") return refuseNotPlain("a wait", wait) ?? checkQuestion(wait);
	return refuseNotPlain("a wait", wait);
}

function checkName(name: unknown): Refusal | undefined {
	if (typeof name === "string" && name !== "") return undefined;
	return refuse("INVALID_INPUT", `a signal is called ${show(name)}, not by a string with a character in it`);
}
