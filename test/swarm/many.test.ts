import { type AnyAgent, createSwarm, defineAgent, type NodeSpec } from "dagswarm";
import { describe, expect, test } from "vitest";
import { chain } from "./fixture.js";

const noop = defineAgent({ name: "noop", run: () => {} });
const wide = (count: number, agent = "noop"): NodeSpec[] =>
	Array.from({ length: count }, (_, i) => ({ id: `n${i}`, agent }));

describe("many nodes", () => {
	test.each([
		["side by side", wide(200_000)],
		["in a chain", chain(200_000, "noop")],
	])("that do nothing, %s, leave room for a timer that cancels them", async (_, nodes) => {
		for (const agent of [noop, defineAgent({ name: "noop", run: async () => {} })]) {
			const swarm = createSwarm<AnyAgent>({ agents: [agent] });
			const run = swarm.start({ nodes });
			const timer = setTimeout(() => void run.cancel("time is up"), 5);
			const outcome = await run.result();
			clearTimeout(timer);
			expect(outcome).toMatchObject({ status: "cancelled", reason: "time is up", stats: { leaked: 0 } });
			expect(outcome.stats.completed).toBeLessThan(150_000);
			expect(outcome.stats.completed + outcome.stats.cancelled).toBe(200_000);
		}
	});

	test("leave room for the deadline of their run, and for other runs", async () => {
		const swarm = createSwarm<AnyAgent>({ agents: [noop] });
		const large = swarm.start({ nodes: wide(300_000) });
		const small = await swarm.start({ nodes: wide(100) }).result();
		expect(small.status).toBe("completed");
		expect(large.snapshot().status).toBe("running");
		await large.cancel();
		const late = await swarm.start({ nodes: wide(300_000) }, { deadline: 1 }).result();
		expect(late.status).toBe("timed_out");
		expect(late.stats.completed).toBeLessThan(300_000);
	});

	test("a chain a million deep is no error and overflows no stack (B2)", async () => {
		const swarm = createSwarm<AnyAgent>({ agents: [noop] });
		const run = swarm.start({ nodes: chain(1_000_000, "noop") });
		const outcome = await run.result();
		expect(outcome).toMatchObject({ status: "completed", stats: { completed: 1_000_000, attempts: 1_000_000 } });
	});

	test("a chain that fails at its head is skipped to its end, each with the cause", async () => {
		const boom = defineAgent({
			name: "boom",
			run: async (): Promise<void> => {
				throw new Error("head");
			},
		});
		const swarm = createSwarm<AnyAgent>({ agents: [noop, boom] });
		const nodes = chain(100_000, "noop").map((node, i) => (i === 0 ? { ...node, agent: "boom" } : node));
		const run = swarm.start({ nodes });
		const outcome = await run.result();
		expect(outcome).toMatchObject({ status: "failed", stats: { failed: 1, skipped: 99_999 } });
		expect(run.snapshot().get("n99999")?.skipped).toEqual({ cause: "failure", root: "n0" });
	});

	test("a hub with 50,000 dependencies and 50,000 dependents runs (B47)", async () => {
		const count = defineAgent({ name: "count", run: async (_: unknown, ctx) => Object.keys(ctx.deps).length });
		const swarm = createSwarm<AnyAgent>({ agents: [noop, count] });
		const before = wide(50_000);
		const run = swarm.start({
			nodes: [
				...before,
				{ id: "hub", agent: "count", dependsOn: before.map(({ id }) => id as string) },
				...Array.from({ length: 50_000 }, (_, i) => ({ id: `after${i}`, agent: "noop", dependsOn: ["hub"] })),
			],
		});
		expect((await run.result()).stats.completed).toBe(100_001);
		expect(run.output("hub")).toBe(50_000);
	});
});

describe("many runs", () => {
	test("ten thousand small ones in one swarm, one after the other and at once", async () => {
		let active = 0;
		let most = 0;
		const work = defineAgent({
			name: "work",
			run: async (x: number) => {
				most = Math.max(most, ++active);
				await Promise.resolve();
				active--;
				return x;
			},
		});
		const swarm = createSwarm<AnyAgent>({ agents: [work], concurrency: 8 });
		const graph = (i: number): { nodes: NodeSpec[] } => ({
			nodes: [
				{ id: "a", agent: "work", input: i },
				{ id: "b", agent: "work", input: { $output: "a" }, dependsOn: ["a"] },
			],
		});
		for (let i = 0; i < 2_000; i++) expect(await swarm.run(graph(i))).toEqual({ b: i });
		const runs = Array.from({ length: 10_000 }, (_, i) => swarm.start(graph(i)));
		expect(swarm.runs()).toHaveLength(10_000);
		const outcomes = await Promise.all(runs.map((run) => run.result()));
		for (const [i, outcome] of outcomes.entries()) {
			if (outcome.status !== "completed" || outcome.outputs["b"] !== i) expect(outcome).toEqual(i);
		}
		expect(new Set(runs.map(({ id }) => id)).size).toBe(10_000);
		expect(most).toBe(8);
		expect(swarm.runs()).toEqual([]);
	});

	test("a thousand that wait for a signal cost no slot and can be cancelled together", async () => {
		const wait = defineAgent({ name: "wait", run: async (_: unknown, ctx) => ctx.waitForSignal("go") });
		const swarm = createSwarm<AnyAgent>({ agents: [wait, noop], concurrency: 2 });
		const runs = Array.from({ length: 1_000 }, () => swarm.start({ nodes: [{ id: "a", agent: "wait" }] }));
		await swarm.run({ nodes: wide(10) as never });
		while (runs.some((run) => run.snapshot().status !== "waiting"))
			await new Promise((resolve) => setImmediate(resolve));
		await swarm.close();
		for (const run of runs) expect((await run.result()).status).toBe("cancelled");
	});
});
