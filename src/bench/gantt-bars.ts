import { durationText } from "./gantt-axis.js";
import type { Schedule } from "./schedule.js";

/** One bar of a picture: a task, or several that are too thin to be seen alone. */
export interface Bar {
	readonly lane: number;
	/** In pixels from the start of the axis. */
	readonly x: number;
	readonly width: number;
	/** Which of the kinds it is; of several tasks the kind that takes most of it. */
	readonly colour: number;
	/** Whether a task on a longest path is in it. */
	readonly critical: boolean;
	readonly text: string;
}

/** What bars are made with. */
export interface BarOptions {
	readonly lanes: number;
	/** Pixels per millisecond. */
	readonly scale: number;
	readonly kinds: { readonly colour: (id: string) => number };
	readonly critical: ReadonlySet<string>;
}

/** All lanes together have about so many bars at most. */
const MOST_BARS = 8_000;
const LEAST_WIDTH = 1;
/** Several tasks in one bar are outlined for one of them up to this width. */
const MOST_MARKED = 24;
/** Bars that stand next to each other keep so much apart, when they are wide enough. */
const GAP = 0.6;

/** A bar that may still take its neighbours in. */
class Growing {
	critical: boolean;
	count = 1;
	#end: number;
	/** Of each kind how much of the bar it takes. */
	readonly #shares: number[] = [];

	constructor(
		readonly lane: number,
		readonly x: number,
		width: number,
		private readonly text: string,
		colour: number,
		critical: boolean,
	) {
		this.#end = x + width;
		this.#shares[colour] = width;
		this.critical = critical;
	}

	get end(): number {
		return this.#end;
	}

	get width(): number {
		return this.#end - this.x;
	}

	take(next: Growing): void {
		this.#end = Math.max(this.#end, next.#end);
		this.critical ||= next.critical;
		this.count += next.count;
		for (const [colour, share] of next.#shares.entries()) {
			if (share !== undefined) this.#shares[colour] = (this.#shares[colour] ?? 0) + share;
		}
	}

	finished(): Bar {
		const { lane, x, width, critical, count } = this;
		let colour = 0;
		for (const [kind, share] of this.#shares.entries()) {
			if (share !== undefined && !(share <= (this.#shares[colour] ?? -1))) colour = kind;
		}
		if (count === 1) {
			return { lane, x, width: width > 3 ? width - GAP : Math.max(width, GAP), colour, critical, text: this.text };
		}
		// An outline round many tasks would say nothing.
		const marked = critical && width <= MOST_MARKED;
		return { lane, x, width: Math.max(width, GAP), colour, critical: marked, text: `${count} tasks` };
	}
}

/** The bars of a schedule. What is narrower than a pixel or so is joined with its neighbours, as long as no gap shows. */
export function barsOf(schedule: Schedule, { lanes, scale, kinds, critical }: BarOptions): Bar[] {
	const narrow = Math.max(LEAST_WIDTH, (lanes * scale * schedule.makespan) / MOST_BARS);
	const bars: Bar[] = [];
	/** The last bar of each lane: tasks come in the order of their starts. */
	const latest: (Growing | undefined)[] = [];
	for (const { id, worker, start, end } of schedule.tasks) {
		const lane = Math.floor((worker * lanes) / schedule.workers);
		const text = `${id}: ${durationText(end - start)} from ${durationText(start)}`;
		const colour = kinds.colour(id);
		const next = new Growing(lane, start * scale, (end - start) * scale, text, colour, critical.has(id));
		const last = latest[lane];
		if (last !== undefined && joins(last, next, narrow)) last.take(next);
		else {
			if (last !== undefined) bars.push(last.finished());
			latest[lane] = next;
		}
	}
	for (const last of latest) if (last !== undefined) bars.push(last.finished());
	return bars;
}

/** Whether they lie over each other, or are too thin to stand alone with no gap between them that shows. */
function joins(last: Growing, next: Growing, narrow: number): boolean {
	if (next.x < last.end - 1e-6) return true;
	return last.width < narrow && next.width < narrow && next.x - last.end < narrow / 2;
}
