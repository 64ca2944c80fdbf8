import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { command } from "../../demo/command.ts";
import { folderWith, project } from "./fixture.ts";

async function run(args: readonly string[], cwd: string, signal = new AbortController().signal) {
	const out: string[] = [];
	const err: string[] = [];
	const code = await command(args, {
		cwd,
		out: { write: (text) => out.push(text) > 0 },
		err: { write: (text) => err.push(text) > 0 },
		terminal: false,
		signal,
	});
	return { code, out: out.join(""), err: err.join("") };
}

describe("the command", () => {
	test("writes the report and the picture, and ends with the figures", async () => {
		const folder = await project({ "node_modules/a": {}, "node_modules/gone": { onDisk: false } });
		const { code, out, err } = await run([folder, "--out", "written"], folder);
		expect({ code, err }).toEqual({ code: 0, err: "" });
		for (const figure of ["nodes", "added while running", "failed", "wall time", "time per node outside agents"]) {
			expect(out).toMatch(new RegExp(`^${figure} {2,}\\S`, "m"));
		}
		const picture = await readFile(join(folder, "written", "demo-graph.mmd"), "utf8");
		const report = await readFile(join(folder, "written", "demo-report.md"), "utf8");
		expect(picture).toMatch(/^flowchart/);
		expect(report).toContain(picture.trim());
		expect(report).toContain("node\\_modules/gone is in the lock file but not on disk");
		expect(report).not.toContain(folder);
	});

	test("says how it is used", async () => {
		expect(await run(["--help"], process.cwd())).toMatchObject({ code: 0, out: expect.stringContaining("--out DIR") });
	});

	test.each([
		["an unknown option", ["--fast"], 2],
		["a project that is not there", ["nowhere"], 2],
		["a project without a lock file", ["."], 1],
		["a folder to write to that is a file", ["app", "--out", "file"], 1],
		["a folder to write to that cannot be made", ["app", "--out", "file/below"], 1],
		["a folder to write to without a parent", ["app", "--out", "no/where"], 1],
	])("%s is one line and nothing written", async (_, args, code) => {
		const cwd = await folderWith({ file: "", "app/package-lock.json": '{ "lockfileVersion": 3, "packages": {} }' });
		const said = await run(args, cwd);
		expect(said.code).toBe(code);
		expect(said.err).toMatch(/^demo: .+\n$/);
		expect((await readdir(cwd)).sort()).toEqual(["app", "file"]);
	});

	test("an interrupted run writes nothing", async () => {
		const folder = await project({ "node_modules/a": {} });
		const { code, err, out } = await run([folder], folder, AbortSignal.abort());
		expect({ code, err }).toEqual({ code: 130, err: "demo: interrupted, nothing written\n" });
		expect(out).not.toContain("100 %");
		expect(await readdir(folder)).not.toContain("demo-report.md");
	});
});
