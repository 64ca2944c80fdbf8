import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { VirtualClock } from "dagswarm";
import { beforeAll, describe, expect, test } from "vitest";
import { journalFiles, withDatabase } from "../journal/journal-file.js";
import { dagswarm } from "./fake-world.js";
import { fillStore, onStore, withoutTimes } from "./sample-runs.js";

const files = journalFiles();
let file: string;
let clock: VirtualClock;
let run: ReturnType<typeof onStore>;

beforeAll(async () => {
	file = files.next();
	clock = await fillStore(file);
	run = onStore(file, clock);
});

async function printed(...args: string[]): Promise<string> {
	const { code, out, error } = await run(...args);
	expect([code, error]).toEqual([0, ""]);
	return withoutTimes(out);
}

async function document(...args: string[]): Promise<Record<string, unknown>> {
	const { out } = await run("--json", ...args);
	expect(out.trimEnd()).not.toContain("\n");
	return JSON.parse(out) as Record<string, unknown>;
}

describe("dagswarm ls", () => {
	test("lists the runs, the newest first, without those that were called", async () => {
		expect(await printed("ls")).toBe(
			[
				"RUN      STATUS     AGE      TOOK   NODES          WRITTEN BY  WAITS FOR",
				"news-1   ◇ waiting  1 m 1 s         1/3            nobody      approval of review by editors: publish?",
				"order-8  ✗ failed   1 m 3 s  1.5 s  7/7, 1 failed",
				"order-7  ✗ failed   1 m 5 s  2.5 s  7/7, 1 failed",
				"",
			].join("\n"),
		);
	});

	test("shows called runs with --all, indented", async () => {
		expect(await printed("ls", "--all")).toMatch(/\n {2}order-7\/caller\/1\.1 +✓ completed .* 1\/1\n/);
		expect((await document("ls", "--all"))["runs"]).toContainEqual(
			expect.objectContaining({ run: "order-7/caller/1.1", calledBy: "order-7" }),
		);
	});

	test("takes states and a limit, and says when there are more", async () => {
		expect(await printed("ls", "--state", "failed,stalled", "--limit", "1")).toMatch(
			/^RUN .*\norder-8 .*\n… there are older ones: --limit 10\n$/,
		);
		expect(await printed("ls", "--state", "completed")).toBe("no runs\n");
		expect(await run("ls", "--state", "faild")).toMatchObject({ code: 2, error: expect.stringContaining("stalled") });
		expect(await run("ls", "--limit", "x")).toMatchObject({ code: 2, error: expect.stringContaining("--limit") });
	});

	test("has a document", async () => {
		const { runs, more } = await document("ls", "--limit", "2");
		expect(more).toBe(true);
		expect(runs).toMatchObject([
			{
				run: "news-1",
				status: "waiting",
				ended: false,
				events: 10,
				nodes: { completed: 1, waiting: 1, pending: 1 },
				waiting: [{ node: "review", kind: "approval", choices: ["yes", "no"] }],
			},
			{ run: "order-8", status: "failed", ended: true },
		]);
	});

	test("shows the others when one run is damaged", async () => {
		const damaged = files.next();
		await fillStore(damaged);
		withDatabase(damaged, (db) => db.exec("UPDATE records SET body = 'x' WHERE key >> 36 = 1"));
		expect((await onStore(damaged, clock)("ls")).out).toMatch(/\norder-7 .* \d+ events\n$/);
	});

	test("says where there is no store, and writes none", async () => {
		const missing = files.next();
		const { code, out, error } = await dagswarm(["ls", "--store", missing]);
		expect([code, out]).toEqual([1, ""]);
		expect(error).toMatch(/^JOURNAL_UNAVAILABLE: there is no store at .*\n {2}.*dagswarm run FILE/);
	});
});

describe("dagswarm show", () => {
	test("shows how a run stands, and its nodes as a tree", async () => {
		expect(await printed("show", "order-7")).toBe(`Run      order-7
Status   ✗ failed: node "report" was skipped because node "load" failed
Started  <day>, 1 m 5 s ago
Ended    <day>, after 2.5 s
Project  project.ts
Nodes    7: 5 completed, 1 failed, 1 skipped
Events   29

✓ fetch         completed  1.0 s   agent work
├─ ✓ check      completed  1.0 s   agent work
└─ ✗ load       failed     500 ms  AGENT_ERROR: the disk is full; 2 attempts; also after check
   └─ – report  skipped            because of load; agent work; also after check
✓ plan          completed  0 ms
└─ ✓ caller     completed  1.0 s
✓ planned       completed  1.0 s   agent work; added by plan
`);
	});

	test("names the store in what to type where it has to be", async () => {
		const { out } = await dagswarm(["show", "news-1", "--store", file], { clock });
		expect(out).toContain(`dagswarm resume news-1 --store ${file} goes on with it`);
	});

	test("says what a run waits for and what to do, when nobody has it", async () => {
		const text = await printed("show", "n");
		expect(text).toContain(
			"\nWaits for\n  approval of review by editors: publish?, since 1 m: dagswarm approve news-1 review --answer yes\n",
		);
		expect(text).toContain("\nNobody has this run: dagswarm resume news-1 goes on with it\n");
		expect(text).toContain('○ publish  pending           1 of its dependencies has not ended: first "review"');
	});

	test("shows a run as it stood at an event, with the times of then", async () => {
		const text = await printed("show", "order-7", "--seq", "9");
		expect(text).toContain("\nSeen at  event 9 of 29\n");
		expect(text).toMatch(/^● fetch .*running {2}for 0 ms /m);
		expect(text).not.toContain("Nobody");
		expect(await run("show", "order-7", "--seq", "99")).toMatchObject({
			code: 2,
			error: expect.stringMatching(/no event 99/),
		});
	});

	test("lists nodes of some states, or up to a depth", async () => {
		const failed = await printed("show", "order-7", "--state", "failed,skipped");
		expect(failed).toMatch(/\n✗ load .*\n– report .*\n$/);
		const roots = await printed("show", "order-7", "--depth", "0");
		expect(roots).toMatch(/\n✓ fetch .*\n✓ plan .*\n✓ planned .*\n$/);
	});

	test("says what failed where not all nodes are shown", async () => {
		expect(await printed("show", "order-7", "--limit", "1")).toMatch(
			/\nFailed\n {2}✗ load {2}AGENT_ERROR: the disk is full; 2 attempts\n\n✓ fetch .*\n… and 6 more nodes: use --state failed, /,
		);
	});

	test("has a document with all nodes", async () => {
		const shown = await document("show", "news-1");
		expect(shown).toMatchObject({ run: "news-1", status: "waiting", ended: false, seq: 10, omitted: 0 });
		expect(shown["nodes"]).toMatchObject([
			{ id: "write", state: "completed", startedAt: expect.any(Number), endedAt: expect.any(Number) },
			{ id: "review", state: "waiting", wait: { kind: "approval" } },
			{ id: "publish", state: "pending", through: ["review"] },
		]);
		expect(await document("show", "order-8")).toMatchObject({
			forkedFrom: { run: "order-7", seq: 29 },
			metadata: { "dagswarm.project": "project.ts" },
		});
		expect(await document("show", "order-7/caller/1.1")).toMatchObject({ calledBy: "order-7" });
	});

	test("takes colours where the terminal does, and is cut to its width", async () => {
		const { out } = await dagswarm(["--store", file, "show", "order-7"], {
			clock,
			colours: true,
			isTerminal: true,
			columns: 40,
		});
		expect(out).toContain("\u001b[31m✗ load\u001b[39m");
		const plain = stripVTControlCharacters(out).split("\n");
		expect(Math.max(...plain.slice(8).map((line) => line.length))).toBe(40);
	});
});

describe("the id of a run", () => {
	test("may be shortened, or be @last", async () => {
		expect((await document("show", "@last"))["run"]).toBe("news-1");
		expect((await document("show", "order-7/c"))["run"]).toBe("order-7/caller/1.1");
		expect(await run("show", "order")).toMatchObject({ code: 2, error: expect.stringContaining("order-8, order-7\n") });
		expect(await run("show", "nope")).toMatchObject({ code: 2, error: expect.stringContaining("dagswarm ls") });
	});
});

describe("dagswarm explain", () => {
	test("tells a failure with its causes, its attempts, who waits on it and what to do", async () => {
		expect(await printed("explain", "order-7", "load")).toBe(`✗ load  failed  agent load, attempt 2, in run order-7

It failed: the disk is full.

Depends on
  ✓ fetch  completed  agent work
  ✓ check  completed  agent work

Needed by
  – report  skipped  because of load; agent work

Error
  AGENT_ERROR: the disk is full
  caused by ENOSPC: no space

What happened
  <day>  #4   added          agent load, after fetch, check
  <day>  #23  started        attempt 1
  <day>  #24  attemptFailed  attempt 1, AGENT_ERROR: the disk is full, again in 500 ms
  <day>  #25  woken          for its next attempt
  <day>  #26  started        attempt 2
  <day>  #27  failed         attempt 2, AGENT_ERROR: the disk is full

What to do
  dagswarm fork order-7 --reset load  runs it again, in a new run
`);
	});

	test.each([
		["order-7", "report", "dagswarm explain order-7 load  says why"],
		["news-1", "review", "dagswarm approve news-1 review --answer yes  lets it go on"],
		["news-1", "publish", "dagswarm explain news-1 review  says why"],
		["news-1", "publish", "dagswarm resume news-1  goes on with the run: nobody has it"],
	])("says for %s %s what to do", async (id, node, step) => {
		expect(await printed("explain", id, node)).toContain(step);
	});

	test("has a document", async () => {
		expect(await document("explain", "news-1", "publish")).toMatchObject({
			run: "news-1",
			node: { id: "publish", state: "pending" },
			why: expect.stringContaining('first "review"'),
			through: [{ id: "review", state: "waiting" }],
			dependsOn: [{ id: "review", state: "waiting" }],
			neededBy: [],
			events: [{ type: "node.added" }],
			next: [expect.stringContaining("explain"), expect.stringContaining("resume")],
		});
	});

	test("names what to try for a node that is not there", async () => {
		expect(await run("explain", "news-1", "revue")).toMatchObject({
			code: 2,
			error: 'UNKNOWN_NODE: run "news-1" has no node "revue"\n  `dagswarm show news-1` lists them\n',
		});
	});
});

describe("dagswarm logs", () => {
	test("prints events a line each, the day first", async () => {
		const lines = (await printed("logs", "order-7")).split("\n");
		expect(lines).toHaveLength(1 + 29 + 1);
		expect(lines[0]).toBe("<day>");
		expect(lines).toContain("<time>     #27  node.failed         load  attempt 2, AGENT_ERROR: the disk is full");
		expect(lines).toContain('<time>     #22  node.completed      check  attempt 1 = {"got":null}');
	});

	test("takes a node, types and a first event, and JSON is a line for each event", async () => {
		const { out } = await run("logs", "order-7", "--node", "load", "--types", "node.started, node.failed", "--json");
		const events = out
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line) as { seq: number });
		expect(events.map(({ seq }) => seq)).toEqual([23, 26, 27]);
		expect((await printed("logs", "order-7", "--from", "28", "--types", "run.*")).split("\n")).toHaveLength(3);
		expect((await run("logs", "order-7", "--from", "30")).out).toBe("");
		expect(await run("logs", "order-7", "--types", "node.fail")).toMatchObject({
			code: 2,
			error: expect.stringMatching(/node\.failed/),
		});
		expect(await run("logs", "order-7", "--node", "lod")).toMatchObject({
			code: 2,
			error: expect.stringMatching(/UNKNOWN_NODE/),
		});
	});

	test("follows a run to its end, and one that goes on until it is interrupted", async () => {
		expect((await printed("logs", "order-7", "--follow")).split("\n")).toHaveLength(31);
		const stop = new AbortController();
		let out = "";
		const code = await dagswarm(["--store", file, "logs", "news-1", "-f"], {
			signal: stop.signal,
			out: (text) => {
				out += `${text}\n`;
				if (text.includes("#10 ")) stop.abort();
			},
		});
		expect(code.code).toBe(130);
		expect(out.trimEnd().split("\n")).toHaveLength(11);
	});
});

describe("dagswarm graph", () => {
	test("draws in three languages, coloured by states", async () => {
		expect(await printed("graph", "news-1")).toMatch(/^flowchart TD\n {2}n0\["write<br\/>work"\]:::completed\n/);
		expect(await printed("graph", "news-1", "--dot")).toContain(
			'fillcolor="#f3e5f5", color="#ab47bc", fontcolor="#263238"];\n  n1 [label="review", class="waiting"];',
		);
		const svg = await printed("graph", "order-7", "--svg");
		expect(svg).toMatch(/<svg [\s\S]*class="node failed"[\s\S]*fill="#ffebee" stroke="#e53935"[\s\S]*<\/svg>\n$/);
		expect(await document("graph", "news-1", "--seq", "1")).toMatchObject({ format: "mermaid", nodes: 0 });
	});

	test("writes a file, and says why it cannot", async () => {
		const out = files.next();
		expect(await printed("graph", "news-1", "--dot", "--out", out)).toBe(`3 nodes drawn to ${out}\n`);
		expect(readFileSync(out, "utf8")).toMatch(/^digraph run \{/);
		expect(await run("graph", "news-1", "--out", `${out}/no/where`)).toMatchObject({
			code: 2,
			error: expect.stringMatching(/--out/),
		});
		expect(await run("graph", "news-1", "--dot", "--svg")).toMatchObject({
			code: 2,
			error: expect.stringMatching(/name one of them/),
		});
	});
});
