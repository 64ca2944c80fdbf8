import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dagswarm-schedules-"));
	writeFileSync(join(folder, "graph.stg"), "3\n0 0 0\n1 2 1 0\n2 2 1 0\n3 4 1 0\n4 0 3 1 2 3\n");
	writeFileSync(join(folder, "wrong.stg"), "3\n0 0 0\n1 2 1 9\n");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the benchmark with these arguments in the folder of the files. */
function bench(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
	return new Promise((resolve) => {
		execFile(process.execPath, [join(root, "bench/main.ts"), ...args], { cwd: folder }, (error, out, err) => {
			resolve({ code: error === null ? 0 : Number(error.code), out, err });
		});
	});
}

describe("the bench on a workflow", () => {
	test("prints a row for each policy and number of workers, and writes figures and pictures", async () => {
		const given = ["--workflow", "graph.stg", "--workers", "1,2", "--policy", "fifo,planned"];
		const { code, out, err } = await bench(...given, "--svg", "pictures", "--json", "figures.json");
		expect({ code, err }).toEqual({ code: 0, err: "" });
		expect(out).toContain("graph: 3 tasks");
		expect(out).toMatch(/^fifo +2 +6\.000 +4\.000 +1\.500 /m);
		expect(out).toMatch(/^planned +2 +4\.000 +4\.000 +1\.000 /m);
		expect(out).not.toMatch(/^critical-path/m);
		expect(readdirSync(join(folder, "pictures")).sort()).toEqual([
			"graph-1-fifo.svg",
			"graph-1-planned.svg",
			"graph-2-fifo.svg",
			"graph-2-planned.svg",
		]);
		const { schedules } = JSON.parse(readFileSync(join(folder, "figures.json"), "utf8")) as { schedules: unknown[] };
		expect(schedules).toHaveLength(4);
		expect(schedules[3]).toMatchObject({ workflow: "graph", tasks: 3, policy: "planned", workers: 2, makespan: 4000 });
	});

	test.each([
		[["--workflow", "wrong.stg"], 1, "wrong.stg: line 3: task 1 has the predecessor 9"],
		[["--workflow", "missing.json"], 1, "missing.json cannot be read"],
		[["--workflow", "graph.stg", "--policy", "best"], 2, "--policy: expected all"],
		[["--workflow", "graph.stg", "--workers", "0"], 2, "--workers: expected whole numbers"],
		[["--svg", "pictures"], 2, "--svg goes with --workflow"],
	])("refuses %j with what is wrong", async (args, code, message) => {
		const answer = await bench(...args);
		expect(answer).toMatchObject({ code, err: expect.stringContaining(message) });
	});
});
