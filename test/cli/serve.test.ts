import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomIds, sqliteStore } from "dagswarm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { root } from "../source.js";
import { dagswarm } from "./fake-world.js";
import { type ServeSession, serveSession } from "./serve-session.js";

const project = join(root, "test/cli/projects/service.ts");

let folder: string;
let stores = 0;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-serve-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
	readonly storeFile: string;
	readonly cwd: string;
	readonly run: (...args: string[]) => ReturnType<typeof dagswarm>;
}

function place(): Place {
	const at = { storeFile: join(folder, `${++stores}.db`), cwd: folder };
	return { ...at, run: (...args) => dagswarm(args, { ...at, ids: randomIds }) };
}

async function serving(at: Place, ...args: string[]): Promise<ServeSession> {
	const session = serveSession([project, "--lease", "1s", ...args], at);
	onTestFinished(async () => {
		session.stop();
		session.abort();
		await session.ended;
	});
	await session.line(/ready/);
	return session;
}

const withoutTime = (line: string): string => line.replace(/^\d\d:\d\d:\d\d {2}/, "");

function documents(lines: readonly string[]): Record<string, unknown>[] {
	return lines.map((line) => JSON.parse(line));
}

describe("dagswarm serve", () => {
	test("starts what comes by hand, and says how it goes; a first Ctrl-C ends it with 0", async () => {
		const at = place();
		const session = await serving(at);
		expect(await at.run("trigger", "run", "hello", "--key", "a", "--payload", '"bees"', "--wait")).toMatchObject({
			code: 0,
			error: "",
			out: expect.stringMatching(/^✓ completed {2}hello@1:a: 1 node.*\noutputs:\n {2}echo {2}"bees"\n$/),
		});
		await session.line(/hello@1:a completed/);
		session.stop();
		expect((await session.ended).code).toBe(0);
		const lines = session.lines.map(withoutTime).filter((line) => !line.includes("reader@"));
		expect(lines[0]).toMatch(/^● serves .*service\.ts from \d+\.db$/);
		expect(lines.slice(1)).toEqual([
			"● ready: leads, 3 triggers",
			"● hello@1:a started",
			expect.stringMatching(/^✓ hello@1:a completed in \d+ ms$/),
			"○ stops: nothing starts any more, what runs has 10.0 s to end",
			expect.stringMatching(/^○ stopped: \d started, \d completed$/),
		]);
	});

	test("has autonomous agents tick until their goal is reached", async () => {
		const at = place();
		const session = await serving(at);
		await session.count(/✓ reader@1:\S+ completed/, 2);
		const shown = (await at.run("trigger", "show", "reader")).out;
		expect(shown).toContain("State     over: until\n");
		expect(shown).toContain("Schedule  10 ms after each end\n");
		expect(shown).toContain("Runs      2 completed\n");
	});

	test("runs the project's own graph by the name `graph`, with its input and without", async () => {
		const at = place();
		const session = await serving(at);
		const given = await at.run("submit", "graph", "--input", '{"topics":["ants","wasps"]}', "--wait", "--json");
		expect(JSON.parse(given.out)).toMatchObject({ outputs: { ants: "ants", wasps: "wasps" }, exitCode: 0 });
		expect((await at.run("submit", "graph", "--wait")).out).toMatch(/\n {2}bees {2}"bees"\n/);
		const metadata = JSON.parse((await at.run("show", "@last", "--json")).out) as { metadata: object };
		// So that it can be brought back without the service.
		expect(metadata.metadata).toMatchObject({ "dagswarm.project": project });
		session.stop();
		await session.ended;
	});

	test("says what waits for somebody, and what answers it, also in runs that were called", async () => {
		const at = place();
		const session = await serving(at);
		await at.run("submit", "ask", "--key", "first");
		expect(withoutTime(await session.line(/first waits/))).toBe(
			`◇ first waits for approval of ask: may I?: dagswarm approve first ask`,
		);
		await at.run("submit", "call", "--key", "second");
		expect(withoutTime(await session.line(/second.* waits/))).toMatch(
			/^◇ second\/call\/1\.1 waits for approval of ask/,
		);
	});

	test("says failures, and those who wait for one exit with its code", async () => {
		const at = place();
		const session = await serving(at);
		const { code, out } = await at.run("submit", "fail", "--key", "f", "--wait");
		expect(code).toBe(1);
		expect(out).toMatch(/^✗ failed: .*\nfailed:\n {2}fail {2}AGENT_ERROR: no luck\n/);
		expect(withoutTime(await session.line(/f failed/))).toBe("✗ f failed: AGENT_ERROR: no luck");
		expect(await at.run("submit", "nobody", "--wait", "--json")).toMatchObject({
			code: 1,
			out: expect.stringMatching(/"state":"failed".*UNKNOWN_TOOL/),
		});
	});

	test("starts what files change, below the folder of the project or where the trigger was added", async () => {
		const at = place();
		mkdirSync(join(folder, "inbox"));
		await at.run("trigger", "add", "inbox", "--file", "inbox/*", "--start", "echo");
		const session = await serving(at);
		writeFileSync(join(folder, "inbox", "a.txt"), "hello");
		await session.line(/inbox@1:1-\w{12} completed/);
	});

	test("lets go of what does not end within the grace; the next one brings it back (mistakes 18, 26)", async () => {
		const at = place();
		const first = await serving(at, "--grace", "1ms");
		await at.run("submit", "hang", "--key", "h");
		await first.line(/h started/);
		// It has begun when its run is in the journal.
		await at.run("trigger", "run", "hello", "--wait");
		first.stop();
		expect((await first.ended).code).toBe(0);
		// A tick may just have been going on, too.
		expect(first.lines.at(-1)).toMatch(/(1 goes|2 go) on when a service runs again$/);
		const second = await serving(at);
		await second.line(/● h goes on$/);
		expect((await at.run("occurrences", "--state", "running")).out).toMatch(/\nh +● running/);
	});

	test("ends at once with 130 at a second Ctrl-C, whatever runs does about it", async () => {
		const at = place();
		const session = await serving(at, "--grace", "1h");
		await at.run("submit", "stubborn", "--key", "h");
		await session.line(/h started/);
		session.stop();
		await session.line(/stops/);
		session.abort();
		expect((await session.ended).code).toBe(130);
	});

	test("stands by while another one leads, and leads when that has gone", async () => {
		const at = place();
		const first = await serving(at);
		const second = await serving(at, "--json");
		expect(documents(second.lines)).toMatchObject([
			{ type: "serving", project, store: at.storeFile, at: expect.any(Number) },
			{ type: "ready", leading: false, leader: { pid: process.pid }, triggers: 3 },
		]);
		first.stop();
		await first.ended;
		await second.line(/"leading":true/);
		await at.run("trigger", "run", "hello", "--key", "k", "--wait");
		await second.line(/"state":"completed".*"run":"hello@1:k"/);
		second.stop();
		await second.ended;
		const last = documents(second.lines).at(-1);
		expect(last).toMatchObject({ type: "stopped", exitCode: 0, failed: 0, open: 0 });
	});

	test("what it runs can be cancelled by its key, also where no service is there any more", async () => {
		const at = place();
		const session = await serving(at, "--grace", "1ms");
		await at.run("submit", "hang", "--key", "a");
		await at.run("submit", "hang", "--key", "b");
		await session.count(/(a|b) started/, 2);
		expect((await at.run("cancel", "a", "--reason", "enough")).out).toBe("a is cancelled\n");
		expect(withoutTime(await session.line(/a cancelled/))).toBe("⊘ a cancelled: enough");
		session.stop();
		await session.ended;
		expect(await at.run("cancel", "b", "--json")).toMatchObject({
			code: 0,
			out: expect.stringContaining('"done":"cancel","occurrence":{"key":"b"'),
		});
		expect((await at.run("show", "b")).out).toContain("cancelled");
		expect(await at.run("cancel", "a")).toMatchObject({ code: 1, error: expect.stringContaining("ILLEGAL_STATE") });
		const next = await serving(at);
		await next.line(/⊘ b cancelled/);
	});

	test("listens where it is told to, and not without a port", async () => {
		const at = place();
		const session = await serving(at, "--port", "0");
		const [address = ""] = /http:\S+/.exec(session.lines.join("\n")) ?? [];
		expect((await fetch(`${address}/health/live`)).status).toBe(200);
		const args = ["serve", project, "--host", "0.0.0.0"];
		expect(await at.run(...args)).toMatchObject({ code: 2, error: expect.stringContaining("--port") });
		expect(await at.run(...args, "--port", "0")).toMatchObject({ code: 2, error: expect.stringContaining("token") });
		writeFileSync(join(folder, "token"), "short\n");
		expect(await at.run(...args, "--port", "0", "--token-file", "token")).toMatchObject({ code: 2 });
	});

	test("is quiet when it is asked to be, and still says what is odd", async () => {
		const at = place();
		const file = join(folder, "odd.mjs");
		writeFileSync(
			file,
			`export const agents = [{ name: "a", run: async () => 1 }];
			 export const triggers = [{ id: "t", on: { kind: "every", every: "soon", onBadSchedule: "default" }, start: "a" }];`,
		);
		const session = serveSession([file, "-q"], at);
		expect(withoutTime(await session.line(/./))).toMatch(/^! trigger "t": "soon" is no interval: every 5 minutes/);
		await at.run("submit", "a", "--wait");
		session.stop();
		expect((await session.ended).code).toBe(0);
		expect(session.lines).toHaveLength(1);
	});

	test("refuses what cannot be served, and leaves nothing behind", async () => {
		const at = place();
		const file = join(folder, "none.mjs");
		writeFileSync(file, "export const triggers = [];");
		expect(await at.run("serve", file)).toMatchObject({ code: 2, error: expect.stringContaining("no agents") });
		writeFileSync(join(folder, "bad.mjs"), BAD);
		expect(await at.run("serve", "bad.mjs")).toMatchObject({
			code: 2,
			error: expect.stringContaining("shorter than 10 ms"),
		});
		expect(await at.run("serve", project, "--lease", "1")).toMatchObject({ code: 2 });
		expect(await at.run("serve", project, "--recover", "some")).toMatchObject({ code: 2 });
		const store = sqliteStore(at.storeFile);
		expect(await store.triggers()).toEqual([]);
		await store.close();
	});
});

const BAD = `export const agents = [{ name: "a", run: async () => 1 }];
export const triggers = [{ id: "t", on: { kind: "every", every: "0s" }, start: "a" }];`;
