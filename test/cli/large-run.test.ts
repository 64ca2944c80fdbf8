import { createSwarm, defineAgent, sqliteJournal } from "dagswarm";
import { beforeAll, describe, expect, test } from "vitest";
import { journalFiles } from "../journal/journal-file.js";
import { dagswarm } from "./fake-world.js";

const SIZE = 20_000;

const files = journalFiles();
let file: string;

beforeAll(async () => {
	file = files.next();
	const journal = sqliteJournal(file);
	const noop = defineAgent({ name: "noop", run: async () => {} });
	const swarm = createSwarm({ agents: [noop], journal, durability: "relaxed", concurrency: 1_000 });
	// Half of it is a chain, which is as deep as it is long, half of it is as wide.
	const nodes = Array.from({ length: SIZE }, (_, i) => ({
		id: `n${i}`,
		agent: noop,
		...(i > 0 && { dependsOn: [i < SIZE / 2 ? `n${i - 1}` : "n0"] }),
	}));
	await swarm.run({ nodes }, { runId: "large" });
	await journal.close();
});

const run = (...args: string[]) => dagswarm(["--store", file, ...args]);

describe(`a run of ${SIZE} nodes`, () => {
	test("is shown in a few lines that fit on a screen", async () => {
		const { code, out } = await run("show", "large");
		const lines = out.trimEnd().split("\n");
		expect([code, lines.length]).toEqual([0, 6 + 1 + 200 + 1]);
		expect(lines.at(-1)).toBe("… and 19,800 more nodes: use --state failed, --limit or --json");
		expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
		expect(lines.at(-2)).toMatch(/^(│ {2})?.* \[199\] ✓ n199 +completed/);
	});

	test("is as a document whole", async () => {
		const { out } = await run("show", "large", "--json");
		expect((JSON.parse(out) as { nodes: unknown[] }).nodes).toHaveLength(SIZE);
		expect((await run("show", "large", "--state", "failed")).out.trimEnd().split("\n")).toHaveLength(6);
	});

	test("has nodes that are explained however many depend on them", async () => {
		const { out } = await run("explain", "large", "n0");
		expect(out).toContain("  … and 9,981 more nodes\n");
		expect(out.split("\n").length).toBeLessThan(60);
	});

	test("is listed without being read", async () => {
		expect((await run("ls")).out).toMatch(/\nlarge .* 60,003 events\n$/);
	});

	test("is no picture, but a text for other programs", async () => {
		expect(await run("graph", "large", "--svg")).toMatchObject({
			code: 1,
			out: "",
			error: expect.stringMatching(/^LIMIT_EXCEEDED: a graph of 20000 nodes and 19999 edges .*\n.*--dot/),
		});
		expect((await run("graph", "large", "--dot")).out.match(/ -> /g)).toHaveLength(SIZE - 1);
	});
});
