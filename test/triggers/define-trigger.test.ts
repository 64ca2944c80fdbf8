import { defineAgent, defineGraph, defineTrigger, type Schedule } from "dagswarm";
import { describe, expect, test } from "vitest";
import { warningOf } from "../../src/triggers/define-trigger.js";

describe("defineTrigger", () => {
	test.each<[string, Schedule]>([
		["every 30s", { kind: "every", every: "every 30s" }],
		["5m", { kind: "every", every: "5m" }],
		["90", { kind: "every", every: "90" }],
		["0 9 * * *", { kind: "cron", cron: "0 9 * * *" }],
		["*/5 0 9 * * *", { kind: "cron", cron: "*/5 0 9 * * *" }],
		["@daily", { kind: "cron", cron: "@daily" }],
	])("reads %j", (on, schedule) => {
		expect(defineTrigger({ id: "t", on, start: "work" }).on).toEqual(schedule);
	});

	test.each([
		["now and then", "/on/every"],
		["", "/on/every"],
		["every now and then, perhaps", "/on/every"],
		["61 * * * *", "/on/cron"],
		["@never", "/on/cron"],
	])("refuses %j", (on, path) => {
		expect(() => defineTrigger({ id: "t", on, start: "work" })).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", path }),
		);
	});

	test("gives a frozen copy, so that what was given may change", () => {
		const input = { topics: ["bees"] };
		const trigger = defineTrigger({ id: "t", on: "5m", start: { call: "work", input } });
		input.topics.push("wasps");
		expect(trigger.start).toEqual({ call: "work", input: { topics: ["bees"] } });
		expect(Object.isFrozen(trigger.start)).toBe(true);
	});

	test("takes a static graph: in the store its agents are names", () => {
		const work = defineAgent({ name: "work", run: () => 1 });
		const graph = defineGraph({ a: { agent: work }, b: { agent: work, dependsOn: ["a"] } });
		expect(defineTrigger({ id: "t", on: "5m", start: graph }).start).toEqual({
			nodes: [
				{ id: "a", agent: "work" },
				{ id: "b", agent: "work", dependsOn: ["a"] },
			],
		});
	});

	test("refuses nothing at all with a code, too", () => {
		for (const nothing of [undefined, null, 5])
			expect(() => defineTrigger(nothing as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});
});

test("P2: what is taken for an interval that cannot be read is worth a warning", () => {
	const on = { kind: "every", every: "now and then", onBadSchedule: "default" } as const;
	expect(warningOf(defineTrigger({ id: "t", on, start: "work" }))).toBe(
		'trigger "t": "now and then" is no interval: every 5 minutes is taken in its place',
	);
	expect(warningOf(defineTrigger({ id: "t", on: "5m", start: "work" }))).toBeUndefined();
});
