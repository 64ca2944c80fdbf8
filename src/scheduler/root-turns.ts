import type { RunId } from "../core/ids.js";
import type { RunQueue } from "./run-queue.js";

/** The runs that go back to one root, itself and what was called below it: together they have one turn in each round. */
export class RootTurns {
	/** How many runs the scheduler has of it. */
	runs = 0;
	/** Whether the scheduler has it among the roots with work. */
	active = false;
	/** The run whose turn it is, kept at hand: it is asked for several times a claim. */
	head: RunQueue | undefined;
	/** Runs that may have work, in the order of their turns. */
	readonly #queues: RunQueue[] = [];
	#turn = 0;

	constructor(readonly root: RunId) {}

	/** A run may have work: its turn comes after those of all that wait already, however many come and go. */
	push(queue: RunQueue): void {
		queue.active = true;
		if (this.#turn === 0) this.#queues.push(queue);
		else this.#queues.splice(this.#turn++, 0, queue);
		this.head ??= queue;
	}

	/** The run whose turn it was has had it. */
	pass(): void {
		if (this.#queues.length === 1) return;
		this.#turn++;
		this.#settle();
	}

	drop(queue: RunQueue): void {
		if (queue.active) this.#drop(this.#queues.indexOf(queue));
	}

	/** How many nodes could be started, as far as is known; it counts no further than is of use. */
	depth(most: number): number {
		let depth = 0;
		for (let i = 0; i < this.#queues.length && depth < most; i++) depth += (this.#queues[i] as RunQueue).depth;
		return depth;
	}

	#drop(at: number): void {
		const queue = this.#queues[at];
		if (queue === undefined) return;
		queue.active = false;
		this.#queues.splice(at, 1);
		if (at < this.#turn) this.#turn--;
		this.#settle();
	}

	#settle(): void {
		if (this.#turn >= this.#queues.length) this.#turn = 0;
		this.head = this.#queues[this.#turn];
	}
}
