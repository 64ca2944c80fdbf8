import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { parseDelivery, verifyAudit } from "dagswarm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { angles, corpus } from "../../examples/research-team/corpus.ts";
import { COST_LIMIT } from "../../examples/research-team/team.ts";
import { root } from "../source.js";

const run = promisify(execFile);
const KEY = "a key for this test alone";

function example(...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
	const env = { ...process.env, RESEARCH_TEAM_AUDIT_KEY: KEY };
	return run(process.execPath, ["examples/research-team/main.ts", ...args], { cwd: root, env });
}

describe("the team, as a process", () => {
	let folder: string;
	let said: string;
	let delivered: string;

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), "research-team-"));
		// Fails with what was said where the exit code is another than 0.
		({ stdout: said } = await example("--fast", "--yes", "--out", folder));
		delivered = /^delivered to (.+)$/m.exec(said)?.[1] ?? "";
	});

	afterAll(() => rm(folder, { recursive: true, force: true }));

	test("plans, searches, writes, finds a gap, closes it and asks, in this order", () => {
		const told = [
			"✓ plan:",
			"+ search-history, which plan asked for",
			"✓ write:",
			"✓ review:",
			"+ plan-2, which review asked for",
			"+ search-law, which plan-2 asked for",
			"✓ search-law:",
			"✓ write-2:",
			"? publish asks:",
			'nobody is asked: answered "publish"',
			"✓ publish,",
			"completed: 12 nodes",
		];
		const places = told.map((line) => said.indexOf(line));
		expect(places).not.toContain(-1);
		expect(places).toEqual(places.toSorted((a, b) => a - b));
	});

	test("is told where it goes round in circles, and goes on", () => {
		expect(said).toMatch(/! search-harvest is told: .*same arguments/);
		expect(said).toContain("✓ search-harvest:");
	});

	test("ends within its budget, by going on with the small model", () => {
		const [, spent, limit, small] = /spent ([\d.]+) of ([\d.]+): \d+ calls .*, (\d+) of the small one/.exec(said) ?? [];
		expect(Number(limit)).toBe(COST_LIMIT);
		expect(Number(spent)).toBeGreaterThan(COST_LIMIT / 2);
		expect(Number(spent)).toBeLessThanOrEqual(COST_LIMIT);
		expect(Number(small)).toBeGreaterThan(0);
	});

	test("delivers the report with everything that there is to say", async () => {
		const { status, artifacts } = parseDelivery(await readFile(join(delivered, "outcome.json")));
		expect(status).toBe("completed");
		expect(artifacts).toMatchObject([{ node: "publish", name: "report.md", contentType: "text/markdown" }]);
		const report = await readFile(join(delivered, artifacts[0]?.file ?? ""), "utf8");
		for (const { text } of corpus) expect(report).toContain(text);
		expect(report.match(/^## \w+/gm)).toHaveLength(angles.length + 1);
		expect(report).toMatch(/\*Approved by .+\.\*\n$/);
		// What agents called is no run of the host's: it is part of this one.
		expect(await readdir(join(folder, "delivered"))).toEqual([basename(delivered)]);
	});

	test("leaves a record that verifies, with this key only", async () => {
		const file = /^recorded in (.+)$/m.exec(said)?.[1] ?? "";
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true, sealed: true });
		expect(await verifyAudit(file, "another key of that length")).toMatchObject({ ok: false });
		expect(said).toMatch(/which verifies: \d+ records/);
	});

	test("asked for a plan says what would run, and leaves nothing", async () => {
		const out = join(folder, "planned");
		const { stdout } = await example("--plan", "--out", out);
		expect(stdout).toMatch(/^plan \(planner\)\nwrite \(writer\) after plan\n.*expected to cost 0\.0\d+/s);
		expect(await readdir(folder)).not.toContain("planned");
	});

	test("says how it is used", async () => {
		expect((await example("--help")).stdout).toContain("usage: npm run example");
		await expect(example("--fsat")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("--fsat") });
	});
});
