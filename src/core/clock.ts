/** A timer that was set; pass it back to `clear`. */
export interface Timer {
	/** When it is due, in the clock's milliseconds. */
	readonly due: number;
}

/**
 * Time as the runtime sees it. A port: tests bring a {@link VirtualClock}.
 */
export interface Clock {
	/** Milliseconds since the Unix epoch at start, moved on by a monotonic source: it never jumps back. */
	now(): number;
	/** Calls `fire` once, when `now()` has reached `due`; an overdue timer fires at the next turn. */
	set(due: number, fire: () => void): Timer;
	/** Takes a timer back; harmless when it has fired. */
	clear(timer: Timer): void;
	/** Keeps the process alive until the function it returns is called. */
	hold(): () => void;
	/** Calls `fire` after the event loop has looked at its timers and I/O once. */
	yield(fire: () => void): void;
}

/** setTimeout turns a longer delay into 1 ms, so longer ones are set in stages. */
const MAX_STAGE_MS = 2_147_483_647;

/** Read once: the property is computed anew each time. */
const TIME_ORIGIN = performance.timeOrigin;

class SystemTimer implements Timer {
	handle: NodeJS.Timeout | undefined;
	constructor(readonly due: number) {}
}

/** All who hold the process share one interval: setting and clearing one costs as much as a few nodes. */
let holder: NodeJS.Timeout | undefined;
let held = 0;

/**
 * The clock of the machine: monotonic, with the resolution of `performance.now()`. Its timers do not
 * keep the process alive; an unended run holds a handle of its own.
 */
export const systemClock: Clock = {
	now: () => TIME_ORIGIN + performance.now(),
	set(due, fire) {
		const timer = new SystemTimer(due);
		arm(timer, fire);
		return timer;
	},
	clear(timer) {
		clearTimeout((timer as SystemTimer).handle);
	},
	hold() {
		if (held++ === 0) {
			holder ??= setInterval(() => {}, MAX_STAGE_MS);
			holder.ref();
		}
		let over = false;
		return () => {
			if (over) return;
			over = true;
			if (--held === 0) holder?.unref();
		};
	},
	yield(fire) {
		setImmediate(fire);
	},
};

function arm(timer: SystemTimer, fire: () => void, clock: Clock = systemClock, longest = MAX_STAGE_MS): void {
	const wait = timer.due - clock.now();
	// setTimeout counts whole milliseconds from its loop's own time and can be early by a fraction.
	const stage = Math.min(Math.max(Math.ceil(wait), 0), longest);
	timer.handle = setTimeout(() => {
		if (clock.now() >= timer.due) fire();
		else arm(timer, fire, clock, longest);
	}, stage);
	timer.handle.unref();
}

/** A clock that was set, or a machine that has slept, is noticed after so long at most. */
const WALL_STAGE_MS = 10_000;

/**
 * The time of day as the machine has it, for moments that are written down for other processes, and that people mean when
 * they say nine o'clock. Unlike {@link systemClock} it follows when the machine's clock is set, backwards too, and goes on
 * while the machine sleeps.
 */
export const wallClock: Clock = {
	now: () => Date.now(),
	set(due, fire) {
		const timer = new SystemTimer(due);
		arm(timer, fire, wallClock, WALL_STAGE_MS);
		return timer;
	},
	clear: (timer) => systemClock.clear(timer),
	hold: () => systemClock.hold(),
	yield: (fire) => systemClock.yield(fire),
};

/**
 * A clock that is ahead of another by a fixed time: for a run whose last process had a later time than this one has.
 *
 * @param by - milliseconds
 */
export function aheadClock(clock: Clock, by: number): Clock {
	return {
		now: () => clock.now() + by,
		set: (due, fire) => clock.set(due - by, fire),
		clear: (timer) => clock.clear(timer),
		hold: () => clock.hold(),
		yield: (fire) => clock.yield(fire),
	};
}

interface VirtualTimer extends Timer {
	readonly sequence: number;
	readonly fire: () => void;
	index: number;
}

/**
 * A clock that stands still until it is told to move, for deterministic tests. Timers fire in the
 * order of (deadline, sequence of setting), and while one fires `now()` is exactly its deadline, so
 * timers set by timers come at the right moment.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "dagswarm";
 *
 * const clock = new VirtualClock(1_000);
 * const seen: number[] = [];
 * clock.set(1_050, () => seen.push(clock.now()));
 * clock.advance(100);
 * seen;        // [1050]
 * clock.now(); // 1100
 * ```
 */
export class VirtualClock implements Clock {
	#now: number;
	#sequence = 0;
	/** A binary heap by (due, sequence). */
	readonly #heap: VirtualTimer[] = [];

	#waiting: PromiseWithResolvers<void> | undefined;

	/** @param start - the first `now()`, in milliseconds */
	constructor(start = 0) {
		this.#now = start;
	}

	now(): number {
		return this.#now;
	}

	/** How many timers are set. */
	get pending(): number {
		return this.#heap.length;
	}

	/** Resolves when a timer is set next. */
	whenSet(): Promise<void> {
		this.#waiting ??= Promise.withResolvers();
		return this.#waiting.promise;
	}

	/** When the next timer is due, or undefined when none is set. */
	get nextDue(): number | undefined {
		return this.#heap[0]?.due;
	}

	set(due: number, fire: () => void): Timer {
		const timer: VirtualTimer = { due, fire, sequence: this.#sequence++, index: this.#heap.length };
		this.#heap.push(timer);
		this.#up(timer.index);
		this.#waiting?.resolve();
		this.#waiting = undefined;
		return timer;
	}

	clear(timer: Timer): void {
		const { index } = timer as VirtualTimer;
		if (this.#heap[index] === timer) this.#remove(index);
	}

	/** Nothing to keep alive: whoever moves the clock is. */
	hold(): () => void {
		return () => {};
	}

	yield(fire: () => void): void {
		setImmediate(fire);
	}

	/**
	 * Fires the next timer and moves time to its deadline.
	 *
	 * @returns false when none is set
	 */
	step(): boolean {
		const next = this.#heap[0];
		if (next === undefined) return false;
		this.#remove(0);
		this.#now = Math.max(this.#now, next.due);
		next.fire();
		return true;
	}

	/** Moves time on by `ms`, firing every timer that comes due on the way, each at its own deadline. */
	advance(ms: number): void {
		const end = this.#now + ms;
		for (let due = this.nextDue; due !== undefined && due <= end; due = this.nextDue) this.step();
		// A timer may have advanced the clock further itself.
		this.#now = Math.max(this.#now, end);
	}

	#remove(index: number): void {
		const last = this.#heap.pop();
		if (last === undefined || index === this.#heap.length) return;
		this.#heap[index] = last;
		last.index = index;
		this.#up(index);
		this.#down(last.index);
	}

	#up(start: number): void {
		let index = start;
		while (index > 0) {
			const parent = (index - 1) >> 1;
			if (!this.#swapIfEarlier(index, parent)) return;
			index = parent;
		}
	}

	#down(start: number): void {
		let index = start;
		for (;;) {
			const left = 2 * index + 1;
			const right = left + 1;
			if (left >= this.#heap.length) return;
			const child = right < this.#heap.length && earlier(this.#at(right), this.#at(left)) ? right : left;
			if (!this.#swapIfEarlier(child, index)) return;
			index = child;
		}
	}

	#swapIfEarlier(lower: number, upper: number): boolean {
		const below = this.#at(lower);
		const above = this.#at(upper);
		if (!earlier(below, above)) return false;
		this.#heap[upper] = below;
		this.#heap[lower] = above;
		below.index = upper;
		above.index = lower;
		return true;
	}

	#at(index: number): VirtualTimer {
		// The callers stay inside the heap.
		return this.#heap[index] as VirtualTimer;
	}
}

function earlier(a: VirtualTimer, b: VirtualTimer): boolean {
	return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
}
