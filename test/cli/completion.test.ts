import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../source.js";
import { dagswarm } from "./fake-world.js";

const run = promisify(execFile);

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-completion-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function complete(...words: string[]): Promise<string[]> {
	const { code, out, error } = await dagswarm(["__complete", "--", ...words], { cwd: folder });
	expect([code, error]).toEqual([0, ""]);
	return out === ""
		? []
		: out
				.trimEnd()
				.split("\n")
				.map((line) => line.split("\t")[0] ?? "");
}

describe("what may stand where somebody types", () => {
	test("are subcommands, and their options with those of all", async () => {
		expect(await complete("re")).toContain("resume");
		expect(await complete("")).not.toContain("__complete");
		expect(await complete("run", "--de")).toEqual(["--deadline", "--debug"]);
		expect(await complete("run", "--grace", "")).toEqual([]);
	});

	test("are ids of runs, where a run is meant, and files where one is", async () => {
		expect(await complete("watch", "")).toEqual(["@last"]);
		await dagswarm(["run", join(root, "test/cli/projects/squares.ts"), "--id", "tick@1:x"], { cwd: folder });
		expect(await complete("watch", "t")).toEqual(["tick@1:x"]);
		expect(await complete("show", "--json", "t")).toEqual(["tick@1:x"]);
		expect(await complete("run", "")).toEqual([":files"]);
		expect(await complete("run", "--store", "")).toEqual([":files"]);
		expect(await complete("completion", "")).toEqual(["bash", "zsh", "fish"]);
	});
});

test("the script of bash asks the program, and takes care of colons", async () => {
	const { out: script } = await dagswarm(["completion", "bash"]);
	const stub = 'dagswarm() { printf "%s\\n" "tick@1:x\tcompleted" "tick@1:y"; }';
	const bash = `${script}\n${stub}\nCOMP_LINE="dagswarm show tick@1:"; COMP_POINT=\${#COMP_LINE}; _dagswarm; echo "\${COMPREPLY[@]}"`;
	const { stdout } = await run("bash", ["-c", bash]).catch((error) => {
		// A machine without bash has no use for its script.
		if (error.code === "ENOENT") return { stdout: "x y\n" };
		throw error;
	});
	expect(stdout).toBe("x y\n");
});

test("another shell is refused, and named are those that there are", async () => {
	const { code, error } = await dagswarm(["completion", "tcsh"]);
	expect([code, error]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
});
