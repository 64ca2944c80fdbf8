import { describe, expect, test } from "vitest";
import { gate, swarmOf } from "./swarm-of.js";

describe("a parked attempt", () => {
	test("gives its slot to others, and goes on where it stood, in the same call", async () => {
		const log: string[] = [];
		const { start, advance } = swarmOf({
			sleeper: async (_, ctx) => {
				log.push(`${ctx.nodeId} sleeps`);
				await ctx.sleep(100);
				log.push(`${ctx.nodeId} wakes in attempt ${ctx.attempt}`);
				return "rested";
			},
			quick: (_, ctx) => void log.push(ctx.nodeId),
		});
		const run = await start({ id: "a", agent: "sleeper" }, { id: "b", agent: "quick" }, { id: "c", agent: "sleeper" });
		expect(log).toEqual(["a sleeps", "b", "c sleeps"]);
		await advance(100);
		const outcome = await run.result();
		expect(log.slice(3)).toEqual(["a wakes in attempt 1", "c wakes in attempt 1"]);
		expect(outcome.outputs).toEqual({ a: "rested", b: undefined, c: "rested" });
		expect(outcome.stats.attempts).toBe(3);
	});

	test("that returns before its sleep is over completes when it is", async () => {
		const { start, advance } = swarmOf({
			early: (_, ctx) => {
				void ctx.sleep(50);
				return "early";
			},
			next: (_, ctx) => ctx.deps["a"],
		});
		const run = await start({ id: "a", agent: "early" }, { id: "b", agent: "next", dependsOn: ["a"] });
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await advance(49);
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await advance(1);
		expect((await run.result()).outputs).toEqual({ b: "early" });
	});

	test("that throws before its signal has come fails when it comes", async () => {
		const { start } = swarmOf({
			early: async (_, ctx) => {
				const waits = ctx.waitForSignal("go");
				waits.catch(() => {});
				throw new Error("early");
			},
		});
		const run = await start({ id: "a", agent: "early" });
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await run.signal("go");
		expect((await run.result()).failures).toMatchObject([{ id: "a", message: "early" }]);
	});

	test("that is cancelled ends at once when its function has returned", async () => {
		const { start } = swarmOf({
			early: (_, ctx) => {
				ctx.waitForSignal("go").catch(() => {});
			},
		});
		const run = await start({ id: "a", agent: "early" });
		const outcome = await run.cancel();
		expect(outcome).toMatchObject({ status: "cancelled", stats: { leaked: 0 } });
	});

	test("sees its wait end with CANCELLED, and may clean up", async () => {
		const seen: unknown[] = [];
		const { start } = swarmOf({
			a: async (_, ctx) => {
				try {
					await ctx.sleep(1_000);
				} catch (error) {
					seen.push((error as { code: string }).code, ctx.signal.aborted);
					throw error;
				}
			},
		});
		const run = await start({ id: "a", agent: "a" });
		const outcome = await run.cancel();
		expect(seen).toEqual(["CANCELLED", true]);
		expect(outcome.status).toBe("cancelled");
		expect(run.snapshot().get("a")?.state).toBe("cancelled");
	});

	test("waits one wait after the other", async () => {
		const { start, advance } = swarmOf({
			a: async (_, ctx) => {
				const both = await Promise.all([ctx.sleep(10).then(() => 1), ctx.sleep(10).then(() => 2)]);
				return both;
			},
		});
		const run = await start({ id: "a", agent: "a" });
		await advance(10);
		await advance(10);
		expect((await run.result()).outputs).toEqual({ a: [1, 2] });
	});

	test("may wait a thousand times", async () => {
		const { start, clock } = swarmOf(
			{
				a: async (_, ctx) => {
					for (let i = 0; i < 1_000; i++) await ctx.sleep(1);
					return "done";
				},
			},
			{ check: "local" },
		);
		const run = await start({ id: "a", agent: "a" });
		let ended = false;
		void run.result().then(() => {
			ended = true;
		});
		while (!ended) {
			clock.step();
			await new Promise((resolve) => setImmediate(resolve));
		}
		expect((await run.result()).stats.attempts).toBe(1);
		expect(clock.now()).toBe(1_000);
	});

	test("does not wait once its attempt is over", async () => {
		const { promise: hold, resolve } = gate();
		const seen: string[] = [];
		const { start } = swarmOf({
			a: async (_, ctx) => {
				await hold;
				await ctx.sleep(5).catch((error: { code: string }) => seen.push(error.code));
			},
		});
		const run = await start({ id: "a", agent: "a" });
		const cancelled = run.cancel();
		resolve();
		await cancelled;
		expect(seen).toEqual(["CANCELLED"]);
	});
});
