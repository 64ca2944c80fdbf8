import { getEventListeners } from "node:events";
import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	echo,
	fail,
	finish,
	forever,
	gate,
	lines,
	obedient,
	pass,
	record,
	rejection,
	rest,
	virtualSwarm,
} from "./fixture.js";

describe("cancel", () => {
	test("aborts signals, starts nothing, refuses late outcomes, and gives the reason", async () => {
		const started: string[] = [];
		const done = gate<string>();
		const stubborn = defineAgent({
			name: "stubborn",
			run: (_: unknown, ctx) => {
				started.push(ctx.nodeId);
				return done.promise;
			},
		});
		const { swarm, clock } = virtualSwarm([stubborn, obedient, echo], { concurrency: 2 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "stubborn" },
				{ id: "b", agent: "obedient" },
				{ id: "c", agent: "stubborn" },
				{ id: "d", agent: "stubborn", dependsOn: ["b"] },
			],
		});
		const events = record(run);
		await rest();
		const cancelled = run.cancel("enough");
		await pass(clock, 1_000);
		expect(run.snapshot().status).toBe("cancelled");
		done.open("late");
		const outcome = await cancelled;
		expect(outcome).toMatchObject({ status: "cancelled", reason: "enough", outputs: {} });
		expect(outcome.stats).toMatchObject({ cancelled: 4, leaked: 0, stale: 2 });
		expect(started).toEqual(["a"]);
		expect(lines(events).slice(-5)).toEqual([
			"node.cancelled a",
			"node.cancelled b",
			"node.cancelled c",
			"node.cancelled d",
			"run.ended",
		]);
		expect(clock.pending).toBe(0);
	});

	test("the reason of ctx.signal says what happened", async () => {
		const seen = gate<unknown>();
		const agent = defineAgent({
			name: "agent",
			run: (_: unknown, ctx) =>
				new Promise<void>((resolve) => {
					ctx.signal.addEventListener("abort", () => {
						seen.open(ctx.signal.reason);
						resolve();
					});
				}),
		});
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		await run.cancel();
		expect(await seen.promise).toMatchObject({ code: "CANCELLED", nodes: ["a"] });
	});

	test("in the tick of start: nothing ever runs", async () => {
		const ran: string[] = [];
		const agent = defineAgent({ name: "agent", run: async (_: unknown, ctx) => ran.push(ctx.nodeId) });
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		const outcome = await run.cancel();
		await rest();
		expect(outcome).toMatchObject({ status: "cancelled", reason: "cancelled", stats: { attempts: 0 } });
		expect(ran).toEqual([]);
	});

	test("twice, or after the end, is harmless", async () => {
		const { swarm } = virtualSwarm([obedient, echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] });
		const [one, two] = await Promise.all([run.cancel("first"), run.cancel("second")]);
		expect(one).toBe(two);
		expect(one.reason).toBe("first");
		const done = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		await done.result();
		expect((await done.cancel()).status).toBe("completed");
	});

	test("takes retry waits, timers and approvals back", async () => {
		const asks = defineAgent({ name: "asks", run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "?" }) });
		const { swarm, clock } = virtualSwarm([fail, asks, obedient]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "fail", retry: { maxAttempts: 5, delay: "1h" } },
				{ id: "b", agent: "asks", timeout: { total: "1h" } },
				{ id: "c", agent: "obedient", timeout: "1h" },
			],
		});
		await rest();
		expect(clock.pending).toBe(2);
		expect(await run.cancel()).toMatchObject({ stats: { cancelled: 3 } });
		expect(clock.pending).toBe(0);
	});

	test("wins over a pause, and over a run that is stopping", async () => {
		const { swarm, clock } = virtualSwarm([fail, forever, echo], { grace: 10 });
		const paused = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		await paused.pause();
		expect((await paused.cancel()).status).toBe("cancelled");
		const stopping = swarm.start({
			nodes: [
				{ id: "a", agent: "fail", onFailure: "failRun" },
				{ id: "z", agent: "forever", join: "always", dependsOn: ["a"] },
			],
		});
		await rest();
		expect(stopping.snapshot().status).toBe("stopping");
		void stopping.cancel("now");
		expect(await finish(stopping, clock)).toMatchObject({ status: "cancelled", reason: "now", stats: { leaked: 1 } });
	});

	test("is never OVERLOADED, even from among ten thousand commands", async () => {
		const agent = defineAgent({
			name: "flood",
			run: async () => {
				const all = Array.from({ length: 10_500 }, (_, i) => run.signal("s", i));
				const refused = Promise.allSettled(all).then((settled) =>
					settled.filter(({ status }) => status === "rejected"),
				);
				void run.cancel("through");
				return (await refused).length;
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { check: "off" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "flood" }] });
		expect(await finish(run, clock)).toMatchObject({ status: "cancelled", reason: "through" });
	});
});

describe("start({ signal })", () => {
	test("cancels the run when it aborts, with its reason", async () => {
		const controller = new AbortController();
		const { swarm } = virtualSwarm([obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] }, { signal: controller.signal });
		await rest();
		controller.abort(new Error("user left"));
		expect(await run.result()).toMatchObject({ status: "cancelled", reason: "user left" });
	});

	test("that has aborted lets nothing run", async () => {
		const ran: unknown[] = [];
		const agent = defineAgent({ name: "agent", run: async () => ran.push(1) });
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { signal: AbortSignal.abort("never") });
		expect(await run.result()).toMatchObject({ status: "cancelled", reason: "never" });
		expect(ran).toEqual([]);
	});

	test("keeps no listeners after a thousand runs (B45)", async () => {
		const { signal } = new AbortController();
		const { swarm } = virtualSwarm([echo, fail], { check: "off" });
		for (let i = 0; i < 1_000; i++) {
			const agent = i % 2 === 0 ? "echo" : "fail";
			await swarm.start({ nodes: [{ id: "a", agent }] }, { signal, deadline: 1_000 }).result();
		}
		await Promise.all(
			Array.from({ length: 100 }, () => swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { signal }).cancel()),
		);
		expect(getEventListeners(signal, "abort")).toHaveLength(0);
	});
});

describe("swarm.close", () => {
	test("cancels every run, resolves when their functions are back, and takes no more", async () => {
		const { swarm, clock } = virtualSwarm([obedient, forever], { grace: 100 });
		const one = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] });
		const two = swarm.start({ nodes: [{ id: "a", agent: "forever" }] });
		await rest();
		let closed = false;
		const closing = swarm.close().then(() => {
			closed = true;
		});
		await pass(clock, 99);
		expect(closed).toBe(false);
		await pass(clock, 1);
		await closing;
		expect(await one.result()).toMatchObject({ status: "cancelled", reason: "the swarm was closed" });
		expect(await two.result()).toMatchObject({ status: "cancelled", stats: { leaked: 1 } });
		expect(() => swarm.start({ nodes: [] })).toThrowError(expect.objectContaining({ code: "SWARM_CLOSED" }));
		expect(await rejection(swarm.run({ nodes: [] }))).toMatchObject({ code: "SWARM_CLOSED" });
		await swarm.close();
		expect(swarm.runs()).toEqual([]);
	});

	test("waits for a run that has ended while its functions have not returned", async () => {
		const { swarm, clock } = virtualSwarm([forever, echo], { grace: 100 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "forever" }] });
		await rest();
		void run.cancel();
		let closed = false;
		void swarm.close().then(() => {
			closed = true;
		});
		await rest();
		expect(closed).toBe(false);
		await pass(clock, 100);
		expect(closed).toBe(true);
	});

	test("is what `await using` does", async () => {
		const { swarm } = virtualSwarm([obedient]);
		let run: ReturnType<typeof swarm.start> | undefined;
		{
			await using scoped = swarm;
			run = scoped.start({ nodes: [{ id: "a", agent: "obedient" }] });
			await rest();
		}
		expect((await run.result()).status).toBe("cancelled");
	});
});
