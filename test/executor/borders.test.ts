import { AsyncLocalStorage } from "node:async_hooks";
import { type } from "arktype";
import {
	type AnyAgent,
	type BudgetPort,
	defineAgent,
	LocalPool,
	type NodeSpec,
	type RunHandle,
	type RunOutcome,
	result,
	type StandardSchema,
	type SwarmOptions,
	type WorkerPool,
} from "dagswarm";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { deps, echo, finish, gate, pass, record, rest, virtualSwarm } from "../swarm/fixture.js";

interface Ended {
	readonly run: RunHandle;
	readonly outcome: RunOutcome;
}

/** Runs nodes of an agent, with `echo` and `deps` beside it, to their end. */
async function runOf(agent: AnyAgent, nodes: readonly NodeSpec[], options: Partial<SwarmOptions> = {}): Promise<Ended> {
	const { swarm, clock } = virtualSwarm([agent, echo, deps], options);
	const run = swarm.start({ nodes });
	return { run, outcome: await finish(run, clock) };
}

/** A schema of no library. */
function schemaOf(validate: (value: unknown) => unknown): StandardSchema {
	return { "~standard": { version: 1, vendor: "test", validate } } as unknown as StandardSchema;
}

/** The same schema in each library: a topic, three pages unless told. */
const libraries: Readonly<Record<string, StandardSchema<{ topic: string; most?: number | undefined }, unknown>>> = {
	zod: z.object({ topic: z.string(), most: z.number().default(3) }),
	valibot: v.object({ topic: v.string(), most: v.optional(v.number(), 3) }),
	arktype: type({ topic: "string", most: "number = 3" }),
	"zod, later": z.object({ topic: z.string().refine(async () => true), most: z.number().default(3) }),
	"valibot, later": v.pipeAsync(
		v.objectAsync({ topic: v.string(), most: v.optional(v.number(), 3) }),
		v.checkAsync(async () => true),
	),
};
const each = Object.entries(libraries);

describe.each(each)("an input's schema of %s", (_, input) => {
	test("makes what the function is given, references resolved", async () => {
		const agent = defineAgent({ name: "search", input, run: async (given: unknown) => given });
		const { outcome } = await runOf(agent, [
			{ id: "topics", agent: "echo", input: ["bees"] },
			{
				id: "a",
				agent: "search",
				input: { topic: { $output: "topics", path: "/0" }, extra: 1 },
				dependsOn: ["topics"],
			},
		]);
		expect(outcome.outputs["a"]).toMatchObject({ topic: "bees", most: 3 });
	});

	test("refuses with the path, and nothing is tried again", async () => {
		let calls = 0;
		const agent = defineAgent({ name: "search", input, retry: 5, run: () => ++calls });
		const { run, outcome } = await runOf(agent, [{ id: "a", agent: "search", input: { topic: "bees", most: "all" } }]);
		expect(outcome.failures).toMatchObject([{ id: "a", code: "INVALID_INPUT", attempts: 1 }]);
		expect(run.error("a")).toMatchObject({ code: "INVALID_INPUT", path: "/most", nodes: ["a"] });
		expect(run.error("a")?.message).toContain('the input of node "a" does not fit its schema');
		expect(calls).toBe(0);
	});
});

describe.each(each)("an output's schema of %s", (_, output) => {
	test("makes what dependents see", async () => {
		const agent = defineAgent({ name: "search", output, run: async () => ({ topic: "bees" }) });
		const { outcome, run } = await runOf(agent, [
			{ id: "a", agent: "search" },
			{ id: "b", agent: "deps", dependsOn: ["a"] },
		]);
		expect(outcome.outputs).toEqual({ b: { a: { topic: "bees", most: 3 } } });
		expect(run.output("a")).toEqual({ topic: "bees", most: 3 });
	});

	test("refuses with the path: a failure like others, which is tried again", async () => {
		const agent = defineAgent({
			name: "search",
			output,
			retry: 3,
			run: (_: undefined, ctx) => ({ topic: ctx.attempt < 3 ? (7 as unknown as string) : `${ctx.lastError?.path}` }),
		});
		const { outcome } = await runOf(agent, [{ id: "a", agent: "search" }]);
		expect(outcome.outputs["a"]).toEqual({ topic: "/topic", most: 3 });
		const once = await runOf(agent, [{ id: "a", agent: "search", retry: 2 }]);
		expect(once.outcome.failures).toMatchObject([{ code: "INVALID_OUTPUT", attempts: 2, cause: { path: "/topic" } }]);
	});

	test("is asked of an output beside a patch, which stays", async () => {
		const agent = defineAgent({
			name: "plan",
			output,
			run: (topic: string) =>
				result({ topic: topic as string }, { nodes: [{ id: "new", agent: "echo", input: 1 }], expand: true }),
		});
		const nodes = [
			{ id: "p", agent: "plan", input: "bees" },
			{ id: "after", agent: "deps", dependsOn: ["p"] },
		];
		const { run, outcome } = await runOf(agent, nodes);
		expect(run.output("p")).toEqual({ topic: "bees", most: 3 });
		expect(outcome.outputs["after"]).toEqual({ p: 1 });
		const refused = await runOf(agent, [{ id: "p", agent: "plan", input: 3 }]);
		expect(refused.outcome.failures).toMatchObject([{ id: "p", code: "INVALID_OUTPUT" }]);
		expect(refused.outcome.stats.nodes).toBe(1);
	});
});

describe("schemas at the borders", () => {
	test("say where in a deep value, with characters of pointers escaped, and list five issues at most", async () => {
		const input = z.record(z.string(), z.array(z.object({ url: z.url() })));
		const agent = defineAgent({ name: "search", input, run: () => 1 });
		const wrong = Array.from({ length: 7 }, () => ({ url: "x" }));
		const { run } = await runOf(agent, [{ id: "a", agent: "search", input: { "a/b": wrong } }]);
		expect(run.error("a")?.path).toBe("/a~1b/0/url");
		expect(run.error("a")?.message).toMatch(/"\/a~1b\/4\/url", and 2 more$/);
	});

	test("may make of an input what is no plain data, of an output only what is", async () => {
		const when = z.object({ at: z.string().transform((text) => new Date(text)) });
		const year = defineAgent({ name: "year", input: when, run: ({ at }) => at.getUTCFullYear() });
		const { outcome } = await runOf(year, [{ id: "a", agent: "year", input: { at: "2026-11-25T00:00:00Z" } }]);
		expect(outcome.outputs).toEqual({ a: 2026 });
		const date = defineAgent({ name: "date", output: when, run: () => ({ at: "2026-11-25T00:00:00Z" }) });
		const refused = await runOf(date, [{ id: "a", agent: "date" }]);
		expect(refused.outcome.failures).toMatchObject([{ code: "INVALID_OUTPUT", cause: { path: "/at" } }]);
	});

	test("see what a function returns that is a thenable of its own", async () => {
		// biome-ignore lint/suspicious/noThenProperty: a client's lazy request, for instance
		const lazy = { then: (resolve: (value: string) => void) => resolve("12") };
		const agent = defineAgent({
			name: "lazy",
			output: z.coerce.number(),
			run: () => lazy as unknown as Promise<string>,
		});
		const { outcome } = await runOf(agent, [{ id: "a", agent: "lazy" }]);
		expect(outcome.outputs).toEqual({ a: 12 });
	});

	test("let what a function throws pass as it is", async () => {
		const agent = defineAgent({
			name: "x",
			input: z.undefined(),
			output: z.number(),
			run: (): number => {
				throw Object.assign(new Error("busy"), { code: "EBUSY" });
			},
		});
		const { outcome } = await runOf(agent, [{ id: "a", agent: "x" }]);
		expect(outcome.failures).toMatchObject([{ code: "EBUSY", message: "busy" }]);
	});

	test("run in the asynchronous context that the run was started in, and so does the function after them", async () => {
		const store = new AsyncLocalStorage<string>();
		const seen: (string | undefined)[] = [];
		const note = z.string().refine(async () => seen.push(store.getStore()) > 0);
		const run = async (text: string): Promise<string> => {
			seen.push(store.getStore());
			return text;
		};
		const agent = defineAgent({ name: "x", input: note, output: note, run });
		await store.run("the caller's", () => runOf(agent, [{ id: "a", agent: "x", input: "y" }]));
		expect(new Set(seen)).toEqual(new Set(["the caller's"]));
		expect(seen.length).toBeGreaterThanOrEqual(3);
	});
});

describe("a schema that is wrong itself", () => {
	const broken: [string, StandardSchema, string][] = [
		[
			"throws",
			schemaOf(() => {
				throw Object.assign(new Error("no database"), { code: "ECONN" });
			}),
			"ECONN",
		],
		["rejects", schemaOf(() => Promise.reject(new TypeError("no database"))), "AGENT_ERROR"],
		["gives nothing", schemaOf(() => undefined), "INVALID"],
		["gives null, later", schemaOf(async () => null), "INVALID"],
		["gives text", schemaOf(() => "fine"), "INVALID"],
		["gives an object that says nothing", schemaOf(() => ({})), "INVALID"],
		["gives issues that are no list", schemaOf(() => ({ issues: "bad" })), "INVALID"],
		["gives an empty list of issues", schemaOf(() => ({ issues: [] })), "INVALID"],
		["gives issues that say nothing", schemaOf(() => ({ issues: [null] })), "AGENT_ERROR"],
		[
			"has a then that throws",
			schemaOf(() => ({
				// biome-ignore lint/suspicious/noThenProperty: that is the point
				get then() {
					throw new Error("no");
				},
			})),
			"AGENT_ERROR",
		],
	];

	test.each(broken)("fails its attempt, in front and behind: it %s", async (_, schema, code) => {
		for (const [border, own] of [
			["input", "INVALID_INPUT"],
			["output", "INVALID_OUTPUT"],
		] as const) {
			const agent = defineAgent({ name: "x", [border]: schema, run: () => 1 }) as AnyAgent;
			const { outcome } = await runOf(agent, [{ id: "a", agent: "x" }]);
			expect(outcome.failures).toMatchObject([{ id: "a", code: code === "INVALID" ? own : code }]);
		}
	});

	test.each(["input", "output"])("is under the time limit of its attempt when it never answers: %s", async (border) => {
		const agent = defineAgent({
			name: "x",
			[border]: schemaOf(() => new Promise(() => {})),
			timeout: { attempt: 1_000, grace: 10 },
			run: () => 1,
		}) as AnyAgent;
		const { outcome } = await runOf(agent, [{ id: "a", agent: "x" }]);
		expect(outcome.failures).toMatchObject([{ code: "TIMEOUT" }]);
		expect(outcome.stats.leaked).toBe(1);
	});
});

describe("an attempt that is over", () => {
	test("while its input is looked at does not call its function", async () => {
		const looked = gate<boolean>();
		let calls = 0;
		const agent = defineAgent({ name: "x", input: z.string().refine(() => looked.promise), run: () => ++calls });
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "x", input: "y" }] });
		await rest();
		void run.cancel();
		await rest();
		looked.open(true);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("cancelled");
		expect([calls, outcome.stats.leaked]).toEqual([0, 0]);
	});
});

describe("an attempt that waited", () => {
	test("goes on without its input being looked at again", async () => {
		let looks = 0;
		const agent = defineAgent({
			name: "x",
			input: z.string().transform((text) => `${text}${++looks}`),
			output: z.string(),
			run: async (text, ctx) => {
				await ctx.sleep(1_000);
				return text;
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "x", input: "y" }] });
		const events = record(run);
		await pass(clock, 1_000);
		expect(await run.result()).toMatchObject({ outputs: { a: "y1" } });
		expect(events.map(({ type }) => type)).toContain("node.parked");
	});
});

describe("a remembered output", () => {
	test("is what the schema made, and is not looked at again", async () => {
		let looks = 0;
		const agent = defineAgent({
			name: "x",
			// The key is made of the input as the node gives it.
			memo: { key: (text) => text },
			input: z.string().transform((text) => text.length + 0 * ++looks),
			output: z.number().transform((n) => `${n}/${++looks}`),
			run: (n) => n,
		});
		const nodes: NodeSpec[] = [
			{ id: "a", agent: "x", input: "bees" },
			{ id: "b", agent: "x", input: "bees", dependsOn: ["a"] },
		];
		const { run } = await runOf(agent, nodes);
		expect([run.output("a"), run.output("b"), looks]).toEqual(["4/2", "4/2", 2]);
	});
});

describe("early commits and speculation", () => {
	test("of an attempt whose output does not fit: the commit stands, and the next attempt adds nothing twice", async () => {
		const agent = defineAgent({
			name: "x",
			retry: 2,
			output: z.number(),
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ agent: "echo", input: 1 });
				await ctx.graph.commit();
				return ctx.attempt === 1 ? Number.NaN : 2;
			},
		});
		const { outcome } = await runOf(agent, [{ id: "a", agent: "x" }]);
		expect(outcome.status).toBe("completed");
		expect(outcome.outputs["a"]).toBe(2);
		expect(outcome.stats.nodes).toBe(2);
	});

	test("of an eager node hold back what the schema made", async () => {
		const agent = defineAgent({ name: "x", output: z.string().transform((text) => text.length), run: () => "four" });
		const { swarm, clock } = virtualSwarm([agent, deps]);
		const nodes: NodeSpec[] = [
			{ id: "a", agent: "x", speculative: "eager" },
			{ id: "b", agent: "deps", dependsOn: ["a"] },
		];
		const run = swarm.start({ nodes }, { open: true });
		await rest();
		await run.mutate([{ type: "confirmSpeculative", id: "a" }]);
		await run.close();
		expect((await finish(run, clock)).outputs).toEqual({ b: { a: 4 } });
	});
});

describe("a pool that carries calls to workers", () => {
	test("carries the schemas' work with them", async () => {
		const local = new LocalPool(2);
		let carried = 0;
		const pool: WorkerPool = {
			concurrency: 2,
			add: (loop) => local.add(loop),
			execute(call, arrive) {
				carried++;
				new Promise((resolve) => resolve(call())).then(
					(value) => arrive(true, value),
					(error) => arrive(false, error),
				);
			},
		};
		const agent = defineAgent({ name: "x", input: z.coerce.number(), output: z.number().max(9), run: (n) => n * 2 });
		const { outcome } = await runOf(
			agent,
			[
				{ id: "a", agent: "x", input: "4" },
				{ id: "b", agent: "x", input: "5" },
				{ id: "c", agent: "x", input: "many" },
			],
			{ pool },
		);
		expect(outcome.outputs).toEqual({ a: 8 });
		expect(outcome.failures.map(({ id, code }) => [id, code])).toEqual([
			["b", "INVALID_OUTPUT"],
			["c", "INVALID_INPUT"],
		]);
		expect(carried).toBe(3);
	});
});

describe("an agent that stands in for another one", () => {
	test("brings its own schemas: it is given the node's input as it is, and its output is its own", async () => {
		const budget: BudgetPort = {
			reserve: () => ({ verdict: "warning", reservation: "r" }),
			settle: () => {},
		};
		const cheap = defineAgent({
			name: "cheap",
			input: z.string().transform((text) => text.length),
			output: z.number().transform((n) => `${n} letters`),
			run: (n) => n,
		});
		const dear = defineAgent({
			name: "dear",
			fallback: { agent: "cheap" },
			input: z.string().transform((text) => [text]),
			run: (list) => list,
		});
		const { swarm, clock } = virtualSwarm([cheap, dear], { ports: { budget }, budget: { onExhausted: "degrade" } });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "dear", input: "bees" },
				{ id: "b", agent: "dear", input: 5 },
			],
		});
		const { outputs, failures } = await finish(run, clock);
		expect(outputs).toEqual({ a: "4 letters" });
		expect(failures).toMatchObject([{ id: "b", code: "INVALID_INPUT" }]);
	});
});

describe("defineAgent", () => {
	test.each([
		["an input that is no schema", { input: { type: "string" } }, /input of agent "x" is no Standard Schema/],
		["an output that is no schema", { output: () => true }, /output of agent "x" is no Standard Schema/],
		["a description that is no text", { description: 5 }, /description of agent "x"/],
	])("refuses %s", (_, wrong, message) => {
		const define = (): unknown => defineAgent({ name: "x", run: () => 1, ...(wrong as object) });
		expect(define).toThrow(expect.objectContaining({ code: "INVALID_SPEC", message: expect.stringMatching(message) }));
	});

	test("takes a schema that is a function, as those of arktype are", () => {
		expect(typeof defineAgent({ name: "x", input: type("string"), run: () => 1 }).input).toBe("function");
	});
});
