import type { Refusal } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { Command } from "./command.js";
import { type Accepted, DONE, leased } from "./fence.js";
import { READY, RUNNING, WAITING } from "./node-table.js";
import { applyStepped } from "./progress.js";
import { refuse, show } from "./spec.js";
import type { Transaction } from "./transaction.js";
import type { Lease } from "./types.js";

/** More would make a node's state as large as a graph's: what repeats without end belongs into nodes. */
const MAX_STEPS = 10_000;

/**
 * The node of an attempt that has given its lease back to wait, and will go on or does already, under another one: parts of
 * its work may end meanwhile.
 */
export function goesOn({ state }: Transaction, lease: Lease): number | undefined {
	const { graph, epoch } = state;
	const n = graph.index.get(lease?.node);
	if (n === undefined || graph.nodes.attempt(n) !== lease.attempt || epoch !== lease.epoch) return undefined;
	const { wait, wake, lost } = graph.extras.get(n) ?? {};
	const waits = graph.nodes.state(n) === WAITING && wait?.kind !== "retry";
	const isWoken = graph.nodes.state(n) === READY && wake !== undefined;
	const hasGoneOn = graph.nodes.state(n) === RUNNING && lease.seq < graph.nodes.lease(n);
	return hasGoneOn || ((waits || isWoken) && lost !== true) ? n : undefined;
}

/** An attempt has done a part of its work: the next one need not do it again. */
export function step(tx: Transaction, command: Extract<Command, { type: "step" }>): Accepted | Refusal {
	const { lease, name, value } = command;
	const live = leased(tx, lease);
	const n = typeof live === "object" ? goesOn(tx, lease) : live;
	if (n === undefined) return live as Refusal;
	if (typeof name !== "string" || name === "")
		return refuse("INVALID_INPUT", `a step is called ${show(name)}, not by a string with a character in it`);
	const wrong = value === undefined ? undefined : findNotPlain(value);
	if (wrong !== undefined) {
		return refuse("INVALID_OUTPUT", `step "${name}" of "${lease.node}" gave ${wrong.found} at "${wrong.path}"`, {
			nodes: [lease.node],
			path: wrong.path,
			hint: "results of steps are JSON values, undefined in objects, and Uint8Array",
		});
	}
	const steps = tx.state.graph.extras.get(n)?.steps;
	if (steps?.has(name) === true) {
		return refuse("DUPLICATE_STEP", `node "${lease.node}" has done step "${name}"`, { nodes: [lease.node] });
	}
	if ((steps?.size ?? 0) >= MAX_STEPS) {
		return refuse("LIMIT_EXCEEDED", `node "${lease.node}" has done ${MAX_STEPS} steps`, { nodes: [lease.node] });
	}
	tx.stamp({
		type: "node.stepped",
		node: lease.node,
		attempt: lease.attempt,
		name,
		...(value !== undefined && { value }),
	});
	applyStepped(tx.state, n, name, value);
	return DONE;
}
