import type { Clock, Timer } from "../core/clock.js";

/**
 * Names that wait until they have been left alone for a while. The last touch counts, not the first: whoever acts on the
 * first one misses what comes right after it.
 */
export class Settling {
	/** When each is due. All wait equally long, so that those touched last stand last. */
	readonly #due = new Map<string, number>();
	#timer: Timer | undefined;

	/**
	 * @param settle - milliseconds
	 * @param settled - called when there is something to take
	 */
	constructor(
		private readonly clock: Clock,
		private readonly settle: number,
		private readonly settled: () => void,
	) {}

	get size(): number {
		return this.#due.size;
	}

	has(name: string): boolean {
		return this.#due.has(name);
	}

	touch(name: string): void {
		this.#due.delete(name);
		this.#due.set(name, this.clock.now() + this.settle);
		this.#arm();
	}

	/** Those that are due, at most so many; a call follows for those that are not. */
	take(most: number): string[] {
		const now = this.clock.now();
		const taken: string[] = [];
		for (const [name, due] of this.#due) {
			if (due > now || taken.length === most) break;
			taken.push(name);
		}
		for (const name of taken) this.#due.delete(name);
		this.#arm();
		return taken;
	}

	clear(): void {
		this.#due.clear();
		if (this.#timer !== undefined) this.clock.clear(this.#timer);
		this.#timer = undefined;
	}

	#arm(): void {
		const [first] = this.#due.values();
		if (first === undefined || this.#timer !== undefined) return;
		this.#timer = this.clock.set(first, () => {
			this.#timer = undefined;
			const [due = Number.POSITIVE_INFINITY] = this.#due.values();
			// Touched again since the timer was set.
			if (due > this.clock.now()) this.#arm();
			else this.settled();
		});
	}
}
