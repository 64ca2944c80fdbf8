import type { Refusal } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { Command } from "./command.js";
import { type Accepted, DONE, leased } from "./fence.js";
import { applyStepped } from "./progress.js";
import { refuse, show } from "./spec.js";
import type { Transaction } from "./transaction.js";

/** More would make a node's state as large as a graph's: what repeats without end belongs into nodes. */
export const MAX_STEPS = 10_000;

/** An attempt has done a part of its work: the next one need not do it again. */
export function step(tx: Transaction, command: Extract<Command, { type: "step" }>): Accepted | Refusal {
	const { lease, name, value } = command;
	const n = leased(tx, lease);
	if (typeof n === "object") return n;
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
