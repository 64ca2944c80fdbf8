import { type AnyAgent, defineAgent, type NodeSpec, type SwarmOptions } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, fail, finish, gate, obedient, pass, rest, virtualSwarm } from "./fixture.js";

/** An agent that notes who starts, and takes no time unless a gate says so. */
function noting(more: object = {}) {
	const order: string[] = [];
	const running = new Set<string>();
	let most = 0;
	const work = defineAgent({
		name: "work",
		...more,
		run: async (_: unknown, ctx) => {
			const name = `${ctx.runId}/${ctx.nodeId}`;
			order.push(name);
			running.add(name);
			most = Math.max(most, running.size);
			await rest(1);
			running.delete(name);
		},
	});
	return { work, order, most: () => most };
}

const nodes = (count: number, more: Partial<NodeSpec> = {}): NodeSpec[] =>
	Array.from({ length: count }, (_, i) => ({ id: `n${i}`, agent: "work", ...more }));

describe("free slots", () => {
	test("are never more than concurrency, over all runs", async () => {
		const { work, most } = noting();
		const { swarm } = virtualSwarm([work], { concurrency: 3, check: "local" });
		const runs = Array.from({ length: 4 }, () => swarm.start({ nodes: nodes(20) }));
		await Promise.all(runs.map((run) => run.result()));
		expect(most()).toBe(3);
	});

	test("go round-robin over runs", async () => {
		const { work, order } = noting();
		const { swarm } = virtualSwarm([work], { concurrency: 1 });
		const runs = ["a", "b", "c"].map((runId) => swarm.start({ nodes: nodes(5) }, { runId }));
		await Promise.all(runs.map((run) => run.result()));
		const turns = order.map((name) => name[0]);
		for (let i = 0; i < turns.length; i += 3) expect(new Set(turns.slice(i, i + 3)).size).toBe(3);
		for (const id of ["a", "b", "c"]) {
			expect(order.filter((name) => name.startsWith(id))).toEqual(nodes(5).map((node) => `${id}/${node.id}`));
		}
	});

	test("also reach a small run that comes after a large one", async () => {
		const { work, order } = noting();
		const { swarm } = virtualSwarm([work], { concurrency: 2, check: "local" });
		const large = swarm.start({ nodes: nodes(400) }, { runId: "large" });
		await rest();
		const small = swarm.start({ nodes: nodes(5) }, { runId: "small" });
		await small.result();
		const before = order.length;
		expect(before).toBeLessThan(100);
		await large.result();
	});

	test("are not wasted when one run has only long work", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { work, order } = noting();
		const { swarm } = virtualSwarm([slow, work], { concurrency: 2 });
		const long = swarm.start({ nodes: [{ id: "x", agent: "slow" }] });
		const other = swarm.start({ nodes: nodes(10) });
		await other.result();
		expect(order).toHaveLength(10);
		hold.open();
		await long.result();
	});
});

describe("two runs in one swarm", () => {
	test("do not mix: same ids, other outputs, other events", async () => {
		const { swarm } = virtualSwarm([echo], { concurrency: 2 });
		const graph = (input: number) => ({
			nodes: [
				{ id: "a", agent: "echo", input },
				{ id: "b", agent: "echo", input: { $output: "a" }, dependsOn: ["a"] },
			],
		});
		const [one, two] = [swarm.start(graph(1)), swarm.start(graph(2))];
		expect((await one.result()).outputs).toEqual({ b: 1 });
		expect((await two.result()).outputs).toEqual({ b: 2 });
		expect(one.id).not.toBe(two.id);
	});

	test("a failing or cancelled run does no harm to the other (B35)", async () => {
		const { work } = noting();
		const { swarm } = virtualSwarm([work, fail, obedient], { concurrency: 2 });
		const failing = swarm.start({ nodes: [{ id: "x", agent: "fail", onFailure: "failRun" }, ...nodes(3)] });
		const cancelled = swarm.start({ nodes: [{ id: "y", agent: "obedient" }] });
		const good = swarm.start({ nodes: nodes(20) });
		await rest(1);
		void cancelled.cancel();
		expect((await good.result()).status).toBe("completed");
		expect((await failing.result()).status).toBe("failed");
		expect((await cancelled.result()).status).toBe("cancelled");
	});

	test("a run id is taken while its run goes on", async () => {
		const { swarm } = virtualSwarm([obedient, echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] }, { runId: "r" });
		expect(run.id).toBe("r");
		expect(swarm.runs()).toEqual([run]);
		const again = () => swarm.start({ nodes: [] }, { runId: "r" });
		expect(again).toThrowError(expect.objectContaining({ code: "RUN_EXISTS" }));
		await run.cancel();
		expect(again().id).toBe("r");
	});
});

describe("the order of one run", () => {
	const order = async (
		specs: NodeSpec[],
		options: Partial<SwarmOptions> = {},
		start: object = {},
	): Promise<string[]> => {
		const started: string[] = [];
		const work = defineAgent({ name: "work", run: async (_: unknown, ctx) => started.push(ctx.nodeId) });
		const { swarm } = virtualSwarm([work], { concurrency: 1, ...options });
		const outcome = await swarm.start({ nodes: specs }, start).result();
		expect(outcome.status).toBe("completed");
		return started;
	};

	test("is that of becoming ready", async () => {
		expect(await order(nodes(5))).toEqual(["n0", "n1", "n2", "n3", "n4"]);
	});

	test("larger priorities first, not inherited", async () => {
		const specs: NodeSpec[] = [
			{ id: "low", agent: "work", priority: -1 },
			{ id: "mid", agent: "work" },
			{ id: "high", agent: "work", priority: 10 },
			{ id: "after", agent: "work", dependsOn: ["high"] },
			{ id: "half", agent: "work", priority: 0.5 },
		];
		expect(await order(specs)).toEqual(["high", "half", "mid", "after", "low"]);
	});

	test("the critical path goes first as soon as nodes carry estimates", async () => {
		const specs: NodeSpec[] = [
			{ id: "short", agent: "work", estimateMs: 10 },
			{ id: "alone", agent: "work", estimateMs: 50 },
			{ id: "long1", agent: "work", estimateMs: 30 },
			{ id: "long2", agent: "work", estimateMs: 100, dependsOn: ["long1"] },
		];
		expect(await order(specs)).toEqual(["long1", "long2", "alone", "short"]);
		expect(await order(specs, { policy: "fifo" })).toEqual(["short", "alone", "long1", "long2"]);
		expect(await order(specs, { policy: "fifo" }, { policy: "critical-path" })).toEqual([
			"long1",
			"long2",
			"alone",
			"short",
		]);
	});

	test.each([0, 1])("a priority given while it waits counts, with %i others that have one", async (weighed) => {
		const started: string[] = [];
		const hold = gate();
		const work = defineAgent({
			name: "work",
			run: async (_: unknown, ctx) => {
				started.push(ctx.nodeId);
				if (ctx.nodeId === "n0") await hold.promise;
			},
		});
		const { swarm } = virtualSwarm([work], { concurrency: 1 });
		const run = swarm.start({ nodes: nodes(4).map((node, i) => (i < weighed ? { ...node, priority: 9 } : node)) });
		await rest();
		await run.mutate([{ type: "updateNode", id: "n3", changes: { priority: 5 } }]);
		hold.open();
		await run.result();
		expect(started).toEqual(["n0", "n3", "n1", "n2"]);
	});
});

describe("limits", () => {
	const most = async (specs: NodeSpec[], options: Partial<SwarmOptions>, agent: object = {}, start: object = {}) => {
		const { work, most: seen } = noting(agent);
		const { swarm } = virtualSwarm([work], { concurrency: 10, ...options });
		const runs = [swarm.start({ nodes: specs }, start), swarm.start({ nodes: specs }, start)];
		for (const run of runs) expect((await run.result()).status).toBe("completed");
		return seen();
	};

	test("of a key hold over all runs", async () => {
		expect(await most(nodes(12, { limits: ["api"] }), { limits: { api: 2 } })).toBe(2);
	});

	test("of an agent hold over all runs", async () => {
		expect(await most(nodes(12), {}, { concurrency: 3 })).toBe(3);
		expect(await most(nodes(12), { limits: { api: 4 } }, { limits: ["api"] })).toBe(4);
		expect(
			await most(nodes(12, { limits: ["api"] }), { limits: { api: 4 } }, { limits: ["api"], concurrency: 5 }),
		).toBe(4);
	});

	test("of a run hold for that run", async () => {
		expect(await most(nodes(12), {}, {}, { concurrency: 2 })).toBe(4);
	});

	test("never hold up nodes behind that take others", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", limits: ["api"], run: () => hold.promise });
		const { swarm } = virtualSwarm([slow, echo], { limits: { api: 1 }, concurrency: 3 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "slow" },
				{ id: "b", agent: "slow" },
				{ id: "c", agent: "slow" },
				{ id: "d", agent: "echo", input: 1 },
			],
		});
		await rest();
		expect(run.output("d")).toBe(1);
		expect(run.snapshot().counts).toMatchObject({ running: 1, ready: 2 });
		expect(run.explain("b").why).toContain("limit");
		hold.open();
		expect((await run.result()).status).toBe("completed");
	});

	test("several keys are taken all or none: no deadlock", async () => {
		const specs = nodes(30).map((node, i) => ({ ...node, limits: i % 2 ? ["x", "y"] : ["y", "x"] }));
		expect(await most(specs, { limits: { x: 1, y: 1 } })).toBe(1);
	});

	test("are given back by parked, retrying, failed, cancelled and leaked attempts", async () => {
		const agents: AnyAgent[] = [
			defineAgent({ name: "nap", run: async (_: unknown, ctx) => ctx.sleep(1_000) }),
			defineAgent({ name: "flaky", retry: { maxAttempts: 3, delay: 100 }, run: fail.run }),
			defineAgent({ name: "stuck", timeout: { attempt: 50, grace: 50 }, run: () => new Promise<never>(() => {}) }),
			obedient,
			echo,
		];
		const { swarm, clock } = virtualSwarm(agents, { limits: { one: 1 }, concurrency: 2 });
		const specs = ["nap", "flaky", "stuck", "nap", "echo", "flaky", "stuck", "echo"].map((agent, i) => ({
			id: `${agent}${i}`,
			agent,
			limits: ["one"],
		}));
		const cancelled = swarm.start({ nodes: [{ id: "a", agent: "obedient", limits: ["one"] }] });
		await rest();
		const run = swarm.start({ nodes: specs });
		await pass(clock, 10);
		expect(run.snapshot().counts.running).toBe(0);
		void cancelled.cancel();
		const outcome = await finish(run, clock);
		expect(outcome.stats).toMatchObject({ completed: 4, failed: 4, leaked: 2 });
		const after = swarm.start({ nodes: [{ id: "z", agent: "echo", limits: ["one"] }] });
		expect((await finish(after, clock)).status).toBe("completed");
	});

	test("are not kept from others by a run that is paused, full or cancelled when its turn comes", async () => {
		for (const how of ["paused before", "paused after", "full", "cancelled"] as const) {
			const holds = Array.from({ length: 3 }, () => gate());
			const slow = defineAgent({ name: "slow", run: async (i: number) => holds[i]?.promise });
			const { swarm } = virtualSwarm([slow, echo], { limits: { one: 1 }, concurrency: 3 });
			const limits = ["one"];
			const first = swarm.start({ nodes: [{ id: "holder", agent: "slow", input: 0, limits }] });
			await rest();
			const turn = swarm.start(
				{
					nodes: [
						{ id: "own", agent: "slow", input: 1 },
						{ id: "next", agent: "echo", limits, priority: -1 },
					],
				},
				how === "full" ? { concurrency: 1 } : {},
			);
			await rest();
			const other = swarm.start({ nodes: [{ id: "z", agent: "echo", input: 1, limits }] });
			await rest();
			if (how === "paused before") await turn.pause();
			holds[0]?.open();
			if (how === "paused after") void turn.pause();
			if (how === "cancelled") void turn.cancel();
			await rest();
			expect(other.snapshot().status, how).toBe("completed");
			holds[1]?.open();
			if (how.startsWith("paused")) await turn.resume();
			expect((await turn.result()).status).toBe(how === "cancelled" ? "cancelled" : "completed");
			await first.result();
		}
	});

	test("a turn that a cancelled run could not use goes to others, also when all slots were busy", async () => {
		const holds = Array.from({ length: 4 }, () => gate());
		const slow = defineAgent({ name: "slow", run: async (i: number) => holds[i]?.promise });
		const { swarm } = virtualSwarm([slow, echo], { limits: { one: 1 }, concurrency: 2 });
		const limits = ["one"];
		const a = swarm.start({
			nodes: [
				{ id: "a1", agent: "slow", input: 0, limits },
				{ id: "a2", agent: "echo", limits },
			],
		});
		await rest();
		const b = swarm.start({ nodes: [{ id: "b1", agent: "echo", input: 1, limits }] });
		await rest();
		const busy = swarm.start({ nodes: [1, 2, 3].map((i) => ({ id: `c${i}`, agent: "slow", input: i })) });
		await rest();
		holds[0]?.open();
		await rest();
		void a.cancel();
		for (const hold of holds) hold.open();
		await rest();
		expect(b.snapshot().status).toBe("completed");
		await Promise.all([a.result(), busy.result()]);
	});

	test("that the swarm does not have are refused by name", () => {
		const { swarm } = virtualSwarm([echo], { limits: { api: 1 } });
		expect(() => swarm.start({ nodes: [{ id: "a", agent: "echo", limits: ["db"] }] })).toThrowError(
			expect.objectContaining({ code: "INVALID_SPEC", nodes: ["a"], message: expect.stringContaining('"db"') }),
		);
		expect(() => virtualSwarm([defineAgent({ name: "x", limits: ["db"], run: async () => 1 })])).toThrowError(
			expect.objectContaining({ code: "INVALID_OPTION" }),
		);
	});
});
