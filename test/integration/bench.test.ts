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
	// With the peers installed, each has a process of its own to start.
}, 180_000);
