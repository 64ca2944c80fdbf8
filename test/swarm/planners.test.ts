import { defineAgent, result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, fail, finish, gate, lines, record, rest, settled, virtualSwarm } from "./fixture.js";

describe("a planner that is tried again after an early commit", () => {
	const plan = (second: readonly string[]) =>
		defineAgent({
			name: "plan",
			retry: 2,
			run: async (_: undefined, ctx) => {
				const wanted = ctx.attempt === 1 ? ["a", "b"] : second;
				for (const id of wanted) ctx.graph.addNode({ id, agent: "count", input: id });
				ctx.graph.addNode({ id: "sum", agent: "deps", dependsOn: [...wanted] });
				await ctx.graph.commit();
				if (ctx.attempt === 1) throw new Error("half way");
				return "planned";
			},
		});

	test("neither doubles its plan nor deadlocks on it", async () => {
		const calls: string[] = [];
		const count = defineAgent({
			name: "count",
			run: async (id: string) => {
				calls.push(id);
				return id;
			},
		});
		const { swarm, clock } = virtualSwarm([plan(["a", "b"]), count, deps]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(calls.sort()).toEqual(["a", "b"]);
		expect(outcome.outputs).toEqual({ plan: "planned", sum: { a: "a", b: "b" } });
		expect(outcome.stats).toMatchObject({ nodes: 4, added: 3, attempts: 5 });
	});

	test("with default ids finds its nodes again", async () => {
		const calls: unknown[] = [];
		const count = defineAgent({ name: "count", run: async (x: unknown) => calls.push(x) });
		const streaming = defineAgent({
			name: "plan",
			retry: 3,
			run: async (_: undefined, ctx) => {
				const first = ctx.graph.addNode({ agent: "count", input: "same" });
				const second = ctx.graph.addNode({ agent: "count", input: "same" });
				expect(first).not.toBe(second);
				await ctx.graph.commit();
				if (ctx.attempt < 3) throw new Error("again");
				return [first, second];
			},
		});
		const { swarm, clock } = virtualSwarm([streaming, count]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(calls).toEqual(["same", "same"]);
		expect(outcome.stats.nodes).toBe(3);
		for (const id of run.output("plan") as string[]) expect(id).toMatch(/^plan\/[0-9a-f]{16}(-2)?$/);
	});

	test("that leaves nodes out abandons those that have not started", async () => {
		const open = gate();
		const slow = defineAgent({ name: "slow", run: async () => open.promise });
		const planner = defineAgent({
			name: "plan",
			retry: 2,
			run: async (_: undefined, ctx) => {
				if (ctx.attempt === 1) {
					ctx.graph.mutate({ type: "addNode", node: { id: "old", agent: "echo", dependsOn: ["slow"] } });
					await ctx.graph.commit();
					throw new Error("again");
				}
				return result("other", { nodes: [{ id: "new", agent: "echo", input: 1 }] });
			},
		});
		const { swarm, clock } = virtualSwarm([planner, slow, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "slow", agent: "slow" },
				{ id: "plan", agent: "plan" },
			],
		});
		await rest();
		expect(run.snapshot().get("old")).toMatchObject({ state: "abandoned", abandoned: "superseded" });
		open.open();
		expect((await finish(run, clock)).status).toBe("completed");
	});

	test("that fails for good leaves its plan standing", async () => {
		const planner = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "kept", agent: "echo", input: 7 });
				await ctx.graph.commit();
				ctx.graph.addNode({ id: "lost", agent: "echo" });
				throw new Error("broken");
			},
		});
		const { swarm, clock } = virtualSwarm([planner, echo]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("failed");
		expect(outcome.outputs).toEqual({ kept: 7 });
		expect(run.snapshot().get("lost")).toBeUndefined();
	});
});

describe("expand", () => {
	test("whoever waits for the planner waits for the sinks of its plan", async () => {
		const plan = defineAgent({
			name: "plan",
			run: async () =>
				result("planned", {
					expand: true,
					nodes: [
						{ id: "a", agent: "echo", input: "A" },
						{ id: "b", agent: "echo", input: "B" },
						{ id: "ab", agent: "deps", dependsOn: ["a", "b"] },
						{ id: "c", agent: "echo", input: "C" },
					],
				}),
		});
		const { swarm, clock } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "report", agent: "deps", dependsOn: { found: "plan" } },
				{ id: "other", agent: "deps", dependsOn: ["plan"] },
			],
		});
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("report")).toEqual({ found: { ab: { a: "A", b: "B" }, c: "C" } });
		expect(run.output("other")).toEqual({ plan: { ab: { a: "A", b: "B" }, c: "C" } });
		const order = lines(events, /started|completed/);
		expect(order.indexOf("node.started report")).toBeGreaterThan(order.indexOf("node.completed ab"));
		expect(order.indexOf("node.started report")).toBeGreaterThan(order.indexOf("node.completed c"));
	});

	test("of a plan with one sink hands its output on under the planner's name", async () => {
		const plan = defineAgent({
			name: "plan",
			run: async () => result("planned", { expand: true, nodes: [{ id: "a", agent: "echo", input: "A" }] }),
		});
		const { swarm, clock } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "report", agent: "deps", dependsOn: ["plan"] },
			],
		});
		await finish(run, clock);
		expect(run.output("report")).toEqual({ plan: "A" });
	});

	test("of nothing is an ordinary completion", async () => {
		const plan = defineAgent({ name: "plan", run: async () => result("planned", { expand: true }) });
		const { swarm, clock } = virtualSwarm([plan, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "report", agent: "deps", dependsOn: ["plan"] },
			],
		});
		await finish(run, clock);
		expect(run.output("report")).toEqual({ plan: "planned" });
	});

	test("counts what was committed early, also when the planner was tried again", async () => {
		const plan = defineAgent({
			name: "plan",
			retry: 2,
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "a", agent: "echo", input: "A" });
				await ctx.graph.commit();
				if (ctx.attempt === 1) throw new Error("again");
				return result("planned", { expand: true, nodes: [{ id: "b", agent: "echo", input: "B" }] });
			},
		});
		const { swarm, clock } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "report", agent: "deps", dependsOn: ["plan"] },
			],
		});
		expect((await finish(run, clock)).status).toBe("completed");
		expect(run.output("report")).toEqual({ plan: { a: "A", b: "B" } });
	});

	test("a failing plan reaches whoever waits for the planner", async () => {
		const plan = defineAgent({
			name: "plan",
			run: async () => result("planned", { expand: true, nodes: [{ id: "a", agent: "fail" }] }),
		});
		const { swarm, clock } = virtualSwarm([plan, fail, deps, settled]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "report", agent: "deps", dependsOn: ["plan"] },
				{ id: "check", agent: "settled", join: "settled", dependsOn: ["plan"] },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("failed");
		expect(run.snapshot().get("report")).toMatchObject({ state: "skipped", skipped: { cause: "failure", root: "a" } });
		expect(run.output("check")).toEqual({ plan: "AGENT_ERROR" });
	});

	test("a worker that splits itself while it runs moves its dependents to the parts", async () => {
		const split = defineAgent({
			name: "work",
			run: async (items: number[], ctx): Promise<unknown> =>
				items.length < 2
					? items[0]
					: result("split", {
							mutations: [
								{
									type: "splitNode",
									id: ctx.nodeId,
									into: items.map((item) => ({ id: `${ctx.nodeId}-${item}`, agent: "work", input: [item] })),
								},
							],
						}),
		});
		const { swarm, clock } = virtualSwarm([split, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "w", agent: "work", input: [1, 2, 3] },
				{ id: "sum", agent: "deps", dependsOn: { parts: "w" } },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toMatchObject({ sum: { parts: { "w-1": 1, "w-2": 2, "w-3": 3 } } });
	});
});

describe("a critic", () => {
	const critic = (scope: "exclusive" | "descendants") =>
		defineAgent({
			name: "critic",
			run: async (_: unknown, ctx) => {
				const weak = [...ctx.graph.nodes({ state: "completed" })].filter((node) => node.output === "weak");
				const roots = weak.flatMap((node) =>
					[...ctx.graph.nodes()].filter((other) => other.agent === "deepen" && other.dependsOn.includes(node.id)),
				);
				return result(
					roots.map((node) => node.id),
					{ mutations: [{ type: "pruneSubgraph", ids: roots.map((node) => node.id), scope }] },
				);
			},
		});
	const nodes = [
		{ id: "s1", agent: "echo", input: "strong" },
		{ id: "s2", agent: "echo", input: "weak" },
		{ id: "critic", agent: "critic", dependsOn: ["s1", "s2"] },
		{ id: "d1", agent: "deepen", dependsOn: ["s1", "critic"] },
		{ id: "d2", agent: "deepen", dependsOn: ["s2", "critic"] },
		{ id: "d2b", agent: "echo", dependsOn: ["d2"] },
		{ id: "report", agent: "settled", join: "settled", dependsOn: ["d1", "d2b"] },
	] as const;

	test("reads the graph and prunes a branch; a report with other inputs still runs (exclusive)", async () => {
		const deepen = defineAgent({ name: "deepen", run: async () => "deep" });
		const { swarm, clock } = virtualSwarm([critic("exclusive"), deepen, echo, settled]);
		const run = swarm.start({ nodes });
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("critic")).toEqual(["d2"]);
		expect(outcome.outputs).toEqual({ report: { d1: "completed", d2b: "abandoned" } });
		expect(lines(events, /abandoned/)).toEqual(["node.abandoned d2", "node.abandoned d2b"]);
		expect(outcome.stats).toMatchObject({ abandoned: 2, completed: 5 });
	});

	test("or takes the report along (descendants)", async () => {
		const deepen = defineAgent({ name: "deepen", run: async () => "deep" });
		const { swarm, clock } = virtualSwarm([critic("descendants"), deepen, echo, settled]);
		const run = swarm.start({ nodes });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(outcome.outputs).toEqual({});
		for (const id of ["d2", "d2b", "report"]) expect(run.snapshot().get(id)?.abandoned).toBe("pruned");
	});

	test("takes a report along that cannot be met without the branch (exclusive, join all)", async () => {
		const deepen = defineAgent({ name: "deepen", run: async () => "deep" });
		const { swarm, clock } = virtualSwarm([critic("exclusive"), deepen, echo, settled]);
		const all = nodes.map((node) => (node.id === "report" ? { ...node, join: "all" as const } : node));
		const run = swarm.start({ nodes: all });
		await finish(run, clock);
		expect(run.snapshot().get("report")?.state).toBe("abandoned");
	});

	test("can prune itself: it completes first", async () => {
		const self = defineAgent({
			name: "self",
			run: async (_: unknown, ctx) => result("done", { mutations: [{ type: "pruneSubgraph", id: ctx.nodeId }] }),
		});
		const { swarm, clock } = virtualSwarm([self, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "self" },
				{ id: "b", agent: "echo", dependsOn: ["a"] },
			],
		});
		await finish(run, clock);
		expect(run.output("a")).toBe("done");
		expect(run.snapshot().get("b")?.state).toBe("abandoned");
	});
});

describe("speculation", () => {
	test("an eager node runs ahead; its outcome counts when it is confirmed, its patch with it", async () => {
		const guess = defineAgent({
			name: "guess",
			run: async () => result("guessed", { nodes: [{ id: "extra", agent: "deps", dependsOn: ["g"] }] }),
		});
		const judge = defineAgent({
			name: "judge",
			run: async () => result("yes", { mutations: [{ type: "confirmSpeculative", id: "g" }] }),
		});
		const go = gate();
		const slow = defineAgent({ name: "slow", run: async () => go.promise });
		const { swarm, clock } = virtualSwarm([guess, judge, slow, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "slow", agent: "slow" },
				{ id: "g", agent: "guess", speculative: "eager" },
				{ id: "j", agent: "judge", dependsOn: ["slow"] },
				{ id: "use", agent: "deps", dependsOn: ["g"] },
			],
		});
		await rest();
		expect(run.snapshot().get("g")).toMatchObject({ state: "speculative", speculative: "eager" });
		expect(run.snapshot().get("extra")).toBeUndefined();
		go.open();
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("use")).toEqual({ g: "guessed" });
		expect(run.output("extra")).toEqual({ g: "guessed" });
	});

	test("a discarded one is abandoned, aborted while it runs", async () => {
		const aborted = gate<unknown>();
		const guess = defineAgent({
			name: "guess",
			run: (_: unknown, ctx) =>
				new Promise<string>((resolve) => {
					ctx.signal.addEventListener("abort", () => {
						aborted.open(ctx.signal.reason);
						resolve("too late");
					});
				}),
		});
		const { swarm, clock } = virtualSwarm([guess, echo]);
		const run = swarm.start({ nodes: [{ id: "g", agent: "guess", speculative: "eager" }] });
		await rest();
		await run.mutate([{ type: "discardSpeculative", id: "g" }]);
		expect(await aborted.promise).toMatchObject({ code: "CANCELLED" });
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", stats: { abandoned: 1, stale: 1 } });
	});

	test("early commit in an eager node is NOT_PERMITTED", async () => {
		const seen: unknown[] = [];
		const guess = defineAgent({
			name: "guess",
			run: async (_: unknown, ctx) => {
				ctx.graph.addNode({ id: "x", agent: "echo" });
				await ctx.graph.commit().catch((error) => seen.push(error.code));
			},
		});
		const { swarm } = virtualSwarm([guess, echo]);
		const run = swarm.start({ nodes: [{ id: "g", agent: "guess", speculative: "eager" }] });
		await rest();
		expect(seen).toEqual(["NOT_PERMITTED"]);
		await run.cancel();
	});
});

test.each([
	["an agent that there is not", { agent: "nobody" }, "UNKNOWN_AGENT"],
	["an input that is no plain data", { agent: "work", input: () => 1 }, "INVALID_INPUT"],
])("a plan with %s may be made anew: the next attempt is told what was wrong", async (_, node, code) => {
	const seen: unknown[] = [];
	const plan = defineAgent({
		name: "plan",
		retry: 2,
		run: (_: undefined, ctx) => {
			seen.push(ctx.lastError?.code);
			return result("planned", { nodes: [ctx.attempt === 1 ? node : { agent: "work" }] });
		},
	});
	const work = defineAgent({ name: "work", run: () => "worked" });
	const { swarm, clock } = virtualSwarm([plan, work]);
	const outcome = await finish(swarm.start({ nodes: [{ id: "p", agent: plan }] }), clock);
	expect(outcome.status).toBe("completed");
	expect(seen).toEqual([undefined, code]);
});
