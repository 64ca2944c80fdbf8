import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// A bench that nobody runs rots: its smallest size is run with every test, and checks its own results.
test("the bench runs in its smoke size", async () => {
	const root = fileURLToPath(new URL("../..", import.meta.url));
	const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "bench/main.ts", "--smoke"], {
		cwd: root,
	});
	expect(stdout).toContain("dagswarm");
	expect(stdout).toContain("ideal loop");
	for (const row of [
		"no journal",
		"SQLite relaxed",
		"SQLite strict",
		"strict, a chain",
		"recover",
		"3 readers",
		"SQLite, fired",
	]) {
		expect(stdout).toMatch(new RegExp(`^${row} +\\S`, "m"));
	}
	// With the peers installed, each has a process of its own to start.
}, 180_000);

test("the bench takes --durable for the section of that name, and for no other", async () => {
	const root = fileURLToPath(new URL("../..", import.meta.url));
	const bench = promisify(execFile)(process.execPath, ["bench/main.ts", "--durable", "--section", "memory"], {
		cwd: root,
	});
	await expect(bench).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("--durable is --section") });
});
