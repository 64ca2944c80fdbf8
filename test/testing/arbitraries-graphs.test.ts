import { createSwarm, defineAgent, GraphActor, type NodeSpec, SwarmError } from "dagswarm";
import { type GeneratedSpec, type GraphShape, graphs, invalidGraphs } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const seed = 20_260;

/** Everything there can be. */
const all = {
	maxNodes: 20,
	onFailure: ["skip", "block", "failRun"],
	timeouts: true,
	limits: ["gpu", "net"],
	speculative: ["hold", "eager"],
	rights: true,
	aliases: true,
	references: true,
	agents: ["work", "rest"],
	inputs: fc.jsonValue(),
} as const;

function dependenciesOf({ dependsOn = [] }: NodeSpec): string[] {
	return Object.values(dependsOn);
}

/** The smallest graph that has something. */
function smallest(arbitrary: fc.Arbitrary<GeneratedSpec[]>, has: (nodes: readonly GeneratedSpec[]) => boolean) {
	const details = fc.check(
		fc.property(arbitrary, (nodes) => !has(nodes)),
		{ seed, numRuns: 2_000 },
	);
	if (details.counterexample === null) throw new Error("there is none");
	return details.counterexample[0];
}

describe("graphs", () => {
	test("are valid for an actor, whatever is in them", () => {
		fc.assert(
			fc.property(graphs(all), (nodes) => {
				const { handle } = GraphActor.create({ nodes, check: "full" });
				return handle.snapshot().size === nodes.length;
			}),
			{ seed, numRuns: 1_500 },
		);
	});

	test("are valid for a swarm that has their agents and limits", async () => {
		const agents = ["work", "rest"].map((name) => defineAgent({ name, run: async () => null }));
		await using swarm = createSwarm({ agents, limits: { gpu: 1, net: 2 } });
		await fc.assert(
			fc.asyncProperty(graphs(all), async (nodes: NodeSpec[]) => {
				const run = swarm.start({ nodes });
				await run.cancel("seen");
				expect((await run.result()).stats.nodes).toBe(nodes.length);
			}),
			{ seed, numRuns: 1_000 },
		);
	});

	test("have everything that they may have, and nothing else", () => {
		const nodes = fc.sample(graphs(all), { seed, numRuns: 500 }).flat();
		const seen = new Set(nodes.flatMap((spec) => Object.entries(spec).map(([key, value]) => `${key}=${show(value)}`)));
		for (const join of ["any", "settled", "always", "failed", "all", "object"]) expect(seen).toContain(`join=${join}`);
		for (const policy of ["skip", "block", "failRun"]) expect(seen).toContain(`onFailure=${policy}`);
		for (const key of ["retry=object", "retry=number", "timeout=object", "dependsOn=object", "canMutate=own"])
			expect(seen).toContain(key);
		for (const key of ["speculative=hold", "speculative=eager", "agent=rest", "limits=object", "estimateMs=number"])
			expect(seen).toContain(key);
		const plain = { joins: [], onFailure: [], retries: false, priorities: false, estimates: false };
		for (const spec of fc.sample(graphs(plain), { seed, numRuns: 200 }).flat())
			expect(["id", "agent", "dependsOn"]).toEqual(expect.arrayContaining(Object.keys(spec)));
	});

	function show(value: unknown): string {
		return typeof value === "string" ? value : typeof value;
	}

	test("are as large as they are asked to be", () => {
		const sizes = fc.sample(graphs({ minNodes: 5, maxNodes: 9 }), { seed, numRuns: 300 }).map(({ length }) => length);
		expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([5, 9]);
		expect(fc.sample(graphs({ minNodes: 2_000, maxNodes: 2_000 }), { seed, numRuns: 1 })[0]).toHaveLength(2_000);
	});

	test.each<[GraphShape, (deps: readonly number[], i: number, size: number) => boolean]>([
		["independent", (deps) => deps.length === 0],
		["chain", (deps, i) => deps.join() === (i === 0 ? "" : String(i - 1))],
		["fan", (deps, i, size) => deps.length === (i === 0 ? 0 : i < size - 1 || i < 2 ? 1 : size - 2)],
		["layered", (deps, i) => deps.every((dep) => dep < i && dep >= i - 10)],
		["random", (deps, i) => deps.every((dep) => dep < i) && deps.length <= 3],
	])("of shape %s look like it", (shape, fits) => {
		fc.assert(
			fc.property(graphs({ shape, minNodes: 1, maxNodes: 30 }), (nodes) =>
				nodes.every((spec, i) => {
					const deps = dependenciesOf(spec).map((id) => nodes.findIndex((other) => other.id === id));
					return fits(deps, i, nodes.length);
				}),
			),
			{ seed, numRuns: 200 },
		);
	});

	test.each<[string, (spec: GeneratedSpec) => boolean, GeneratedSpec[]]>([
		["a node", () => true, [{ id: "n1", agent: "work" }]],
		[
			"a node with two dependencies",
			(spec) => dependenciesOf(spec).length > 1,
			[
				{ id: "n1", agent: "work" },
				{ id: "n2", agent: "work" },
				{ id: "n3", agent: "work", dependsOn: ["n2", "n1"] },
			],
		],
		[
			"a node that waits for any of two",
			(spec) => spec.join === "any" && dependenciesOf(spec).length > 1,
			[
				{ id: "n1", agent: "work" },
				{ id: "n2", agent: "work" },
				{ id: "n3", agent: "work", dependsOn: ["n2", "n1"], join: "any" },
			],
		],
		[
			"an eager node that is tried again",
			(spec) => spec.speculative === "eager" && spec.retry !== undefined,
			[{ id: "n1", agent: "work", speculative: "eager", retry: 2 }],
		],
	])("shrink to %s", (_, has, expected) => {
		const found = smallest(graphs(all), (nodes) => nodes.some(has));
		const bare = found.map(({ input: _input, ...spec }) => spec);
		// In which order fields and dependencies come is left to how it shrank.
		expect(bare.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
		expect(bare.map((spec) => dependenciesOf(spec).sort())).toEqual(
			expected.map((spec) => dependenciesOf(spec).sort()),
		);
		for (const [i, spec] of bare.entries())
			expect(Object.keys(spec).sort()).toEqual(Object.keys(expected[i] as object).sort());
	});
});

describe("invalid graphs", () => {
	test("are refused with the code they say", () => {
		const codes = new Set<string>();
		fc.assert(
			fc.property(invalidGraphs(all), ({ nodes, code }) => {
				codes.add(code);
				try {
					GraphActor.create({ nodes });
				} catch (error) {
					if (SwarmError.is(error)) expect(error.code, error.message).toBe(code);
					return SwarmError.is(error);
				}
				return false;
			}),
			{ seed, numRuns: 1_000 },
		);
		expect([...codes].sort()).toEqual([
			"CYCLE",
			"DUPLICATE_NODE",
			"INVALID_INPUT",
			"INVALID_SPEC",
			"UNKNOWN_DEPENDENCY",
		]);
	});
});
