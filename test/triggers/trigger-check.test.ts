import { describe, expect, test } from "vitest";
import type { TriggerSpec } from "../../src/triggers/trigger.js";
import { checkTrigger, overlapOf } from "../../src/triggers/trigger-check.js";

const every = { kind: "every", every: "5m" } as const;
const base: TriggerSpec = { id: "t", on: every, start: "work" };

/** The checks take what no compiler has seen. */
function check(change: Readonly<Record<string, unknown>>): void {
	checkTrigger({ ...base, ...change } as TriggerSpec);
}

describe("checkTrigger", () => {
	test.each<[string, Readonly<Record<string, unknown>>]>([
		["the least", {}],
		[
			"all of an interval",
			{ on: { ...every, first: "now", missed: "all", maxMissed: 10_000, catchUp: "newest", onBadSchedule: "error" } },
		],
		["a delay", { on: { ...every, mode: "delay", backoff: { factor: 2, max: "1h" } } }],
		["what cannot be read, by default", { on: { kind: "every", every: "now and then", onBadSchedule: "default" } }],
		["a cron", { on: { kind: "cron", cron: "0 9 * * MON-FRI", timeZone: "Europe/Berlin", missed: "one" } }],
		["a cron of six fields", { on: { kind: "cron", cron: "*/5 0 9 * * *" } }],
		["a cron by name", { on: { kind: "cron", cron: "@daily" } }],
		["a leap day", { on: { kind: "cron", cron: "0 0 29 2 *" } }],
		["once", { on: { kind: "once", at: "2027-01-01T00:00:00Z" } }],
		[
			"files",
			{
				on: {
					kind: "file",
					paths: ["src/**"],
					ignore: ["x"],
					cwd: "/data",
					settle: "1m",
					maxFileBytes: 1,
					maxFiles: 1,
				},
			},
		],
		["by hand", { on: { kind: "manual" } }],
		["an event", { on: { kind: "event", event: "a" } }],
		["the end of a run", { on: { kind: "event", run: { trigger: "a", status: ["failed", "timed_out"] } } }],
		["a webhook", { on: { kind: "event", webhook: { secret: "hook", maxBytes: 16 * 1024 * 1024 } } }],
		["a call", { start: { call: "work", input: { a: { $occurrence: "/payload/0" }, b: { $occurrence: "" } } } }],
		[
			"nodes",
			{
				start: {
					nodes: [
						{ id: "a", agent: "x" },
						{ id: "b", agent: "y", dependsOn: ["a"] },
					],
				},
			},
		],
		[
			"the rest",
			{
				description: "d",
				overlap: "queue",
				maxQueued: 1,
				retry: { maxAttempts: 3, delay: "1s" },
				deadline: "5m",
				jitter: "10s",
				maxRuns: 1,
				startAt: 0,
				endAt: 1,
				enabled: false,
				history: 1,
				metadata: { a: [1] },
			},
		],
		["fields that are undefined", { description: undefined, endAt: undefined }],
	])("takes %s", (_, change) => {
		expect(() => check(change)).not.toThrow();
	});

	test.each<[string, Readonly<Record<string, unknown>>, string]>([
		["an unknown field", { evry: 1 }, "/evry"],
		["an unknown field of the schedule", { on: { ...every, jitter: 1 } }, "/on/jitter"],
		["an unknown field below it", { on: { ...every, mode: "delay", backoff: { fctor: 2 } } }, "/on/backoff/fctor"],
		["a field of another kind", { on: { kind: "cron", cron: "@daily", every: 5 } }, "/on/every"],
		["no id", { id: undefined }, "/id"],
		["an id with a sign of keys", { id: "a@1" }, "/id"],
		["an id that is too long", { id: "x".repeat(101) }, "/id"],
		["no schedule", { on: undefined }, "/on"],
		["a schedule that is none", { on: 5 }, "/on"],
		["an unknown kind", { on: { kind: "constructor" } }, "/on/kind"],
		["no interval", { on: { kind: "every" } }, "/on/every"],
		["mistake 22: a cron as an interval", { on: { kind: "every", every: "0 9 * * *" } }, "/on/every"],
		["mistake 23: zero", { on: { kind: "every", every: "every 0s", onBadSchedule: "default" } }, "/on/every"],
		["mistake 23: overflow", { on: { kind: "every", every: "99999999999d", onBadSchedule: "default" } }, "/on/every"],
		["an unknown mode", { on: { ...every, mode: "fixed" } }, "/on/mode"],
		["an unknown first", { on: { ...every, first: "later" } }, "/on/first"],
		["a growth without a delay", { on: { ...every, backoff: {} } }, "/on/backoff"],
		["a growth out of range", { on: { ...every, mode: "delay", backoff: { factor: 0.5 } } }, "/on/backoff/factor"],
		["missed with a delay", { on: { ...every, mode: "delay", missed: "all" } }, "/on/missed"],
		["an unknown policy of what was missed", { on: { ...every, missed: "some" } }, "/on/missed"],
		["a cap of nothing", { on: { ...every, maxMissed: 5 } }, "/on/maxMissed"],
		["a cap out of range", { on: { ...every, missed: "all", maxMissed: 10_001 } }, "/on/maxMissed"],
		["an order of nothing", { on: { ...every, missed: "one", catchUp: "newest" } }, "/on/catchUp"],
		["no cron", { on: { kind: "cron" } }, "/on/cron"],
		["a cron of four fields", { on: { kind: "cron", cron: "* * * *" } }, "/on/cron"],
		["a cron of seven fields", { on: { kind: "cron", cron: "0 0 9 * * * 2027" } }, "/on/cron"],
		["a date as a cron", { on: { kind: "cron", cron: "2027-01-01T00:00:00Z" } }, "/on/cron"],
		["a minute that there is not", { on: { kind: "cron", cron: "60 * * * *" } }, "/on/cron"],
		["a name that there is not", { on: { kind: "cron", cron: "@sometimes" } }, "/on/cron"],
		["a start of the machine", { on: { kind: "cron", cron: "@reboot" } }, "/on/cron"],
		["a day that never comes", { on: { kind: "cron", cron: "0 0 30 2 *" } }, "/on/cron"],
		["a zone that there is not", { on: { kind: "cron", cron: "@daily", timeZone: "Mars/Olympus" } }, "/on/timeZone"],
		["a moment without an offset", { on: { kind: "once", at: "2027-01-01T00:00:00" } }, "/on/at"],
		["no paths", { on: { kind: "file", paths: [] } }, "/on/paths"],
		["paths that are missing", { on: { kind: "file" } }, "/on/paths"],
		["a path that is none", { on: { kind: "file", paths: ["a", 5] } }, "/on/paths/1"],
		["a relative folder", { on: { kind: "file", paths: ["a"], cwd: "data" } }, "/on/cwd"],
		["a long settling", { on: { kind: "file", paths: ["a"], settle: "2m" } }, "/on/settle"],
		["an event of nothing", { on: { kind: "event" } }, "/on"],
		["a name of an event that is too long", { on: { kind: "event", event: "x".repeat(201) } }, "/on/event"],
		["an end that is none", { on: { kind: "event", run: { status: ["suspended"] } } }, "/on/run/status/0"],
		["mistake 34: a webhook without a secret", { on: { kind: "event", webhook: {} } }, "/on/webhook/secret"],
		[
			"mistake 34: a body without a bound",
			{ on: { kind: "event", webhook: { secret: "a", maxBytes: 2 ** 30 } } },
			"/on/webhook/maxBytes",
		],
		["nothing to start", { start: undefined }, "/start"],
		["an empty name to start", { start: "" }, "/start"],
		["a start of nothing", { start: {} }, "/start"],
		["a call of no name", { start: { call: 5 } }, "/start/call"],
		["an input that is not plain", { start: { call: "a", input: { at: [new Date(0)] } } }, "/start/input/at/0"],
		["a reference that is no pointer", { start: { call: "a", input: { $occurrence: "payload" } } }, "/start/input"],
		["a reference with more beside it", { start: { call: "a", input: { $occurrence: "", or: 1 } } }, "/start/input"],
		["no nodes", { start: { nodes: [] } }, "/start/nodes"],
		[
			"nodes with a function",
			{ start: { nodes: [{ agent: { name: "a", run: () => 1 } }] } },
			"/start/nodes/0/agent/run",
		],
		["an unknown overlap", { overlap: "wait" }, "/overlap"],
		["a line that there is not", { maxQueued: 5 }, "/maxQueued"],
		["a number at a time of one", { maxRunning: 5 }, "/maxRunning"],
		["a retry that is none", { retry: { maxAttempts: 0 } }, "/retry"],
		["a deadline that is none", { deadline: "soon" }, "/deadline"],
		["a jitter that is none", { jitter: -1 }, "/jitter"],
		["no runs at all", { maxRuns: 0 }, "/maxRuns"],
		["a start that is none", { startAt: "tomorrow" }, "/startAt"],
		["an end before the start", { startAt: "2027-01-01T00:00:00Z", endAt: "2027-01-01T01:00:00+01:00" }, "/endAt"],
		["an end before the moment", { on: { kind: "once", at: 10 }, endAt: 10 }, "/endAt"],
		["a switch that is none", { enabled: "yes" }, "/enabled"],
		["no history", { history: 0 }, "/history"],
		["metadata that is none", { metadata: [1] }, "/metadata"],
		["metadata that is not plain", { metadata: { "a/b": Symbol("c") } }, "/metadata/a~1b"],
	])("refuses %s, and says where", (_, change, path) => {
		expect(() => check(change)).toThrow(expect.objectContaining({ code: "INVALID_OPTION", path }));
	});

	test("refuses what is no trigger at all", () => {
		for (const nothing of [undefined, null, 5, []])
			expect(() => checkTrigger(nothing as unknown as TriggerSpec)).toThrow(
				expect.objectContaining({ code: "INVALID_OPTION" }),
			);
	});

	test.each<[string, readonly object[]]>([
		[
			"CYCLE",
			[
				{ id: "a", agent: "x", dependsOn: ["b"] },
				{ id: "b", agent: "x", dependsOn: ["a"] },
			],
		],
		["UNKNOWN_DEPENDENCY", [{ id: "a", agent: "x", dependsOn: ["b"] }]],
		[
			"DUPLICATE_NODE",
			[
				{ id: "a", agent: "x" },
				{ id: "a", agent: "x" },
			],
		],
		["INVALID_SPEC", [{ id: "a", agent: "x", retries: 3 }]],
	])("says %s of nodes as a start would", (code, nodes) => {
		expect(() => check({ start: { nodes } })).toThrow(expect.objectContaining({ code, path: "/start/nodes" }));
	});

	test("names the trigger, the field and what to write", () => {
		expect(() => check({ on: { kind: "every", every: "0s" } })).toThrow(
			/^trigger "t": "0s" is shorter than 10 ms \(write "every 30s"/,
		);
		expect(() => check({ on: { kind: "cron", cron: "61 * * * *" } })).toThrow(
			/^trigger "t": on.cron is "61 \* \* \* \*", which cannot be read: Invalid value for minute: 61/,
		);
		expect(() => check({ evry: 1 })).toThrow(/^trigger "t": there is no evry \(fields: id, on, start/);
	});
});

test("timed ones skip what overlaps, the others line up", () => {
	expect(overlapOf(base)).toBe("skip");
	expect(overlapOf({ on: { kind: "cron", cron: "@daily" } })).toBe("skip");
	expect(overlapOf({ on: { kind: "manual" } })).toBe("queue");
	expect(overlapOf({ on: { kind: "file", paths: ["a"] } })).toBe("queue");
	expect(overlapOf({ ...base, overlap: "allow" })).toBe("allow");
});
