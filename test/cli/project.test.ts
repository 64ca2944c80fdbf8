import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, defineSkill } from "dagswarm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importModule } from "../../src/cli/import-module.js";
import { loadProject, projectOf, swarmOf } from "../../src/cli/project.js";
import { thrownBy } from "../journal/journal-file.js";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-project-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: string): string {
	const file = join(folder, name);
	writeFileSync(file, content);
	return file;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
	return promise.then(
		() => "nothing was thrown",
		(error: Error & { code?: string }) => `${error.code}: ${error.message}`,
	);
}

const work = defineAgent({ name: "work", run: async () => 1 });
const graph = { nodes: [{ id: "a", agent: "work" }] };

describe("a module of a user", () => {
	test("that is not there, or is a folder, is named", async () => {
		expect(await refusal(importModule(join(folder, "none.ts")))).toMatch(
			/^INVALID_OPTION: there is no file .*none\.ts/,
		);
		mkdirSync(join(folder, "folder"));
		expect(await refusal(loadProject("folder", folder))).toMatch(/^INVALID_OPTION: .* is a folder/);
	});

	test.each([
		[
			"that is no code",
			"syntax.mjs",
			"const a = 1;\nconst b = ;\n",
			/^INVALID_SPEC: .*syntax\.mjs:2:\d+ cannot be loaded: /,
		],
		[
			"that throws",
			"throws.mjs",
			'\nthrow new Error("no key");\n',
			/^INVALID_SPEC: .*throws\.mjs:2:\d+ cannot be loaded: no key/,
		],
		["that throws no error", "odd.mjs", "throw 7;", /^INVALID_SPEC: .*odd\.mjs cannot be loaded: it threw 7/],
		[
			"that wants a package that is not there",
			"package.mjs",
			'import "not-a-package-of-anybody";',
			/^INVALID_SPEC: .*not-a-package-of-anybody.*npm install not-a-package-of-anybody/s,
		],
	])("%s is told with where", async (_, name, content, why) => {
		expect(await refusal(importModule(written(name, content)))).toMatch(why);
	});
});

describe("a project", () => {
	test("is what a module exports by name, agents by themselves too", async () => {
		const skill = defineSkill({ name: "s", graph: () => graph });
		const project = projectOf("p.ts", {
			other: work,
			agents: [work],
			skill,
			graph,
			options: { concurrency: 9 },
			text: "x",
		});
		expect(project).toMatchObject({
			agents: [work],
			skills: [skill, { name: "graph" }],
			options: { concurrency: 9 },
			startable: true,
		});
		expect(await project.graphOf(undefined)).toBe(graph);
	});

	test("is as well what it exports by default", async () => {
		const made = (n: number) => ({ nodes: [{ id: `n${n}`, agent: "work" }] });
		const project = projectOf("p.ts", { default: { agents: [work], graph: async (n: number) => made(n) } });
		expect(project.agents).toEqual([work]);
		expect(await project.graphOf(3)).toEqual(made(3));
	});

	test("may have an agent as its plan, which is given the input", async () => {
		const project = projectOf("p.ts", { plan: work });
		expect(await project.graphOf(5)).toEqual({ nodes: [{ id: "work", agent: "work", input: 5 }] });
		const swarm = swarmOf(project, undefined);
		expect(await swarm.run(await project.graphOf(5))).toEqual({ work: 1 });
	});

	test("without anything to run is told what it exports, and what would do", async () => {
		expect(await refusal(projectOf("p.ts", {}).graphOf(1))).toMatch(
			/^INVALID_SPEC: p\.ts says nothing to run: it exports nothing/,
		);
		expect(await refusal(projectOf("p.ts", { mine: work }).graphOf(1))).toMatch(
			/it exports mine \(export it as `plan` to run it alone: export { mine as plan }\)/,
		);
		expect(await refusal(projectOf("p.ts", { a: 1, b: 2 }).graphOf(1))).toMatch(/it exports a, b \(export `graph`/);
		expect(await refusal(projectOf("p.ts", { graph: { nodes: 1 } }).graphOf(1))).toMatch(
			/`graph` of p\.ts is no graph/,
		);
		expect(await refusal(projectOf("p.ts", { graph: () => 1 }).graphOf(1))).toMatch(/`graph` of p\.ts gives no graph/);
	});

	test("without agents, or with other things in their place, is refused", () => {
		expect(thrownBy(() => swarmOf(projectOf("p.ts", { graph }), undefined))).toMatch(
			/^INVALID_SPEC: p\.ts exports no agents/,
		);
		expect(thrownBy(() => projectOf("p.ts", { agents: work }))).toMatch(/^INVALID_SPEC: `agents` is no list/);
		expect(thrownBy(() => projectOf("p.ts", { plan: "work" }))).toMatch(/^INVALID_SPEC: `plan` is no agent/);
	});
});
