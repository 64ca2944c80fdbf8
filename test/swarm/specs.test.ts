import {
	createSwarm,
	defineAgent,
	type GraphSpec,
	type NodeSpec,
	type StartOptions,
	type SwarmOptions,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { chain, echo, rejection, rest, virtualSwarm } from "./fixture.js";

const a: NodeSpec = { id: "a", agent: "echo" };
const started: string[] = [];
const noted = defineAgent({ name: "echo", run: async (_: unknown, ctx) => started.push(ctx.nodeId) });

function refused(graph: unknown, options: unknown = {}): () => unknown {
	const { swarm } = virtualSwarm([noted], { limits: { api: 1 } });
	return () => swarm.start(graph as GraphSpec, options as StartOptions);
}

/** What is wrong with the second of two nodes, the code, the ids it must name, and a word of the message. */
const specs: readonly (readonly [string, unknown, string, readonly string[], RegExp])[] = [
	["null", null, "INVALID_SPEC", [], /not an object|null|object/],
	["a string", "b", "INVALID_SPEC", [], /string/],
	["no agent", { id: "b" }, "INVALID_SPEC", ["b"], /agent/],
	["an agent of another type", { id: "b", agent: 5 }, "INVALID_SPEC", ["b"], /agent/],
	["an empty agent", { id: "b", agent: "" }, "INVALID_SPEC", ["b"], /agent/],
	["an unknown agent", { id: "b", agent: "ghost" }, "UNKNOWN_AGENT", ["b"], /"ghost"/],
	["an unknown agent called constructor", { id: "b", agent: "constructor" }, "UNKNOWN_AGENT", ["b"], /"constructor"/],
	["an empty id", { id: "", agent: "echo" }, "INVALID_SPEC", [], /id/],
	["an id of another type", { id: 7, agent: "echo" }, "INVALID_SPEC", [], /7/],
	["a duplicate id", { id: "a", agent: "echo" }, "DUPLICATE_NODE", ["a"], /"a"/],
	["itself as dependency", { id: "b", agent: "echo", dependsOn: ["b"] }, "CYCLE", ["b"], /b → b/],
	["itself among others", { id: "b", agent: "echo", dependsOn: ["a", "b"] }, "CYCLE", ["b"], /b → b/],
	["itself by alias", { id: "b", agent: "echo", dependsOn: { me: "b" } }, "CYCLE", ["b"], /b → b/],
	[
		"a missing dependency",
		{ id: "b", agent: "echo", dependsOn: ["ghost"] },
		"UNKNOWN_DEPENDENCY",
		["b", "ghost"],
		/"ghost"/,
	],
	[
		"a missing one by alias",
		{ id: "b", agent: "echo", dependsOn: { x: "ghost" } },
		"UNKNOWN_DEPENDENCY",
		["b", "ghost"],
		/ghost/,
	],
	["dependsOn as text", { id: "b", agent: "echo", dependsOn: "a" }, "INVALID_SPEC", ["b"], /dependsOn/],
	["dependsOn with a number", { id: "b", agent: "echo", dependsOn: ["a", 1] }, "INVALID_SPEC", ["b"], /dependsOn/],
	["dependsOn null", { id: "b", agent: "echo", dependsOn: null }, "INVALID_SPEC", ["b"], /dependsOn/],
	["an unknown field", { id: "b", agent: "echo", dependson: ["a"] }, "INVALID_SPEC", ["b"], /"dependson"/],
	["an unknown join", { id: "b", agent: "echo", join: "most" }, "INVALID_SPEC", ["b"], /join/],
	[
		"atLeast 0",
		{ id: "b", agent: "echo", dependsOn: ["a"], join: { atLeast: 0 } },
		"INVALID_SPEC",
		["b"],
		/atLeast|join/,
	],
	[
		"atLeast 2 of 1",
		{ id: "b", agent: "echo", dependsOn: ["a"], join: { atLeast: 2 } },
		"INVALID_SPEC",
		["b"],
		/2 of 1/,
	],
	["atLeast 1.5", { id: "b", agent: "echo", dependsOn: ["a"], join: { atLeast: 1.5 } }, "INVALID_SPEC", ["b"], /join/],
	["failed without dependencies", { id: "b", agent: "echo", join: "failed" }, "INVALID_SPEC", ["b"], /failed/],
	["priority NaN", { id: "b", agent: "echo", priority: Number.NaN }, "INVALID_SPEC", ["b"], /priority/],
	[
		"priority infinite",
		{ id: "b", agent: "echo", priority: Number.POSITIVE_INFINITY },
		"INVALID_SPEC",
		["b"],
		/priority/,
	],
	["priority as text", { id: "b", agent: "echo", priority: "high" }, "INVALID_SPEC", ["b"], /priority/],
	["a negative estimate", { id: "b", agent: "echo", estimateMs: -1 }, "INVALID_SPEC", ["b"], /estimateMs/],
	["retry 0", { id: "b", agent: "echo", retry: 0 }, "INVALID_SPEC", ["b"], /maxAttempts/],
	["retry -1", { id: "b", agent: "echo", retry: { maxAttempts: -1 } }, "INVALID_SPEC", ["b"], /maxAttempts/],
	[
		"retry with a typo",
		{ id: "b", agent: "echo", retry: { maxAttempts: 2, backoff: 1 } },
		"INVALID_SPEC",
		["b"],
		/"backoff"/,
	],
	["retry jitter 2", { id: "b", agent: "echo", retry: { maxAttempts: 2, jitter: 2 } }, "INVALID_SPEC", ["b"], /jitter/],
	["a negative timeout", { id: "b", agent: "echo", timeout: -5 }, "INVALID_SPEC", ["b"], /timeout/],
	["a timeout of text", { id: "b", agent: "echo", timeout: "soon" }, "INVALID_SPEC", ["b"], /timeout/],
	["a timeout with a typo", { id: "b", agent: "echo", timeout: { attemp: 5 } }, "INVALID_SPEC", ["b"], /"attemp"/],
	["limits as text", { id: "b", agent: "echo", limits: "api" }, "INVALID_SPEC", ["b"], /limits/],
	["a limit twice", { id: "b", agent: "echo", limits: ["api", "api"] }, "INVALID_SPEC", ["b"], /limits/],
	["an unknown limit", { id: "b", agent: "echo", limits: ["db"] }, "INVALID_SPEC", ["b"], /"db"/],
	["an unknown failure policy", { id: "b", agent: "echo", onFailure: "ignore" }, "INVALID_SPEC", ["b"], /onFailure/],
	["an unknown speculation", { id: "b", agent: "echo", speculative: true }, "INVALID_SPEC", ["b"], /speculative/],
	["an unknown right", { id: "b", agent: "echo", canMutate: "all" }, "INVALID_SPEC", ["b"], /canMutate/],
	["metadata that is no object", { id: "b", agent: "echo", metadata: [1] }, "INVALID_SPEC", ["b"], /metadata/],
	[
		"metadata that is not plain",
		{ id: "b", agent: "echo", metadata: { f: () => 1 } },
		"INVALID_SPEC",
		["b"],
		/metadata/,
	],
	[
		"an input that is not plain",
		{ id: "b", agent: "echo", input: { x: [new Map()] } },
		"INVALID_INPUT",
		["b"],
		/\/x\/0/,
	],
	["an input that is a function", { id: "b", agent: "echo", input: () => 1 }, "INVALID_INPUT", ["b"], /function/],
	[
		"a reference to no dependency",
		{ id: "b", agent: "echo", input: { $output: "a" } },
		"INVALID_SPEC",
		["b", "a"],
		/"a"/,
	],
	[
		"a reference that is none",
		{ id: "b", agent: "echo", dependsOn: ["a"], input: { $output: 5 } },
		"INVALID_SPEC",
		["b"],
		/reference/,
	],
	[
		"a bad pointer",
		{ id: "b", agent: "echo", dependsOn: ["a"], input: { $output: "a", path: "x" } },
		"INVALID_SPEC",
		["b"],
		/reference/,
	],
];

describe("a bad spec is refused before anything runs, with one clear error", () => {
	test.each(specs)("%s", async (_, spec, code, ids, message) => {
		expect(refused({ nodes: [a, spec] })).toThrowError(
			expect.objectContaining({
				name: "SwarmError",
				code,
				nodes: expect.arrayContaining([...ids]),
				message: expect.stringMatching(message),
			}),
		);
		await rest(2);
		expect(started).toEqual([]);
	});

	test("a cycle, with its path", () => {
		const nodes = [
			{ id: "x", agent: "echo", dependsOn: ["z"] },
			{ id: "y", agent: "echo", dependsOn: ["x"] },
			{ id: "z", agent: "echo", dependsOn: ["y"] },
		];
		try {
			refused({ nodes: [a, ...nodes] })();
			expect.unreachable();
		} catch (error) {
			const { code, nodes: path } = error as { code: string; nodes: string[] };
			expect(code).toBe("CYCLE");
			expect(path).toHaveLength(4);
			expect(path[0]).toBe(path[3]);
			expect(new Set(path)).toEqual(new Set(["x", "y", "z"]));
		}
	});

	test("a cycle of a hundred thousand overflows nothing", () => {
		const nodes = chain(100_000).map((node, i) => (i === 0 ? { ...node, dependsOn: ["n99999"] } : node));
		expect(refused({ nodes })).toThrowError(expect.objectContaining({ code: "CYCLE" }));
	});

	test.each([null, undefined, 5, "x", [], {}, { nodes: {} }, { nodes: "ab" }, { nodes: null }])(
		"the graph %j",
		(graph) => {
			expect(refused(graph)).toThrowError(expect.objectContaining({ code: "INVALID_SPEC" }));
		},
	);

	test.each([
		[{ concurrency: 0 }],
		[{ concurrency: 1.5 }],
		[{ concurrency: -1 }],
		[{ deadline: -1 }],
		[{ deadline: "tomorrow" }],
		[{ runId: "" }],
		[{ runId: 5 }],
		[{ policy: "random" }],
		[{ retry: -1 }],
		[{ timeout: "x" }],
		[{ onFailure: "x" }],
		[{ signal: {} }],
		[{ signal: null }],
		[{ metadata: { at: new Date(0) } }],
	])("the start options %j", (options) => {
		expect(refused({ nodes: [a] }, options)).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
	});

	test("swarm.run rejects with the same", async () => {
		const { swarm } = virtualSwarm([echo]);
		expect(await rejection(swarm.run({ nodes: [{ id: "b", agent: "ghost" }] }))).toMatchObject({
			code: "UNKNOWN_AGENT",
		});
	});
});

describe("createSwarm", () => {
	test.each([
		[{ concurrency: 0 }, /concurrency/],
		[{ concurrency: -3 }, /concurrency/],
		[{ concurrency: Number.NaN }, /concurrency/],
		[{ maxNodes: -1 }, /maxNodes/],
		[{ maxDepth: 0.5 }, /maxDepth/],
		[{ maxPatchSize: -1 }, /maxPatchSize/],
		[{ eventBuffer: 0 }, /eventBuffer/],
		[{ limits: { api: 0 } }, /api/],
		[{ limits: { api: -1 } }, /api/],
		[{ limits: { api: 1.5 } }, /api/],
		[{ grace: -1 }, /grace/],
		[{ check: "some" }, /check/],
		[{ retry: 0 }, /maxAttempts/],
		[{ policy: "x" }, /policy/],
		[{ agents: undefined }, /agents/],
		[{ agents: [null] }, /agent/],
		[{ agents: [{ name: "x" }] }, /agent/],
		[{ agents: [{ name: "x", run: (): number => 1, retry: -1 }] }, /"x"/],
		[{ agents: [{ name: "x", run: (): number => 1, concurrency: 0 }] }, /x/],
	])("refuses %j", (options, message) => {
		const make = () => createSwarm({ agents: [echo], ...options } as unknown as SwarmOptions);
		expect(make).toThrowError(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }),
		);
	});

	test("refuses two agents of one name, and none at all", () => {
		expect(() => createSwarm({ agents: [echo, echo] })).toThrowError(
			expect.objectContaining({ code: "DUPLICATE_AGENT", message: expect.stringContaining('"echo"') }),
		);
		expect(() => createSwarm(undefined as unknown as SwarmOptions)).toThrowError(
			expect.objectContaining({ code: "INVALID_OPTION" }),
		);
	});

	test("defineAgent refuses what is no agent", () => {
		for (const bad of [{ name: "", run: (): number => 1 }, { name: 5, run: (): number => 1 }, { name: "x" }]) {
			expect(() => defineAgent(bad as never)).toThrowError(expect.objectContaining({ code: "INVALID_SPEC" }));
		}
	});
});
