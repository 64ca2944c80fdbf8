import { SwarmError } from "../core/errors.js";
import { type ReadyEntry, ReadyQueue } from "./ready-queue.js";

/** Who is told when one of its waiting nodes may try again. */
export interface LimitWaiter {
	/** Whether it could start a node now. A turn is of no use to one that could not. */
	readonly isOpen: boolean;
	retry(entry: ReadyEntry): void;
}

interface Key {
	readonly capacity: number;
	used: number;
	/** Waiting nodes, by run; runs take turns. */
	readonly waiting: Map<LimitWaiter, ReadyQueue>;
}

/**
 * Named limits on how many attempts run at a time, shared by all runs of a swarm. Several keys are
 * taken all or none; a node that finds one used up waits in that key's queue, out of the way.
 */
export class Limits {
	readonly #keys = new Map<string, Key>();

	/**
	 * @param capacities - by name, whole numbers of at least 1
	 * @throws SwarmError `INVALID_OPTION`
	 */
	constructor(capacities: Iterable<readonly [string, number]>) {
		for (const [name, capacity] of capacities) {
			if (!Number.isInteger(capacity) || capacity < 1) {
				throw new SwarmError(
					"INVALID_OPTION",
					`the limit "${name}" is ${String(capacity)}, not a whole number of at least 1`,
				);
			}
			this.#keys.set(name, { capacity, used: 0, waiting: new Map() });
		}
	}

	has(name: string): boolean {
		return this.#keys.has(name);
	}

	/**
	 * Takes one unit of every key, or none of any.
	 *
	 * @returns the first key that is used up, or undefined when all were taken
	 */
	take(names: readonly string[]): string | undefined {
		for (const name of names) {
			const key = this.#key(name);
			if (key.used >= key.capacity) return name;
		}
		for (const name of names) this.#key(name).used++;
		return undefined;
	}

	/** Lets a node wait until a unit of a key is given back. */
	wait(name: string, waiter: LimitWaiter, entry: ReadyEntry): void {
		const { waiting } = this.#key(name);
		let queue = waiting.get(waiter);
		if (queue === undefined) {
			queue = new ReadyQueue();
			waiting.set(waiter, queue);
		}
		queue.push(entry);
	}

	/** Gives back what {@link take} took, and lets one waiting node a key try again. */
	release(names: readonly string[]): void {
		for (const name of names) this.#key(name).used--;
		for (const name of names) this.#wakeOne(name);
	}

	/**
	 * Hands a turn on that a node could not use: it was stopped by another key, or has gone. Without it
	 * a free unit would lie idle while others sleep on it.
	 */
	passOn(names: readonly string[], except?: string): void {
		for (const name of names) if (name !== except) this.#wakeOne(name);
	}

	/** Forgets a run's waiting nodes, and lets others have the turns that it held. */
	forget(waiter: LimitWaiter): void {
		for (const { waiting } of this.#keys.values()) waiting.delete(waiter);
		this.wakeFree();
	}

	/** Lets as many waiting nodes try again as there are free units: some may have been offered to who cannot use them. */
	wakeFree(): void {
		for (const [name, { capacity, used }] of this.#keys) {
			for (let i = used; i < capacity && this.#wakeOne(name); i++);
		}
	}

	/** @returns whether one was there to wake */
	#wakeOne(name: string): boolean {
		const key = this.#key(name);
		if (key.used >= key.capacity) return false;
		for (const [waiter, queue] of key.waiting) {
			if (!waiter.isOpen) continue;
			const entry = queue.pop();
			key.waiting.delete(waiter);
			if (entry === undefined) continue;
			// Behind the others, so that runs take turns.
			if (queue.size > 0) key.waiting.set(waiter, queue);
			entry.turn = name;
			waiter.retry(entry);
			return true;
		}
		return false;
	}

	#key(name: string): Key {
		const key = this.#keys.get(name);
		if (key === undefined)
			throw new SwarmError("INVALID_SPEC", `there is no limit "${name}"`, {
				hint: "add it to createSwarm({ limits })",
			});
		return key;
	}
}

/** The key under which an agent's own concurrency is counted. No name of a limit has a NUL in it. */
export function agentKey(name: string): string {
	return `agent\0${name}`;
}
