const limit = 20_000_000;

interface Seen {
	readonly size: number;
	/** The microseconds of one run. */
	readonly wall: number;
}

/**
 * Decides when a peer takes too long. A run that never returns to the event loop cannot be stopped, so the next larger
 * one is forecast from the two before it and not begun when it would take more than the limit.
 */
export class Patience {
	readonly #seen: Seen[] = [];

	/** Notes how long one run has taken. */
	note(size: number, wall: number): void {
		this.#seen.push({ size, wall });
	}

	/** Whether one run of this size is forecast to stay within the limit. */
	allows(size: number): boolean {
		const last = this.#seen.at(-1);
		if (last === undefined) return true;
		const before = this.#seen.findLast((seen) => seen.size < last.size);
		const slope = before === undefined ? 1 : Math.log(last.wall / before.wall) / Math.log(last.size / before.size);
		return last.wall * (size / last.size) ** Math.min(Math.max(slope, 1), 2.5) <= limit;
	}

	/** Whether all rounds of one case have used up the limit. */
	exhausted(wall: number): boolean {
		return wall > limit;
	}
}
