import { writeFileSync } from "node:fs";
import { VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { sqliteStore } from "../../src/triggers/sqlite-store.js";
import { journalFiles } from "../journal/journal-file.js";
import { dagswarm } from "./fake-world.js";

const files = journalFiles();
const NOON = Date.UTC(2026, 10, 25, 12, 0, 0);

/** A store that no service has, and whose time stands still. */
function place() {
	const file = files.next();
	const clock = new VirtualClock(NOON);
	const run = (...args: string[]) => dagswarm(args, { storeFile: file, clock });
	const document = async (...args: string[]): Promise<Record<string, unknown>> => {
		const { out, error } = await run("--json", ...args);
		expect(error).toBe("");
		return JSON.parse(out);
	};
	return { file, clock, run, document };
}

const NOBODY = "No service leads this store: `dagswarm serve FILE` starts what is due.\n";

describe("dagswarm trigger add", () => {
	test("puts a trigger into the store, which is made, and says when nobody would start it", async () => {
		const { run } = place();
		expect(await run("trigger", "add", "beat", "--every", "30s", "--start", "beat")).toEqual({
			code: 0,
			out: "beat added: every 30 seconds\n",
			error: NOBODY,
		});
		expect((await run("trigger", "add", "beat", "--every", "30s", "--start", "beat")).out).toMatch(
			/^beat is as it was/,
		);
		expect((await run("trigger", "add", "beat", "--every", "1m", "--start", "beat")).out).toBe(
			"beat changed: every minute\n",
		);
	});

	test.each([
		[["--cron", "0 9 * * MON-FRI", "--time-zone", "Europe/Berlin"], "cron 0 9 * * MON-FRI in Europe/Berlin"],
		[["--once"], "once, at once"],
		[["--once", "2027-01-31T09:00:00+01:00"], "once, at 2027-01-31T08:00:00.000Z"],
		[["--manual"], "by hand"],
		[["--event", "deploy"], "event deploy"],
		[["--file", "src/**/*.ts", "docs/*.md"], "changes of src/**/*.ts, docs/*.md"],
	])("takes %j", async (args, words) => {
		const { run, document } = place();
		expect((await run("trigger", "add", "t", "--start", "work", ...args)).out).toBe(`t added: ${words}\n`);
		expect((await document("trigger", "show", "t"))["schedule"]).toBe(words);
	});

	test("takes policies, and JSON for what options cannot say", async () => {
		const { run, document, file } = place();
		const policies = ["--overlap", "queue", "--missed", "one", "--first", "now", "--max-runs", "3", "--retry", "2"];
		await run(
			...["trigger", "add", "a", "--every", "1h", "--start", "work", "--input", '{"n":1}', ...policies],
			...["--jitter", "5s", "--deadline", "2m", "--description", "works"],
		);
		expect((await document("trigger", "show", "a"))["spec"]).toEqual({
			id: "a",
			on: { kind: "every", every: "1h", missed: "one", first: "now" },
			start: { call: "work", input: { n: 1 } },
			description: "works",
			overlap: "queue",
			maxRuns: 3,
			retry: 2,
			jitter: 5_000,
			deadline: 120_000,
		});
		const spec = { on: { kind: "event", run: { trigger: "a", status: ["failed"] } }, start: "mourn" };
		writeFileSync(`${file}.json`, JSON.stringify(spec));
		expect((await run("trigger", "add", "b", "--json-spec", `${file}.json`)).out).toBe(
			"b added: end of a run of a (failed)\n",
		);
	});

	test.each([
		[[], "--start is missing"],
		[["--start", "x"], "nothing says when it starts"],
		[["--start", "x", "--manual", "--every", "1s"], "--every, --manual are several schedules"],
		[["--start", "x", "--every", "soon"], '"soon" is no interval'],
		[["--start", "x", "--every", "0s"], "shorter than 10 ms"],
		[["--start", "x", "--cron", "61 * * * *"], "61"],
		[["--start", "x", "--manual", "--time-zone", "UTC"], "timeZone"],
		[["--start", "x", "--manual", "--missed", "one"], "missed"],
		[["--start", "x", "--manual", "--jitter", "5"], "--jitter"],
		[["--start", "x", "--manual", "--input", "{"], "--input is no JSON"],
		[["--start", "x", "--manual", "--overlap", "maybe"], "cancelPrevious"],
		[["--start", "x", "--once", "tomorrow"], "tomorrow"],
		[["--json-spec", "missing.json"], "missing.json cannot be read"],
		[["--json-spec", "x.json", "--start", "x"], "takes no other options"],
	])("refuses %j with 2, and puts nothing", async (args, why) => {
		const { run } = place();
		const { code, out, error } = await run("trigger", "add", "t", ...args);
		expect([code, out]).toEqual([2, ""]);
		expect(error).toContain(why);
		expect((await run("trigger", "ls")).out).not.toContain("by hand");
	});
});

describe("dagswarm trigger ls", () => {
	test("says when each is due, in order, and that nobody leads", async () => {
		const { run, clock, document } = place();
		await run("trigger", "add", "beat", "--every", "30s", "--start", "beat");
		await run("trigger", "add", "night", "--cron", "@daily", "--start", "tidy");
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		await run("trigger", "add", "late", "--once", "--start", "tidy");
		await run("trigger", "pause", "night");
		clock.advance(10_000);
		expect(await run("trigger", "ls")).toEqual({
			code: 0,
			error: NOBODY,
			out: [
				"TRIGGER  SCHEDULE          STATE   NEXT       LAST  RUNS",
				"beat     every 30 seconds  active  in 20.0 s        0 completed",
				"hand     by hand           active                   0 completed",
				"late     once, at once     active  now              0 completed",
				"night    cron @daily       paused                   0 completed",
				"",
			].join("\n"),
		});
		const { triggers, leader } = await document("trigger", "ls");
		expect(leader).toBe(null);
		expect(triggers).toMatchObject([
			{ id: "beat", state: "active", next: NOON + 30_000, schedule: "every 30 seconds", source: "store" },
			{ id: "hand" },
			{ id: "late", next: NOON },
			{ id: "night", state: "paused", paused: true },
		]);
		await run("trigger", "resume", "night");
		expect((await document("trigger", "show", "night"))["next"]).toBe(Date.UTC(2026, 10, 26));
	});

	test("the end of a trigger is no slot of it", async () => {
		const { run, document, file } = place();
		const spec = { on: { kind: "every", every: "1h" }, start: "a", endAt: NOON + 60_000 };
		writeFileSync(`${file}.json`, JSON.stringify(spec));
		await run("trigger", "add", "short", "--json-spec", `${file}.json`);
		expect((await document("trigger", "show", "short"))["next"]).toBe(undefined);
	});

	test("tells who leads", async () => {
		const { run, file, document } = place();
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		const store = sqliteStore(file);
		await store.acquire("leader", { id: "l", pid: 7, host: "h" }, NOON + 1, NOON);
		await store.close();
		expect((await run("trigger", "ls")).error).toBe("");
		expect((await document("trigger", "ls"))["leader"]).toEqual({ pid: 7, host: "h" });
	});
});

describe("dagswarm trigger run, submit, emit", () => {
	test("put occurrences into the store, each key once", async () => {
		const { run, document } = place();
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		await run("trigger", "add", "deploy", "--event", "deploy", "--start", "tidy");
		expect(await run("trigger", "run", "hand", "--key", "a", "--payload", "[1]")).toEqual({
			code: 0,
			out: "hand@1:a is to start\n",
			error: NOBODY,
		});
		expect((await run("trigger", "run", "hand", "--key", "a")).out).toBe(
			"hand@1:a was there already: nothing starts\n",
		);
		expect(await document("emit", "deploy", "--key", "v1")).toEqual({
			event: "deploy",
			started: [{ key: "deploy@1:v1", isNew: true }],
			leader: null,
		});
		expect(await run("emit", "deply")).toMatchObject({
			code: 0,
			out: "",
			error: 'No trigger waits for the event "deply": nothing starts.\n',
		});
		expect(await document("submit", "work", "--key", "w", "--input", "7", "--deadline", "1m")).toEqual({
			key: "w",
			isNew: true,
			leader: null,
		});
		expect((await document("occurrences"))["occurrences"]).toMatchObject([
			{ key: "w", state: "pending", start: { call: "work", input: 7 }, deadline: 60_000 },
			{ key: "deploy@1:v1" },
			{ key: "hand@1:a", trigger: "hand", payload: [1] },
		]);
	});

	test("submit takes a file with a graph", async () => {
		const { run, document, file } = place();
		writeFileSync(`${file}.json`, '{ "nodes": [{ "id": "a", "agent": "work" }] }');
		expect((await run("submit", `${file}.json`, "--key", "g")).code).toBe(0);
		expect((await document("occurrences"))["occurrences"]).toMatchObject([
			{ key: "g", start: { nodes: [{ id: "a", agent: "work" }] } },
		]);
		writeFileSync(`${file}.json`, "[]");
		expect(await run("submit", `${file}.json`)).toMatchObject({ code: 2, error: expect.stringContaining("no graph") });
		expect(await run("submit", `${file}.json`, "--input", "1")).toMatchObject({ code: 2 });
		expect(await run("submit", "no.json")).toMatchObject({ code: 2, error: expect.stringContaining("cannot be read") });
	});

	test("refuse what they cannot start", async () => {
		const { run } = place();
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		expect(await run("trigger", "run", "hnd")).toMatchObject({
			code: 2,
			error: 'UNKNOWN_TRIGGER: there is no trigger "hnd"\n  there are: hand\n',
		});
		await run("trigger", "pause", "hand");
		expect(await run("trigger", "run", "hand")).toMatchObject({ code: 1, error: expect.stringContaining("paused") });
		expect(await run("submit", "work", "--key", "x#2")).toMatchObject({ code: 2 });
	});

	test("stop waiting at a Ctrl-C, with 130: what was put stays", async () => {
		const { file, clock, run } = place();
		const stop = new AbortController();
		const waiting = dagswarm(["submit", "work", "--key", "w", "--wait"], {
			storeFile: file,
			clock,
			signal: stop.signal,
			error: () => stop.abort(),
		});
		expect((await waiting).code).toBe(130);
		expect((await run("occurrences")).out).toMatch(/\nw +○ pending/);
	});

	test("need a store, unless they make one", async () => {
		const { run } = place();
		for (const args of [["trigger", "ls"], ["trigger", "run", "a"], ["occurrences"], ["emit", "a"]])
			expect(await run(...args)).toMatchObject({ code: 1, error: expect.stringContaining("there is no store") });
	});
});

describe("dagswarm trigger rm", () => {
	test("takes a trigger away, and knows one that a program lists", async () => {
		const { run, file, clock } = place();
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		expect(await run("trigger", "rm", "hand")).toEqual({ code: 0, out: "removed hand\n", error: "" });
		expect(await run("trigger", "rm", "hand")).toMatchObject({ code: 2 });
		const store = sqliteStore(file);
		const spec = { id: "code", on: { kind: "manual" }, start: "a" } as const;
		const cursor = { started: 0, completed: 0, failed: 0, cancelled: 0, failures: 0 };
		const at = { createdAt: clock.now(), updatedAt: clock.now() };
		await store.write({
			triggers: [{ spec, revision: 1, ...at, source: "code", paused: false, cursor, version: 1 }],
		});
		await store.close();
		expect((await run("trigger", "add", "code", "--manual", "--start", "b")).error).toContain("A program lists");
		expect((await run("trigger", "rm", "code")).error).toContain("comes back");
	});
});

describe("dagswarm occurrences", () => {
	test("lists those of a trigger, or in a state, and says why they did not complete", async () => {
		const { run, file, clock, document } = place();
		await run("trigger", "add", "hand", "--manual", "--start", "tidy");
		const store = sqliteStore(file);
		const row = { due: NOON, createdAt: NOON, attempt: 1, version: 1, startedAt: NOON } as const;
		const error = { code: "AGENT_ERROR", message: "no luck\u001b[31m" };
		await store.write({
			add: [
				{ ...row, key: "a", state: "completed", status: "completed", endedAt: NOON + 1_500 },
				{ ...row, key: "b", state: "skipped", attempt: 0, trigger: "hand", reason: "an earlier one was going on" },
				{ ...row, key: "c", state: "waiting", attempt: 2, nextAt: NOON + 9_000, error, endedAt: NOON + 20 },
			],
		});
		await store.close();
		clock.advance(3_000);
		expect((await run("occurrences")).out).toBe(
			[
				"OCCURRENCE  STATE        DUE        TOOK   ATTEMPT  WHY",
				"c           ◇ waiting    3.0 s ago  20 ms  2        AGENT_ERROR: no luck; again in 6.0 s",
				"b           – skipped    3.0 s ago                  an earlier one was going on",
				"a           ✓ completed  3.0 s ago  1.5 s  1",
				"",
			].join("\n"),
		);
		const { out } = await run("occurrences", "--limit", "1");
		expect(out).toMatch(/\nc .*\n… there are older ones: --limit 10\n$/);
		expect((await document("occurrences", "--trigger", "hand"))["occurrences"]).toMatchObject([{ key: "b" }]);
		expect((await document("occurrences", "--submitted", "--state", "waiting"))["occurrences"]).toMatchObject([
			{ key: "c", run: "c#2" },
		]);
		expect((await run("trigger", "show", "hand")).out).toMatch(/\nb +– skipped/);
		expect(await run("occurrences", "--state", "done")).toMatchObject({ code: 2 });
		expect(await run("occurrences", "--trigger", "x")).toMatchObject({ code: 2 });
	});
});
