import { createSwarm, defineAgent, defineSkill, type Skill, type StandardSchema } from "dagswarm";
import { describe, expect, expectTypeOf, test } from "vitest";
import { deps, echo, fail, finish, forever, rejection, rest, virtualSwarm } from "./fixture.js";

/** Two nodes side by side. */
const both = defineSkill({
	name: "both",
	description: "Gives both.",
	graph: (input: { readonly a: unknown; readonly b: unknown }) => ({
		nodes: [
			{ id: "a", agent: "echo", input: input.a },
			{ id: "b", agent: "echo", input: input.b },
		],
	}),
});

/** Calls what its input names; gives what comes of it, or how it failed. */
const user = defineAgent({
	name: "user",
	run: async (input: { readonly name: string; readonly input?: unknown }, ctx) => {
		try {
			return await ctx.call(input.name, input.input);
		} catch (error) {
			const { code, message, path, cause } = error as Record<string, unknown> & { cause?: Record<string, unknown> };
			return { code, message, path, cause: cause && { code: cause["code"], message: cause["message"] } };
		}
	},
});

function using(name: string, input?: unknown) {
	return { nodes: [{ id: "a", agent: "user", input: { name, ...(input !== undefined && { input }) } }] };
}

/** Takes objects with a number `n`, also as text, and gives the number. */
const numbered: StandardSchema<{ n: number | string }, number> = {
	"~standard": {
		version: 1,
		vendor: "test",
		validate: (value) => {
			const n = Number((value as { n?: unknown } | undefined)?.n);
			return Number.isNaN(n) ? { issues: [{ message: "no number", path: ["n"] }] } : { value: n };
		},
		jsonSchema: {
			input: ({ target }) => ({ $schema: target, type: "object" }),
			output: () => ({ type: "number" }),
		},
	},
};

describe("a skill", () => {
	test("is a graph in a run of its own: its sinks are what the call gives", async () => {
		const { swarm, clock } = virtualSwarm([user, echo], { skills: [both] });
		expect(await finish(swarm.start(using("both", { a: 1, b: 2 })), clock)).toMatchObject({
			status: "completed",
			outputs: { a: { a: 1, b: 2 } },
		});
	});

	test("gives what its own function makes of the run", async () => {
		const picked = defineSkill({
			name: "picked",
			graph: (topic: string) => ({
				nodes: [
					{ id: "search", agent: echo, input: topic },
					{ id: "sum", agent: deps, dependsOn: ["search"] },
				],
			}),
			output: (outputs, { stats }) => ({ sum: outputs["sum"], nodes: stats.nodes }),
		});
		const { swarm, clock } = virtualSwarm([user, echo, deps], { skills: [picked], concurrency: 1 });
		const { outputs } = await finish(swarm.start(using("picked", "bees")), clock);
		expect(outputs["a"]).toEqual({ sum: { search: "bees" }, nodes: 2 });
	});

	test("may call skills and agents itself", async () => {
		const outer = defineSkill({
			name: "outer",
			graph: (n: number) => ({
				nodes: [{ id: "in", agent: "user", input: { name: "both", input: { a: n, b: n + 1 } } }],
			}),
		});
		const { swarm, clock } = virtualSwarm([user, echo], { skills: [outer, both] });
		expect((await finish(swarm.start(using("outer", 1)), clock)).outputs["a"]).toEqual({ in: { a: 1, b: 2 } });
	});

	test("takes what its schema makes of the input", async () => {
		const half = defineSkill({
			name: "half",
			input: numbered,
			graph: (n) => ({ nodes: [{ id: "n", agent: "echo", input: n / 2 }] }),
			output: ({ n }) => n as number,
		});
		expectTypeOf(half).toEqualTypeOf<Skill<"half", { n: number | string }, number>>();
		const { swarm, clock } = virtualSwarm([user, echo], { skills: [half] });
		expect((await finish(swarm.start(using("half", { n: "8" })), clock)).outputs["a"]).toBe(4);
		expect((await finish(swarm.start(using("half", { n: "x" })), clock)).outputs["a"]).toMatchObject({
			code: "INVALID_INPUT",
			message: 'the input of "half" does not fit its schema: no number at "/n"',
			path: "/n",
		});
	});

	test("that validates later is called later", async () => {
		const later = defineSkill({
			name: "later",
			input: {
				"~standard": { version: 1, vendor: "test", validate: async (value: unknown) => ({ value: [value] }) },
			},
			graph: (taken: unknown) => ({ nodes: [{ id: "n", agent: "echo", input: taken }] }),
		});
		const { swarm, clock } = virtualSwarm([user, echo], { skills: [later] });
		expect((await finish(swarm.start(using("later", 1)), clock)).outputs["a"]).toEqual({ n: [1] });
	});
});

describe("a call of a skill fails", () => {
	test("together with one that is refused at once, and its own refusal, which comes later, ends no process", async () => {
		const picky = defineSkill({
			name: "picky",
			input: {
				"~standard": { version: 1, vendor: "test", validate: async () => ({ issues: [{ message: "never fits" }] }) },
			},
			graph: () => ({ nodes: [{ id: "n", agent: "echo" }] }),
		});
		const many = defineAgent({
			name: "many",
			run: async (_: unknown, ctx) =>
				(await ctx.callAll([{ tool: "picky" }, { tool: "none" }])).map((each) => each.ok || each.error.code),
		});
		const unhandled: unknown[] = [];
		const hear = (error: unknown) => unhandled.push(error);
		process.on("unhandledRejection", hear);
		const { swarm, clock } = virtualSwarm([many, echo], { skills: [picky] });
		expect((await finish(swarm.start({ nodes: [{ id: "a", agent: "many" }] }), clock)).outputs["a"]).toEqual([
			"INVALID_INPUT",
			"UNKNOWN_TOOL",
		]);
		await rest();
		process.off("unhandledRejection", hear);
		expect(unhandled).toEqual([]);
	});

	test.each<readonly [string, Partial<Parameters<typeof defineSkill>[0]>, object]>([
		[
			"whose graph function throws",
			{
				graph: () => {
					throw new Error("no plan");
				},
			},
			{ code: "AGENT_ERROR", message: "no plan" },
		],
		["whose graph is none", { graph: () => undefined as never }, { code: "INVALID_SPEC" }],
		["whose graph has no nodes", { graph: () => ({}) as never }, { code: "INVALID_SPEC" }],
		[
			"whose graph names an unknown agent",
			{ graph: () => ({ nodes: [{ agent: "nobody" }] }) },
			{ code: "UNKNOWN_AGENT" },
		],
		[
			"whose node fails",
			{ graph: () => ({ nodes: [{ id: "x", agent: "fail", input: "broken" }] }) },
			{ code: "AGENT_ERROR", message: "broken" },
		],
		[
			"that stalls",
			{ graph: () => ({ nodes: [{ id: "held", agent: "echo", speculative: "hold" }] }) },
			{ code: "RUN_FAILED", message: expect.stringMatching(/ended stalled: .*"held"/) },
		],
		[
			"whose output function throws",
			{
				output: () => {
					throw new Error("no output");
				},
			},
			{ code: "AGENT_ERROR", message: "no output" },
		],
		["whose output is no plain data", { output: () => ({ deep: new Map() }) }, { code: "INVALID_OUTPUT" }],
		["whose output is a promise", { output: async () => 1 }, { code: "INVALID_OUTPUT" }],
	])("%s", async (_, odd, cause) => {
		const skill = defineSkill({ name: "odd", graph: () => ({ nodes: [{ id: "n", agent: "echo" }] }), ...odd });
		const { swarm, clock } = virtualSwarm([user, echo, fail], { skills: [skill] });
		const outcome = await finish(swarm.start(using("odd")), clock);
		expect(outcome.outputs["a"]).toMatchObject({ code: "CALL_FAILED", cause });
		expect(swarm.runs()).toEqual([]);
	});

	test("with its first failure, and not with one that it got over", async () => {
		const skill = defineSkill({
			name: "odd",
			graph: () => ({
				nodes: [
					{ id: "x", agent: "fail", input: "tolerated" },
					{ id: "y", agent: "forever", dependsOn: ["x"], join: "settled" },
				],
			}),
		});
		const { swarm, clock } = virtualSwarm([user, fail, forever], { skills: [skill], grace: 10 });
		const run = swarm.start(using("odd"));
		await rest();
		void swarm.runs()[1]?.cancel("enough");
		expect((await finish(run, clock)).outputs["a"]).toMatchObject({ cause: { code: "CANCELLED" } });
	});
});

describe("skills as tools", () => {
	test("are listed after the agents, with the schema that they say or their schema says", async () => {
		const lister = defineAgent({ name: "lister", run: (_: unknown, ctx) => [...ctx.tools()] });
		const half = defineSkill({ name: "half", input: numbered, graph: () => ({ nodes: [] }) });
		const said = defineSkill({ name: "said", inputSchema: { type: "string" }, graph: () => ({ nodes: [] }) });
		const unsaid = defineSkill({
			name: "unsaid",
			input: {
				"~standard": {
					...numbered["~standard"],
					jsonSchema: {
						input: () => {
							throw new Error("not in JSON");
						},
						output: () => ({}),
					},
				},
			},
			graph: () => ({ nodes: [] }),
		});
		const { swarm, clock } = virtualSwarm([lister], { skills: [both, half, said, unsaid] });
		const { outputs } = await finish(swarm.start({ nodes: [{ id: "a", agent: "lister" }] }), clock);
		expect(outputs["a"]).toEqual([
			{ name: "lister", kind: "agent" },
			{ name: "both", kind: "skill", description: "Gives both." },
			{ name: "half", kind: "skill", inputSchema: { $schema: "draft-2020-12", type: "object" } },
			{ name: "said", kind: "skill", inputSchema: { type: "string" } },
			{ name: "unsaid", kind: "skill" },
		]);
	});

	test("do not stand in graphs as agents do", () => {
		const { swarm } = virtualSwarm([echo], { skills: [both] });
		expect(() => swarm.start({ nodes: [{ agent: "both" }] })).toThrow(
			expect.objectContaining({ code: "UNKNOWN_AGENT" }),
		);
	});

	test.each([
		["like an agent", [defineSkill({ name: "echo", graph: () => ({ nodes: [] }) })]],
		["like another one", [both, both]],
	])("may not be called %s", (_, skills) => {
		expect(() => createSwarm({ agents: [echo], skills })).toThrow(expect.objectContaining({ code: "DUPLICATE_AGENT" }));
	});

	test.each([
		{ name: "", graph: () => ({ nodes: [] }) },
		{ name: "x", graph: undefined },
		{ name: "x", graph: () => ({ nodes: [] }), output: 7 },
		{ name: "x", graph: () => ({ nodes: [] }), input: {} },
	])("are refused when they are defined as %j", (definition) => {
		expect(() => defineSkill(definition as never)).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
	});

	test("keep their types for those who call them by the skill itself", async () => {
		const typed = defineSkill({
			name: "typed",
			graph: (n: number) => ({ nodes: [{ id: "n", agent: n === undefined ? "nobody" : "echo", input: n }] }),
			output: (outputs) => outputs["n"] as number,
		});
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				expectTypeOf(ctx.call(typed, 1)).resolves.toEqualTypeOf<number>();
				expectTypeOf(ctx.call("typed", 1)).resolves.toEqualTypeOf<unknown>();
				// @ts-expect-error: it takes a number
				return [(await rejection(ctx.call(typed))).code, await ctx.call(typed, 1)];
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo], { skills: [typed] });
		const outcome = await finish(swarm.start({ nodes: [{ id: "a", agent: "agent" }] }), clock);
		expect(outcome.outputs["a"]).toEqual(["CALL_FAILED", 1]);
	});
});
