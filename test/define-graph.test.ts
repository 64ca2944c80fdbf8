import { type AnyAgent, createSwarm, defineAgent, defineGraph, result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, virtualSwarm } from "./swarm/fixture.js";

const plan = defineAgent({ name: "plan", run: async (goal: { topics: string[] }) => goal.topics });
const count = defineAgent({ name: "count", dependsOn: { plan }, run: (_: undefined, ctx) => ctx.deps.plan.length });
const topics = ["bees", "wasps"];

describe("defineGraph", () => {
	test("gives plain data, with agents by name", () => {
		const graph = defineGraph({
			p: { agent: plan, input: { topics }, priority: 2 },
			n: { agent: count, dependsOn: { plan: "p" }, retry: { maxAttempts: 3 } },
		});
		const nodes = [
			{ id: "p", agent: "plan", input: { topics }, priority: 2 },
			{ id: "n", agent: "count", dependsOn: { plan: "p" }, retry: { maxAttempts: 3 } },
		];
		expect(graph).toEqual({ nodes });
		expect(JSON.parse(JSON.stringify(graph))).toEqual({ nodes });
	});

	test("makes what a swarm runs, more than once, with references in inputs", async () => {
		const graph = defineGraph({
			// In any order.
			again: { agent: echo, input: { all: [{ $output: "p", path: "/1" }] }, dependsOn: ["p"] },
			n: { agent: count, dependsOn: { plan: "p" } },
			p: { agent: plan, input: { topics: ["bees", { $output: "first" }] }, dependsOn: ["first"] },
			first: { agent: echo, input: "wasps" },
		});
		const { swarm, clock } = virtualSwarm([plan, count, echo]);
		for (let i = 0; i < 2; i++) {
			const { outputs } = await finish(swarm.start(graph), clock);
			expect(outputs).toEqual({ n: 2, again: { all: ["wasps"] } });
		}
		expect(await createSwarm({ agents: [plan, count, echo] }).run(graph)).toEqual({ n: 2, again: { all: ["wasps"] } });
	});

	test("may have a planner behind an alias for many", async () => {
		const search = defineAgent({ name: "search", run: async (topic: string) => topic.length });
		const planner = defineAgent({
			name: "planner",
			run: async (found: string[]) =>
				result(found, { nodes: found.map((input) => ({ id: input, agent: "search", input })), expand: true }),
		});
		const sum = defineAgent({
			name: "sum",
			dependsOn: { lengths: { agent: search, many: true } },
			run: (_: undefined, ctx) => Object.values(ctx.deps.lengths).reduce((total, length) => total + length, 0),
		});
		const swarm = createSwarm({ agents: [search, planner, sum] });
		for (const [given, total] of [[topics, 9] as const, [["bees"], 4] as const, [[], 0] as const]) {
			const graph = defineGraph({
				plan: { agent: planner, input: [...given] },
				sum: { agent: sum, dependsOn: { lengths: "plan" }, join: "settled" },
			});
			expect((await swarm.run(graph)).sum).toBe(total);
		}
	});

	test("may be empty", async () => {
		expect(await createSwarm({ agents: [] as AnyAgent[] }).run(defineGraph({}))).toEqual({});
	});

	test.each<[string, string, () => unknown]>([
		[
			"a cycle",
			"CYCLE",
			() => defineGraph({ a: { agent: echo, dependsOn: ["b"] }, b: { agent: echo, dependsOn: { a: "a" } } }),
		],
		// @ts-expect-error: there is no such node
		["an unknown id", "UNKNOWN_DEPENDENCY", () => defineGraph({ a: { agent: echo, dependsOn: ["b"] } })],
		// @ts-expect-error: it has to name its plan
		["an alias that its agent declares and it has not", "INVALID_SPEC", () => defineGraph({ a: { agent: count } })],
		// @ts-expect-error: there is no such field
		["a field that there is not", "INVALID_SPEC", () => defineGraph({ a: { agent: echo, dependOn: [] } })],
		[
			"a reference to what it does not depend on",
			"INVALID_SPEC",
			() => defineGraph({ a: { agent: echo }, b: { agent: echo, input: { $output: "a" } } }),
		],
		["an input that is no plain data", "INVALID_INPUT", () => defineGraph({ a: { agent: echo, input: new Map() } })],
		// @ts-expect-error: a name is no agent
		["an agent by name", "INVALID_SPEC", () => defineGraph({ a: { agent: "echo" } })],
		// @ts-expect-error: nothing is no node
		["a node that is none", "INVALID_SPEC", () => defineGraph({ a: null })],
		// @ts-expect-error: nor a graph
		["nothing", "INVALID_SPEC", () => defineGraph(null)],
		[
			"two agents of one name",
			"DUPLICATE_AGENT",
			() => defineGraph({ a: { agent: echo }, b: { agent: defineAgent({ name: "echo", run: () => 1 }) } }),
		],
	])("refuses %s at once, as the start of a run does", (_, code, define) => {
		expect(define).toThrow(expect.objectContaining({ name: "SwarmError", code }));
	});
});
