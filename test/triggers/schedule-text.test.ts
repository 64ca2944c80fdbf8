import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_DURATION_MS } from "../../src/core/durations.js";
import { everyOf, parseEvery } from "../../src/triggers/schedule-text.js";
import type { Every } from "../../src/triggers/trigger.js";
import { holds } from "./timed.js";

const SIZES = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

describe("parseEvery", () => {
	test.each<[Every, number]>([
		["every 30s", 30_000],
		["5m", 300_000],
		["1h", 3_600_000],
		["1d", 86_400_000],
		["90", 90_000],
		["every 90", 90_000],
		["  EVERY   5   M ", 300_000],
		["every30s", 30_000],
		["1.5h", 5_400_000],
		["250ms", 250],
		["every 5 minutes", 300_000],
		["2 Hours", 7_200_000],
		["1 sec", 1_000],
		[250, 250],
		[10, 10],
		[MAX_DURATION_MS, MAX_DURATION_MS],
	])("P1: takes %j for %i ms", (every, ms) => {
		expect(parseEvery(every)).toBe(ms);
	});

	test.each<[string, unknown]>([
		["nothing", ""],
		["spaces", "  "],
		["the prefix alone", "every"],
		["garbage", "now and then"],
		["a unit alone", "h"],
		["an unknown unit", "3w"],
		["a name every object has", "1constructor"],
		["a sign", "-5s"],
		["an exponent", "1e3"],
		["two of them", "1h30m"],
		["a comma", "1,5h"],
		["a missing digit", ".5s"],
		["null", null],
		["undefined", undefined],
		["an object", { ms: 5 }],
		["NaN", Number.NaN],
		["mistake 22: a cron expression", "0 9 * * *"],
		["mistake 23: zero", "every 0s"],
		["mistake 23: zero as a number", 0],
		["mistake 23: less than nothing", -1],
		["mistake 23: what would be a hot loop", 9],
		["mistake 23: an overflow", "every 99999999999999999999d"],
		["mistake 23: an overflow to infinity", `${"9".repeat(400)}d`],
		["mistake 23: infinity", Number.POSITIVE_INFINITY],
		["mistake 23: more than a hundred years", "36501d"],
	])("does not take %s", (_, every) => {
		expect(parseEvery(every as Every)).toBeUndefined();
	});

	test("P1: any number of any unit, in any case and spacing", () => {
		const unit = fc.constantFrom(...(Object.keys(SIZES) as (keyof typeof SIZES)[]));
		const spaces = fc.constantFrom("", " ", "   ", "\t");
		const property = fc.property(
			fc.integer({ min: 1, max: 36_500 }),
			unit,
			fc.constantFrom("", "every ", "Every ", "EVERY\t"),
			spaces,
			spaces,
			fc.boolean(),
			(n, unit, prefix, before, between, isUpper) => {
				const text = `${before}${prefix}${n}${between}${isUpper ? unit.toUpperCase() : unit}${before}`;
				expect(parseEvery(text)).toBe(n * SIZES[unit]);
			},
		);
		holds(property, 200);
	});

	test("gives an interval that can be kept, or nothing, whatever it is given", () => {
		const property = fc.property(
			fc.oneof(fc.string(), fc.double(), fc.stringMatching(/^(every )?\d{0,30}[smhd]?$/)),
			(every) => {
				const ms = parseEvery(every);
				if (ms !== undefined) expect(Number.isInteger(ms) && ms >= 10 && ms <= MAX_DURATION_MS).toBe(true);
			},
		);
		holds(property, 500);
	});
});

describe("everyOf", () => {
	test("P2: takes five minutes for what cannot be read, with a warning, when it is told to", () => {
		expect(everyOf({ every: "now and then", onBadSchedule: "default" })).toEqual({
			ms: 300_000,
			warning: '"now and then" is no interval: every 5 minutes is taken in its place',
		});
		expect(everyOf({ every: "", onBadSchedule: "default" }).ms).toBe(300_000);
		expect(everyOf({ every: "5 s", onBadSchedule: "default" })).toEqual({ ms: 5_000 });
	});

	test("refuses it otherwise, and says where", () => {
		expect(() => everyOf({ every: "now and then" })).toThrow(
			expect.objectContaining({
				code: "INVALID_OPTION",
				path: "/on/every",
				hint: expect.stringContaining("every 30s"),
			}),
		);
	});

	test("mistake 23: refuses zero and overflow in any case", () => {
		for (const every of ["0", "every 0s", 0, -5, "99999999999999999999d", Number.POSITIVE_INFINITY]) {
			expect(() => everyOf({ every, onBadSchedule: "default" })).toThrow(/shorter than 10 ms|hundred years/);
		}
	});
});
