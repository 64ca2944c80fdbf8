import { AsyncLocalStorage } from "node:async_hooks";
import { type AgentContext, createSwarm, defineAgent, type NodeSpec, result, type WorkerPool } from "dagswarm";
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

describe("a context that outlives its attempt", () => {
	test("reads what is there, and waits and commits are refused", async () => {
		let kept: AgentContext | undefined;
		const leak = defineAgent({
			name: "leak",
			run: async (_: unknown, ctx) => {
				kept = ctx;
				return "done";
			},
		});
		const { swarm } = virtualSwarm([leak, echo]);
		const run = swarm.start(
			{
				nodes: [
					{ id: "a", agent: "echo", input: 1 },
					{ id: "b", agent: "leak", dependsOn: ["a"] },
				],
			},
			{ open: true },
		);
		await rest();
		const ctx = kept as AgentContext;
		expect([ctx.nodeId, ctx.attempt, ctx.runId, { ...ctx.deps }]).toEqual(["b", 1, run.id, { a: 1 }]);
		expect(await rejection(ctx.sleep(1))).toMatchObject({ code: "STALE_LEASE" });
		expect(await rejection(ctx.waitForSignal("x"))).toMatchObject({ code: "STALE_LEASE" });
		ctx.graph.addNode({ id: "ghost", agent: "echo" });
		expect(await rejection(ctx.graph.commit())).toMatchObject({ code: "STALE_LEASE" });
		expect(run.snapshot().get("ghost")).toBeUndefined();
		await run.close();
		expect((await run.result()).status).toBe("completed");
	});

	test("may ask for its signal only after the abort, and finds it aborted", async () => {
		const seen: unknown[] = [];
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await go.promise;
				seen.push(ctx.signal.aborted, (ctx.signal.reason as { code: string }).code);
			},
		});
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		const cancelled = run.cancel();
		go.open();
		await cancelled;
		expect(seen).toEqual([true, "CANCELLED"]);
	});
});

describe("agents that use the swarm themselves", () => {
	test("may start runs in it and wait for them, as far as there are slots", async () => {
		const outer = defineAgent({
			name: "outer",
			run: async (): Promise<unknown> => swarm.run({ nodes: [{ id: "inner", agent: "echo", input: 5 }] }),
		});
		const { swarm } = virtualSwarm([outer, echo], { concurrency: 2 });
		expect(await swarm.run({ nodes: [{ id: "a", agent: "outer" }] })).toEqual({ a: { inner: 5 } });
	});

	test("that wait for the cancel of their own run are given up after the grace", async () => {
		const agent = defineAgent({ name: "agent", run: async (): Promise<unknown> => run.cancel("own") });
		const { swarm, clock } = virtualSwarm([agent], { grace: 100 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		expect(run.snapshot().status).toBe("cancelled");
		await pass(clock, 100);
		expect(await run.result()).toMatchObject({ status: "cancelled", reason: "own", stats: { leaked: 1 } });
	});

	test("may answer, signal, pause and resume from inside", async () => {
		const asks = defineAgent({ name: "asks", run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "?" }) });
		const boss = defineAgent({
			name: "boss",
			run: async (): Promise<string> => {
				await run.pause();
				await run.approve("a", { by: "boss" });
				await run.resume();
				return "approved";
			},
		});
		const { swarm, clock } = virtualSwarm([asks, boss, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "asks" },
				{ id: "e", agent: "echo" },
				{ id: "b", agent: "boss", dependsOn: ["e"] },
			],
		});
		expect(await finish(run, clock)).toMatchObject({
			status: "completed",
			outputs: { a: { by: "boss" }, b: "approved" },
		});
	});
});

describe("abort listeners", () => {
	test("that change the run from inside are heard in turn", async () => {
		const agent = defineAgent({
			name: "agent",
			run: (_: unknown, ctx) =>
				new Promise<string>((resolve) => {
					ctx.signal.addEventListener("abort", () => {
						void run.mutate([{ type: "addNode", node: { id: "next", agent: "echo", input: "after" } }]);
						resolve("late");
					});
				}),
		});
		const { swarm, clock } = virtualSwarm([agent, echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { open: true });
		await rest();
		await run.mutate([{ type: "pruneSubgraph", id: "a" }]);
		await rest();
		await run.close();
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { next: "after" } });
	});
});

describe("a pool of one's own", () => {
	test("bounds what runs at a time, however late it starts its loops", async () => {
		const waiting: (() => Promise<void>)[] = [];
		let loops = 0;
		const pool: WorkerPool = {
			concurrency: 2,
			add(loop) {
				waiting.push(loop);
			},
		};
		const { swarm } = virtualSwarm([echo], { pool });
		const run = swarm.start({
			nodes: Array.from({ length: 10 }, (_, i) => ({ id: `n${i}`, agent: "echo", input: i })),
		});
		await rest();
		expect(waiting).toHaveLength(2);
		expect(run.snapshot().counts).toMatchObject({ ready: 10, running: 0 });
		for (const loop of waiting.splice(0)) void loop().then(() => loops++);
		expect((await run.result()).stats.completed).toBe(10);
		await rest();
		expect(loops).toBe(2);
		expect(waiting).toEqual([]);
	});

	test("a cancel before its loops start leaves nothing claimed (B8)", async () => {
		const waiting: (() => Promise<void>)[] = [];
		const { swarm } = virtualSwarm([echo], { pool: { concurrency: 1, add: (loop) => waiting.push(loop) } });
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		await rest();
		expect((await run.cancel()).stats.attempts).toBe(0);
		for (const loop of waiting.splice(0)) void loop();
		await rest();
		const next = swarm.start({ nodes: [{ id: "b", agent: "echo", input: 1 }] });
		await rest();
		for (const loop of waiting.splice(0)) void loop();
		expect((await next.result()).outputs).toEqual({ b: 1 });
	});
});

describe("listeners that are async", () => {
	test("and reject are reported, and end neither run nor process", async () => {
		const reported: unknown[] = [];
		const { swarm } = virtualSwarm([echo], { onListenerError: (error) => reported.push(error) });
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		run.view().subscribe(async () => {
			throw new Error("async listener");
		});
		expect((await run.result()).status).toBe("completed");
		await rest();
		expect(reported.length).toBeGreaterThan(0);
	});
});

describe("early commits beside the rest", () => {
	test("an early patch that prunes its own author ends the attempt", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				ctx.graph.mutate({ type: "pruneSubgraph", id: ctx.nodeId });
				await ctx.graph.commit();
				return "late";
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", stats: { abandoned: 1, stale: 1, completed: 0 } });
	});

	test("staging without a commit is part of a completion with a plain output, and is lost with a failure", async () => {
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				ctx.graph.addNode({ id: `made-by-${ctx.attempt}`, agent: "echo", input: ctx.attempt });
				if (ctx.attempt === 1) throw new Error("no");
				return "plain";
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		expect((await finish(run, clock)).outputs).toEqual({ a: "plain", "made-by-2": 2 });
		expect(run.snapshot().get("made-by-1")).toBeUndefined();
	});

	test("commits of nothing and commits one after the other are fine", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await ctx.graph.commit();
				for (const id of ["x", "y", "z"]) {
					ctx.graph.addNode({ id, agent: "echo", input: id });
					await ctx.graph.commit();
				}
				const both = [ctx.graph.commit(), ctx.graph.commit()];
				await Promise.all(both);
				return result("ok", { expect: { x: "completed" } });
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo], { concurrency: 1 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		// At concurrency 1 the planner holds the only slot: x cannot have completed.
		expect((await finish(run, clock)).failures).toMatchObject([{ id: "a", code: "EXPECTATION_FAILED" }]);
	});
});

describe("waits of a node that is not needed any more", () => {
	test("a parked node that is pruned gives its key back, and its wake does nothing", async () => {
		const nap = defineAgent({ name: "nap", run: async (_: unknown, ctx) => ctx.sleep(100) });
		const { swarm, clock } = virtualSwarm([nap, echo], { limits: { one: 1 } });
		const run = swarm.start({ nodes: [{ id: "a", agent: "nap", limits: ["one"] }] }, { open: true });
		const events = record(run);
		await rest();
		await run.mutate([
			{ type: "pruneSubgraph", id: "a" },
			{ type: "addNode", node: { id: "b", agent: "echo", input: 1, limits: ["one"] } },
		]);
		await pass(clock, 200);
		expect(run.output("b")).toBe(1);
		expect(lines(events, /woken/)).toEqual([]);
		await run.close();
		await run.result();
	});
});

describe("AsyncLocalStorage", () => {
	test("of one run is not seen by the agents of another", async () => {
		const storage = new AsyncLocalStorage<string>();
		const seen: [string, string | undefined][] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				seen.push([ctx.runId, storage.getStore()]);
				await rest(1);
			},
		});
		const swarm = createSwarm({ agents: [agent], concurrency: 1 });
		const nodes = Array.from({ length: 3 }, (_, i) => ({ id: `n${i}`, agent: "agent" as const }));
		const runs = ["one", "two"].map((runId) => storage.run(runId, () => swarm.start({ nodes }, { runId })));
		await Promise.all(runs.map((run) => run.result()));
		expect(seen).toHaveLength(6);
		for (const [run, store] of seen) expect(store, run).toBe(run);
	});
});

describe("join and failure policies together", () => {
	test("a failing always node after failRun leaves the run failed with the first reason", async () => {
		const { swarm, clock } = virtualSwarm([fail, echo, deps, obedient]);
		const nodes: NodeSpec[] = [
			{ id: "a", agent: "fail", input: "first", onFailure: "failRun" },
			{ id: "z", agent: "fail", input: "second", join: "always", dependsOn: ["a"], onFailure: "failRun" },
		];
		const run = swarm.start({ nodes });
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "failed", stats: { failed: 2 } });
		expect(outcome.reason).toContain('"a"');
	});
});
