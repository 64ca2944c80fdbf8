import { Scratch } from "../core/scratch.js";
import type { Graph } from "./graph.js";
import {
	JOIN_ALL,
	JOIN_ALWAYS,
	JOIN_AT_LEAST,
	JOIN_FAILED,
	JOIN_SETTLED,
	PENDING,
	READY,
	SPECULATIVE,
	STARTED,
	TOUCHED,
} from "./node-table.js";
import { TRIGGER } from "./triggers.js";

/** What a join says of its dependencies. */
export const UNMET = 0;
export const MET = 1;
export const DEAD = 2;

/**
 * Which nodes can start. Each join is a function of five counters, so an ended dependency costs its
 * dependents a constant each; ready nodes are a linked list in the order in which they became ready.
 */
export class Frontier {
	/** The first ready node plus one, 0 when none is ready. */
	#head = 0;
	#tail = 0;
	/** Nodes whose joins wait to be evaluated, in order, each once. */
	readonly #touched = new Scratch<number>();
	#evaluated = 0;
	/** Hears of each node that becomes ready; for schedulers that keep an order of their own. */
	onReady: ((n: number, before: boolean) => void) | undefined;

	constructor(private readonly graph: Graph) {}

	/** The node that has been ready for longest, -1 when none is. */
	first(): number {
		return this.#head - 1;
	}

	/** The one that became ready after it, -1 at the end. */
	next(n: number): number {
		return this.graph.nodes.nextReady(n) - 1;
	}

	/** Whether its neighbours in the list, or the ends of it, lead to a ready node. */
	isListed(n: number): boolean {
		const { nodes } = this.graph;
		const { size } = nodes;
		const prev = nodes.prevReady(n);
		const next = nodes.nextReady(n);
		if (prev < 0 || prev > size || next < 0 || next > size) return false;
		const before = prev === 0 ? this.#head : nodes.nextReady(prev - 1);
		const after = next === 0 ? this.#tail : nodes.prevReady(next - 1);
		return before === n + 1 && after === n + 1;
	}

	/** Asks for a join to be evaluated at the end of the command. */
	touch(n: number): void {
		const { nodes } = this.graph;
		if (nodes.has(n, TOUCHED | STARTED)) return;
		nodes.flag(n, TOUCHED);
		this.#touched.push(n);
	}

	/** Touches a node that was just added and linked, unless it plainly has to wait: most do. */
	touchFresh(n: number): void {
		const { nodes } = this.graph;
		const plainlyWaits = nodes.join(n) === JOIN_ALL && nodes.open(n) > 0 && nodes.failed(n) + nodes.lost(n) === 0;
		if (!plainlyWaits) this.touch(n);
	}

	/** Forgets what was touched since `length`: what touched it was undone. */
	untouch(length: number): void {
		const { graph } = this;
		for (let i = length; i < this.#touched.length; i++) {
			const n = this.#touched.at(i);
			if (n < graph.size) graph.nodes.unflag(n, TOUCHED);
		}
		this.#touched.truncate(length);
	}

	get touchedCount(): number {
		return this.#touched.length;
	}

	/**
	 * Evaluates touched joins, breadth-first, up to one that can no longer be met.
	 *
	 * @returns an unstarted node, which the caller must end before it asks again; -1 when all are evaluated
	 */
	nextDead(): number {
		const touched = this.#touched;
		const { nodes } = this.graph;
		while (this.#evaluated < touched.length) {
			const n = touched.at(this.#evaluated++);
			nodes.unflag(n, TOUCHED);
			const state = nodes.state(n);
			if (state !== PENDING && state !== READY && state !== SPECULATIVE) continue;
			if (nodes.has(n, STARTED)) continue;
			const join = this.judge(n);
			if (join === DEAD) return n;
			if (join === MET) {
				if (state === PENDING) this.push(n);
				// Its priority may be another one now.
				else if (state === READY) this.onReady?.(n, true);
			} else if (state === READY) this.withdraw(n);
		}
		if (this.#evaluated > 0) {
			touched.truncate(0);
			this.#evaluated = 0;
		}
		return -1;
	}

	/** What the join of a node says right now. */
	judge(n: number): number {
		const { nodes } = this.graph;
		const join = nodes.join(n);
		const open = nodes.open(n);
		if (join === JOIN_ALL) {
			if (nodes.failed(n) + nodes.lost(n) > 0) return DEAD;
			return open + nodes.blockFailed(n) === 0 ? MET : UNMET;
		}
		return judgeCounts(join, nodes.need(n), open, nodes.ok(n), nodes.failed(n), nodes.lost(n), nodes.blockFailed(n));
	}

	/** A pending node becomes ready, behind those that are. */
	push(n: number): void {
		this.graph.transition(n, TRIGGER.SATISFY);
		this.#enqueue(n);
	}

	/** A waiting node becomes ready again. */
	wake(n: number): void {
		this.graph.transition(n, TRIGGER.WAKE);
		this.#enqueue(n);
	}

	/** A ready node goes back to pending. */
	withdraw(n: number): void {
		this.remove(n);
		this.graph.transition(n, TRIGGER.UNSATISFY);
	}

	/** Takes a node out of the list; its state is the caller's to change. */
	remove(n: number): void {
		const { nodes } = this.graph;
		const prev = nodes.prevReady(n);
		const next = nodes.nextReady(n);
		if (prev === 0) this.#head = next;
		else nodes.setNextReady(prev - 1, next);
		if (next === 0) this.#tail = prev;
		else nodes.setPrevReady(next - 1, prev);
	}

	/** Undoes the latest {@link remove}: the neighbours must be as they were. */
	putBack(n: number): void {
		const { nodes } = this.graph;
		const prev = nodes.prevReady(n);
		const next = nodes.nextReady(n);
		if (prev === 0) this.#head = n + 1;
		else nodes.setNextReady(prev - 1, n + 1);
		if (next === 0) this.#tail = n + 1;
		else nodes.setPrevReady(next - 1, n + 1);
	}

	#enqueue(n: number): void {
		const { nodes } = this.graph;
		nodes.setPrevReady(n, this.#tail);
		nodes.setNextReady(n, 0);
		if (this.#tail === 0) this.#head = n + 1;
		else nodes.setNextReady(this.#tail - 1, n + 1);
		this.#tail = n + 1;
		if (this.onReady !== undefined) this.onReady(n, false);
	}
}

/**
 * What a join says, as a pure function of the counters.
 *
 * @param need - completed dependencies that `atLeast` asks for; it falls to the number left when edges go
 */
export function judgeCounts(
	join: number,
	need: number,
	open: number,
	ok: number,
	failed: number,
	lost: number,
	blockFailed: number,
): number {
	switch (join) {
		case JOIN_ALL:
			if (failed + lost > 0) return DEAD;
			return open + blockFailed === 0 ? MET : UNMET;
		case JOIN_AT_LEAST: {
			const wanted = Math.min(need, open + ok + failed + lost + blockFailed);
			if (ok >= wanted) return MET;
			// A block-failure may still be repaired, so it does not kill the join.
			return ok + open + blockFailed < wanted ? DEAD : UNMET;
		}
		case JOIN_FAILED:
			if (failed + blockFailed > 0) return MET;
			return open === 0 ? DEAD : UNMET;
		case JOIN_SETTLED:
		case JOIN_ALWAYS:
			return open === 0 ? MET : UNMET;
		default:
			throw new Error(`no join has the number ${join}`);
	}
}
