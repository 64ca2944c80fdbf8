import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageName } from "../../src/cli/init/project-template.js";
import { root } from "../source.js";
import { dagswarm } from "./fake-world.js";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-init-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifest = (...path: string[]) => JSON.parse(readFileSync(join(folder, ...path, "package.json"), "utf8"));

test("writes a project, and says what to do next", async () => {
	const { code, out } = await dagswarm(["init", "new"], { cwd: folder });
	expect(code).toBe(0);
	expect(out).toBe(`wrote new/package.json
wrote new/project.ts
wrote new/project.test.ts
wrote new/tsconfig.json
wrote new/README.md
wrote new/.gitignore
next:
  cd new
  npm install
  npm test
  npx dagswarm run project.ts
`);
	const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
	expect(manifest("new")).toMatchObject({
		name: "new",
		type: "module",
		scripts: { test: "node --test" },
		dependencies: { dagswarm: `^${version}` },
	});
	expect(readFileSync(join(folder, "new", "project.ts"), "utf8")).toContain("{ topics: string[] }");
});

test("overwrites nothing, and lists what is in the way", async () => {
	mkdirSync(join(folder, "taken"));
	writeFileSync(join(folder, "taken", "README.md"), "mine");
	writeFileSync(join(folder, "taken", "project.ts"), "mine, too");
	const { code, error } = await dagswarm(["init", "taken"], { cwd: folder });
	expect([code, error]).toEqual([
		2,
		expect.stringContaining("there is already project.ts, README.md: nothing was written"),
	]);
	expect(readFileSync(join(folder, "taken", "README.md"), "utf8")).toBe("mine");
	expect(existsSync(join(folder, "taken", "package.json"))).toBe(false);
});

test("adds scripts to a manifest that is there, and leaves the rest of it alone", async () => {
	mkdirSync(join(folder, "old"));
	const before = {
		name: "mine",
		type: "commonjs",
		scripts: { start: "x", test: 'echo "Error: no test specified" && exit 1' },
	};
	writeFileSync(join(folder, "old", "package.json"), JSON.stringify(before, undefined, "\t"));
	const { code, out } = await dagswarm(["init", "--json"], { cwd: join(folder, "old") });
	expect(code).toBe(0);
	// In a package that is not one of modules only the name of a file says that it is one.
	expect(JSON.parse(out)).toMatchObject({ main: "project.mts", added: ["serve", "test"] });
	expect(manifest("old")).toEqual({
		...before,
		scripts: { start: "x", serve: "dagswarm serve project.mts", test: "node --test" },
	});
	expect(readFileSync(join(folder, "old", "package.json"), "utf8")).toContain('\n\t"name"');
});

test("in JavaScript is the same without types", async () => {
	await dagswarm(["init", "js", "--js"], { cwd: folder });
	const source = readFileSync(join(folder, "js", "project.js"), "utf8");
	expect(source).toContain("run: async ({ topics }) =>");
	expect(source).not.toMatch(/\/\*[:;]/);
	expect(existsSync(join(folder, "js", "tsconfig.json"))).toBe(false);
});

test.each([
	["My Agents!", "my-agents"],
	["..", "agents"],
	["ünïcode", "n-code"],
])("a folder named %j makes a package named %j", (name, packaged) => {
	expect(packageName(name)).toBe(packaged);
});
