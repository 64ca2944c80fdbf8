import { type } from "arktype";
import { type Agent, type AgentContext, createSwarm, defineAgent, type OutputOf, result } from "dagswarm";
import * as v from "valibot";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

type AnyDeps = AgentContext["deps"];

const ofZod = defineAgent({
	name: "zod",
	input: z.object({ topic: z.string(), most: z.coerce.number().default(3), mode: z.enum(["deep", "wide"]).optional() }),
	output: z.object({ title: z.string().transform((title) => title.length), kind: z.enum(["long", "short"]) }),
	run: async (input) => {
		expectTypeOf(input).toEqualTypeOf<{ topic: string; most: number; mode?: "deep" | "wide" | undefined }>();
		return { title: input.topic, kind: "long" as const };
	},
});
const ofValibot = defineAgent({
	name: "valibot",
	input: v.object({ topic: v.string(), most: v.optional(v.number(), 3) }),
	run: (input, ctx) => result([input.topic], { nodes: [{ agent: `${ctx.attempt}` }] }),
});
const ofArk = defineAgent({
	name: "ark",
	input: type({ topic: "string", most: "number = 3" }),
	output: type("string"),
	run: ({ topic, most }) => topic.repeat(most),
});
const report = defineAgent({
	name: "report",
	dependsOn: { zod: ofZod, titles: ofValibot, text: { agent: ofArk, optional: true } },
	run: (_: undefined, ctx) => {
		expectTypeOf(ctx.deps.zod).toEqualTypeOf<{ title: number; kind: "long" | "short" }>();
		expectTypeOf(ctx.deps.titles).toEqualTypeOf<string[]>();
		expectTypeOf(ctx.deps.text).toEqualTypeOf<string | undefined>();
		// @ts-expect-error: it declares no such dependency
		expectTypeOf(ctx.deps.other).toBeUndefined();
		return ctx.deps.zod.title;
	},
});

describe("schemas give an agent its types:", () => {
	test("what goes into the input's is what nodes give, what comes out of the output's is what dependents see", () => {
		expectTypeOf(ofZod).toEqualTypeOf<
			Agent<
				"zod",
				{ topic: string; most?: unknown; mode?: "deep" | "wide" | undefined },
				{ title: number; kind: "long" | "short" },
				AnyDeps,
				{ topic: string; most: number; mode?: "deep" | "wide" | undefined },
				{ title: string; kind: "long" | "short" }
			>
		>();
	});

	test("of valibot and arktype as well, and without a schema of the output it is inferred from run", () => {
		expectTypeOf(ofValibot).toEqualTypeOf<
			Agent<"valibot", { topic: string; most?: number | undefined }, string[], AnyDeps, { topic: string; most: number }>
		>();
		expectTypeOf<NonNullable<(typeof ofArk)["~types"]>["input"]>().toEqualTypeOf<{ topic: string; most?: number }>();
		expectTypeOf<OutputOf<typeof ofArk>>().toEqualTypeOf<string>();
	});

	test("run has to return what goes into the output's", () => {
		const output = z.object({ a: z.string() });
		// @ts-expect-error: a is text
		defineAgent({ name: "x", output, run: async () => ({ a: 1 }) });
		// @ts-expect-error: also beside a patch
		defineAgent({ name: "x", output, run: async () => result({ a: 1 }, { nodes: [{ agent: "y" }] }) });
		// @ts-expect-error: it may be missing
		defineAgent({ name: "x", output, run: (): { a: string | undefined } => ({ a: undefined }) });
		defineAgent({ name: "x", output, run: async (n: number) => (n > 1 ? result({ a: "b" }) : { a: "b" }) });
	});

	test("run has to take what comes out of the input's", () => {
		defineAgent({ name: "x", input: z.string(), run: (text: string) => text });
		// @ts-expect-error: it is text
		defineAgent({ name: "x", input: z.string(), run: (n: number) => n });
	});

	test("something that is no schema is none", () => {
		// @ts-expect-error: a class is no schema
		defineAgent({ name: "x", input: String, run: () => 1 });
	});

	test("types that are written out stay as they are", () => {
		const written = defineAgent<"x", number, string>({ name: "x", run: async (n) => String(n) });
		expectTypeOf(written).toEqualTypeOf<Agent<"x", number, string>>();
		const keyed = defineAgent({ name: "x", run: async (n: { a: string }) => n.a, memo: { key: (n) => n.a } });
		expectTypeOf(keyed).toEqualTypeOf<Agent<"x", { a: string }, string>>();
	});

	test("another definition can be spread", () => {
		expectTypeOf(defineAgent({ ...ofZod, retry: 3 }).run).toEqualTypeOf(ofZod.run);
		const other = defineAgent({ ...report, name: "other", retry: 2 });
		expectTypeOf(other.run).toEqualTypeOf(report.run);
		expectTypeOf<NonNullable<(typeof other)["~types"]>["deps"]>().branded.toEqualTypeOf<
			NonNullable<(typeof report)["~types"]>["deps"]
		>();
		expectTypeOf(defineAgent({ ...ofValibot, name: "again" }).name).toEqualTypeOf<"again">();
	});
});

describe("dependsOn of an agent", () => {
	const swarm = createSwarm({ agents: [ofZod, ofValibot, ofArk, report] });

	test("makes an agent's type hold outputs, not agents", () => {
		const next = defineAgent({ name: "next", dependsOn: { report }, run: (_: undefined, ctx) => ctx.deps.report });
		expectTypeOf(next).toEqualTypeOf<Agent<"next", undefined, number, { readonly report: number }>>();
	});

	test("holds its nodes to these aliases; optional and further ones may be there", () => {
		expectTypeOf(swarm.start).toBeCallableWith({
			nodes: [
				{ id: "r", agent: report, dependsOn: { zod: "a", titles: "b" } },
				{ id: "s", agent: "report", dependsOn: { zod: "a", titles: "b", text: "c", more: "d" } },
			],
		});
		// @ts-expect-error: no dependencies at all
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: report }] });
		// @ts-expect-error: titles are missing
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: report, dependsOn: { zod: "a" } }] });
		// @ts-expect-error: a list names no aliases
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: report, dependsOn: ["a", "b"] }] });
		expectTypeOf(swarm.start).toBeCallableWith({
			// @ts-expect-error: under this join one of them may be missing
			nodes: [{ agent: report, dependsOn: { zod: "a", titles: "b" }, join: "any" }],
		});
	});

	test("names agents", () => {
		// @ts-expect-error: a name is no agent
		defineAgent({ name: "x", dependsOn: { a: "zod" }, run: () => 1 });
		// @ts-expect-error: a schema is none either
		defineAgent({ name: "x", dependsOn: { a: z.string() }, run: () => 1 });
	});

	const summary = defineAgent({
		name: "summary",
		dependsOn: { titles: { agent: ofValibot, many: true }, zod: ofZod },
		run: (_: undefined, ctx) => {
			expectTypeOf(ctx.deps.titles).toEqualTypeOf<Readonly<Record<string, string[]>>>();
			expectTypeOf(ctx.deps.zod).toEqualTypeOf<{ title: number; kind: "long" | "short" }>();
			expectTypeOf(Object.values(ctx.deps.titles)).toEqualTypeOf<string[][]>();
			// @ts-expect-error: nobody knows which ids there are
			expectTypeOf(ctx.deps.titles["a"]).toEqualTypeOf<string[]>();
			// @ts-expect-error: it declares no such dependency
			expectTypeOf(ctx.deps.other).toBeUndefined();
			return ctx.deps.titles;
		},
	});
	const all = defineAgent({
		name: "all",
		dependsOn: { titles: { agent: ofValibot, many: true }, text: { agent: ofArk, optional: true } },
		run: (_: undefined, ctx) => `${ctx.deps.text?.length} ${Object.values(ctx.deps.titles).flat().length}`,
	});

	test("gives many outputs by id, and the alias has to be there", () => {
		const { start } = createSwarm({ agents: [ofZod, ofValibot, ofArk, summary, all] });
		expectTypeOf(start).toBeCallableWith({
			nodes: [{ agent: summary, dependsOn: { titles: "plan", zod: "z", more: "d" } }],
		});
		// @ts-expect-error: titles are missing
		expectTypeOf(start).toBeCallableWith({ nodes: [{ agent: summary, dependsOn: { zod: "z" } }] });
		// @ts-expect-error: all of it is
		expectTypeOf(start).toBeCallableWith({ nodes: [{ agent: all }] });
		// @ts-expect-error: a list names no aliases
		expectTypeOf(start).toBeCallableWith({ nodes: [{ agent: all, dependsOn: ["titles"] }] });
	});

	test("leaves a node its join where nothing but one of many may be missing", () => {
		const { start } = createSwarm({ agents: [ofZod, ofValibot, ofArk, summary, all] });
		expectTypeOf(start).toBeCallableWith({ nodes: [{ agent: all, dependsOn: { titles: "p" }, join: "settled" }] });
		expectTypeOf(start).toBeCallableWith({
			// @ts-expect-error: zod may be
			nodes: [{ agent: summary, dependsOn: { titles: "p", zod: "z" }, join: "settled" }],
		});
	});

	test("declares one of many by an agent, and not as optional too", () => {
		// @ts-expect-error: there may be none of them anyway
		defineAgent({ name: "x", dependsOn: { a: { agent: ofArk, many: true, optional: true } }, run: () => 1 });
		// @ts-expect-error: a list is no agent
		defineAgent({ name: "x", dependsOn: { a: { agent: [ofArk, ofZod], many: true } }, run: () => 1 });
		// @ts-expect-error: left out it is one
		defineAgent({ name: "x", dependsOn: { a: { agent: ofArk, many: false } }, run: () => 1 });
	});

	test("keeps its types where the definition is spread or the outputs are handed on", () => {
		const other = defineAgent({ ...summary, name: "other", retry: 2 });
		expectTypeOf(other.run).toEqualTypeOf(summary.run);
		expectTypeOf<NonNullable<(typeof other)["~types"]>["deps"]>().branded.toEqualTypeOf<
			NonNullable<(typeof summary)["~types"]>["deps"]
		>();
		// An output that is a record is one output.
		const next = defineAgent({ name: "next", dependsOn: { summary }, run: (_: undefined, ctx) => ctx.deps.summary });
		expectTypeOf(next).toEqualTypeOf<
			Agent<
				"next",
				undefined,
				Readonly<Record<string, string[]>>,
				{ readonly summary: Readonly<Record<string, string[]>> }
			>
		>();
		expectTypeOf(defineAgent({ ...next, name: "again" }).run).toEqualTypeOf(next.run);
	});

	test("gives the context of an agent its type, and no other's", () => {
		expectTypeOf<Parameters<(typeof report)["run"]>[1]>().toExtend<AgentContext<{ readonly titles: string[] }>>();
		expectTypeOf<Parameters<(typeof ofArk)["run"]>[1]>().toEqualTypeOf<AgentContext>();
	});
});
