import { defineAgent, defineSkill } from "dagswarm";
import { beforeEach, describe, expect, test } from "vitest";
import { node } from "../graph/driver.js";
import { Gate } from "./swarm.js";

const quick = { agent: "quick" };

describe("ready nodes", () => {
	test("start in the order of becoming ready", async () => {
		const gate = new Gate();
		await gate.start([node("a"), node("c", ["a"]), node("b", ["a"]), node("z"), node("y")]);
		expect(await gate.drain()).toEqual(["a", "z", "y", "c", "b"]);
	});

	test("with larger priority start first, then in their order", async () => {
		const gate = new Gate();
		const run = await gate.start([
			node("first"),
			node("low", [], { priority: -1 }),
			node("none"),
			node("high", [], { priority: 5 }),
			node("high2", [], { priority: 5 }),
			node("zero", [], { priority: 0 }),
		]);
		expect(await gate.drain()).toEqual(["high", "high2", "first", "none", "zero", "low"]);
		expect((await run.result()).status).toBe("completed");
	});

	test("do not inherit priority", async () => {
		const gate = new Gate();
		await gate.start([node("up", [], { priority: 9 }), node("down", ["up"]), node("other", [], { priority: 1 })]);
		expect(await gate.drain()).toEqual(["up", "other", "down"]);
	});

	test("whose priority is updated while they wait start where it says", async () => {
		const gate = new Gate();
		const run = await gate.start([
			node("busy", [], { priority: 9 }),
			node("a"),
			node("b"),
			node("c", [], { priority: 1 }),
		]);
		await run.mutate([
			{ type: "updateNode", id: "b", changes: { priority: 2 } },
			{ type: "updateNode", id: "c", changes: { priority: -1 } },
		]);
		expect(await gate.drain()).toEqual(["busy", "b", "a", "c"]);
	});

	test("begin to be weighed when the first that says something comes", async () => {
		const gate = new Gate();
		const run = await gate.start([node("a"), node("b"), node("c")]);
		await run.mutate([{ type: "addNode", node: node("urgent", [], { priority: 1 }) }]);
		expect(await gate.drain()).toEqual(["a", "urgent", "b", "c"]);
	});

	test("with estimates start along the critical path", async () => {
		const gate = new Gate();
		const short = node("short", [], { estimateMs: 50 });
		const head = node("head", [], { estimateMs: 1 });
		await gate.start([node("now", [], { priority: 1 }), short, head, node("tail", ["head"], { estimateMs: 100 })]);
		expect(await gate.drain()).toEqual(["now", "head", "tail", "short"]);
	});

	test("with estimates start first come, first served under fifo", async () => {
		const gate = new Gate({ policy: "fifo" });
		await gate.start([node("short", [], { estimateMs: 5 }), node("long", [], { estimateMs: 100 })]);
		expect(await gate.drain()).toEqual(["short", "long"]);
	});

	test("without estimates go by nothing but their order on the critical path either", async () => {
		const gate = new Gate({ policy: "critical-path" });
		await gate.start([node("a"), node("b"), node("c", ["b"], { estimateMs: 0 })]);
		expect(await gate.drain()).toEqual(["a", "b", "c"]);
	});

	test("that stop being ready before their turn do not start", async () => {
		const gate = new Gate();
		const run = await gate.start([
			node("busy", [], { priority: 9 }),
			node("pruned"),
			node("gated"),
			node("held"),
			node("last"),
		]);
		await run.mutate([
			{ type: "pruneSubgraph", id: "pruned" },
			{ type: "addEdge", from: "last", to: "gated" },
			{ type: "markSpeculative", id: "held" },
		]);
		await run.mutate([{ type: "confirmSpeculative", id: "held" }]);
		expect(await gate.drain()).toEqual(["busy", "last", "held", "gated"]);
		expect((await run.result()).status).toBe("completed");
	});
});

describe("slots", () => {
	test.each([1, 2, 4])("%d run that many at a time, never more", async (concurrency) => {
		const gate = new Gate({ concurrency });
		const run = await gate.start(Array.from({ length: 12 }, (_, i) => node(`n${i}`)));
		expect(gate.running).toHaveLength(concurrency);
		expect(run.snapshot().counts).toMatchObject({ running: concurrency, ready: 12 - concurrency });
		await gate.drain();
		expect(gate.peak).toBe(concurrency);
		expect(run.snapshot().counts.completed).toBe(12);
	});

	test("go round the runs", async () => {
		const gate = new Gate();
		await gate.start([node("a1"), node("a2"), node("a3")]);
		await gate.start([node("b1"), node("b2"), node("b3")]);
		await gate.start([node("c1")]);
		const order = await gate.drain();
		expect(order[0]).toBe("a1");
		expect([...order].sort()).toEqual(["a1", "a2", "a3", "b1", "b2", "b3", "c1"]);
		// Whoever has started one waits until the others have had theirs.
		expect(new Set(order.slice(1, 4).map((id) => id[0]))).toEqual(new Set(["a", "b", "c"]));
		expect(order.slice(4).map((id) => id[0])).not.toEqual(["a", "a", "b"]);
	});

	test("go round to those that wait, however many runs come meanwhile", async () => {
		const gate = new Gate();
		await gate.start([node("a1"), node("a2"), node("a3")]);
		await gate.start([node("b1"), node("b2"), node("b3")]);
		for (let i = 0; i < 40 && gate.running.length > 0; i++) {
			await gate.start([node(`new${i}`)]);
			await gate.end(...gate.running);
		}
		const turns = ["a1", "a2", "a3", "b1", "b2", "b3"].map((id) => gate.started.indexOf(id));
		expect(turns).not.toContain(-1);
		expect(Math.max(...turns)).toBeLessThan(20);
	});

	describe("with runs that call", () => {
		/** The run of each step, in the order of their starts. */
		let order: string[] = [];
		const step = defineAgent({ name: "step", run: (_: unknown, { runId }) => void order.push(runId) });
		const calls = defineAgent({
			name: "calls",
			run: async ({ count, ...request }: { tool: string; input?: unknown; count: number }, ctx) => {
				await ctx.callAll(Array.from({ length: count }, () => request));
			},
		});
		const steps = Array.from({ length: 3 }, (_, i) => ({ id: `s${i}`, agent: "step" }));
		const three = defineSkill({ name: "three", graph: () => ({ nodes: steps }) });

		beforeEach(() => {
			order = [];
		});

		test.each([
			["", { tool: "step", count: 30 }, 30],
			[", also by what they have called", { tool: "calls", input: { tool: "three", count: 4 }, count: 5 }, 60],
		])("go round the roots, however many runs they have called%s", async (_, input, all) => {
			const gate = new Gate({ agents: [step, calls], skills: [three] });
			await gate.start([node("busy")]);
			await gate.start([node("c", [], { agent: "calls", input })], { runId: "greedy" });
			await gate.start([...steps, { id: "s3", agent: "step", dependsOn: ["s2"] }], { runId: "small" });
			await gate.drain();
			const mine = order.flatMap((run, i) => (run === "small" ? [i] : []));
			expect(order).toHaveLength(all + 4);
			expect(mine).toHaveLength(4);
			// One of theirs before each of its own, and none to spare.
			for (const [i, at] of mine.entries()) expect(at).toBeLessThanOrEqual(2 * i + 1);
		});

		test("go round the runs of a root, its own nodes among them", async () => {
			const gate = new Gate({ agents: [step, calls], skills: [three] });
			const own = steps.map((spec) => ({ ...spec, dependsOn: ["busy"] }));
			const input = { tool: "three", count: 2 };
			await gate.start([node("c", [], { agent: "calls", input }), node("busy"), ...own], { runId: "r" });
			await gate.drain();
			const called = ["r/c/1.1.1", "r/c/1.1.2"];
			expect(order).toEqual([...called, "r", ...called, "r", ...called, "r"]);
		});
	});

	test("of one run are as many as it says", async () => {
		const gate = new Gate({ concurrency: 4 });
		await gate.start([node("a1"), node("a2"), node("a3")], { concurrency: 2 });
		await gate.start([node("b1"), node("b2")], { concurrency: 1 });
		expect(gate.running).toEqual(["a1", "a2", "b1"]);
		await gate.end("a1");
		expect(gate.running).toEqual(["a2", "b1", "a3"]);
		await gate.drain();
		expect(gate.started).toHaveLength(5);
	});

	test("are free for others while a run is paused", async () => {
		const gate = new Gate();
		const paused = await gate.start([node("a1"), node("a2")]);
		const other = await gate.start([node("b1"), node("b2")]);
		await paused.pause();
		await gate.drain();
		expect(gate.started).toEqual(["a1", "b1", "b2"]);
		expect((await other.result()).status).toBe("completed");
		await paused.resume();
		await gate.drain();
		expect((await paused.result()).status).toBe("completed");
	});
});

describe("limits", () => {
	const cpu = { limits: ["cpu"] };

	test("hold back who takes them, and nobody else", async () => {
		const gate = new Gate({ concurrency: 3, limits: { cpu: 1 } });
		const run = await gate.start([node("a", [], cpu), node("b", [], cpu), node("x"), node("c", [], cpu), node("y")]);
		expect(gate.running).toEqual(["a", "x", "y"]);
		await gate.end("a");
		expect(gate.running).toEqual(["x", "y", "b"]);
		await gate.drain();
		expect((await run.result()).stats.completed).toBe(5);
	});

	test("of an agent's own concurrency count over all runs", async () => {
		const gate = new Gate({ concurrency: 4 });
		const limited = { agent: "limited" };
		const slow = new Gate({
			concurrency: 4,
			agents: [{ name: "limited", concurrency: 1, run: () => new Promise(() => {}) }],
		});
		await slow.start([node("a", [], limited), node("b", [], limited)]);
		const second = await slow.start([node("c", [], limited), node("x")]);
		expect(second.snapshot().counts).toMatchObject({ running: 1, ready: 1 });
		expect(slow.started).toEqual(["x"]);
		expect(gate.running).toEqual([]);
	});

	test("that are several are taken all or none", async () => {
		const gate = new Gate({ concurrency: 4, limits: { a: 1, b: 1 } });
		await gate.start([
			node("a", [], { limits: ["a"] }),
			node("both", [], { limits: ["a", "b"] }),
			node("b", [], { limits: ["b"] }),
		]);
		// The one that waits for a keeps no unit of b.
		expect(gate.running).toEqual(["a", "b"]);
		await gate.end("a");
		expect(gate.running).toEqual(["b"]);
		await gate.end("b");
		expect(gate.running).toEqual(["both"]);
	});

	test("wake the next one although the woken one has gone", async () => {
		const gate = new Gate({ concurrency: 2, limits: { cpu: 1 } });
		const run = await gate.start([node("a", [], cpu), node("gone", [], cpu), node("b", [], cpu), node("x")]);
		await run.mutate([{ type: "removeNode", id: "gone" }]);
		await gate.end("a");
		expect(gate.running).toEqual(["x", "b"]);
	});

	test("wake the next one although the woken one's run was cancelled, or is paused", async () => {
		for (const stop of ["cancel", "pause"] as const) {
			const gate = new Gate({ concurrency: 2, limits: { cpu: 1 } });
			await gate.start([node("a", [], cpu), node("x")]);
			const one = await gate.start([node("b", [], cpu)]);
			const two = await gate.start([node("c", [], cpu), node("y")]);
			await gate.end("x");
			// All who need it have found it used up; now it comes back, and the first to wait cannot use it.
			const stopped = one[stop]();
			await gate.end("a");
			expect(gate.running).toContain("c");
			await gate.end("y");
			await gate.end("c");
			expect((await two.result()).status).toBe("completed");
			if (stop === "pause") {
				await one.resume();
				await gate.drain();
				expect((await one.result()).status).toBe("completed");
			}
			await stopped;
		}
	});

	test("wake the next one although the woken one's limits were changed before it had a slot", async () => {
		const gate = new Gate({ concurrency: 2, limits: { cpu: 1 } });
		const run = await gate.start([
			node("a", [], { ...cpu, priority: 9 }),
			node("x", [], { priority: 8 }),
			node("w1", [], { ...cpu, priority: 2 }),
			node("w2", [], { ...cpu, priority: 1 }),
			node("y"),
			node("urgent", ["a"], { priority: 10 }),
		]);
		await gate.end("x");
		expect(gate.running).toEqual(["a", "y"]);
		// The unit goes to w1, the slot to the urgent one.
		await gate.end("a");
		expect(gate.running).toEqual(["y", "urgent"]);
		await run.mutate([{ type: "updateNode", id: "w1", changes: { limits: undefined } }]);
		await gate.end("y");
		expect(gate.running).toEqual(["urgent", "w1"]);
		await gate.end("urgent");
		expect(gate.running).toEqual(["w1", "w2"]);
		await gate.drain();
		expect((await run.result()).status).toBe("completed");
	});

	test("are given back while a node is parked, and by one that fails or times out", async () => {
		const gate = new Gate({
			concurrency: 2,
			limits: { cpu: 1 },
			agents: [
				{ name: "sleeps", run: (_: unknown, ctx: { sleep(ms: number): Promise<void> }) => ctx.sleep(100) },
				{ name: "throws", run: () => Promise.reject(new Error("x")) },
			],
		});
		const run = await gate.start([
			node("s", [], { ...cpu, agent: "sleeps" }),
			node("t", [], { ...cpu, agent: "throws" }),
			node("q", [], { ...cpu, ...quick }),
			node("slow", [], { ...cpu, timeout: 10 }),
			node("last", [], cpu),
		]);
		expect(gate.running).toEqual(["slow"]);
		gate.clock.advance(10);
		await gate.end("slow");
		expect(gate.running).toEqual(["last"]);
		gate.clock.advance(100);
		await gate.drain();
		expect((await run.result()).stats).toMatchObject({ completed: 3, failed: 2 });
	});

	test("of a thousand nodes at one key all get their turn", async () => {
		const gate = new Gate({ concurrency: 8, limits: { cpu: 3 }, check: "local" });
		const nodes = Array.from({ length: 1_000 }, (_, i) => node(`n${i}`, [], { ...cpu, ...quick }));
		const run = await gate.start(nodes);
		expect((await run.result()).stats.completed).toBe(1_000);
	});

	test("are released when an input cannot be put together", async () => {
		const gate = new Gate({ limits: { cpu: 1 } });
		const bad = node("bad", ["a"], { ...cpu, input: { $output: "a", path: "/x" } });
		const run = await gate.start([node("a", [], quick), bad, node("b", ["a"], { ...cpu, ...quick })]);
		const { failures, stats } = await run.result();
		expect(failures.map(({ code }) => code)).toEqual(["INVALID_INPUT"]);
		expect(stats.completed).toBe(2);
	});
});

describe("B8: claim before slot", () => {
	test("a node runs only once it has a slot", async () => {
		const gate = new Gate();
		const run = await gate.start([node("a"), node("b")]);
		expect(run.snapshot().get("b")).toMatchObject({ state: "ready", attempt: 0 });
		gate.clock.advance(500);
		await gate.end("a");
		const events = [];
		for await (const event of run.events({ from: 1, types: ["node.started"] })) {
			events.push([event.node, event.at]);
			if (events.length === 2) break;
		}
		expect(events).toEqual([
			["a", 0],
			["b", 500],
		]);
	});

	test("a node that is pruned while it waits for a slot never runs", async () => {
		const gate = new Gate();
		const run = await gate.start([node("a"), node("b")]);
		await run.mutate([{ type: "pruneSubgraph", id: "b" }]);
		expect(await gate.drain()).toEqual(["a"]);
	});

	test("zero workers are refused, not waited for", () => {
		expect(() => new Gate({ concurrency: 0 })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});
});

describe("B41: fan-out", () => {
	test("at concurrency 1 drops no task", async () => {
		const gate = new Gate({ check: "local" });
		const fan = Array.from({ length: 500 }, (_, i) => node(`n${i}`, ["root"], quick));
		const run = await gate.start([
			node("root", [], quick),
			...fan,
			node(
				"sum",
				fan.map(({ id }) => id as string),
				quick,
			),
		]);
		expect((await run.result()).stats).toMatchObject({ completed: 502, attempts: 502 });
		expect(gate.started).toHaveLength(502);
	});
});
