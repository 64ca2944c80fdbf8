import type { Clock, Timer } from "../core/clock.js";

/** A clock that knows which of the timers set through it are still to fire. */
export class WatchedClock implements Clock {
	readonly #set = new Set<Timer>();

	constructor(private readonly clock: Clock) {}

	/** Timers that are set. */
	get pending(): number {
		return this.#set.size;
	}

	now(): number {
		return this.clock.now();
	}

	set(due: number, fire: () => void): Timer {
		const timer = this.clock.set(due, () => {
			this.#set.delete(timer);
			fire();
		});
		this.#set.add(timer);
		return timer;
	}

	clear(timer: Timer): void {
		this.#set.delete(timer);
		this.clock.clear(timer);
	}

	hold(): () => void {
		return this.clock.hold();
	}

	yield(fire: () => void): void {
		this.clock.yield(fire);
	}
}
