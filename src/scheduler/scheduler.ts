import type { RunId } from "../core/ids.js";
import { RootTurns } from "./root-turns.js";
import type { RunQueue } from "./run-queue.js";

/** The slots that claimed nodes run in. */
export interface Slots {
	/** Free slots right now. */
	readonly free: number;
	/** Takes a free slot for a node that is about to be claimed. */
	reserve(): void;
	/** Gives a slot back whose claim led to nothing. */
	release(): void;
	/** Takes more slots where there is more to do, and ends those that have nothing to do. */
	balance(): void;
	/** Whether nothing is to be claimed before the event loop has had its turn. */
	readonly yielding: boolean;
}

/**
 * Decides which ready node goes next: slot first, claim second. Roots take turns, and within a root its
 * runs: who calls a hundred runs has no more turns than who calls none. It never polls: it looks when an
 * actor has decided something, when a slot is free, or when a limit is given back.
 */
export class Scheduler {
	/** Roots with runs that may have work, in the order of their turns. */
	#active: RootTurns[] = [];
	#turn = 0;
	/** How many claims there were, to see whether one came of a turn. */
	#claims = 0;
	readonly #queues = new Map<RunQueue, RootTurns>();
	readonly #roots = new Map<RunId, RootTurns>();
	#pumping = false;

	constructor(private readonly slots: Slots) {}

	/** Takes a run in. */
	add(queue: RunQueue): void {
		let root = this.#roots.get(queue.root);
		if (root === undefined) {
			root = new RootTurns(queue.root);
			this.#roots.set(queue.root, root);
		}
		root.runs++;
		this.#queues.set(queue, root);
		this.wake(queue);
	}

	/** Lets a run go. */
	remove(queue: RunQueue): void {
		const root = this.#queues.get(queue);
		if (root !== undefined) {
			this.#queues.delete(queue);
			root.drop(queue);
			// Until its last run goes a root keeps its place: one that calls again and again would else be next each time.
			if (--root.runs === 0) this.#forget(root);
		}
		queue.close();
	}

	#forget(root: RootTurns): void {
		this.#roots.delete(root.root);
		if (root.active) this.#drop(this.#active.indexOf(root));
	}

	/** A run may have work again. */
	wake(queue: RunQueue): void {
		if (queue.active || !queue.hasWork()) return;
		const root = this.#queues.get(queue);
		if (root === undefined) return;
		root.push(queue);
		if (root.active) return;
		root.active = true;
		// Its turn comes after those of all that wait already, however many come and go.
		if (this.#turn === 0) this.#active.push(root);
		else this.#active.splice(this.#turn++, 0, root);
	}

	/** Whether any run may have work. */
	get isIdle(): boolean {
		return this.#active.length === 0;
	}

	/**
	 * How many nodes are ready to start, over all runs, as far as is known. It is asked after every
	 * batch, so it counts no further than is of use, however many runs there are.
	 */
	depth(most: number): number {
		let depth = 0;
		for (let i = 0; i < this.#active.length && depth < most; i++) {
			depth += (this.#active[i] as RootTurns).depth(most - depth);
		}
		return depth;
	}

	/** Within the batch of a run's actor: claims for it as long as it is its turn. */
	fill(queue: RunQueue): void {
		queue.settleTurns();
		this.wake(queue);
		if (this.slots.free === 0 || this.slots.yielding) return;
		while (this.slots.free > 0 && this.#next() === queue) this.#claim(queue);
		queue.settleTurns();
		if (this.slots.free > 0 && this.#active.length > 0) this.pump();
	}

	/** Lets every run claim in its turn, after what is going on now. */
	pump(): void {
		if (this.#pumping) return;
		this.#pumping = true;
		queueMicrotask(() => {
			this.#pumping = false;
			this.#pumpNow();
			this.slots.balance();
		});
	}

	#pumpNow(): void {
		while (this.slots.free > 0 && !this.slots.yielding) {
			const queue = this.#next();
			if (queue === undefined) return;
			const claims = this.#claims;
			queue.actor.poke();
			// A break that began meanwhile is no lack of work: the runs keep their turns until it is over.
			if (this.slots.yielding) return;
			// It was its turn and nothing came of it: it has no work, whatever it seems.
			if (this.#claims === claims && this.slots.free > 0 && this.#next() === queue) {
				this.#queues.get(queue)?.drop(queue);
			}
		}
	}

	/** The run whose turn it is; those without work drop out on the way. */
	#next(): RunQueue | undefined {
		while (this.#active.length > 0) {
			if (this.#turn >= this.#active.length) this.#turn = 0;
			const root = this.#active[this.#turn] as RootTurns;
			const queue = root.head;
			if (queue === undefined) this.#drop(this.#turn);
			else if (queue.hasWork()) return queue;
			else root.drop(queue);
		}
		return undefined;
	}

	/** @param queue - whose turn it is */
	#claim(queue: RunQueue): void {
		const root = this.#active[this.#turn] as RootTurns;
		const n = queue.take();
		if (n < 0) {
			root.drop(queue);
			return;
		}
		root.pass();
		this.#turn++;
		this.#claims++;
		this.slots.reserve();
		queue.running++;
		const answer = queue.actor.claim(n, queue.refusal);
		if (!("code" in answer) && "input" in answer) return;
		// A reference of its input led nowhere, or its limits: the attempt has failed without a function to run.
		this.slots.release();
		queue.undo(n);
	}

	#drop(at: number): void {
		const root = this.#active[at];
		if (root === undefined) return;
		root.active = false;
		this.#active.splice(at, 1);
		if (at < this.#turn) this.#turn--;
	}
}
