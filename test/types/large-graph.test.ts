import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../source.js";

/** So many agents, each of which declares the one before it. */
const AGENTS = 8;

/** A program with a static graph of many nodes, where one edge may be wrong. */
function program(nodes: number, wrong = -1): string {
	const agents = Array.from({ length: AGENTS }, (_, k) =>
		k === 0
			? `const a0 = defineAgent({ name: "a0", input: z.object({ topic: z.string(), tags: z.array(z.string()) }), run: (i) => ({ n0: i.tags.length }) });`
			: `const a${k} = defineAgent({
				name: "a${k}",
				dependsOn: { before: a${k - 1} },
				input: z.object({ q${k}: z.string(), n: z.number() }),
				output: z.object({ n${k}: z.number() }),
				run: async (input, ctx) => ({ n${k}: input.n + ctx.deps.before.n${k - 1} }),
			});`,
	);
	const specs = Array.from({ length: nodes }, (_, i) => {
		const k = i % AGENTS;
		if (k === 0) return `node${i}: { agent: a0, input: { topic: "t${i}", tags: ["x"] } },`;
		const before = i === wrong ? i : i - 1;
		const input = `{ q${k}: "x${i}", n: { $output: "before", path: "/n${k - 1}" } }`;
		return `node${i}: { agent: a${k}, input: ${input}, dependsOn: { before: "node${before}" }, retry: 2 },`;
	});
	const last = nodes - 1;
	return [
		'import { createSwarm, defineAgent, defineGraph } from "dagswarm";',
		'import { z } from "zod";',
		...agents,
		`const swarm = createSwarm({ agents: [${agents.map((_, k) => `a${k}`).join(", ")}] });`,
		`const graph = defineGraph({\n${specs.join("\n")}\n});`,
		nodes === 0
			? "export default [swarm, graph];"
			: `export const last: { n${last % AGENTS}: number } = (await swarm.run(graph)).node${last};
			   export const first: { n0: number } | undefined = swarm.start(graph).output("node0");`,
	].join("\n");
}

let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dagswarm-types-"));
	symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
	writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});

afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

interface Diagnostics {
	/** What the compiler objects to, a line each. */
	readonly errors: readonly string[];
	readonly instantiations: number;
}

/** Type-checks a program, with the options of this project. */
async function check(name: string, source: string): Promise<Diagnostics> {
	writeFileSync(join(folder, `${name}.ts`), source);
	const config = join(folder, `${name}.json`);
	const paths = { dagswarm: [join(root, "src/index.ts")] };
	const compilerOptions = { paths, rootDir: "/", typeRoots: [join(root, "node_modules/@types")] };
	const extended = join(root, "tsconfig.json");
	writeFileSync(config, JSON.stringify({ extends: extended, compilerOptions, include: [`${name}.ts`] }));
	const tsc = join(root, "node_modules/typescript/bin/tsc");
	// By one checker: several would each do a part of the work again, another one every time.
	const args = [tsc, "-p", config, "--noEmit", "--singleThreaded", "--extendedDiagnostics", "--pretty", "false"];
	const output = await new Promise<string>((resolve) => {
		execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 26 }, (_, stdout) => resolve(stdout));
	});
	return {
		errors: output.split("\n").filter((line) => /error TS\d+/.test(line)),
		instantiations: Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1]),
	};
}

describe("the types of a static graph", () => {
	test("cost the same for each of 200 nodes, and never too much (mistake 48)", async () => {
		const [none, some, many, wrong] = await Promise.all([
			check("none", program(0)),
			check("some", program(50)),
			check("many", program(200)),
			check("wrong", program(200, 133)),
		]);
		expect([none.errors, some.errors, many.errors]).toEqual([[], [], []]);
		const ofSome = some.instantiations - none.instantiations;
		const ofMany = many.instantiations - none.instantiations;
		// Measured: 650 a node, and 3.7 times as many for four times as many nodes.
		expect(ofMany / 200).toBeGreaterThan(1);
		expect(ofMany / 200).toBeLessThan(1_500);
		expect(ofMany / ofSome).toBeLessThan(4.8);
		// One wrong edge is one error, and looking for what would fit does not multiply the work: it takes 1.7 times as much.
		expect(wrong.errors).toHaveLength(1);
		expect(wrong.errors[0]).toMatch(/'"node133"' is not assignable/);
		expect((wrong.instantiations - none.instantiations) / ofMany).toBeLessThan(3);
	});
});
