import type { ErrorInfo } from "../core/errors.js";
import type { Extras } from "./graph.js";
import { HAS_TIMERS } from "./node-table.js";
import { type PolicySource, type Timeouts, timeouts } from "./policies.js";
import type { Transaction } from "./transaction.js";

/** Sets the timers of an attempt: its own time is what it holds a slot, the total runs from the first start. */
export function setTimeouts(tx: Transaction, n: number, seq: number, policies: PolicySource): void {
	const { graph } = tx.state;
	const limits: Timeouts | undefined = timeouts(policies, graph.spec(n));
	if (limits === undefined) return;
	const extras = graph.extrasOf(n);
	const node = graph.id(n);
	if (limits.attempt !== undefined) {
		graph.nodes.flag(n, HAS_TIMERS);
		const due = tx.now + Math.max(0, limits.attempt - (extras.held ?? 0));
		tx.batch.effects.push({ type: "timer", node, kind: "attempt", due, fence: seq });
	}
	extras.total = limits.total;
	setTotalTimeout(tx, n, extras);
}

/** Sets the timer of a node's total, which leaves out what approvals and signals took. */
export function setTotalTimeout(tx: Transaction, n: number, { firstStart, total, excused = 0 }: Extras): void {
	if (total === undefined || firstStart === undefined) return;
	const { graph } = tx.state;
	graph.nodes.flag(n, HAS_TIMERS);
	const due = firstStart + total + excused;
	tx.batch.effects.push({ type: "timer", node: graph.id(n), kind: "total", due, fence: firstStart });
}

/** An attempt, or all of them together, took too long. */
export function timeoutError(
	tx: Transaction,
	n: number,
	which: "attempt" | "total",
	policies: PolicySource,
): ErrorInfo {
	const { graph } = tx.state;
	const node = graph.id(n);
	const limit = timeouts(policies, graph.spec(n))?.[which] ?? 0;
	const message =
		which === "attempt"
			? `an attempt of "${node}" took longer than ${limit} ms`
			: `"${node}" took longer than ${limit} ms in all`;
	return { code: "TIMEOUT", message, nodes: [node] };
}
