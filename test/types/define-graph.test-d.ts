import { createSwarm, defineAgent, defineGraph, type GraphSpec, type RunHandle } from "dagswarm";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

const plan = defineAgent({
	name: "plan",
	input: z.object({ topic: z.string(), tags: z.array(z.string()).default([]), mode: z.enum(["a", "b"]).optional() }),
	run: (input) => [input.topic],
});
const research = defineAgent({
	name: "research",
	dependsOn: { plan },
	run: async (input: { q: string; deep?: { at: number[] } }, ctx) => ({ pages: ctx.deps.plan.length, q: input.q }),
});
const write = defineAgent({
	name: "write",
	dependsOn: { research, hint: { agent: plan, optional: true } },
	run: async (_: undefined, ctx) => `${ctx.deps.research.pages} ${ctx.deps.hint?.length}`,
});
const ping = defineAgent({ name: "ping", run: () => 1 });

const planned = { plan: { agent: plan, input: { topic: "bees" } } } as const;
const graph = defineGraph({
	plan: { agent: plan, input: { topic: "bees", tags: ["a"], mode: "a" } },
	first: { agent: research, input: { q: "x", deep: { at: [1] } }, dependsOn: { plan: "plan" }, retry: 3 },
	second: {
		agent: research,
		input: { q: { $output: "plan", path: "/0" }, deep: { at: { $output: "plan" } } },
		dependsOn: { plan: "plan" },
	},
	draft: { agent: write, dependsOn: { research: "first" } },
	text: { agent: write, dependsOn: { research: "second", hint: "plan", more: "draft" } },
	any: { agent: ping, dependsOn: ["first", "second"], join: "any" },
});
const swarm = createSwarm({ agents: [plan, research, write, ping] });

describe("a static graph", () => {
	test("gives the outputs of its sinks by id; one that may be skipped may have none", () => {
		expectTypeOf(swarm.run(graph)).resolves.toEqualTypeOf<{
			readonly text: string;
			readonly any: number | undefined;
		}>();
	});

	test("types what a handle knows by id", () => {
		const run = swarm.start(graph);
		expectTypeOf(run.output("first")).toEqualTypeOf<{ pages: number; q: string } | undefined>();
		expectTypeOf(run.output("added later")).toEqualTypeOf<unknown>();
		expectTypeOf(run).toExtend<RunHandle>();
	});

	test("goes wherever a graph goes that its agents are in", () => {
		expectTypeOf(graph).toExtend<GraphSpec>();
		const few = createSwarm({ agents: [plan, research] });
		// @ts-expect-error: this swarm has no writer
		few.start(graph);
	});

	test("checks inputs", () => {
		// @ts-expect-error: a topic is text
		defineGraph({ plan: { agent: plan, input: { topic: 1 } } });
		// @ts-expect-error: there is no such mode
		defineGraph({ plan: { agent: plan, input: { topic: "x", mode: "c" } } });
		// @ts-expect-error: it has none
		defineGraph({ plan: { agent: plan } });
	});

	test("checks ids", () => {
		// @ts-expect-error: there is no such node
		defineGraph({ ...planned, a: { agent: ping, dependsOn: ["plann"] } });
		// @ts-expect-error: nor this one
		defineGraph({ ...planned, a: { agent: ping, dependsOn: { plan: "plann" } } });
	});

	test("checks what agents declare", () => {
		// @ts-expect-error: it has to name its research
		defineGraph({ ...planned, text: { agent: write } });
		// @ts-expect-error: and a plan is none
		defineGraph({ ...planned, text: { agent: write, dependsOn: { research: "plan" } } });
		const researched = {
			...planned,
			r: { agent: research, input: { q: "x" }, dependsOn: { plan: "plan" } },
		} as const;
		// @ts-expect-error: research is no plan
		defineGraph({ ...researched, text: { agent: write, dependsOn: { research: "r", hint: "r" } } });
		// @ts-expect-error: under this join it may be missing
		defineGraph({ ...researched, text: { agent: write, dependsOn: { research: "r" }, join: "settled" } });
		expectTypeOf(
			defineGraph({ ...researched, text: { agent: write, dependsOn: { research: "r" }, join: "all" } }),
		).toExtend<GraphSpec>();
	});

	test("takes any node behind an alias for many, whoever plans them, and what nodes do not give", () => {
		const all = defineAgent({
			name: "all",
			dependsOn: { found: { agent: research, many: true } },
			run: (_: undefined, ctx) => Object.values(ctx.deps.found).map(({ pages }) => pages),
		});
		const both = defineAgent({ ...all, name: "both", dependsOn: { plan, found: { agent: research, many: true } } });
		const many = defineGraph({
			...planned,
			r: { agent: research, input: { q: "x" }, dependsOn: { plan: "plan" } },
			a: { agent: all, dependsOn: { found: "plan" } },
			b: { agent: all, dependsOn: { found: "r", more: "a" }, join: "settled" },
			c: { agent: both, dependsOn: { plan: "plan", found: "r" } },
		});
		expectTypeOf(createSwarm({ agents: [plan, research, all, both] }).run(many)).resolves.toEqualTypeOf<{
			readonly b: number[] | undefined;
			readonly c: number[];
		}>();
		// @ts-expect-error: there is no such node
		defineGraph({ ...planned, a: { agent: all, dependsOn: { found: "plann" } } });
		// @ts-expect-error: it has to name where they are
		defineGraph({ ...planned, a: { agent: all } });
		// @ts-expect-error: under this alias as well
		defineGraph({ ...planned, a: { agent: all, dependsOn: { more: "plan" } } });
		// @ts-expect-error: under this join the plan may be missing
		defineGraph({ ...planned, a: { agent: both, dependsOn: { plan: "plan", found: "plan" }, join: "any" } });
	});

	test("checks the names of fields", () => {
		// @ts-expect-error: a slip of the keyboard
		defineGraph({ ...planned, a: { agent: ping, dependOn: ["plan"] } });
		// @ts-expect-error: the key is the id
		defineGraph({ ...planned, a: { agent: ping, id: "b" } });
	});
});
