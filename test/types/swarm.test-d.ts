import {
	type Agent,
	type AgentContext,
	type AgentResult,
	type Chunk,
	createSwarm,
	defineAgent,
	type GraphHandle,
	type NodeSpec,
	type Reply,
	type RunEvent,
	type RunHandle,
	type RunOutcome,
	result,
	type StandardSchema,
	type StreamItem,
	type Swarm,
	toReadableStream,
} from "dagswarm";
import { describe, expectTypeOf, test } from "vitest";

const search = defineAgent({ name: "search", run: async (input: { q: string; limit?: number }) => [input.q] });
const double = defineAgent({ name: "double", run: (n: number) => n * 2 });
const ping = defineAgent({ name: "ping", run: () => "pong" });
const plan = defineAgent({
	name: "plan",
	run: async (goal: { topic: string }, ctx) =>
		result({ of: goal.topic, parts: ctx.attempt }, { nodes: [{ agent: "search" }] }),
});
const swarm = createSwarm({ agents: [search, double, ping, plan] });

describe("defineAgent", () => {
	test("keeps name, input and output", () => {
		expectTypeOf(search).toEqualTypeOf<Agent<"search", { q: string; limit?: number }, string[]>>();
		expectTypeOf(double).toEqualTypeOf<Agent<"double", number, number>>();
		expectTypeOf(ping.name).toEqualTypeOf<"ping">();
	});

	test("looks through result() for the output", () => {
		expectTypeOf<NonNullable<(typeof plan)["~types"]>["output"]>().toEqualTypeOf<{ of: string; parts: number }>();
	});

	test("gives run a context", () => {
		defineAgent({
			name: "x",
			run: (_: unknown, ctx) => {
				expectTypeOf(ctx).toEqualTypeOf<AgentContext>();
				expectTypeOf(ctx.deps).toEqualTypeOf<Readonly<Record<string, unknown>>>();
				expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
			},
		});
	});

	test("wants a name and a function", () => {
		// @ts-expect-error: no name
		expectTypeOf(defineAgent).toBeCallableWith({ run: () => 1 });
		// @ts-expect-error: no function
		expectTypeOf(defineAgent).toBeCallableWith({ name: "x" });
		// @ts-expect-error: no such policy
		expectTypeOf(defineAgent).toBeCallableWith({ name: "x", run: () => 1, onFailure: "panic" });
	});
});

describe("questions to people", () => {
	const schema = {} as StandardSchema<{ amount: string }, { amount: number }>;

	test("answers are what the schema makes of them, one of the choices, or anything", () => {
		defineAgent({
			name: "x",
			run: async (_: unknown, ctx) => {
				const { data } = await ctx.requestApproval({ reason: "?", schema });
				expectTypeOf(data).toEqualTypeOf<{ amount: number }>();
				const chosen = await ctx.requestApproval({ reason: "?", choices: ["yes", "no"] });
				expectTypeOf(chosen.data).toEqualTypeOf<"yes" | "no">();
				expectTypeOf(chosen.by).toEqualTypeOf<string | undefined>();
				expectTypeOf((await ctx.requestApproval({ reason: "?" })).data).toEqualTypeOf<unknown>();
				expectTypeOf(await ctx.ask("?")).toEqualTypeOf<string>();
				expectTypeOf(await ctx.ask("?", { choices: ["a", "b"], to: "Ada" })).toEqualTypeOf<"a" | "b">();
				expectTypeOf(ctx.inbox()).toEqualTypeOf<readonly unknown[]>();
			},
		});
	});

	test("a default is what an answer may be", () => {
		const late = { reason: "?", timeout: "1h", onTimeout: "approve" } as const;
		defineAgent({
			name: "x",
			run: async (_: unknown, ctx) => {
				await ctx.requestApproval({ ...late, schema, default: { amount: "1" } });
				await ctx.ask("?", { ...late, choices: ["a", "b"], default: "b" });
				// @ts-expect-error: not one of the choices
				await ctx.ask("?", { ...late, choices: ["a", "b"], default: "c" });
			},
		});
	});
});

describe("swarm.start", () => {
	test("takes nodes of its agents, by name or by agent", () => {
		expectTypeOf(swarm.start).toBeCallableWith({
			nodes: [
				{ id: "a", agent: "search", input: { q: "bees" } },
				{ id: "b", agent: search, input: { q: "bees", limit: 3 }, dependsOn: ["a"], join: "any" },
				{ agent: double, input: 2 },
				{ agent: "ping" },
			],
		});
	});

	test("checks the name", () => {
		// @ts-expect-error: there is no such agent
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "serach", input: { q: "x" } }] });
	});

	test("checks the input", () => {
		// @ts-expect-error: q is a string
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "search", input: { q: 1 } }] });
		// @ts-expect-error: that is another agent's input
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "double", input: { q: "x" } }] });
		// @ts-expect-error: the input is missing
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "search" }] });
		// @ts-expect-error: the input of the agent itself is checked too
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: search, input: 5 }] });
	});

	test("checks the other fields", () => {
		// @ts-expect-error: there is no such join
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "ping", join: "most" }] });
		// @ts-expect-error: a slip of the keyboard
		swarm.start({ nodes: [{ agent: "ping", dependOn: ["a"] }] });
		// @ts-expect-error: no duration
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "ping", timeout: "soon" }] });
	});

	test("takes references in the place of an input or of its members", () => {
		expectTypeOf(swarm.start).toBeCallableWith({
			nodes: [
				{ agent: "search", input: { $output: "a" } },
				{ agent: "search", input: { q: { $output: "a", path: "/0" } } },
				{ agent: "double", input: { $output: "a" } },
			],
		});
		// @ts-expect-error: a reference is to an id
		expectTypeOf(swarm.start).toBeCallableWith({ nodes: [{ agent: "double", input: { $output: 1 } }] });
	});

	test("gives a handle, and run the outputs", () => {
		expectTypeOf(swarm.start).returns.toEqualTypeOf<RunHandle>();
		expectTypeOf(swarm.run).returns.resolves.toEqualTypeOf<Readonly<Record<string, unknown>>>();
	});

	test("of a swarm of any agents takes any spec", () => {
		const any: Swarm = createSwarm({ agents: [] as Agent[] });
		expectTypeOf(any.start).toBeCallableWith({ nodes: [] as NodeSpec[] });
	});

	test("does not blow up with many agents and long lists", () => {
		const many = createSwarm({
			agents: [
				search,
				double,
				ping,
				plan,
				defineAgent({ name: "a1", run: (x: { a: 1 }) => x }),
				defineAgent({ name: "a2", run: (x: { a: 2 }) => x }),
				defineAgent({ name: "a3", run: (x: { a: 3 }) => x }),
				defineAgent({ name: "a4", run: (x: { a: { b: { c: string[] } } }) => x }),
			],
		});
		expectTypeOf(many.start).toBeCallableWith({
			nodes: [
				{ agent: "a1", input: { a: 1 } },
				{ agent: "a4", input: { a: { b: { c: ["x"] } } }, dependsOn: { one: "a1" } },
			],
		});
		// @ts-expect-error: 3 is a3's
		expectTypeOf(many.start).toBeCallableWith({ nodes: [{ agent: "a2", input: { a: 3 } }] });
	});
});

describe("events", () => {
	const run = {} as RunHandle;

	test("are narrowed by the types that are asked for", () => {
		const some = run.events({ types: ["node.completed", "node.failed"] });
		type Some = typeof some extends AsyncGenerator<infer Event> ? Event : never;
		expectTypeOf<Some["type"]>().toEqualTypeOf<"node.completed" | "node.failed">();
		expectTypeOf<Extract<Some, { type: "node.completed" }>["output"]>().toEqualTypeOf<unknown>();
		// @ts-expect-error: there is no such type of event
		run.events({ types: ["node.exploded"] });
	});

	test("are all of them without", () => {
		const all = run.events();
		type All = typeof all extends AsyncGenerator<infer Event> ? Event : never;
		expectTypeOf<All["type"]>().toEqualTypeOf<RunEvent["type"]>();
		expectTypeOf<All["seq"]>().toEqualTypeOf<number>();
	});

	test("are narrowed by their type", () => {
		const event = {} as RunEvent;
		if (event.type === "node.skipped") expectTypeOf(event.cause).toEqualTypeOf<"failure" | "not-needed">();
		if (event.type === "run.ended") expectTypeOf(event.reason).toEqualTypeOf<string | undefined>();
	});
});

describe("results", () => {
	test("of a run are outcomes with a status that has ended", () => {
		expectTypeOf<RunHandle["result"]>().returns.resolves.toEqualTypeOf<RunOutcome>();
		expectTypeOf<RunOutcome["status"]>().toEqualTypeOf<
			"completed" | "failed" | "stalled" | "cancelled" | "timed_out" | "budget_exceeded" | "suspended" | "dry_run"
		>();
	});

	test("of an agent carry the type of the output", () => {
		expectTypeOf(result(1)).toEqualTypeOf<AgentResult<number>>();
		expectTypeOf(result({ a: "x" }, { expand: true })).toEqualTypeOf<AgentResult<{ a: string }>>();
		// @ts-expect-error: a node needs an agent
		result(1, { nodes: [{ id: "x" }] });
		// @ts-expect-error: there is no such mutation
		result(1, { mutations: [{ type: "explode" }] });
	});

	test("of a handle are refusals or replies", () => {
		expectTypeOf<GraphHandle["mutate"]>().returns.resolves.toEqualTypeOf<Reply>();
		const reply = {} as Awaited<ReturnType<GraphHandle["claim"]>>;
		if (reply.ok) expectTypeOf(reply.lease.attempt).toEqualTypeOf<number>();
		else expectTypeOf(reply.message).toEqualTypeOf<string>();
	});
});

describe("what is read of a run", () => {
	test("is narrowed by the types that are asked for", () => {
		const run = {} as RunHandle;
		expectTypeOf(run.chunks()).toEqualTypeOf<AsyncGenerator<Chunk, void, undefined>>();
		expectTypeOf(run.stream()).toEqualTypeOf<AsyncGenerator<StreamItem, void, undefined>>();
		const some = run.stream({ types: ["chunk", "run.ended"] });
		expectTypeOf(some).toEqualTypeOf<
			AsyncGenerator<Chunk | Extract<RunEvent, { readonly type: "run.ended" }>, void, undefined>
		>();
		expectTypeOf(toReadableStream(run.chunks()).getReader().read).returns.resolves.toHaveProperty("value");
		// @ts-expect-error: they come as chunks
		run.stream({ types: ["node.emitted"] });
	});

	test("is waited for only where it is kept", () => {
		const ctx = {} as AgentContext;
		expectTypeOf(ctx.emit("x", { persist: true })).toEqualTypeOf<Promise<void>>();
		expectTypeOf(ctx.emit("x")).toEqualTypeOf<void>();
	});
});

describe("mutations", () => {
	test("name their nodes by id or ids, not both", () => {
		const handle = {} as GraphHandle;
		expectTypeOf(handle.mutate).toBeCallableWith([
			{ type: "pruneSubgraph", id: "a" },
			{ type: "removeNode", ids: ["a", "b"], mode: "detach" },
			{ type: "updateNode", id: "a", changes: { priority: undefined } },
		]);
		// @ts-expect-error: both
		expectTypeOf(handle.mutate).toBeCallableWith([{ type: "pruneSubgraph", id: "a", ids: ["b"] }]);
		// @ts-expect-error: the agent never changes
		expectTypeOf(handle.mutate).toBeCallableWith([{ type: "updateNode", id: "a", changes: { agent: "x" } }]);
	});
});
