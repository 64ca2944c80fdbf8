import { defineAgent, type Mutation, type NodeSpec, result, SwarmError } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, virtualSwarm } from "../swarm/fixture.js";

const write = defineAgent({
	name: "write",
	dependsOn: { research: echo, hint: { agent: echo, optional: true } },
	run: (_: undefined, ctx) => `${ctx.deps.research} ${ctx.deps.hint}`,
});
const agents = [echo, write];
const given: NodeSpec[] = [
	{ id: "r", agent: "echo", input: "bees" },
	{ id: "s", agent: "echo", input: "wasps" },
];

/** What a graph with this node is refused with. */
function refusal(node: NodeSpec): SwarmError | undefined {
	const { swarm } = virtualSwarm(agents);
	try {
		swarm.start({ nodes: [...given, node] }, { open: true });
		return undefined;
	} catch (error) {
		if (SwarmError.is(error)) return error;
		throw error;
	}
}

describe("a node of an agent that declares its dependencies", () => {
	test("runs with what it has by these names; optional and further ones may be there", async () => {
		const { swarm, clock } = virtualSwarm(agents);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: write, dependsOn: { research: "r" } },
				{ id: "b", agent: write, dependsOn: { research: "r", hint: "s", more: "a" } },
				{ id: "c", agent: write, dependsOn: ["research"] },
				{ id: "research", agent: "echo", input: "ants" },
				...given,
			],
		});
		const { outputs } = await finish(run, clock);
		expect(run.output("a")).toBe("bees undefined");
		expect(outputs).toEqual({ b: "bees wasps", c: "ants undefined" });
	});

	test.each<[string, NodeSpec]>([
		["no dependencies", { id: "w", agent: write }],
		["a list that has another id", { id: "w", agent: write, dependsOn: ["r"] }],
		["another alias", { id: "w", agent: "write", dependsOn: { reseach: "r" } }],
		["the optional one alone", { id: "w", agent: write, dependsOn: { hint: "r" } }],
		["an input beside", { id: "w", agent: write, input: { a: 1 }, dependsOn: { hint: "r" } }],
	])("is refused with %s", (_, node) => {
		expect(refusal(node)).toMatchObject({
			code: "INVALID_SPEC",
			nodes: ["w"],
			message: expect.stringMatching(
				/node "w" has no dependency "research", which its agent "write" declares \(dependsOn: \{ research: "id" \}/,
			),
		});
	});

	test.each<NodeSpec["join"]>(["any", "settled", "failed", "always", { atLeast: 1 }])(
		"is refused under a join that may start it without one: %j",
		(join) => {
			const { code, message } =
				refusal({ id: "w", agent: write, dependsOn: { research: "r" }, join: join ?? "any" }) ?? {};
			expect([code, message]).toEqual([
				"INVALID_SPEC",
				expect.stringContaining('may start without the dependency "research"'),
			]);
		},
	);

	test("may have any join where all that is declared is optional", async () => {
		const free = defineAgent({
			name: "free",
			dependsOn: { hint: { agent: echo, optional: true } },
			run: (_: undefined, ctx) => ctx.deps.hint ?? "none",
		});
		const { swarm, clock } = virtualSwarm([echo, free]);
		const nodes: NodeSpec[] = [
			{ id: "f", agent: free },
			{ id: "g", agent: free, dependsOn: { hint: "r" }, join: "any" },
		];
		const { outputs } = await finish(swarm.start({ nodes: [...given, ...nodes] }), clock);
		expect(outputs).toMatchObject({ f: "none", g: "bees" });
	});

	test("is refused in a plan as well: the attempt fails, and nothing is added", async () => {
		const plan = defineAgent({ name: "plan", run: () => result(1, { nodes: [{ id: "w", agent: "write" }] }) });
		const { swarm, clock } = virtualSwarm([...agents, plan]);
		const run = swarm.start({ nodes: [{ id: "p", agent: "plan" }] });
		expect(await finish(run, clock)).toMatchObject({
			failures: [{ id: "p", code: "INVALID_SPEC" }],
			stats: { nodes: 1 },
		});
	});
});

describe("a mutation", () => {
	const held: NodeSpec[] = [
		...given.map((node): NodeSpec => ({ ...node, speculative: "hold" })),
		{ id: "w", agent: "write", dependsOn: { research: "r", hint: "s" } },
	];

	/** What a mutation of a graph with a node that still waits is refused with. */
	async function refusedWith(...patch: Mutation[]): Promise<string | undefined> {
		const { swarm } = virtualSwarm(agents);
		const run = swarm.start({ nodes: held }, { open: true });
		const before = run.snapshot();
		const error: unknown = await run.mutate(patch).catch((thrown: unknown) => thrown);
		if (error === undefined) return undefined;
		expect(error).toMatchObject({ code: "INVALID_SPEC", nodes: ["w"] });
		expect([...run.snapshot().nodes()]).toEqual([...before.nodes()]);
		return (error as SwarmError).message;
	}

	test.each<[string, Mutation[]]>([
		["takes away the edge", [{ type: "removeEdge", from: "r", to: "w" }]],
		["takes away the node behind it", [{ type: "removeNode", id: "r", mode: "detach" }]],
		["lets it start without", [{ type: "updateNode", id: "w", changes: { join: "any" } }]],
		[
			"puts a node before it that takes its dependencies",
			[{ type: "injectBefore", id: "w", node: { id: "x", agent: "echo" }, inherit: true }],
		],
	])("is refused that %s", async (_, patch) => {
		expect(await refusedWith(...patch)).toMatch(/"research", which its agent "write" declares/);
	});

	test.each<[string, Mutation[]]>([
		["of an optional dependency", [{ type: "removeEdge", from: "s", to: "w" }]],
		[
			"that puts another one in its place",
			[
				{ type: "removeEdge", from: "r", to: "w" },
				{ type: "removeEdge", from: "s", to: "w" },
				{ type: "addEdge", from: "s", to: "w", alias: "research" },
			],
		],
		["that gates it", [{ type: "injectBefore", id: "w", node: { id: "x", agent: "echo" } }]],
		[
			"that splits the node behind it",
			[
				{
					type: "splitNode",
					id: "r",
					into: [
						{ id: "r1", agent: "echo" },
						{ id: "r2", agent: "echo" },
					],
				},
			],
		],
		[
			"that splits it: its parts inherit what it has",
			[
				{
					type: "splitNode",
					id: "w",
					into: [
						{ id: "w1", agent: "write" },
						{ id: "w2", agent: "write" },
					],
				},
			],
		],
	])("is taken %s", async (_, patch) => {
		expect(await refusedWith(...patch)).toBeUndefined();
	});
});

describe("defineAgent", () => {
	test.each([
		["a list", [echo], /dependsOn of agent "x" is no object/],
		["null", null, /dependsOn of agent "x" is no object/],
		["a name", { research: "echo" }, /dependsOn.research of agent "x" is no agent/],
		["an optional name", { research: { agent: "echo", optional: true } }, /dependsOn.research/],
	])("refuses dependsOn that is or holds %s", (_, dependsOn, message) => {
		const define = (): unknown => defineAgent({ name: "x", dependsOn: dependsOn as never, run: () => 1 });
		expect(define).toThrow(expect.objectContaining({ code: "INVALID_SPEC", message: expect.stringMatching(message) }));
	});
});
