import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextSlot, slotsBetween } from "../../src/triggers/slots.js";
import type { Schedule, TriggerRecord } from "../../src/triggers/trigger.js";
import { at, holds, iso, START, triggerOf } from "./timed.js";

/** What slotsBetween says, found one by one. */
function naive(record: TriggerRecord, after: number, until: number): number[] {
	const slots: number[] = [];
	for (let slot = nextSlot(record, after); slot !== undefined && slot <= until; slot = nextSlot(record, slot))
		slots.push(slot);
	return slots;
}

const crons = ["*/7 * * * *", "30 2 * * *", "0 */6 * * *", "*/20 * * * * *", "15 1-3 * * *", "@hourly", "0 0 L * *"];
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

const schedule: fc.Arbitrary<Schedule> = fc.oneof(
	fc.record({
		kind: fc.constant("every" as const),
		every: fc.integer({ min: 10_000, max: 7_200_000 }),
		first: fc.constantFrom("now" as const, "interval" as const),
	}),
	fc.record({
		kind: fc.constant("cron" as const),
		cron: fc.constantFrom(...crons),
		timeZone: fc.constantFrom(...zones),
	}),
);

describe("slotsBetween", () => {
	test("are the newest of those that come one after the other, over changes of the clocks as well", () => {
		const hours = fc.integer({ min: -3_600_000, max: 4 * 3_600_000 });
		const begin = fc.constantFrom(
			...["2026-03-28T23:00Z", "2026-10-24T22:00Z", "2026-11-01T03:00Z", "2026-10-03T13:00Z"].map(at),
		);
		const property = fc.property(
			schedule,
			begin,
			hours,
			hours,
			fc.integer({ min: 0, max: 40 }),
			fc.option(hours, { nil: undefined }),
			fc.option(hours, { nil: undefined }),
			(on, createdAt, from, length, max, startIn, endIn) => {
				const spec = {
					...(startIn !== undefined && { startAt: createdAt + startIn }),
					...(endIn !== undefined && { endAt: createdAt + endIn }),
				};
				const record = triggerOf(on, spec, createdAt);
				const [after, until] = [createdAt + from, createdAt + from + length];
				const all = naive(record, after, until);
				const range = slotsBetween(record, after, until, max);
				expect(range.slots).toEqual(max === 0 ? [] : all.slice(-max));
				expect(range.isMore).toBe(all.length > max);
				if (range.count !== undefined) expect(range.count).toBe(all.length);
				for (const slot of all) {
					expect(slot).toBeGreaterThanOrEqual(Math.max(createdAt, spec.startAt ?? createdAt));
					expect(slot).toBeLessThan(spec.endAt ?? Number.POSITIVE_INFINITY);
				}
			},
		);
		holds(property, 150);
	});

	test("mistake 33: a century of seconds costs what the ones that are asked for cost", () => {
		const record = triggerOf({ kind: "every", every: "1s" });
		const until = START + 100 * 365 * 86_400_000;
		const range = slotsBetween(record, START, until, 3);
		expect(range).toEqual({ slots: [until - 2_000, until - 1_000, until], isMore: true, count: 3_153_600_000 });
		const cron = triggerOf({ kind: "cron", cron: "* * * * * *" });
		expect(slotsBetween(cron, START, until, 2)).toEqual({ slots: [until - 1_000, until], isMore: true });
	});
});

describe("intervals", () => {
	test("C1: slots are counted from the stored creation, whenever somebody looks", () => {
		const record = triggerOf({ kind: "every", every: "1m" }, {}, START + 123);
		expect(nextSlot(record, 0)).toBe(START + 60_123);
		expect(nextSlot(record, START + 60_123)).toBe(START + 120_123);
		expect(nextSlot(record, START + 86_400_000)).toBe(START + 86_400_123);
	});

	test("the first is at once or after one interval, as said", () => {
		expect(nextSlot(triggerOf({ kind: "every", every: "1m", first: "now" }), 0)).toBe(START);
		expect(nextSlot(triggerOf({ kind: "every", every: "1m", first: "interval" }), 0)).toBe(START + 60_000);
	});

	test("nothing is due before the start, and nothing from the end on", () => {
		const record = triggerOf({ kind: "every", every: "1m" }, { startAt: START + 90_000, endAt: START + 240_000 });
		expect(naive(record, 0, START + 600_000)).toEqual([START + 120_000, START + 180_000]);
	});
});

/** The next moments after another one, of a cron expression. */
function moments(cron: string, timeZone: string, after: string, n: number): string[] {
	const record = triggerOf({ kind: "cron", cron, timeZone }, {}, 0);
	const found: string[] = [];
	let time = at(after);
	while (found.length < n) {
		time = nextSlot(record, time) ?? Number.NaN;
		found.push(iso(time).replace(":00.000Z", "Z"));
	}
	return found;
}

describe("cron", () => {
	test("mistake 22: 0 9 * * * is nine o'clock, not a day after the start", () => {
		expect(moments("0 9 * * *", "UTC", "2026-11-25T20:13:14Z", 2)).toEqual(["2026-11-26T09:00Z", "2026-11-27T09:00Z"]);
		expect(moments("0 9 * * *", "Europe/Berlin", "2026-11-25T20:13:14Z", 1)).toEqual(["2026-11-26T08:00Z"]);
	});

	test("a moment that is a slot is not after itself, and one millisecond before it is", () => {
		const record = triggerOf({ kind: "cron", cron: "0 9 * * *" });
		const nine = at("2026-11-26T09:00:00Z");
		expect(nextSlot(record, nine)).toBe(nine + 86_400_000);
		expect(nextSlot(record, nine - 1)).toBe(nine);
		expect(slotsBetween(record, nine - 1, nine, 9).slots).toEqual([nine]);
		expect(slotsBetween(record, nine, nine + 1, 9).slots).toEqual([]);
	});

	test.each<[string, string, string, string, string[]]>([
		[
			"what the clocks skip comes when they have changed",
			"30 2 * * *",
			"Europe/Berlin",
			"2026-03-28T12:00Z",
			["2026-03-29T01:00Z", "2026-03-30T00:30Z"],
		],
		[
			"what comes twice comes the first time",
			"30 2 * * *",
			"Europe/Berlin",
			"2026-10-24T12:00Z",
			["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
		],
		[
			"what repeats goes on through both hours",
			"*/30 * * * *",
			"Europe/Berlin",
			"2026-10-24T23:45Z",
			["2026-10-25T00:00Z", "2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:00Z"],
		],
		[
			"what repeats has no hour that is not there",
			"*/30 * * * *",
			"Europe/Berlin",
			"2026-03-29T00:15Z",
			["2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z"],
		],
		[
			"in New York, in spring",
			"30 2 * * *",
			"America/New_York",
			"2026-03-07T12:00Z",
			["2026-03-08T07:00Z", "2026-03-09T06:30Z"],
		],
		[
			"in New York, in autumn",
			"30 1 * * *",
			"America/New_York",
			"2026-10-31T12:00Z",
			["2026-11-01T05:30Z", "2026-11-02T06:30Z"],
		],
		[
			"where clocks change by half an hour, in spring",
			"15 2 * * *",
			"Australia/Lord_Howe",
			"2026-10-03T00:00Z",
			["2026-10-03T15:30Z", "2026-10-04T15:15Z"],
		],
		[
			"where clocks change by half an hour, in autumn",
			"45 1 * * *",
			"Australia/Lord_Howe",
			"2026-04-04T00:00Z",
			["2026-04-04T14:45Z", "2026-04-05T15:15Z"],
		],
		["by name", "@daily", "UTC", "2026-11-25T20:00Z", ["2026-11-26T00:00Z", "2026-11-27T00:00Z"]],
		[
			"on either of two days",
			"0 0 13 * FRI",
			"UTC",
			"2026-11-25T20:00Z",
			["2026-11-27T00:00Z", "2026-12-04T00:00Z", "2026-12-11T00:00Z", "2026-12-13T00:00Z"],
		],
		["on the second Friday", "0 0 * * FRI#2", "UTC", "2026-11-25T20:00Z", ["2026-12-11T00:00Z"]],
		["by the week", "@weekly", "UTC", "2026-11-25T20:00Z", ["2026-11-29T00:00Z", "2026-12-06T00:00Z"]],
		[
			"on the last day of the month",
			"0 0 L * *",
			"UTC",
			"2026-02-01T00:00Z",
			["2026-02-28T00:00Z", "2026-03-31T00:00Z"],
		],
		["on weekdays by their names", "0 9 * * MON-FRI", "UTC", "2026-11-27T10:00Z", ["2026-11-30T09:00Z"]],
		["in a leap year", "0 0 29 2 *", "UTC", "2026-11-25T20:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]],
	])("daylight and dates: %s", (_, cron, timeZone, after, expected) => {
		expect(moments(cron, timeZone, after, expected.length)).toEqual(expected);
	});

	test("six fields have seconds before them", () => {
		const record = triggerOf({ kind: "cron", cron: "*/20 * * * * *" });
		expect([0, 1, 2].map((n) => iso(naive(record, START, START + 60_000)[n] ?? 0))).toEqual([
			"2026-11-25T20:00:20.000Z",
			"2026-11-25T20:00:40.000Z",
			"2026-11-25T20:01:00.000Z",
		]);
	});
});

describe("once", () => {
	test("has the slot of its moment, or that of its making", () => {
		expect(nextSlot(triggerOf({ kind: "once" }), 0)).toBe(START);
		expect(nextSlot(triggerOf({ kind: "once", at: "2026-11-25T21:00Z" }), START)).toBe(START + 3_600_000);
		expect(nextSlot(triggerOf({ kind: "once" }, { startAt: START + 5 }), 0)).toBe(START + 5);
	});
});

test("what is not timed has no slots", () => {
	const record = triggerOf({ kind: "manual" });
	expect(nextSlot(record, 0)).toBeUndefined();
	expect(slotsBetween(record, 0, START, 9)).toEqual({ slots: [], isMore: false, count: 0 });
});
