import type { RunId } from "../core/ids.js";
import type { LimitWaiter, Turn } from "./limit-ask.js";
import { ReadyQueue } from "./ready-queue.js";

/** What waits at a key for one run. */
export interface Line {
	readonly waiter: LimitWaiter;
	/** Attempts that go on after a wait: they need no more than a unit. */
	readonly resuming: ReadyQueue;
	readonly fresh: ReadyQueue;
	/** Promises made to nodes that have not tried yet. */
	readonly turns: Set<Turn>;
}

/** The runs that wait at a key. Roots take turns, and within a root its runs: whoever was woken goes behind the others. */
export class LimitLines {
	/** By root, in the order of their turns, and there by run likewise. */
	readonly #roots = new Map<RunId, Map<LimitWaiter, Line>>();
	/** Runs that lost a turn to a node of several limits: they come before the others. */
	readonly #robbed = new Map<LimitWaiter, Line>();

	get isEmpty(): boolean {
		return this.#roots.size === 0;
	}

	get(waiter: LimitWaiter): Line | undefined {
		return this.#roots.get(waiter.root)?.get(waiter);
	}

	/** @returns the line of a run that has none */
	add(waiter: LimitWaiter): Line {
		const line: Line = { waiter, resuming: new ReadyQueue(), fresh: new ReadyQueue(), turns: new Set() };
		const lines = this.#roots.get(waiter.root);
		if (lines === undefined) this.#roots.set(waiter.root, new Map<LimitWaiter, Line>().set(waiter, line));
		else lines.set(waiter, line);
		return line;
	}

	remove(waiter: LimitWaiter): void {
		this.#robbed.delete(waiter);
		const lines = this.#roots.get(waiter.root);
		lines?.delete(waiter);
		if (lines?.size === 0) this.#roots.delete(waiter.root);
	}

	/** A run lost the turn that it had: the next one is its own. */
	rob(line: Line): void {
		this.#robbed.set(line.waiter, line);
	}

	/** A run had its turn, and so had its root. */
	pass(line: Line): void {
		const { waiter } = line;
		this.#robbed.delete(waiter);
		const lines = this.#roots.get(waiter.root);
		if (lines === undefined) return;
		if (this.#roots.size > 1) {
			this.#roots.delete(waiter.root);
			this.#roots.set(waiter.root, lines);
		}
		if (lines.size > 1) {
			lines.delete(waiter);
			lines.set(waiter, line);
		}
	}

	/**
	 * Whose turn it is first, group by group. A run that was robbed comes a second time: what was of no use then is of none
	 * now.
	 */
	inOrder(): Iterable<ReadonlyMap<LimitWaiter, Line>> {
		return this.#robbed.size === 0 ? this.#roots.values() : [this.#robbed, ...this.#roots.values()];
	}

	/** How many nodes wait. */
	get waiting(): number {
		let waiting = 0;
		for (const lines of this.#roots.values())
			for (const { resuming, fresh } of lines.values()) waiting += resuming.size + fresh.size;
		return waiting;
	}
}
