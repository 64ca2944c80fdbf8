import { defineAgent, type Mutation, type NodeSpec, result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, finish, gate, lines, record, rest, virtualSwarm } from "./fixture.js";

const planner = (nodes: readonly NodeSpec[], mutations: readonly Mutation[] = []) =>
	defineAgent({ name: "plan", run: async () => result("planned", { nodes, mutations }) });

describe("an agent that returns nodes", () => {
	test("adds them together with its completion, and they see what it returned", async () => {
		const plan = planner([
			{ id: "a", agent: "deps", dependsOn: ["plan"] },
			{ id: "b", agent: "echo", input: { of: { $output: "a", path: "/plan" } }, dependsOn: ["a"] },
		]);
		const { swarm, clock } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("a")).toEqual({ plan: "planned" });
		expect(outcome.outputs).toEqual({ b: { of: "planned" } });
		expect(lines(events)).toEqual([
			"run.created",
			"node.added plan",
			"run.started",
			"node.started plan",
			"node.completed plan",
			"node.added a",
			"node.added b",
			"node.started a",
			"node.completed a",
			"node.started b",
			"node.completed b",
			"run.ended",
		]);
		expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
		expect(run.snapshot().get("b")).toMatchObject({ addedBy: "plan", depth: 1 });
		expect(outcome.stats).toMatchObject({ nodes: 3, added: 2, completed: 3, attempts: 3 });
	});

	test("may add nodes in any order, without ids, and change what is there", async () => {
		const plan = planner(
			[
				{ id: "late", agent: "deps", dependsOn: { first: "early" } },
				{ id: "early", agent: "echo", input: 1 },
				{ agent: "echo", input: 2 },
			],
			[
				{ type: "addEdge", from: "late", to: "end", alias: "tail" },
				{ type: "updateNode", id: "end", changes: { metadata: { seen: true } } },
			],
		);
		const { swarm, clock } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "end", agent: "deps", dependsOn: ["plan"] },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("end")).toEqual({ plan: "planned", tail: { first: 1 } });
		expect(run.snapshot().get("end")?.metadata).toEqual({ seen: true });
		expect(outcome.stats.added).toBe(3);
	});

	test("may stage them with ctx.graph instead, or both", async () => {
		const plan = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "staged", agent: "echo", input: "staged" });
				return result("done", { nodes: [{ id: "returned", agent: "deps", dependsOn: ["staged"] }] });
			},
		});
		const { swarm } = virtualSwarm([plan, echo, deps]);
		const outputs = await swarm.run({ nodes: [{ id: "plan", agent: "plan" }] });
		expect(outputs).toEqual({ plan: "done", returned: { staged: "staged" } });
	});

	test("sees a result of another copy of the package as one", async () => {
		const branded = {
			output: 5,
			patch: { mutations: [{ type: "addNode", node: { id: "x", agent: "echo", input: 6 } }] },
		};
		Object.defineProperty(branded, Symbol.for("dagswarm.result"), { value: true });
		const { swarm } = virtualSwarm([defineAgent({ name: "plan", run: async () => branded as unknown }), echo]);
		expect(await swarm.run({ nodes: [{ id: "plan", agent: "plan" }] })).toEqual({ plan: 5, x: 6 });
	});

	test("at concurrency 1 nothing of a fan-out is dropped (B41)", async () => {
		const plan = planner(Array.from({ length: 500 }, (_, i) => ({ id: `w${i}`, agent: "echo", input: i })));
		const { swarm } = virtualSwarm([plan, echo], { concurrency: 1, check: "local" });
		const outputs = await swarm.run({ nodes: [{ id: "plan", agent: "plan" }] });
		expect(Object.keys(outputs)).toHaveLength(501);
	});
});

interface Refused {
	readonly name: string;
	readonly nodes?: readonly NodeSpec[];
	readonly mutations?: readonly Mutation[];
	readonly code: string;
	readonly ids: readonly string[];
}

const good: NodeSpec = { id: "good", agent: "echo" };
const refused: readonly Refused[] = [
	{
		name: "a cycle among the new nodes",
		nodes: [good, { id: "x", agent: "echo", dependsOn: ["y"] }, { id: "y", agent: "echo", dependsOn: ["x"] }],
		code: "CYCLE",
		ids: ["x", "y"],
	},
	{
		name: "a cycle with old nodes",
		nodes: [good],
		mutations: [{ type: "addEdge", from: "end", to: "mid" }],
		code: "CYCLE",
		ids: ["mid", "end"],
	},
	{
		name: "an unknown dependency",
		nodes: [good, { id: "x", agent: "echo", dependsOn: ["ghost"] }],
		code: "UNKNOWN_DEPENDENCY",
		ids: ["x", "ghost"],
	},
	{
		name: "an unknown target",
		nodes: [good],
		mutations: [{ type: "pruneSubgraph", id: "ghost" }],
		code: "UNKNOWN_NODE",
		ids: ["ghost"],
	},
	{ name: "an unknown agent", nodes: [good, { id: "x", agent: "ghost" }], code: "UNKNOWN_AGENT", ids: ["x"] },
	{ name: "a duplicate id", nodes: [good, { id: "end", agent: "echo" }], code: "DUPLICATE_NODE", ids: ["end"] },
	{ name: "an id twice", nodes: [good, good], code: "DUPLICATE_NODE", ids: ["good"] },
	{ name: "itself again", nodes: [good, { id: "plan", agent: "echo" }], code: "DUPLICATE_NODE", ids: ["plan"] },
	{
		name: "too many nodes",
		nodes: Array.from({ length: 6 }, (_, i) => ({ id: `w${i}`, agent: "echo" })),
		code: "LIMIT_EXCEEDED",
		ids: ["plan"],
	},
	{
		name: "a change of what has ended",
		nodes: [good],
		mutations: [{ type: "updateNode", id: "done", changes: { priority: 1 } }],
		code: "ILLEGAL_STATE",
		ids: ["done"],
	},
	{
		name: "a reference to what it does not depend on",
		nodes: [good, { id: "x", agent: "echo", input: { $output: "done" } }],
		code: "INVALID_SPEC",
		ids: ["x", "done"],
	},
	{
		name: "an input that is not plain data",
		nodes: [good, { id: "x", agent: "echo", input: { at: [new Date(0)] } }],
		code: "INVALID_INPUT",
		ids: ["x"],
	},
];

describe("an invalid patch", () => {
	test.each(refused)(
		"with $name changes nothing, and the node fails with $code",
		async ({ nodes, mutations, code, ids }) => {
			const plan = planner(nodes ?? [], mutations);
			const { swarm, clock } = virtualSwarm([plan, echo], { maxNodes: 5 });
			const run = swarm.start({ nodes: graphAround });
			const events = record(run);
			const outcome = await finish(run, clock);
			expect(outcome.status).toBe("failed");
			expect(outcome.failures).toMatchObject([{ id: "plan", code, attempts: 1 }]);
			expect(run.error("plan")?.nodes).toEqual(expect.arrayContaining([...ids]));
			expect(run.snapshot().get("good")).toBeUndefined();
			expect(run.snapshot().size).toBe(4);
			expect(lines(events, /patch|node\.(failed|skipped)/)).toEqual([
				"patch.rejected plan",
				"node.failed plan",
				"node.skipped mid",
				"node.skipped end",
			]);
			expect(outcome.stats.added).toBe(0);
		},
	);

	test.each(refused)('with $name is left out under onPatchRejected: "complete"', async ({ nodes, mutations, code }) => {
		const plan = planner(nodes ?? [], mutations);
		const { swarm, clock } = virtualSwarm([plan, echo], { maxNodes: 5, onPatchRejected: "complete" });
		const run = swarm.start({ nodes: graphAround });
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("plan")).toBe("planned");
		expect(run.snapshot().size).toBe(4);
		expect(events.find((event) => event.type === "patch.rejected")).toMatchObject({ node: "plan", refusal: { code } });
	});

	test("is tried again by policy, and the next attempt sees the error", async () => {
		const seen: unknown[] = [];
		const plan = defineAgent({
			name: "plan",
			retry: 2,
			run: async (_: undefined, ctx) => {
				seen.push([ctx.attempt, ctx.lastError?.code, ctx.lastError?.nodes]);
				return result(ctx.attempt, {
					nodes: [{ id: "x", agent: "echo", dependsOn: [ctx.attempt === 1 ? "ghost" : "plan"], input: "ran" }],
				});
			},
		});
		const { swarm } = virtualSwarm([plan, echo]);
		expect(await swarm.run({ nodes: [{ id: "plan", agent: "plan" }] })).toEqual({ x: "ran" });
		expect(seen).toEqual([
			[1, undefined, undefined],
			[2, "UNKNOWN_DEPENDENCY", ["x", "ghost"]],
		]);
	});

	test("of something that is no list of nodes is refused, not passed over", async () => {
		for (const nodes of ["abc", { id: "a", agent: "echo" }, 5, [null], [5]]) {
			const plan = defineAgent({ name: "plan", run: async () => result(1, { nodes: nodes as unknown as NodeSpec[] }) });
			const { swarm } = virtualSwarm([plan, echo]);
			const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
			expect(outcome.failures, JSON.stringify(nodes)).toMatchObject([{ id: "plan", code: "INVALID_SPEC" }]);
		}
	});

	test("whose nodes have no ids and no plain inputs fails the node, it does not hang the run", async () => {
		const cyclic: Record<string, unknown> = {};
		cyclic["self"] = cyclic;
		for (const input of [
			10n,
			cyclic,
			{ f: () => 1 },
			{
				get bad() {
					throw new Error("hostile");
				},
			},
		]) {
			const plan = defineAgent({ name: "plan", run: async () => result(1, { nodes: [{ agent: "echo", input }] }) });
			const { swarm } = virtualSwarm([plan, echo]);
			const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
			expect(outcome.failures).toMatchObject([{ id: "plan", code: "INVALID_INPUT" }]);
		}
	});
});

const graphAround: readonly NodeSpec[] = [
	{ id: "done", agent: "echo" },
	{ id: "plan", agent: "plan", dependsOn: ["done"] },
	{ id: "mid", agent: "echo", dependsOn: ["plan"] },
	{ id: "end", agent: "echo", dependsOn: ["mid"] },
];

describe("limits and rights", () => {
	const recursive = defineAgent({
		name: "dig",
		run: async (level: number) => result(level, { nodes: [{ id: `d${level + 1}`, agent: "dig", input: level + 1 }] }),
	});

	test("maxDepth counts nodes added by a node that was added by …", async () => {
		const { swarm } = virtualSwarm([recursive], { maxDepth: 3 });
		const run = swarm.start({ nodes: [{ id: "d0", agent: "dig", input: 0 }] });
		const outcome = await run.result();
		expect(outcome.failures).toMatchObject([{ id: "d3", code: "LIMIT_EXCEEDED" }]);
		expect(outcome.stats.nodes).toBe(4);
	});

	test("maxDepth is 10 by default", async () => {
		const { swarm } = virtualSwarm([recursive]);
		const outcome = await swarm.start({ nodes: [{ id: "d0", agent: "dig", input: 0 }] }).result();
		expect(outcome.failures).toMatchObject([{ id: "d10", code: "LIMIT_EXCEEDED" }]);
	});

	test("maxPatchSize counts nodes one by one", async () => {
		const plan = planner([good, { id: "b", agent: "echo" }, { id: "c", agent: "echo" }]);
		const { swarm } = virtualSwarm([plan, echo], { maxPatchSize: 2 });
		const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
		expect(outcome.failures).toMatchObject([{ id: "plan", code: "LIMIT_EXCEEDED" }]);
	});

	test("the caller's own nodes are not counted against maxNodes", async () => {
		const { swarm } = virtualSwarm([echo], { maxNodes: 0 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { open: true });
		await run.mutate([{ type: "addNode", node: { id: "b", agent: "echo" } }]);
		await run.close();
		expect((await run.result()).stats).toMatchObject({ nodes: 2, added: 0 });
	});

	test.each([
		[false, [good], [], "NOT_PERMITTED"],
		["own", [good], [{ type: "addEdge", from: "end", to: "good" }], undefined],
		["own", [], [{ type: "pruneSubgraph", id: "end" }], "NOT_PERMITTED"],
		["own", [], [{ type: "addEdge", from: "done", to: "end" }], "NOT_PERMITTED"],
		[true, [], [{ type: "pruneSubgraph", id: "end" }], undefined],
	] as const)("canMutate %s: %j %j gives %s", async (canMutate, nodes, mutations, code) => {
		const { swarm } = virtualSwarm([planner(nodes, mutations), echo]);
		const run = swarm.start({
			nodes: graphAround.map((node) => (node.id === "plan" ? { ...node, canMutate } : node)),
		});
		const outcome = await run.result();
		expect(outcome.failures.map((failure) => failure.code)).toEqual(code === undefined ? [] : [code]);
	});
});

describe("ctx.graph.commit", () => {
	test("applies what is staged at once: the first nodes run while the planner still plans", async () => {
		const more = gate();
		const plan = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "first", agent: "echo", input: 1 });
				await ctx.graph.commit();
				await more.promise;
				return result("all", { nodes: [{ id: "second", agent: "deps", dependsOn: ["first", "plan"] }] });
			},
		});
		const { swarm } = virtualSwarm([plan, echo, deps]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		await rest();
		expect(run.output("first")).toBe(1);
		expect(run.snapshot().get("plan")?.state).toBe("running");
		more.open();
		expect((await run.result()).outputs).toEqual({ second: { first: 1, plan: "all" } });
	});

	test("throws what it was refused for, and nothing of it applies", async () => {
		const seen: unknown[] = [];
		const plan = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "a", agent: "echo" });
				ctx.graph.addNode({ id: "b", agent: "echo", dependsOn: ["ghost"] });
				await ctx.graph.commit().catch((error) => seen.push(error.code, error.nodes));
				seen.push(ctx.graph.get("a"));
				return "went on";
			},
		});
		const { swarm } = virtualSwarm([plan, echo]);
		expect(await swarm.run({ nodes: [{ id: "plan", agent: "plan" }] })).toEqual({ plan: "went on" });
		expect(seen).toEqual(["UNKNOWN_DEPENDENCY", ["b", "ghost"], undefined]);
	});

	test("reads see what is committed, not what is staged", async () => {
		const plan = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				const id = ctx.graph.addNode({ agent: "echo", input: 1 });
				const before = ctx.graph.get(id);
				await ctx.graph.commit();
				const mine = [...ctx.graph.nodes({ addedBy: "plan" })].map((node) => node.id);
				return { hidden: before === undefined, mine: mine.length === 1 && mine[0] === id };
			},
		});
		const { swarm } = virtualSwarm([plan, echo]);
		const run = swarm.start({ nodes: [{ id: "plan", agent: "plan" }] });
		await run.result();
		expect(run.output("plan")).toEqual({ hidden: true, mine: true });
	});

	test("is refused when the attempt is over, and staging dies with it", async () => {
		const go = gate();
		const seen: unknown[] = [];
		const plan = defineAgent({
			name: "plan",
			run: async (_: undefined, ctx) => {
				ctx.graph.addNode({ id: "late", agent: "echo" });
				await go.promise;
				await ctx.graph.commit().catch((error) => seen.push(error.code));
			},
		});
		const { swarm } = virtualSwarm([plan, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "x", agent: "echo" },
			],
		});
		await rest();
		await run.mutate([{ type: "pruneSubgraph", id: "plan" }]);
		go.open();
		await run.result();
		expect(seen).toEqual(["STALE_LEASE"]);
		expect(run.snapshot().get("late")).toBeUndefined();
	});
});
