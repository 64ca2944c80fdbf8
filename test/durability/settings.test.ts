import { defineAgent, type NodeSpec, result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, fail, finish, forever, gate, pass, rest } from "../swarm/fixture.js";
import { Lives, stored } from "./fixture.js";
import { hanging } from "./waiting-agents.js";

describe("what a run was started with", () => {
	test("goes on: metadata, priorities, limits, concurrency, policies, the deadline as a point in time", async () => {
		const order: string[] = [];
		let running = 0;
		let most = 0;
		let go = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				order.push(ctx.nodeId);
				most = Math.max(most, ++running);
				await go.promise;
				running--;
				return 1;
			},
		});
		const lives = new Lives([agent, forever], { concurrency: 8, limits: { one: 1 } });
		const nodes: NodeSpec[] = [
			{ id: "low", agent: "agent", priority: -1 },
			{ id: "mid", agent: "agent", limits: ["one"], metadata: { tag: "x" } },
			{ id: "high", agent: "agent", priority: 5, limits: ["one"] },
		];
		const options = {
			runId: "r",
			concurrency: 2,
			deadline: 50_000,
			metadata: { who: "ann" },
			onFailure: "failRun",
		} as const;
		lives.next().swarm.start({ nodes }, options);
		await rest();
		expect(order).toEqual(["high", "low"]);
		order.length = 0;
		running = 0;
		most = 0;
		const second = go;
		go = gate();
		const { run, clock } = await lives.recover("r");
		await rest();
		expect(order).toEqual(["high", "low"]);
		expect(most).toBe(2);
		second.open();
		expect(run.snapshot().get("mid")?.metadata).toEqual({ tag: "x" });
		expect(await finish(run, clock)).toMatchObject({ status: "timed_out" });
		expect(clock.now()).toBe(1_055_000);
		expect(run.snapshot().get("low")?.state).toBe("cancelled");
		expect((await stored(lives.journal, "r"))[0]).toMatchObject({ type: "run.created", metadata: { who: "ann" } });
	});

	test("a deadline that has passed meanwhile ends it at once", async () => {
		const lives = new Lives([forever]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "r", deadline: 5_000 });
		await rest();
		const { run, clock } = await lives.recover("r");
		await pass(clock, 0);
		expect(run.snapshot().status).toBe("timed_out");
	});

	test("time limits: the attempt's starts anew, the total goes on", async () => {
		const lives = new Lives([forever], { grace: 0 });
		const timeout = { attempt: 3_000, total: 22_000 };
		const nodes = [{ id: "a", agent: "forever", retry: { maxAttempts: 5, delay: 0 }, timeout }];
		const one = lives.next();
		one.swarm.start({ nodes }, { runId: "r" });
		await pass(one.clock, 1_000);
		const { run, clock } = await lives.recover("r");
		await pass(clock, 900);
		expect(run.snapshot().get("a")).toMatchObject({ state: "running", attempt: 2 });
		await pass(clock, 200);
		expect(run.snapshot().get("a")).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
		expect(clock.now()).toBe(1_022_100);
	});

	test("open, closed, paused, keys and the replanning node are remembered", async () => {
		const lives = new Lives([echo, fail, forever]);
		const one = lives.next();
		const open = one.swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { runId: "open", open: true });
		await open.mutate([{ type: "addNode", node: { id: "k", agent: "echo" } }], { key: "once" });
		await open.mutate([], { key: "nothing" });
		const closed = one.swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "closed", open: true });
		await closed.close();
		const paused = one.swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { runId: "paused" });
		await paused.pause();
		const replanned = one.swarm.start(
			{
				nodes: [
					{ id: "a", agent: "fail", onFailure: "block" },
					{ id: "b", agent: "echo", dependsOn: ["a"] },
				],
			},
			{ runId: "stalled", onStall: { id: "fix", agent: "forever" } },
		);
		await rest();
		expect(replanned.snapshot().get("fix")?.state).toBe("running");
		const two = lives.next();
		const { runs, refused } = await two.swarm.recoverAll();
		expect(refused).toEqual([]);
		expect(runs.map(({ id }) => id)).toEqual(["open", "closed", "paused", "stalled"]);
		await rest();
		const byId = new Map(runs.map((run) => [run.id, run]));
		const again = byId.get("open");
		await again?.mutate([{ type: "addNode", node: { id: "k2", agent: "echo" } }], { key: "once" });
		await again?.mutate([{ type: "addNode", node: { id: "k3", agent: "echo" } }], { key: "nothing" });
		expect([...(again?.snapshot().nodes() ?? [])].map(({ id }) => id)).toEqual(["a", "k"]);
		expect(again?.snapshot().status).toBe("running");
		await again?.close();
		expect(await again?.result()).toMatchObject({ status: "completed" });
		expect(byId.get("paused")?.snapshot()).toMatchObject({ status: "paused", counts: { ready: 1 } });
		await byId.get("paused")?.resume();
		await rest();
		expect(await byId.get("paused")?.result()).toMatchObject({ status: "completed" });
		const three = lives.next({}, [echo, fail, defineAgent({ name: "forever", run: async () => 1 })]);
		const last = await three.swarm.recoverAll();
		await rest();
		const outcomes = await Promise.all(last.runs.map((run) => run.result()));
		expect(outcomes.map(({ status }) => status)).toEqual(["completed", "stalled"]);
		expect(last.runs[1]?.snapshot().size).toBe(3);
	});

	test("a stalled run that is kept open can still be repaired", async () => {
		const lives = new Lives([echo, fail, deps]);
		const nodes: NodeSpec[] = [
			{ id: "a", agent: "fail", onFailure: "block" },
			{ id: "b", agent: "deps", dependsOn: ["a"] },
		];
		lives.next().swarm.start({ nodes }, { runId: "r", open: true });
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		expect(run.snapshot().get("b")?.state).toBe("pending");
		await run.mutate([
			{ type: "addNode", node: { id: "a2", agent: "echo", input: 5 } },
			{ type: "removeEdge", from: "a", to: "b" },
			{ type: "addEdge", from: "a2", to: "b" },
		]);
		await run.close();
		expect((await finish(run, clock)).outputs["b"]).toEqual({ a2: 5 });
	});

	test("a stopping run finishes its cleanup", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const lives = new Lives([agent, fail, echo]);
		const nodes: NodeSpec[] = [
			{ id: "bad", agent: "fail", onFailure: "failRun" },
			{ id: "clean", agent: "hanging", dependsOn: ["bad"], join: "always" },
			{ id: "last", agent: "echo", dependsOn: ["clean"], join: "always" },
		];
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		expect(run.snapshot().status).toBe("stopping");
		go.open();
		await rest();
		expect(await finish(run, clock)).toMatchObject({ status: "failed", stats: { completed: 2 } });
	});

	test("held and eager nodes stay as they are, with outcome and patch", async () => {
		const planner = defineAgent({
			name: "planner",
			run: async () =>
				result(new Uint8Array([1]), { nodes: [{ id: "p1", agent: "echo", input: { $bytes: "x" } }], expand: true }),
		});
		const lives = new Lives([echo, deps, planner, fail]);
		const nodes: NodeSpec[] = [
			{ id: "held", agent: "echo", speculative: "hold" },
			{ id: "eager", agent: "planner", speculative: "eager" },
			{ id: "bad", agent: "fail", speculative: "eager" },
			{ id: "sum", agent: "deps", dependsOn: ["eager"] },
		];
		lives.next().swarm.start({ nodes }, { runId: "r", open: true });
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		for (const id of ["held", "eager", "bad"]) expect(run.snapshot().get(id)?.state).toBe("speculative");
		await run.mutate([{ type: "confirmSpeculative", ids: ["held", "eager", "bad"] }]);
		await run.close();
		const outcome = await finish(run, clock);
		expect(run.output("eager")).toEqual(new Uint8Array([1]));
		expect(outcome.outputs["sum"]).toEqual({ eager: { $bytes: "x" } });
		expect(outcome.failures.map(({ id }) => id)).toEqual(["bad"]);
	});

	test("an eager node whose function ran is tried again", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const lives = new Lives([agent]);
		lives
			.next()
			.swarm.start({ nodes: [{ id: "a", agent: "hanging", speculative: "eager" }] }, { runId: "r", open: true });
		await rest();
		const { run } = await lives.recover("r");
		await rest();
		go.open();
		await rest();
		expect(run.snapshot().get("a")).toMatchObject({ state: "speculative", attempt: 2 });
		await run.mutate([{ type: "confirmSpeculative", id: "a" }]);
		await run.close();
		expect((await run.result()).outputs).toEqual({ a: 2 });
	});
});
