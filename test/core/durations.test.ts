import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Duration, isDuration, MAX_DURATION_MS, milliseconds } from "../../src/core/durations.js";
import { SwarmError } from "../../src/core/errors.js";

const notDurations: readonly [string, unknown][] = [
	["negative", -1],
	["above a hundred years", MAX_DURATION_MS + 1],
	["a string above a hundred years", "36501d"],
	["NaN", Number.NaN],
	["infinite", Number.POSITIVE_INFINITY],
	["empty", ""],
	["digits without a unit", "30"],
	["a unit without digits", "s"],
	["an unknown unit", "3w"],
	["an upper-case unit", "3S"],
	["a space before the unit", "3 s"],
	["surrounding spaces", " 3s"],
	["a line after it", "3s\n"],
	["a sign", "-3s"],
	["an exponent", "1e3ms"],
	["a bare fraction", ".5s"],
	["two durations", "1h30m"],
	["a name every object has", "1constructor"],
	["null", null],
	["undefined", undefined],
	["a boolean", true],
	["a bigint", 5n],
	["a symbol", Symbol("soon")],
	["a function", () => 5],
	["an object", { ms: 5 }],
	["an object without a prototype", Object.create(null)],
];

describe("milliseconds", () => {
	test.each<[Duration, number]>([
		[0, 0],
		[250, 250],
		[0.5, 0.5],
		["250ms", 250],
		["30s", 30_000],
		["5m", 300_000],
		["2h", 7_200_000],
		["1d", 86_400_000],
		["1.5s", 1_500],
		["0s", 0],
		[MAX_DURATION_MS, MAX_DURATION_MS],
		["36500d", MAX_DURATION_MS],
	])("%j is %d", (duration, expected) => {
		expect(milliseconds(duration)).toBe(expected);
		expect(isDuration(duration)).toBe(true);
	});

	test.each(notDurations)("refuses what is %s", (_what, value) => {
		expect(isDuration(value)).toBe(false);
		expect(() => milliseconds(value as Duration)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});

	test("names the option, what it found and what to do", () => {
		expect(() => milliseconds("soon" as Duration, "timeout.grace")).toThrow(
			'timeout.grace is "soon", no duration (use milliseconds, or a number with a unit',
		);
		expect(() => milliseconds(Number.NaN, "deadline")).toThrow("deadline is NaN, no duration");
		expect(() => milliseconds(5n as unknown as Duration)).toThrow("duration is a bigint, no duration");
	});

	test("either refuses or gives a finite length inside the range, for any value", () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), fc.stringMatching(/^-?\d*\.?\d*(ms|s|m|h|d|w)?$/)), (value) => {
				try {
					const ms = milliseconds(value as Duration);
					expect(ms >= 0 && ms <= MAX_DURATION_MS).toBe(true);
					expect(isDuration(value)).toBe(true);
				} catch (error) {
					expect(SwarmError.is(error)).toBe(true);
					expect(isDuration(value)).toBe(false);
				}
			}),
		);
	});
});
