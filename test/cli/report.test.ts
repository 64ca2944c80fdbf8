import type { NodeView, RunSummary, Snapshot } from "dagswarm";
import { memoryJournal } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columns } from "../../src/cli/report/columns.js";
import { eventText } from "../../src/cli/report/event-line.js";
import { nodeNote } from "../../src/cli/report/node-note.js";
import { treeOf } from "../../src/cli/report/node-tree.js";
import { oneLine, shellLine, valueText } from "../../src/cli/report/one-line.js";
import { planPrune, sizeText } from "../../src/cli/report/prune-plan.js";
import { waitText } from "../../src/cli/report/run-list.js";
import { lengthText } from "../../src/cli/report/time-text.js";
import { isLeft, writerState, writerText } from "../../src/cli/report/writer-text.js";
import { thisProcess } from "../../src/core/host.js";
import { entryOf } from "../../src/testing/conformance/samples.js";
import { runsOf, SEED } from "../random.js";

const plain = (_: unknown, text: string): string => text;

describe("text of somebody else", () => {
	test("neither ends the line nor tells the terminal anything", () => {
		expect(oneLine("a\nb\r\n\tc")).toBe("a b c");
		const line = oneLine("\u001b[2J\u001b]0;title\u0007x\u202ey\u0000");
		expect(line).toMatch(/x\u{fffd}y\u{fffd}$/u);
		expect(line).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
		expect(valueText({ text: "\u001b[31mred\n" })).toBe('{"text":"\\u001b[31mred\\n"}');
		expect(valueText(new Uint8Array([1, 2]))).toBe('{"$bytes":"AQI="}');
		expect(valueText(undefined)).toBe("undefined");
	});

	test("has an end", () => {
		expect(oneLine("x".repeat(1_000_000), 10)).toBe("xxxxxxxxx…");
		expect(oneLine("1234567890", 10)).toBe("1234567890");
	});

	test("is one word of a command line, whatever is in it", () => {
		expect(shellLine("show", "order-7/a/1.1")).toBe("dagswarm show order-7/a/1.1");
		expect(shellLine("explain", "it's; rm -rf", "")).toBe("dagswarm explain 'it'\\''s; rm -rf' ''");
	});
});

test.each([
	[0, "0 ms"],
	[-5, "0 ms"],
	[Number.NaN, "0 ms"],
	[0.2, "1 ms"],
	[350, "350 ms"],
	[999.6, "1.0 s"],
	[59_949, "59.9 s"],
	[59_999, "1 m"],
	[185_000, "3 m 5 s"],
	[3_599_999, "1 h"],
	[7_800_000, "2 h 10 m"],
	[86_399_000, "1 d"],
	[450_000_000, "5 d 5 h"],
])("%d milliseconds are %s", (ms, text) => {
	expect(lengthText(ms)).toBe(text);
});

test("bytes are told with three digits or so", () => {
	expect([0, 999, 1_000, 5_700, 1.5e9, 3e15].map(sizeText)).toEqual([
		"0 B",
		"999 B",
		"1.0 kB",
		"5.7 kB",
		"1.5 GB",
		"3000.0 TB",
	]);
});

describe("columns", () => {
	test("stand below each other, and are cut where the terminal ends", () => {
		const rows = [
			[{ text: "a" }, { text: "one" }],
			[{ text: "abc" }, { text: "" }],
			[{ text: "x".repeat(70) }, { text: "two three" }],
		];
		expect(columns(rows, { paint: plain, widest: 5 })).toEqual(["a      one", "abc", "xxxx…  two three"]);
		expect(columns(rows, { paint: plain, widest: 5, width: 11, indent: " " })).toEqual([
			" a      one",
			" abc",
			" xxxx…  tw…",
		]);
		expect(
			columns(
				[
					[{ text: "日本" }, { text: "x" }],
					[{ text: "e\u0301" }, { text: "y" }],
				],
				{ paint: plain },
			),
		).toEqual(["日本  x", "e\u0301     y"]);
		expect(columns(rows, { paint: plain, width: 3 })).toEqual(["a", "abc", "xx…"]);
	});
});

describe("a tree", () => {
	function snapshotOf(parents: readonly (readonly number[])[]): Snapshot {
		const nodes = parents.map((dependsOn, i) => ({
			id: `n${i}`,
			dependsOn: dependsOn.map((each) => `n${each}`),
		})) as unknown as NodeView[];
		return { nodes: () => nodes.values() } as unknown as Snapshot;
	}

	const dags = fc
		.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 40 })
		.map((rows) => rows.map((row, i) => (i === 0 ? [] : [...new Set(row.map((each) => each % i))])));

	test("has each node once, below the first one that it depends on", () => {
		fc.assert(
			fc.property(dags, (parents) => {
				const lines = [...treeOf(snapshotOf(parents))];
				expect(lines.map(({ node }) => node.id).sort()).toEqual(parents.map((_, i) => `n${i}`).sort());
				const path: string[] = [];
				for (const { node, depth, also } of lines) {
					path.length = depth;
					expect(path.at(-1)).toBe(node.dependsOn[0]);
					expect(also).toEqual(node.dependsOn.slice(1));
					path.push(node.id);
				}
			}),
			{ seed: SEED, numRuns: runsOf(100) },
		);
	});

	test("is drawn with lines, and no wider than a screen", () => {
		const drawn = [...treeOf(snapshotOf([[], [0], [1], [0], [], [4]]))].map(({ lead, node }) => lead + node.id);
		expect(drawn).toEqual(["n0", "├─ n1", "│  └─ n2", "└─ n3", "n4", "└─ n5"]);
		const chain = [...treeOf(snapshotOf(Array.from({ length: 3_000 }, (_, i) => (i === 0 ? [] : [i - 1]))))];
		expect(chain.at(-1)?.lead.trim()).toBe("└─ [2999]");
		expect(Math.max(...chain.map(({ lead }) => lead.length))).toBeLessThan(64);
		expect([...treeOf(snapshotOf([[], [0], [1]]), 1)]).toHaveLength(2);
	});
});

describe("who writes a run", () => {
	const now = 1_000_000;
	function summaryOf(writer: Partial<RunSummary["writer"]> | undefined, ended = false): RunSummary {
		const whole = { id: "w", pid: process.pid, host: thisProcess().host, since: 0, heartbeatAt: now, ...writer };
		return { ended, writer: writer === undefined ? undefined : whole } as RunSummary;
	}

	test.each([
		["alive", summaryOf({}), `pid ${process.pid}, alive`, false],
		["gone", summaryOf({ pid: 2 ** 30 }), `pid ${2 ** 30}, gone`, true],
		[
			"silent",
			summaryOf({ host: "elsewhere", heartbeatAt: now - 20_000, pid: 7 }),
			"pid 7 on elsewhere, silent for 20.0 s",
			false,
		],
		["alive", summaryOf({ host: "elsewhere", pid: 7 }), "pid 7 on elsewhere, alive", false],
		[undefined, summaryOf(undefined), "nobody", true],
		["alive", summaryOf({}, true), "", false],
	])("is %s", (state, summary, text, left) => {
		expect([writerState(summary, now), writerText(summary, now), isLeft(summary, now)]).toEqual([state, text, left]);
	});
});

describe("a plan of a pruning", () => {
	test("says what a pruning does", async () => {
		const runs = fc.array(fc.record({ at: fc.nat(50), ended: fc.boolean(), size: fc.nat(200) }), { maxLength: 8 });
		const retention = fc.record(
			{ maxAge: fc.nat(50), maxRuns: fc.nat(8), maxBytes: fc.nat(2_000) },
			{ requiredKeys: [] },
		);
		await fc.assert(
			fc.asyncProperty(runs, retention, async (wanted, kept) => {
				const journal = memoryJournal();
				for (const [i, { at, ended, size }] of wanted.entries()) {
					const entry = entryOf(`r${i}`, { ended });
					const records = entry.records.map((record) => ({ ...record, at, body: record.body.padEnd(size) }));
					await journal.append([{ ...entry, records }]);
				}
				const before = await journal.runs();
				const plan = planPrune(before, kept, 60);
				const pruned = await journal.prune(kept, 60);
				expect(plan.runs.map(({ run }) => run).sort()).toEqual([...pruned.runs].sort());
				expect(plan.kept).toBe(before.length - pruned.runs.length);
			}),
			{ seed: SEED, numRuns: runsOf(100) },
		);
	});
});

describe("events and waits", () => {
	const stamp = { seq: 1, at: 1_000 };
	test.each([
		[
			{ ...stamp, type: "run.created", run: "b", epoch: 1, open: false, forkedFrom: { run: "a", seq: 2 } },
			"b, fork of a",
		],
		[{ ...stamp, type: "run.recovered", epoch: 2 }, "by another process, epoch 2"],
		[{ ...stamp, type: "run.signalled", name: "go", payload: 1 }, "go = 1, kept until somebody waits for it"],
		[{ ...stamp, type: "run.stopping", status: "cancelled", reason: "enough" }, "cancelled: enough"],
		[{ ...stamp, type: "run.portFailed", port: "audit", message: "full" }, "audit: full"],
		[{ ...stamp, type: "edge.added", from: "a", to: "b", by: "p" }, "a → b, by p"],
		[{ ...stamp, type: "patch.rejected", node: "a", attempt: 1, refusal: { code: "CYCLE", message: "m" } }, "CYCLE: m"],
		[{ ...stamp, type: "patch.applied", key: "k" }, "k, which changed nothing"],
		[
			{ ...stamp, type: "node.woken", node: "a", attempt: 1, wake: { kind: "approved", by: "ada", data: "yes" } },
			'approved by ada = "yes"',
		],
		[{ ...stamp, type: "node.woken", node: "a", attempt: 1, wake: { kind: "rejected", reason: "no" } }, "rejected: no"],
		[{ ...stamp, type: "node.woken", node: "a", attempt: 1, wake: { kind: "expired" } }, "its time is over"],
		[
			{
				...stamp,
				type: "node.attemptFailed",
				node: "a",
				attempt: 1,
				retryAt: 1_000,
				interrupted: "crash",
				error: { code: "C", message: "m" },
			},
			"attempt 1, crash, again at once",
		],
		[{ ...stamp, type: "node.completed", node: "a", attempt: 1, output: 1, memo: true }, "remembered = 1"],
		[{ ...stamp, type: "node.abandoned", node: "a", reason: "pruned", by: "p" }, "pruned, by p"],
		[{ ...stamp, type: "node.cancelled", node: "a" }, ""],
	] as const)("%j is told", (event, text) => {
		expect(eventText(event as never)).toBe(text);
	});

	test.each([
		[{ kind: "retry", until: 3_000 }, "next attempt in 2.0 s"],
		[{ kind: "retry", until: 500 }, "next attempt is due"],
		[{ kind: "sleep", until: 61_000 }, "sleeps for 1 m"],
		[{ kind: "sleep", until: 61_000, name: "the budget" }, "waits: the budget"],
		[{ kind: "signal", name: "go", until: 2_000 }, "waits for signal go, for 1.0 s at most"],
		[{ kind: "child", run: "r/a/1.1", name: "work" }, "waits for work in run r/a/1.1"],
	] as const)("a node that waits for %j says so", (wait, text) => {
		const node = { id: "a", agent: "a", state: "waiting", attempt: 1, wait } as unknown as NodeView;
		const explain = (): never => {
			throw new Error("nobody asks");
		};
		expect(nodeNote(node, { explain, now: 1_000 })).toBe(text);
	});

	test.each([
		[{ kind: "approval", reason: "ok?", to: "ada" }, "approval of a by ada: ok?"],
		[{ kind: "signal", name: "go" }, "signal go for a"],
		[{ kind: "child", name: "work" }, "work, called by a"],
		[{ kind: "sleep" }, "a, which sleeps"],
		[{ kind: "sleep", name: "the budget" }, "the budget, for a"],
	] as const)("a run that waits for %j says so", (wait, text) => {
		expect(waitText({ run: "r", node: "a", agent: "a", since: 0, ...wait })).toBe(text);
	});
});
