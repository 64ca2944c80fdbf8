import { SwarmError } from "./errors.js";
import { nameOf } from "./plain.js";

/**
 * A length of time: a number of milliseconds, or a number with a unit (`"250ms"`, `"30s"`, `"5m"`,
 * `"2h"`, `"1d"`). A bare number is always milliseconds.
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** The longest duration: a hundred years. Anything above it is a slip of the keyboard. */
export const MAX_DURATION_MS = 100 * 365 * 86_400_000;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a duration.
 *
 * @param duration - a number of milliseconds or a string with a unit, 0 to a hundred years
 * @param what - the name of the option, for the error message
 * @returns milliseconds, a finite number of at least 0
 * @throws SwarmError `INVALID_OPTION` when it is no duration, negative or out of range
 *
 * @example
 * ```ts
 * import { milliseconds } from "dagswarm";
 *
 * milliseconds(250);  // 250
 * milliseconds("5m"); // 300000
 * ```
 */
export function milliseconds(duration: Duration, what = "duration"): number {
	const ms = parse(duration);
	if (ms === undefined || !(ms >= 0 && ms <= MAX_DURATION_MS)) {
		const found = typeof duration === "string" ? JSON.stringify(duration) : nameOf(duration);
		throw new SwarmError("INVALID_OPTION", `${what} is ${found}, no duration`, {
			hint: 'use milliseconds, or a number with a unit such as "30s" or "5m", up to a hundred years',
		});
	}
	return ms;
}

/** Whether a value is a duration that {@link milliseconds} accepts. */
export function isDuration(value: unknown): value is Duration {
	const ms = parse(value);
	return ms !== undefined && ms >= 0 && ms <= MAX_DURATION_MS;
}

function parse(value: unknown): number | undefined {
	if (typeof value === "number") return value;
	if (typeof value !== "string") return undefined;
	const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
	const unit = UNITS[match?.[2] ?? ""];
	return unit === undefined ? undefined : Number(match?.[1]) * unit;
}
