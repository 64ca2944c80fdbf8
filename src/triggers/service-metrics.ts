import type { Occurrence, OccurrenceState } from "./occurrence.js";

/** Triggers that are counted on their own: those beyond are counted together. */
const MOST_TRIGGERS = 100;

/** What is counted for what is no trigger: submissions, and triggers beyond the first 100. No id has parentheses. */
export const SUBMITTED = "(submitted)";
export const OTHERS = "(others)";

/** How many occurrences this process has started, and seen end. */
export interface OccurrenceCounts {
	/** First attempts. */
	readonly started: number;
	/** Further attempts. */
	readonly retried: number;
	readonly completed: number;
	readonly failed: number;
	readonly cancelled: number;
	readonly skipped: number;
}

/** What a process of a service has counted since it was made, and how things stand. */
export interface ServiceNumbers {
	readonly isLeading: boolean;
	/** Runs of occurrences that go on in this process. */
	readonly running: number;
	/** Occurrences in the store that have not ended. */
	readonly open: Readonly<Record<"pending" | "running" | "waiting", number>>;
	readonly total: OccurrenceCounts;
	/** By the id of the trigger, for the first 100; beside them `(submitted)` and `(others)`. */
	readonly byTrigger: Readonly<Record<string, OccurrenceCounts>>;
	/** From when they were due to when they started, of those that were not missed; seconds. */
	readonly delay: { readonly count: number; readonly sum: number; readonly max: number };
	/** What failed in the background, the store for instance, and is tried again. */
	readonly errors: number;
}

type Counts = { -readonly [Count in keyof OccurrenceCounts]: number };

/** The counters of a service. */
export class ServiceMetrics {
	readonly #total = noCounts();
	readonly #byTrigger = new Map<string, Counts>();
	#ofTriggers = 0;
	#delays = { count: 0, sum: 0, max: 0 };
	#errors = 0;

	/** An occurrence has become what it is now, by this process. */
	note(row: Occurrence): void {
		const what = changeOf(row);
		if (what === undefined) return;
		this.#total[what]++;
		this.#countsOf(row.trigger)[what]++;
		if (what !== "started" || row.missed || row.startedAt === undefined) return;
		// Clocks of processes differ: it may have been put by one that is ahead.
		const seconds = Math.max(row.startedAt - row.due, 0) / 1_000;
		const { count, sum, max } = this.#delays;
		this.#delays = { count: count + 1, sum: sum + seconds, max: Math.max(max, seconds) };
	}

	failed(): void {
		this.#errors++;
	}

	/** @param stored - how many there are in the store, by state */
	numbers(
		stored: Readonly<Partial<Record<OccurrenceState, number>>>,
		here: Pick<ServiceNumbers, "isLeading" | "running">,
	): ServiceNumbers {
		const { pending = 0, running = 0, waiting = 0 } = stored;
		return {
			...here,
			open: { pending, running, waiting },
			total: { ...this.#total },
			byTrigger: Object.fromEntries([...this.#byTrigger].map(([id, counts]) => [id, { ...counts }])),
			delay: this.#delays,
			errors: this.#errors,
		};
	}

	#countsOf(trigger: string | undefined): Counts {
		const label = trigger ?? SUBMITTED;
		const known = this.#byTrigger.get(label);
		if (known !== undefined) return known;
		if (trigger !== undefined && this.#ofTriggers >= MOST_TRIGGERS) return this.#others();
		if (trigger !== undefined) this.#ofTriggers++;
		return this.#begin(label);
	}

	#others(): Counts {
		return this.#byTrigger.get(OTHERS) ?? this.#begin(OTHERS);
	}

	#begin(label: string): Counts {
		const counts = noCounts();
		this.#byTrigger.set(label, counts);
		return counts;
	}
}

function changeOf({ state, attempt, cancelling }: Occurrence): keyof OccurrenceCounts | undefined {
	if (state === "pending" || state === "waiting") return undefined;
	if (state !== "running") return state;
	// One that is to end has been counted when it started.
	if (cancelling !== undefined) return undefined;
	return attempt > 1 ? "retried" : "started";
}

function noCounts(): Counts {
	return { started: 0, retried: 0, completed: 0, failed: 0, cancelled: 0, skipped: 0 };
}
