import { describe, expect, test } from "vitest";
import { dueSlots } from "../../src/triggers/due.js";
import type { Schedule, TriggerSpec } from "../../src/triggers/trigger.js";
import { advancedRecord, changedRecord, newRecord, pausedRecord } from "../../src/triggers/trigger-record.js";
import { START, triggerOf, withCursor } from "./timed.js";

const HOUR = 3_600_000;

test("a new trigger has come nowhere yet", () => {
	const spec: TriggerSpec = { id: "t", on: { kind: "manual" }, start: "work" };
	expect(newRecord(spec, START, "code")).toEqual({
		spec,
		revision: 1,
		createdAt: START,
		updatedAt: START,
		source: "code",
		paused: false,
		cursor: { started: 0, completed: 0, failed: 0, cancelled: 0, failures: 0 },
		version: 1,
	});
});

describe("a trigger that is put again", () => {
	const on = { kind: "every", every: "5m", missed: "all" } as const;
	const record = withCursor(triggerOf(on), { slot: START + HOUR, started: 12, failures: 2, endedAt: START + HOUR + 5 });
	const later = START + 2 * HOUR;
	const change = (spec: Partial<TriggerSpec>) => changedRecord(record, { ...record.spec, ...spec }, later);

	test("is the same record when nothing changes", () => {
		expect(change({})).toBe(record);
		expect(changedRecord(record, structuredClone(record.spec), later)).toBe(record);
	});

	test("keeps its revision and its place when its slots are the same", () => {
		for (const same of [
			{ ...on, every: 300_000 },
			{ ...on, every: " Every 5 M" },
			{ ...on, missed: "one" },
		] as Schedule[]) {
			const changed = change({ on: same });
			expect(changed).toMatchObject({
				revision: 1,
				cursor: record.cursor,
				createdAt: START,
				version: 2,
				updatedAt: later,
			});
		}
		expect(change({ description: "other", overlap: "queue" })).toMatchObject({ revision: 1, cursor: record.cursor });
	});

	test("mistake 30: has another revision when the interval changes, and begins now", () => {
		const changed = change({ on: { ...on, every: "7m" } });
		expect(changed).toMatchObject({ revision: 2, createdAt: START, cursor: { slot: later, started: 12, failures: 0 } });
		expect(changed.cursor.endedAt).toBeUndefined();
		const due = dueSlots(changed, { now: later });
		expect(due).toMatchObject({ fire: [], next: START + 18 * 7 * 60_000 });
		expect(dueSlots(changed, { now: due.next ?? 0 }).fire).toEqual([
			{ key: "t@2:2026-11-25T22:06:00.000Z", due: START + 18 * 7 * 60_000 },
		]);
	});

	test("goes back to an old interval under a new revision", () => {
		const there = change({ on: { ...on, every: "7m" } });
		expect(changedRecord(there, record.spec, later).revision).toBe(3);
	});

	test.each<[string, Schedule, Schedule]>([
		["its mode", { kind: "every", every: "1m" }, { kind: "every", every: "1m", mode: "delay" }],
		["its kind", { kind: "every", every: "1m" }, { kind: "cron", cron: "* * * * *" }],
		["its expression", { kind: "cron", cron: "0 9 * * *" }, { kind: "cron", cron: "0 10 * * *" }],
		["its zone", { kind: "cron", cron: "0 9 * * *" }, { kind: "cron", cron: "0 9 * * *", timeZone: "Europe/Berlin" }],
		["its moment", { kind: "once", at: START }, { kind: "once", at: START + 1 }],
		["its files", { kind: "file", paths: ["a"] }, { kind: "file", paths: ["b"] }],
		["its event", { kind: "event", event: "a" }, { kind: "event", event: "b" }],
	])("has another revision with %s", (_, before, after) => {
		expect(changedRecord(triggerOf(before), triggerOf(after).spec, later).revision).toBe(2);
	});

	test.each<[string, Schedule, Schedule]>([
		[
			"what is the default anyway",
			{ kind: "cron", cron: "0 9 * * *" },
			{ kind: "cron", cron: " 0  9 * * *", timeZone: "UTC" },
		],
		["a moment in other words", { kind: "once", at: START }, { kind: "once", at: "2026-11-25T21:00:00+01:00" }],
		["fields in another order", { kind: "event", event: "a", run: {} }, { run: {}, event: "a", kind: "event" }],
	])("has the same revision with %s", (_, before, after) => {
		expect(changedRecord(triggerOf(before), triggerOf(after).spec, later).revision).toBe(1);
	});

	test("a once with another moment comes again, under its new revision", () => {
		const first = triggerOf({ kind: "once" });
		const done = advancedRecord(first, dueSlots(first, { now: START }), START);
		const again = changedRecord(done, { ...done.spec, on: { kind: "once", at: later } }, START + 1);
		expect(dueSlots(again, { now: later }).fire).toEqual([{ key: "t@2:once", due: later }]);
	});

	test("that was over is not any more, and makes up for nothing", () => {
		const over = { ...record, over: "endAt" as const, spec: { ...record.spec, endAt: START + HOUR + 1 } };
		const longer = changedRecord(over, { ...record.spec, endAt: START + 9 * HOUR }, later);
		expect(longer).toMatchObject({ revision: 1, cursor: { slot: later } });
		expect(longer.over).toBeUndefined();
	});

	test("that was not enabled makes up for nothing", () => {
		const off = { ...record, spec: { ...record.spec, enabled: false } };
		expect(changedRecord(off, record.spec, later).cursor.slot).toBe(later);
		expect(change({ enabled: true }).cursor.slot).toBe(START + HOUR);
	});

	test("of files keeps the number of its last change while it watches the same", () => {
		const files = withCursor(triggerOf({ kind: "file", paths: ["a"] }), { change: 7 });
		expect(changedRecord(files, { ...files.spec, description: "other" }, later).cursor.change).toBe(7);
		expect(
			changedRecord(files, { ...files.spec, on: { kind: "file", paths: ["b"] } }, later).cursor.change,
		).toBeUndefined();
	});
});

test("a pause moves nothing, going on begins now, and twice is once", () => {
	const record = triggerOf({ kind: "every", every: "5m" });
	const paused = pausedRecord(record, true, START + 1);
	expect(paused).toMatchObject({ paused: true, cursor: record.cursor, version: 2 });
	expect(pausedRecord(paused, true, START + 2)).toBe(paused);
	expect(pausedRecord(paused, false, START + HOUR)).toMatchObject({
		paused: false,
		cursor: { slot: START + HOUR },
		version: 3,
	});
	const once = pausedRecord(triggerOf({ kind: "once" }), true, START);
	expect(dueSlots(pausedRecord(once, false, START + HOUR), { now: START + HOUR }).fire).toEqual([
		{ key: "t@1:once", due: START },
	]);
});

test("a record moves with what was due, and is the same when nothing was", () => {
	const record = triggerOf({ kind: "every", every: "5m" });
	expect(advancedRecord(record, dueSlots(record, { now: START }), START)).toBe(record);
	const due = dueSlots(record, { now: START + 300_000 });
	expect(advancedRecord(record, due, START + 300_000)).toMatchObject({ cursor: { slot: START + 300_000 }, version: 2 });
});
