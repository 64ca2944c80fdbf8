import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	deps,
	echo,
	fail,
	finish,
	gate,
	lines,
	obedient,
	pass,
	record,
	rejection,
	rest,
	virtualSwarm,
} from "./fixture.js";

describe("pause and resume", () => {
	test("no attempt starts while paused; those that run go on", async () => {
		const hold = gate<string>();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { swarm } = virtualSwarm([slow, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "slow" },
				{ id: "b", agent: "deps", dependsOn: ["a"] },
			],
		});
		const events = record(run);
		await rest();
		await run.pause();
		hold.open("done");
		await rest();
		expect(run.output("a")).toBe("done");
		expect(run.snapshot()).toMatchObject({ status: "paused", counts: { ready: 1 } });
		expect(run.explain("b").why).toContain("paused");
		await run.resume();
		expect((await run.result()).outputs).toEqual({ b: { a: "done" } });
		await rest();
		expect(lines(events, /run\./).slice(2)).toEqual(["run.paused", "run.resumed", "run.ended"]);
	});

	test("in the tick of start: nothing runs before resume", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo", input: 1 }] });
		await run.pause();
		await rest();
		expect(run.snapshot().counts.ready).toBe(1);
		await run.resume();
		expect((await run.result()).outputs).toEqual({ a: 1 });
	});

	test("timers and signals are kept for the time after", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await ctx.sleep(100);
				return ctx.waitForSignal("go");
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		await run.pause();
		await pass(clock, 200);
		await run.signal("go", 5);
		expect(run.snapshot().get("a")?.state).toBe("ready");
		await run.resume();
		expect((await run.result()).outputs).toEqual({ a: 5 });
	});

	test("twice is harmless; a paused run does not stall, and can be changed", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo", speculative: "hold", input: 1 }] }, { open: true });
		await run.pause();
		await run.pause();
		await run.close();
		await rest();
		expect(run.snapshot().status).toBe("paused");
		await run.mutate([{ type: "confirmSpeculative", id: "a" }]);
		await run.resume();
		await run.resume().catch(() => {});
		expect(await run.result()).toMatchObject({ status: "completed", outputs: { a: 1 } });
		expect(await rejection(run.pause())).toMatchObject({ code: "RUN_ENDED" });
		expect(await rejection(run.resume())).toMatchObject({ code: "RUN_ENDED" });
	});

	test("a paused run does not keep others from their slots", async () => {
		const { swarm } = virtualSwarm([echo], { concurrency: 1 });
		const paused = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		await paused.pause();
		expect((await swarm.start({ nodes: [{ id: "b", agent: "echo" }] }).result()).status).toBe("completed");
		await paused.cancel();
	});

	test("the deadline of a paused run counts", async () => {
		const { swarm, clock } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { deadline: 100 });
		await run.pause();
		await pass(clock, 100);
		expect((await run.result()).status).toBe("timed_out");
	});
});

describe("an open run", () => {
	test("waits for more when all is done, until it is closed", async () => {
		const { swarm } = virtualSwarm([echo, deps]);
		const run = swarm.start({ nodes: [] }, { open: true });
		await rest();
		expect(run.snapshot().status).toBe("running");
		await run.mutate([{ type: "addNode", node: { id: "a", agent: "echo", input: 1 } }]);
		await rest();
		expect(run.output("a")).toBe(1);
		await run.mutate([{ type: "addNode", node: { id: "b", agent: "deps", dependsOn: ["a"] } }]);
		await rest();
		await run.close();
		expect(await run.result()).toMatchObject({ status: "completed", outputs: { b: { a: 1 } } });
		await run.close();
		expect(await rejection(run.mutate([]))).toMatchObject({ code: "RUN_ENDED" });
	});

	test("that stalls can be repaired, or closed as stalled", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const graph = {
			nodes: [
				{ id: "bad", agent: "fail", onFailure: "block" },
				{ id: "b", agent: "echo", dependsOn: ["bad"], input: 1 },
			],
		} as const;
		const run = swarm.start(graph, { open: true });
		await rest();
		expect(run.explain("b")).toMatchObject({ state: "pending", through: ["bad"] });
		await run.mutate([
			{ type: "addNode", node: { id: "good", agent: "echo" } },
			{ type: "removeEdge", from: "bad", to: "b" },
			{ type: "addEdge", from: "good", to: "b" },
		]);
		await run.close();
		expect(await run.result()).toMatchObject({ status: "failed", outputs: { b: 1 } });

		const stuck = swarm.start(graph, { open: true });
		await rest();
		await stuck.close();
		expect((await stuck.result()).status).toBe("stalled");
	});

	test("closed while nodes run ends when they have ended", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { swarm, clock } = virtualSwarm([slow]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] }, { open: true });
		await rest();
		await run.close();
		expect(run.snapshot().status).toBe("running");
		hold.open();
		expect((await finish(run, clock)).status).toBe("completed");
	});
});

describe("mutate from outside", () => {
	test("applies all or nothing, and says what was wrong", async () => {
		const { swarm } = virtualSwarm([echo, obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] });
		await rest();
		const before = run.snapshot();
		const error = await rejection(
			run.mutate([
				{ type: "addNode", node: { id: "b", agent: "echo" } },
				{ type: "addEdge", from: "b", to: "a" },
			]),
		);
		expect(error).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		expect(run.snapshot()).toBe(before);
		for (const patch of [null, "x", 5, {}, [null], [{ type: "explode" }], [{ type: "addNode" }]]) {
			expect(await rejection(run.mutate(patch as never)), JSON.stringify(patch)).toMatchObject({
				code: "INVALID_SPEC",
			});
		}
		await run.cancel();
	});

	test("with a key applies once", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [] }, { open: true });
		const patch = [{ type: "addNode", node: { agent: "echo" } }] as const;
		await Promise.all([run.mutate(patch, { key: "k" }), run.mutate(patch, { key: "k" })]);
		await run.mutate(patch, { key: "k" });
		await run.mutate(patch, { key: "other" });
		expect(run.snapshot().size).toBe(2);
		await rejection(run.mutate([{ type: "pruneSubgraph", id: "ghost" }], { key: "retry" }));
		await run.mutate(patch, { key: "retry" });
		expect(run.snapshot().size).toBe(3);
		await run.close();
		await run.result();
	});

	test("with expect applies only to what is expected", async () => {
		const { swarm } = virtualSwarm([echo, obedient]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "obedient" },
				{ id: "b", agent: "echo", dependsOn: ["a"] },
			],
		});
		await rest();
		const patch = [{ type: "updateNode", id: "b", changes: { priority: 1 } }] as const;
		expect(await rejection(run.mutate(patch, { expect: { a: "completed" } }))).toMatchObject({
			code: "EXPECTATION_FAILED",
			nodes: ["a"],
		});
		expect(await rejection(run.mutate(patch, { expect: { ghost: "ready" } }))).toMatchObject({ code: "UNKNOWN_NODE" });
		await run.mutate(patch, { expect: { a: "running", b: "pending" } });
		expect(run.snapshot().get("b")?.priority).toBe(1);
		await run.cancel();
	});

	test("is OVERLOADED when ten thousand commands wait, and nothing of the refused ones happens", async () => {
		const { swarm } = virtualSwarm([echo], { check: "off" });
		const run = swarm.start({ nodes: [] }, { open: true });
		let answers: Promise<PromiseSettledResult<void>[]> | undefined;
		const stop = run.view().subscribe(() => {
			stop();
			const patch = [{ type: "addNode", node: { agent: "echo" } }] as const;
			answers = Promise.allSettled(Array.from({ length: 10_500 }, () => run.mutate(patch)));
		});
		await run.mutate([{ type: "addNode", node: { agent: "echo" } }]);
		const refused = ((await answers) ?? []).filter((answer) => answer.status === "rejected");
		expect(refused).toHaveLength(500);
		expect(refused[0]?.reason).toMatchObject({ code: "OVERLOADED" });
		expect(run.snapshot().size).toBe(10_001);
		await run.mutate([]);
		await run.close();
		await run.result();
	});

	test("gates what was ready: addEdge and injectBefore hold it back (B1)", async () => {
		const order: string[] = [];
		const work = defineAgent({ name: "work", run: async (_: unknown, ctx) => order.push(ctx.nodeId) });
		const { swarm } = virtualSwarm([work], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "work" },
				{ id: "b", agent: "work" },
				{ id: "c", agent: "work" },
			],
		});
		const mutated = run.mutate([
			{ type: "addEdge", from: "c", to: "a" },
			{ type: "injectBefore", id: "b", node: { id: "x", agent: "work" } },
		]);
		expect(run.snapshot().counts).toMatchObject({ pending: 2, ready: 2 });
		await mutated;
		await run.result();
		expect(order.indexOf("a")).toBeGreaterThan(order.indexOf("c"));
		expect(order.indexOf("b")).toBeGreaterThan(order.indexOf("x"));
	});

	test("removing and splitting leaves nobody behind (B10)", async () => {
		const { swarm } = virtualSwarm([echo, deps, obedient]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: "A" },
				{ id: "gone", agent: "echo", dependsOn: ["a"] },
				{ id: "split", agent: "echo", dependsOn: ["a"] },
				{ id: "end", agent: "deps", dependsOn: { left: "gone", right: "split" } },
			],
		});
		await run.mutate([
			{ type: "removeNode", id: "gone" },
			{ type: "splitNode", id: "split", into: ["x", "y"].map((id) => ({ id, agent: "echo", input: id })) },
		]);
		expect((await run.result()).outputs).toEqual({ end: { right: { x: "x", y: "y" }, a: "A" } });
	});

	test("a dependent added to what has ended runs at once, or is skipped at once", async () => {
		const { swarm } = virtualSwarm([echo, deps, fail]);
		const run = swarm.start(
			{
				nodes: [
					{ id: "ok", agent: "echo", input: 1 },
					{ id: "bad", agent: "fail" },
				],
			},
			{ open: true },
		);
		await rest();
		await run.mutate([
			{ type: "addNode", node: { id: "x", agent: "deps", dependsOn: ["ok"] } },
			{ type: "addNode", node: { id: "y", agent: "deps", dependsOn: ["bad", "ok"] } },
		]);
		expect(run.snapshot().get("y")?.state).toBe("skipped");
		await run.close();
		expect(await run.result()).toMatchObject({ status: "failed", outputs: { x: { ok: 1 } } });
	});
});
