import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DueSlots, dueSlots, ON_TIME_MS, whyShut } from "../../src/triggers/due.js";
import { slotsBetween } from "../../src/triggers/slots.js";
import type { IntervalSchedule, Schedule, TriggerRecord } from "../../src/triggers/trigger.js";
import { advancedRecord, changedRecord, pausedRecord } from "../../src/triggers/trigger-record.js";
import { at, holds, iso, START, triggerOf, withCursor } from "./timed.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const minutely = (policy: Partial<IntervalSchedule> = {}, spec = {}): TriggerRecord =>
	triggerOf({ kind: "every", every: "1m", ...policy }, spec);

/** Minutes after START. */
const minutes = ({ fire }: DueSlots): number[] => fire.map(({ due }) => (due - START) / MINUTE);

describe("slots on time", () => {
	test("start with their slot as the key, and the next look is at the next slot", () => {
		const due = dueSlots(minutely(), { now: START + MINUTE });
		expect(due).toEqual({
			fire: [{ key: "t@1:2026-11-25T20:01:00.000Z", due: START + MINUTE }],
			slot: START + MINUTE,
			next: START + 2 * MINUTE,
		});
		expect(dueSlots(minutely(), { now: START + MINUTE - 1 })).toEqual({
			fire: [],
			slot: undefined,
			next: START + MINUTE,
		});
	});

	test("a slot that is found half a minute late is on time whatever kept it, a later one is not", () => {
		const late = START + MINUTE + ON_TIME_MS;
		expect(minutes(dueSlots(minutely(), { now: late }))).toEqual([1]);
		expect(dueSlots(minutely(), { now: late + 1 })).toMatchObject({ fire: [], missed: { count: 1 } });
		expect(minutes(dueSlots(minutely(), { now: late + 1, tolerance: MINUTE }))).toEqual([1]);
	});

	test("all that a takeover of ten seconds has kept start, in their order", () => {
		const record = triggerOf({ kind: "every", every: "1s" });
		const due = dueSlots(withCursor(record, { slot: START + 1_000 }), { now: START + 11_400 });
		expect(due.fire.map((slot) => slot.due - START)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((n) => n * 1_000));
		expect(due.missed).toBeUndefined();
	});

	test("jitter delays the start, and is no part of the key", () => {
		const [slot] = dueSlots(minutely({}, { jitter: "30s" }), { now: START + MINUTE }).fire;
		expect(slot?.key).toBe("t@1:2026-11-25T20:01:00.000Z");
		expect(slot?.nextAt).toBeGreaterThanOrEqual(START + MINUTE);
		expect(slot?.nextAt).toBeLessThan(START + MINUTE + 30_000);
	});
});

describe("slots that were missed", () => {
	const now = START + HOUR + 45_000;

	test("mistake 33: are left out, and told in one line", () => {
		expect(dueSlots(minutely(), { now })).toEqual({
			fire: [],
			missed: {
				key: "t@1:2026-11-25T21:00:00.000Z",
				due: START + HOUR,
				count: 60,
				isMore: false,
				reason: "missed: nobody was there to start 60 slots from 2026-11-25T20:01:00.000Z to 2026-11-25T21:00:00.000Z",
			},
			slot: START + HOUR,
			next: START + HOUR + MINUTE,
		});
	});

	test("mistake 33: a cron of every second that was down for a year does not come in a burst", () => {
		const record = triggerOf({ kind: "cron", cron: "* * * * * *" });
		const year = START + 365 * 86_400_000;
		expect(dueSlots(record, { now: year }).fire.length).toBe(31);
		expect(dueSlots(record, { now: year }).missed).toMatchObject({ count: 100, isMore: true });
		expect(dueSlots(triggerOf({ kind: "cron", cron: "@hourly" }), { now: year + 60_000 }).fire).toEqual([]);
	});

	test("one stands for all of them, unless one is on time", () => {
		expect(dueSlots(minutely({ missed: "one" }), { now })).toMatchObject({
			fire: [{ due: START + HOUR }],
			missed: { count: 59, due: START + 59 * MINUTE },
			slot: START + HOUR,
		});
		expect(minutes(dueSlots(minutely({ missed: "one" }), { now: START + HOUR }))).toEqual([60]);
		expect(dueSlots(minutely({ missed: "one" }), { now: START + MINUTE + 31_000 })).toMatchObject({ fire: [{}] });
	});

	test("all of them start, at most so many, the newest, in the order that is asked for", () => {
		expect(dueSlots(minutely({ missed: "all" }), { now }).fire.length).toBe(60);
		const capped = dueSlots(minutely({ missed: "all", maxMissed: 3 }), { now });
		expect(minutes(capped)).toEqual([58, 59, 60]);
		expect(capped.missed).toMatchObject({ count: 57, due: START + 57 * MINUTE });
		expect(minutes(dueSlots(minutely({ missed: "all", maxMissed: 3, catchUp: "newest" }), { now }))).toEqual([
			60, 59, 58,
		]);
	});

	test("of a time before the end count, even when the end has passed", () => {
		const record = minutely({ missed: "all" }, { endAt: START + 2 * MINUTE + 1 });
		const due = dueSlots(record, { now });
		expect(minutes(due)).toEqual([1, 2]);
		expect(due).toMatchObject({ over: "endAt", next: undefined });
	});
});

describe("once", () => {
	test("C1: is due once, with a constant key, however late", () => {
		const record = triggerOf({ kind: "once", at: "2026-11-25T21:00Z" });
		expect(dueSlots(record, { now: START })).toEqual({ fire: [], slot: undefined, next: START + HOUR });
		const due = dueSlots(record, { now: START + 1_000 * HOUR });
		expect(due).toEqual({
			fire: [{ key: "t@1:once", due: START + HOUR }],
			slot: START + HOUR,
			next: undefined,
			over: "once",
		});
		expect(dueSlots(advancedRecord(record, due, START), { now: START + 1_000 * HOUR }).fire).toEqual([]);
	});

	test("at once, when no moment is named, or when it has passed already", () => {
		expect(dueSlots(triggerOf({ kind: "once" }), { now: START }).fire).toEqual([{ key: "t@1:once", due: START }]);
		const past = triggerOf({ kind: "once", at: START - HOUR });
		expect(dueSlots(past, { now: START }).fire).toEqual([{ key: "t@1:once", due: START - HOUR }]);
	});

	test("does not come twice although its record says so no more", () => {
		const record = triggerOf({ kind: "once" });
		const done = advancedRecord(record, dueSlots(record, { now: START }), START);
		const described = changedRecord(done, { ...done.spec, description: "said" }, START + 1);
		expect(described.over).toBeUndefined();
		expect(dueSlots(described, { now: START + 1 })).toMatchObject({ fire: [], over: "once" });
	});
});

describe("fixed delay", () => {
	const delayed = (policy: Partial<IntervalSchedule> = {}): TriggerRecord => minutely({ mode: "delay", ...policy });

	test("P3: the first comes after one interval, and none while one goes on", () => {
		const record = delayed();
		expect(dueSlots(record, { now: START })).toMatchObject({ fire: [], next: START + MINUTE });
		expect(minutes(dueSlots(record, { now: START + MINUTE }))).toEqual([1]);
		expect(dueSlots(record, { now: START + HOUR, isOpen: true })).toEqual({
			fire: [],
			slot: undefined,
			next: undefined,
		});
		expect(minutes(dueSlots(delayed({ first: "now" }), { now: START }))).toEqual([0]);
	});

	test("P3: the next comes one interval after the end, by the slot in which that lies", () => {
		const record = withCursor(delayed(), { slot: START + MINUTE, started: 1, endedAt: START + 95_000 });
		expect(dueSlots(record, { now: START + 100_000 })).toMatchObject({ fire: [], next: START + 155_000 });
		expect(dueSlots(record, { now: START + 155_000 }).fire).toEqual([
			{ key: "t@1:2026-11-25T20:02:00.000Z", due: START + 2 * MINUTE },
		]);
	});

	test("C3: at once, then one interval after each end", () => {
		let record = delayed({ first: "now" });
		let now = START;
		const starts: number[] = [];
		for (let n = 0; n < 4; n++) {
			const due = dueSlots(record, { now });
			starts.push(now - START);
			expect(due.fire.length).toBe(1);
			record = withCursor(advancedRecord(record, due, now), { endedAt: now + 7_000 });
			now = dueSlots(record, { now: now + 7_000 }).next ?? Number.NaN;
		}
		expect(starts).toEqual([0, 67_000, 134_000, 201_000]);
	});

	test("what is overdue starts when somebody is there, once", () => {
		const record = withCursor(delayed(), { slot: START + MINUTE, endedAt: START + 95_000 });
		expect(dueSlots(record, { now: START + 9 * HOUR }).fire.length).toBe(1);
	});

	test("P6: after failures it grows, up to its most", () => {
		const failed = (failures: number, policy: Partial<IntervalSchedule>): number => {
			const record = withCursor(delayed(policy), { slot: START, endedAt: START, failures });
			return ((dueSlots(record, { now: START }).next ?? Number.NaN) - START) / MINUTE;
		};
		expect([0, 1, 2, 5, 6, 1_000_000].map((n) => failed(n, { backoff: {} }))).toEqual([1, 2, 4, 32, 60, 60]);
		expect([0, 1, 2, 9].map((n) => failed(n, { backoff: { factor: 3, max: "5m" } }))).toEqual([1, 3, 5, 5]);
		expect(failed(1_000_000_000, { backoff: { factor: 1 } })).toBe(1);
		expect(failed(5, {})).toBe(1);
		expect(failed(5, { backoff: { max: "1s" } })).toBe(1);
	});

	test("no slot comes twice, though the clock is put back between", () => {
		const times = fc.integer({ min: -90_000, max: 200_000 });
		const property = fc.property(
			fc.array(fc.record({ runs: times, waits: times, failed: fc.boolean() }), { maxLength: 30 }),
			(steps) => {
				let record = delayed({ backoff: { factor: 1.5 } });
				let now = START;
				const keys: string[] = [];
				for (const { runs, waits, failed } of steps) {
					const due = dueSlots(record, { now });
					keys.push(...due.fire.map(({ key }) => key));
					record = advancedRecord(record, due, now);
					now += runs;
					if (due.fire.length > 0)
						record = withCursor(record, { endedAt: now, failures: failed ? record.cursor.failures + 1 : 0 });
					now = Math.max(now + waits, dueSlots(record, { now }).next ?? 0);
				}
				expect(new Set(keys).size).toBe(keys.length);
			},
		);
		holds(property, 200);
	});
});

describe("limits of a trigger", () => {
	test("C4: no more start than maxRuns, those that wait for their start included", () => {
		const record = minutely({ missed: "all" }, { maxRuns: 5 });
		const now = START + HOUR;
		expect(minutes(dueSlots(record, { now }))).toEqual([1, 2, 3, 4, 5]);
		expect(minutes(dueSlots(withCursor(record, { started: 3 }), { now, pending: 1 }))).toEqual([1]);
		expect(dueSlots(withCursor(record, { started: 3 }), { now, pending: 2 })).toEqual({
			fire: [],
			slot: undefined,
			next: undefined,
		});
		expect(dueSlots(withCursor(record, { started: 5 }), { now })).toMatchObject({ fire: [], over: "maxRuns" });
	});

	test("C4: nothing is due before the start, from the end on, when it is paused or not enabled", () => {
		const now = START + HOUR;
		const silent = { fire: [], slot: undefined };
		expect(dueSlots(minutely({}, { startAt: now + 1 }), { now })).toEqual({ ...silent, next: now + MINUTE });
		expect(dueSlots(minutely({}, { endAt: START + 30_000 }), { now })).toEqual({
			...silent,
			next: undefined,
			over: "endAt",
		});
		expect(dueSlots(minutely({}, { endAt: START + 30_000 }), { now: START })).toEqual({
			...silent,
			next: START + 30_000,
		});
		expect(dueSlots(minutely({}, { enabled: false }), { now })).toEqual({ ...silent, next: undefined });
		expect(dueSlots({ ...minutely(), paused: true }, { now })).toEqual({ ...silent, next: undefined });
		expect(dueSlots({ ...minutely(), over: "maxRuns" }, { now })).toEqual({ ...silent, next: undefined });
	});

	test("what came due during a pause is left out", () => {
		const paused = pausedRecord(minutely({ missed: "all" }), true, START);
		const resumed = pausedRecord(paused, false, START + HOUR + 5);
		expect(dueSlots(resumed, { now: START + HOUR + 5 })).toMatchObject({ fire: [], next: START + HOUR + MINUTE });
	});

	test("what is not timed ends, too", () => {
		const record = triggerOf({ kind: "manual" }, { endAt: START + HOUR });
		expect(dueSlots(record, { now: START })).toEqual({ fire: [], slot: undefined, next: START + HOUR });
		expect(dueSlots(record, { now: START + HOUR })).toMatchObject({ over: "endAt" });
	});
});

describe("whyShut", () => {
	test.each<[string, TriggerRecord, RegExp | undefined]>([
		["nothing", triggerOf({ kind: "manual" }), undefined],
		["a once before its moment", triggerOf({ kind: "once", at: START + HOUR }), undefined],
		["a pause", { ...triggerOf({ kind: "manual" }), paused: true }, /paused/],
		["enabled", triggerOf({ kind: "manual" }, { enabled: false }), /not enabled/],
		["its start", triggerOf({ kind: "manual" }, { startAt: START + 1 }), /begins at 2026-11-25T20:00:00.001Z/],
		["its end", triggerOf({ kind: "manual" }, { endAt: START }), /endAt/],
		["its runs", withCursor(triggerOf({ kind: "manual" }, { maxRuns: 2 }), { started: 2 }), /2 runs/],
		["its being over", { ...triggerOf({ kind: "once" }), over: "once" }, /over: once/],
	])("is %s", (_, record, why) => {
		if (why === undefined) expect(whyShut(record, START)).toBeUndefined();
		else expect(whyShut(record, START)).toMatch(why);
	});

	test("counts what waits for its start", () => {
		expect(whyShut(triggerOf({ kind: "manual" }, { maxRuns: 2 }), START, 2)).toMatch(/2 runs/);
	});
});

describe("whenever it is asked", () => {
	const policies: fc.Arbitrary<Schedule> = fc.oneof(
		fc.record({
			kind: fc.constant("every" as const),
			every: fc.integer({ min: 500, max: 300_000 }),
			first: fc.constantFrom("now" as const, "interval" as const),
			missed: fc.constantFrom("skip" as const, "one" as const, "all" as const),
		}),
		fc.record({
			kind: fc.constant("cron" as const),
			cron: fc.constantFrom("*/2 * * * *", "*/15 * * * * *", "30 2 * * *"),
			timeZone: fc.constantFrom("UTC", "Europe/Berlin"),
			missed: fc.constantFrom("skip" as const, "one" as const, "all" as const),
		}),
	);
	/** How long after the look before, and whether the process dies before anything is written. */
	const look = fc.record({
		later: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 20 * MINUTE })),
		dies: fc.boolean(),
	});

	test("each slot is started or counted as missed exactly once, and who dies doubles and loses none", () => {
		const begin = at("2026-10-25T00:15Z");
		const property = fc.property(policies, fc.array(look, { minLength: 1, maxLength: 25 }), (on, looks) => {
			let record = triggerOf(on.kind === "every" && on.missed === "all" ? { ...on, maxMissed: 10_000 } : on, {}, begin);
			let now = begin;
			const started: number[] = [];
			let missed = 0;
			let isExact = true;
			for (const { later, dies } of [...looks, { later: 0, dies: false }]) {
				now += later;
				const due = dueSlots(record, { now });
				if (due.next !== undefined) expect(due.next).toBeGreaterThan(now);
				expect(dueSlots(record, { now })).toEqual(due);
				if (dies) continue;
				started.push(...due.fire.map((slot) => slot.due));
				missed += due.missed?.count ?? 0;
				isExact &&= due.missed?.isMore !== true;
				record = advancedRecord(record, due, now);
			}
			const all = slotsBetween(record, 0, now, 1_000_000).slots;
			expect(new Set(started).size).toBe(started.length);
			expect(started.filter((slot) => !all.includes(slot)).map(iso)).toEqual([]);
			if (isExact) expect(started.length + missed).toBe(all.length);
			if ("missed" in on && on.missed === "all" && on.kind === "every") expect(started).toEqual(all);
		});
		holds(property, 150);
	});

	test("mistake 30: another interval never comes with an old key", () => {
		const step = fc.record({ every: fc.integer({ min: 1, max: 6 }), later: fc.integer({ min: 0, max: 40_000 }) });
		const property = fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
			let record = triggerOf({ kind: "every", every: "1s", missed: "all" });
			let now = START;
			const keys: string[] = [];
			for (const { every, later } of steps) {
				record = changedRecord(
					record,
					{ ...record.spec, on: { kind: "every", every: every * 1_000, missed: "all" } },
					now,
				);
				const before = now;
				now += later;
				const due = dueSlots(record, { now });
				for (const { due: slot } of due.fire) expect(slot).toBeGreaterThan(before);
				keys.push(...due.fire.map(({ key }) => key));
				record = advancedRecord(record, due, now);
			}
			expect(new Set(keys).size).toBe(keys.length);
		});
		holds(property, 150);
	});
});
