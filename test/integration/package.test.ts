import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../source.js";
import { type Build, compile, run } from "./build.js";
import { packed } from "./packed.js";

let library: Build;
/** A project beside the library that has the packed package among its modules. */
let consumer: string;
let installed: string;

beforeAll(async () => {
	({ library, consumer, installed } = await packed());
	writeFileSync(join(consumer, "package.json"), JSON.stringify({ type: "module", private: true }));
});
afterAll(() => library.remove());

function filesIn(folder: string, prefix = ""): string[] {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const path = `${prefix}${entry.name}`;
		if (entry.isSymbolicLink()) return [];
		return entry.isDirectory() ? filesIn(join(folder, entry.name), `${path}/`) : [path];
	});
}

test("the packed package has what it exports, and nothing of the workshop", () => {
	const files = filesIn(installed);
	const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
		readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
	};
	for (const target of Object.values(manifest.exports)) {
		for (const path of typeof target === "string" ? [target] : Object.values(target)) {
			expect(existsSync(join(installed, path)), path).toBe(true);
		}
	}
	expect(files.filter((path) => !/^(dist\/.+\.(js|d\.ts)|package\.json|[A-Z]+(\.md)?)$/.test(path))).toEqual([]);
	expect(files).toContain("LICENSE");
	// Bugs are planted in a copy of the sources: what is built from the real ones knows nothing of them.
	const scripts = files.filter((path) => path.endsWith(".js"));
	expect(scripts.filter((path) => /canar(y|ies)/i.test(readFileSync(join(installed, path), "utf8")))).toEqual([]);
	expect(scripts).toContain("dist/testing/index.js");
});

test("it can be imported by its name, and runs", async () => {
	writeFileSync(
		join(consumer, "use.mjs"),
		`import { createSwarm, defineAgent, SwarmError } from "dagswarm";
		const double = defineAgent({ name: "double", run: async (n) => n * 2 });
		const swarm = createSwarm({ agents: [double] });
		const outputs = await swarm.run({ nodes: [
			{ id: "a", agent: double, input: 2 },
			{ id: "b", agent: "double", dependsOn: ["a"], input: { $output: "a" } },
		] });
		const error = await swarm.run({ nodes: [{ id: "x", agent: "ghost" }] }).catch((error) => error);
		console.log(JSON.stringify([outputs, error.code, SwarmError.is(error)]));`,
	);
	const { stdout } = await run(process.execPath, [join(consumer, "use.mjs")]);
	expect(JSON.parse(stdout)).toEqual([{ b: 8 }, "UNKNOWN_AGENT", true]);
});

test("its other entries can be imported too: the testing kit, and the bench", async () => {
	writeFileSync(
		join(consumer, "entries.mjs"),
		`import { defineAgent } from "dagswarm";
		import { compareSchedules } from "dagswarm/bench";
		import { checkModel, expectTrace, simulate } from "dagswarm/testing";
		const work = defineAgent({ name: "work", run: async () => 1 });
		const { events } = await simulate({ seed: 1, agents: [work], graph: { nodes: [{ id: "a", agent: work }] } });
		expectTrace(events).toBeSound().toEnd("completed");
		const [row] = await compareSchedules(
			{ name: "w", tasks: [{ id: "a", runtimeMs: 5, dependsOn: [] }] },
			{ workers: 1, policies: ["fifo"] },
		);
		const { failed } = await checkModel({ seed: 1, runs: 5 });
		console.log(JSON.stringify([row.makespan, failed]));`,
	);
	const { stdout } = await run(process.execPath, [join(consumer, "entries.mjs")]);
	expect(JSON.parse(stdout)).toEqual([5, false]);
});

test("two copies in one process see each other's results and errors", async () => {
	writeFileSync(
		join(consumer, "two.mjs"),
		`import { createSwarm, defineAgent } from "dagswarm";
		import { result, SwarmError } from ${JSON.stringify(join(library.folder, "dist", "index.js"))};
		const plan = defineAgent({ name: "plan", run: async () => result(1, { nodes: [{ id: "x", agent: "end" }] }) });
		const end = defineAgent({ name: "end", run: async () => { throw Object.assign(new SwarmError("REJECTED", "no"), { retryable: false }); } });
		const run = createSwarm({ agents: [plan, end], retry: 3 }).start({ nodes: [{ id: "p", agent: "plan" }] });
		const { failures } = await run.result();
		console.log(JSON.stringify(failures.map(({ id, code, attempts }) => [id, code, attempts])));`,
	);
	const { stdout } = await run(process.execPath, [join(consumer, "two.mjs")]);
	expect(JSON.parse(stdout)).toEqual([["x", "REJECTED", 1]]);
});

test("its types resolve for a strict consumer, and catch a wrong input", async () => {
	const options = {
		compilerOptions: {
			strict: true,
			module: "nodenext",
			target: "es2023",
			lib: ["es2024", "esnext.disposable"],
			types: [],
			noEmit: true,
			skipLibCheck: true,
			exactOptionalPropertyTypes: true,
		},
	};
	const compiled = async (name: string, code: string): Promise<void> => {
		writeFileSync(join(consumer, `${name}.mts`), code);
		writeFileSync(join(consumer, `${name}.json`), JSON.stringify({ ...options, files: [`${name}.mts`] }));
		await compile(consumer, "-p", `${name}.json`);
	};
	const good = `
		import { createSwarm, defineAgent, result, type RunOutcome } from "dagswarm";
		const count = defineAgent({ name: "count", run: async (text: string, ctx) => ({ length: text.length, id: ctx.nodeId }) });
		const plan = defineAgent({ name: "plan", run: async () => result(1, { nodes: [{ agent: "count", input: "x" }] }) });
		const swarm = createSwarm({ agents: [count, plan], concurrency: 2 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "count", input: "abc" }, { id: "p", agent: plan }] });
		const outcome: RunOutcome = await run.result();
		for await (const event of run.events({ types: ["node.completed"] })) event.output;
		import { simulate, type SimulationReport } from "dagswarm/testing";
		import { type ScheduleQuality, compareSchedules } from "dagswarm/bench";
		const report: SimulationReport = await simulate({ seed: 1, agents: [count], graph: { nodes: [{ agent: count, input: "x" }] } });
		const rows: readonly ScheduleQuality[] = await compareSchedules({ name: "w", tasks: [] }, { workers: 1, policies: ["fifo"] });
		export const seen = [report.steps, rows.length];
		export const status: string = outcome.status;
	`;
	await compiled("good", good);
	await expect(compiled("bad", good.replace('input: "abc"', "input: 5"))).rejects.toThrow(/bad\.mts/);
});

test("the project that `dagswarm init` writes is typed right", async () => {
	const folder = join(consumer, "new");
	await run(process.execPath, [join(installed, "dist", "cli", "main.js"), "init", folder]);
	mkdirSync(join(folder, "node_modules"));
	symlinkSync(join(root, "node_modules", "@types"), join(folder, "node_modules", "@types"), "dir");
	await compile(folder, "-p", ".", "--types", "node");
});
