import type { Refusal } from "../core/errors.js";
import { Started } from "./lease.js";
import { RUNNING } from "./node-table.js";
import { refuse, show, unknownNode } from "./spec.js";
import type { Transaction } from "./transaction.js";
import type { Lease, Wake } from "./types.js";

/** What a command that was accepted gives back. */
export interface Accepted {
	readonly lease?: Lease;
	/** With a lease: the input, its references replaced. */
	readonly input?: unknown;
	/** With a lease that continues a parked attempt: what ended its wait. */
	readonly wake?: Wake | undefined;
	/** With a chunk: the number of its event. */
	readonly seq?: number;
}

/** Accepted, with nothing to give back. */
export const DONE: Accepted = Object.freeze({});

/** The refusal of whatever comes after the end. */
export function runEnded(tx: Transaction): Refusal {
	return refuse("RUN_ENDED", `the run is ${tx.state.status}`, {});
}

/** The node of a live lease: every part of it is compared. */
export function leased(tx: Transaction, lease: Lease): number | Refusal {
	const { graph, epoch } = tx.state;
	if (typeof lease !== "object" || lease === null) return refuse("STALE_LEASE", `${show(lease)} is no lease`);
	let n = Started.numberOf(lease);
	if (n < 0 || graph.ids.get(n) !== lease.node) n = graph.index.get(lease.node) ?? -1;
	if (n < 0) return unknownNode(lease.node);
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
		`the lease of attempt ${show(lease.attempt)} of "${lease.node}" is over; the node is ${graph.stateName(n)}`,
		{
			nodes: [lease.node],
		},
	);
}
