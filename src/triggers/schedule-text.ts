import { MAX_DURATION_MS } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { nameOf } from "../core/plain.js";
import type { Every, IntervalSchedule } from "./trigger.js";

/** The shortest interval, in milliseconds: a shorter one would be a hot loop. */
export const MIN_EVERY_MS = 10;

/** What `onBadSchedule: "default"` takes: five minutes. */
export const DEFAULT_EVERY_MS = 300_000;

const UNITS: readonly (readonly [RegExp, number])[] = [
	[/^(ms|milliseconds?)$/, 1],
	[/^(|s|secs?|seconds?)$/, 1_000],
	[/^(m|mins?|minutes?)$/, 60_000],
	[/^(h|hrs?|hours?)$/, 3_600_000],
	[/^(d|days?)$/, 86_400_000],
];

/** What came of reading an interval. */
export type ReadEvery =
	| { readonly ms: number }
	| { readonly why: "unreadable" | "out of range"; readonly says: string };

/**
 * Milliseconds of an interval as people write it: `every 30s`, `5m`, `1 Hour`; in any case and spacing, `every` may be left
 * out. Bare digits in a text are seconds; a bare number is milliseconds.
 *
 * @returns whole milliseconds, 10 to a hundred years; undefined when it is empty, cannot be read or is out of that range
 *
 * @example
 * ```ts
 * import { parseEvery } from "dagswarm";
 *
 * parseEvery("every 30s"); // 30000
 * parseEvery("EVERY 5 m"); // 300000
 * parseEvery("90");        // 90000
 * parseEvery("0s");        // undefined
 * parseEvery("0 9 * * *"); // undefined
 * ```
 */
export function parseEvery(every: Every): number | undefined {
	const read = readEvery(every);
	return "ms" in read ? read.ms : undefined;
}

/**
 * The interval of a schedule, with the warning that `onBadSchedule: "default"` owes to whoever wrote what cannot be read.
 * What can be read and is zero, too short or too long is refused in any case.
 *
 * @returns milliseconds
 * @throws SwarmError `INVALID_OPTION`
 */
export function everyOf({ every, onBadSchedule }: Pick<IntervalSchedule, "every" | "onBadSchedule">): {
	readonly ms: number;
	readonly warning?: string;
} {
	const read = readEvery(every);
	if ("ms" in read) return { ms: read.ms };
	if (read.why === "unreadable" && onBadSchedule === "default")
		return { ms: DEFAULT_EVERY_MS, warning: `${read.says}: every 5 minutes is taken in its place` };
	throw new SwarmError("INVALID_OPTION", read.says, { path: "/on/every", hint: EVERY_HINT });
}

/** How an interval is written. */
export const EVERY_HINT =
	'write "every 30s", "5m", "1h", "1d", bare seconds in a text or milliseconds as a number, 10 ms to a hundred years';

/** An interval as it is written, or what is wrong with it. */
export function readEvery(every: unknown): ReadEvery {
	const ms = typeof every === "string" ? ofText(every) : every;
	const shown = typeof every === "string" ? JSON.stringify(every) : nameOf(every);
	if (typeof ms !== "number" || Number.isNaN(ms)) return { why: "unreadable", says: `${shown} is no interval` };
	const whole = Math.round(ms);
	if (whole >= MIN_EVERY_MS && whole <= MAX_DURATION_MS) return { ms: whole };
	const problem = whole > MAX_DURATION_MS ? "longer than a hundred years" : `shorter than ${MIN_EVERY_MS} ms`;
	return { why: "out of range", says: `${shown} is ${problem}` };
}

function ofText(text: string): number | undefined {
	const match = /^(?:every)?\s*(\d{1,400}(?:\.\d{1,400})?)\s*([a-z]*)$/i.exec(text.trim());
	const unit = match?.[2]?.toLowerCase();
	const size = UNITS.find(([names]) => unit !== undefined && names.test(unit))?.[1];
	return size === undefined ? undefined : Number(match?.[1]) * size;
}
