import { defineAgent, result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, forever, gate, pass, rest } from "../swarm/fixture.js";
import { Lives } from "./fixture.js";
import { hanging, listener } from "./waiting-agents.js";

describe("a crash", () => {
	test("uses no retry; the third one of a node fails it", async () => {
		const calls: string[] = [];
		const { agent } = hanging(calls);
		const lives = new Lives([agent, echo], { retry: 1 });
		const nodes = [
			{ id: "a", agent: "hanging" },
			{ id: "b", agent: "echo", dependsOn: ["a"] },
			{ id: "c", agent: "echo", dependsOn: ["a"], join: "settled" as const },
		];
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest();
		for (let crash = 1; crash <= 2; crash++) {
			await lives.recover("r");
			await rest();
		}
		expect(calls).toEqual(["a 1 false -", "a 2 true CRASHED", "a 3 true CRASHED"]);
		const { run, clock } = await lives.recover("r");
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({
			status: "failed",
			failures: [{ id: "a", code: "CRASHED" }],
			stats: { skipped: 1, completed: 1 },
		});
		expect(calls).toHaveLength(3);
	});

	test("leaves the retries of a node as they were", async () => {
		const calls: string[] = [];
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			retry: { maxAttempts: 2, delay: 100 },
			run: async (_: unknown, ctx) => {
				calls.push(`${ctx.attempt} ${ctx.lastError?.code ?? "-"}`);
				if (ctx.attempt <= 2) await go.promise;
				throw new Error("no");
			},
		});
		const lives = new Lives([agent]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		await lives.recover("r");
		await rest();
		const { run, clock } = await lives.recover("r");
		expect(await finish(run, clock)).toMatchObject({ status: "failed", failures: [{ attempts: 4, message: "no" }] });
		expect(calls).toEqual(["1 -", "2 CRASHED", "3 CRASHED", "4 AGENT_ERROR"]);
	});

	test("with onResume fail fails the node, with its failure policy", async () => {
		const lives = new Lives([forever, echo]);
		const nodes = [
			{ id: "a", agent: "forever", onResume: "fail" as const, onFailure: "failRun" as const },
			{ id: "b", agent: "forever" },
			{ id: "c", agent: "echo", dependsOn: ["b"], join: "always" as const },
		];
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "failed", failures: [{ id: "a", code: "CRASHED" }] });
		expect(run.snapshot().get("b")?.state).toBe("cancelled");
		expect(run.snapshot().get("c")?.state).toBe("completed");
	});

	test("with onResume ask waits for a person, over further crashes", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const lives = new Lives([agent]);
		const nodes = ["a", "b"].map((id) => ({ id, agent: "hanging" }));
		lives.next().swarm.start({ nodes }, { runId: "r", onResume: "ask" });
		await rest();
		await lives.recover("r");
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		expect(calls).toHaveLength(2);
		expect(run.snapshot()).toMatchObject({ status: "waiting" });
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", wait: { kind: "approval", resume: "crash" } });
		await run.approve("a", { by: "ann" });
		await run.reject("b", { by: "bob", reason: "too dear" });
		await rest();
		expect(calls.at(-1)).toMatch(/^a 2 true/);
		go.open();
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "failed", outputs: { a: 2 }, failures: [{ id: "b", code: "CRASHED" }] });
		expect(outcome.failures[0]?.message).toContain("too dear");
	});
});

describe("waits of a new attempt", () => {
	test("end as those of the old one did, by kind, name and order", async () => {
		const seen: unknown[][] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const saw: unknown[] = [ctx.attempt];
				seen.push(saw);
				await ctx.sleep(1_000);
				saw.push("slept");
				saw.push(await ctx.waitForSignal("s"));
				saw.push(await ctx.waitForSignal("s"));
				saw.push(await ctx.waitForSignal("t", { timeout: 500 }).catch((error) => error.code));
				saw.push(await ctx.requestApproval({ reason: "one", name: "one" }));
				saw.push(await ctx.requestApproval({ reason: "two", name: "two" }).catch((error) => error.message));
				await ctx.sleep(2_000);
				saw.push("slept again");
				saw.push(await ctx.waitForSignal("s"));
				return saw;
			},
		});
		const lives = new Lives([agent]);
		const nodes = [{ id: "a", agent: "agent" }];
		const one = lives.next();
		const run = one.swarm.start({ nodes }, { runId: "r" });
		await run.signal("s", 1);
		await pass(one.clock, 1_000);
		await run.signal("s", 2);
		await pass(one.clock, 500);
		await run.approve("a", { data: 7 });
		await rest();
		// It waits for the second approval when its process dies.
		const two = await lives.recover("r");
		await rest();
		expect(two.run.snapshot().get("a")).toMatchObject({ state: "waiting", wait: { name: "two" } });
		await two.run.reject("a", { reason: "never" });
		await rest();
		const wait = two.run.snapshot().get("a");
		expect(wait).toMatchObject({
			state: "waiting",
			attempt: 2,
			wait: { kind: "sleep", until: two.clock.now() + 2_000 },
		});
		// And it sleeps when the next one dies.
		const three = await lives.recover("r");
		await pass(three.clock, 0);
		expect(three.run.snapshot().get("a")).toMatchObject({ state: "waiting", wait: { kind: "signal", name: "s" } });
		// It is at its last wait when that one dies; the signal comes before it has asked.
		const four = await lives.recover("r");
		await four.run.signal("s", 3);
		const outcome = await finish(four.run, four.clock);
		const all = ["slept", 1, 2, "TIMEOUT", { data: 7 }, "two: rejected: never", "slept again", 3];
		expect(outcome.outputs["a"]).toEqual([4, ...all]);
		expect(seen).toEqual([
			[1, ...all.slice(0, 5)],
			[2, ...all.slice(0, 6)],
			[3, ...all.slice(0, 7)],
			[4, ...all],
		]);
	});

	test("are waited for again after a failure of its own", async () => {
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				await ctx.sleep(1_000);
				if (ctx.attempt === 1) throw new Error("once more");
				return ctx.attempt;
			},
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await pass(clock, 1_000);
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", attempt: 2, wait: { kind: "sleep" } });
		expect((await finish(run, clock)).outputs).toEqual({ a: 2 });
	});

	test("a signal that came first is kept, for any node or for one", async () => {
		const lives = new Lives([listener, echo]);
		const one = lives.next();
		const run = one.swarm.start({ nodes: [{ id: "b", agent: "echo" }] }, { runId: "r", open: true });
		await run.signal("go", "first");
		await run.signal("go", "for b", { node: "b" });
		const two = await lives.recover("r");
		await two.run.mutate([{ type: "addNode", node: { id: "a", agent: "listener" } }]);
		await two.run.close();
		expect((await finish(two.run, two.clock)).outputs).toEqual({ a: "first", b: undefined });
	});
});

describe("early commits and default ids", () => {
	test("of an attempt whose process died are found again, and not made twice", async () => {
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const id = ctx.graph.addNode({ agent: "echo", input: "x" });
				ctx.graph.addNode({ agent: "echo", input: "x" });
				if (ctx.attempt === 1) ctx.graph.addNode({ agent: "forever", dependsOn: [id], join: "failed" });
				await ctx.graph.commit();
				await go.promise;
				return result(ctx.attempt, { nodes: [{ agent: "echo", input: "y" }] });
			},
		});
		const lives = new Lives([agent, echo, forever]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		go.open();
		expect((await finish(run, clock)).status).toBe("completed");
		const ids = [...run.snapshot().nodes()].map(({ id, state }) => `${id.replace(/[0-9a-f]{16}/, "#")} ${state}`);
		expect(ids).toEqual(["a completed", "a/# completed", "a/#-2 completed", "a/# skipped", "a/# completed"]);
	});
});

describe("idempotencyKey", () => {
	test("is the same in every attempt and process, and no other node's", async () => {
		const keys: string[] = [];
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				keys.push(ctx.idempotencyKey);
				if (ctx.attempt === 1) throw new Error("again");
				if (ctx.attempt === 2) await new Promise(() => {});
				return 1;
			},
		});
		const lives = new Lives([agent]);
		const { swarm } = lives.next();
		swarm.start({ nodes: [{ id: "b/c", agent: "agent" }] }, { runId: "a" });
		swarm.start({ nodes: [{ id: "c", agent: "agent" }] }, { runId: "a/b" });
		await rest();
		const again = lives.next();
		await again.swarm.recoverAll();
		await rest();
		expect(keys).toHaveLength(6);
		expect(new Set(keys).size).toBe(2);
	});
});
