import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FILES_PER_PART } from "../../demo/agents.ts";
import { inspect } from "../../demo/inspection.ts";
import { progressOn } from "../../demo/progress.ts";
import { project } from "./fixture.ts";

async function inspected(folder: string) {
	const lines: string[] = [];
	const progress = progressOn({ write: (text) => lines.push(text) > 0 }, false);
	return { ...(await inspect(folder, progress)), said: lines.join("") };
}

/** The lines of one section of the report. */
function sectionOf(sections: string, title: string): string {
	return sections.split("## ").find((text) => text.startsWith(title)) ?? "";
}

const manyFiles = (folder: string, files: number) =>
	Object.fromEntries(Array.from({ length: files }, (_, i) => [`${folder}/lib/${i % 7}/f${i}.js`, "12345"]));

describe("a run over a project", () => {
	test("reads every package and reports what they are", async () => {
		const folder = await project({
			"node_modules/a": { dependencies: { b: "1" }, bytes: 1000 },
			"node_modules/b": { dependencies: { "@s/c": "1" } },
			"node_modules/b/node_modules/@s/c": { bytes: 5000 },
		});
		const { summary, sections, figures, picture, said } = await inspected(folder);
		expect(summary).toMatchObject({ packages: 3, packageNodes: 3, edges: 2 });
		expect(sectionOf(sections, "Largest")).toMatch(/3 packages read: 6 files/);
		expect(sectionOf(sections, "Largest")).toContain("| @s/c@1.0.0 in b | 5.0 kB | 5,049 | 2 |");
		expect(sectionOf(sections, "Licences")).toContain("| MIT | 3 |");
		expect(sectionOf(sections, "Deepest")).toContain("1. a@1.0.0\n2. b@1.0.0\n3. @s/c@1.0.0 in b");
		expect(sectionOf(sections, "What failed")).toMatch(/Nothing/);
		// The planner, five reducers and the report; three packages and what gathers them.
		expect(figures).toMatchObject({ status: "completed", nodes: 11, added: 4, failed: 0, skipped: 0 });
		expect(figures.overhead.microseconds).toBeGreaterThan(0);
		expect(picture.mermaid).toContain("@s/c");
		expect(said).toMatch(/^planned 3 packages as 3 nodes/);
		expect(said).toContain("100 %: 11 of 11 nodes");
	});

	test("packages that need each other share a node and are both read", async () => {
		const folder = await project({
			"node_modules/a": { dependencies: { b: "1" } },
			"node_modules/b": { dependencies: { a: "1", c: "1" } },
			"node_modules/c": {},
		});
		const { summary, sections, figures } = await inspected(folder);
		expect(summary).toMatchObject({ packages: 3, packageNodes: 2 });
		expect(figures.added).toBe(3);
		expect(sectionOf(sections, "Largest")).toContain("3 packages read");
		expect(sectionOf(sections, "Deepest")).toContain("1. a@1.0.0 & 1 more\n2. c@1.0.0");
	});

	test("a missing package fails its node and nothing else", async () => {
		const folder = await project({
			"node_modules/a": { dependencies: { gone: "1" } },
			"node_modules/gone": { onDisk: false, dependencies: { b: "1" } },
			"node_modules/b": {},
			"node_modules/elsewhere": { optional: true, onDisk: false },
		});
		const { summary, sections, figures, said } = await inspected(folder);
		expect(figures).toMatchObject({ status: "completed", failed: 1, skipped: 0 });
		expect(summary.notInstalled).toBe(1);
		expect(sectionOf(sections, "Largest")).toContain("2 packages read");
		const why = "node_modules/gone is in the lock file but not on disk";
		expect(said).toContain(`failed: gone@1.0.0: ${why}\n`);
		expect(sectionOf(sections, "What failed")).toContain("| gone@1.0.0 | node\\_modules/gone is in the lock file");
		expect(sectionOf(sections, "Deepest")).toContain("1. a@1.0.0\n2. gone@1.0.0\n\nBelow a package");
	});

	test("what cannot be read is said in words of the project", async () => {
		const folder = await project(
			{ "node_modules/file": { onDisk: false }, "node_modules/bad": {}, "node_modules/bare": {} },
			{ "node_modules/file": "no folder", "node_modules/bad/package.json": "{" },
		);
		await rm(join(folder, "node_modules/bare/package.json"));
		const { sections, figures } = await inspected(folder);
		expect(figures.failed).toBe(3);
		const text = sectionOf(sections, "What failed");
		expect(text).toContain("file: it is no folder");
		expect(text).toContain("bad: package.json is not valid JSON");
		expect(text).toContain("bare has no package.json");
		expect(text).not.toContain(folder);
	});

	test("a package with very many files splits itself, and what waits for it sees one package", async () => {
		const files = 2 * FILES_PER_PART + 10;
		const folder = await project(
			{ "node_modules/a": { dependencies: { big: "1" } }, "node_modules/big": {} },
			manyFiles("node_modules/big", files),
		);
		const { sections, figures, picture } = await inspected(folder);
		// Two packages, what gathers them; three parts and their sum.
		expect(figures).toMatchObject({ status: "completed", added: 7, failed: 0 });
		expect(sectionOf(sections, "Largest")).toContain(`${files + 4} files`);
		const manifest = JSON.stringify({ name: "big", version: "1.0.0", license: "MIT" }).length;
		const bytes = (5 * files + manifest + 10).toLocaleString("en-US");
		expect(sectionOf(sections, "Largest")).toContain(`| big@1.0.0 | 3.1 kB | ${bytes} | ${files + 2} |`);
		expect(sectionOf(sections, "Deepest")).toContain("1. a@1.0.0\n2. big@1.0.0");
		expect(picture.mermaid).toContain("big@1.0.0/sum");
	});

	test("in a cycle only the member at fault fails, and a large member splits on", async () => {
		const folder = await project(
			{
				"node_modules/a": { dependencies: { b: "1" } },
				"node_modules/b": { dependencies: { c: "1" } },
				"node_modules/c": { dependencies: { a: "1" }, onDisk: false },
				"node_modules/d": { dependencies: { a: "1" } },
			},
			manyFiles("node_modules/b", FILES_PER_PART + 1),
		);
		const { sections, figures } = await inspected(folder);
		expect(figures).toMatchObject({ status: "completed", failed: 1, skipped: 0 });
		expect(sectionOf(sections, "Largest")).toContain(`3 packages read: ${FILES_PER_PART + 1 + 6} files`);
		expect(sectionOf(sections, "What failed")).toContain("| c@1.0.0 | node\\_modules/c is in the lock file");
		expect(sectionOf(sections, "Deepest")).toContain("1. d@1.0.0\n2. a@1.0.0 & 2 more");
	});

	test("a project without a usable lock file is refused in one line", async () => {
		const folder = await project({ "node_modules/a": {} });
		await writeFile(join(folder, "package-lock.json"), '{ "lockfileVersion": 1 }');
		await expect(inspected(folder)).rejects.toThrow(/^package-lock.json has version 1/);
		await rm(join(folder, "package-lock.json"));
		await expect(inspected(folder)).rejects.toThrow(/^there is no package-lock.json/);
	});

	test("a plan of thousands of packages is followed to its end", async () => {
		const packages = Object.fromEntries(
			Array.from({ length: 1500 }, (_, i) => {
				const needs = [`p${i + 1}`, `p${i + 10}`, `p${i + 100}`, `p${i + 700}`];
				return [`node_modules/p${i}`, { dependencies: Object.fromEntries(needs.map((name) => [name, "1"])) }];
			}),
		);
		const { summary, figures, said } = await inspected(await project(packages));
		expect(summary.packageNodes).toBe(1500);
		expect(figures).toMatchObject({ status: "completed", added: 1501, failed: 0 });
		expect(said).toContain("100 %");
	});

	test("stops when it is interrupted", async () => {
		const folder = await project({ "node_modules/a": {} });
		const progress = progressOn({ write: () => true }, false);
		await expect(inspect(folder, progress, AbortSignal.abort())).rejects.toThrow(/cancelled/);
	});
});
