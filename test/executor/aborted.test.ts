import { describe, expect, test } from "vitest";
import { gate, rest, swarmOf } from "./swarm-of.js";

describe("an attempt that is over before its function returns", () => {
	test("keeps its slot until the function has returned", async () => {
		const { promise: hold, resolve } = gate();
		const started: string[] = [];
		const { start, advance } = swarmOf({
			slow: () => hold,
			next: (_, ctx) => void started.push(ctx.nodeId),
		});
		const run = await start({ id: "a", agent: "slow", timeout: 10 }, { id: "b", agent: "next" });
		await advance(10);
		expect(run.snapshot().get("a")?.state).toBe("failed");
		expect(started).toEqual([]);
		resolve();
		await rest();
		expect(started).toEqual(["b"]);
		expect((await run.result()).stats).toMatchObject({ stale: 1, leaked: 0 });
	});

	test("gives it back after the grace, counted as leaked, and what it says later is nothing", async () => {
		const { promise: hold, resolve } = gate();
		const { start, advance } = swarmOf({ slow: () => hold, next: () => 1 });
		const run = await start(
			{ id: "a", agent: "slow", timeout: { attempt: 10, grace: 50 } },
			{ id: "b", agent: "next" },
		);
		await advance(10);
		await advance(49);
		expect(run.snapshot().get("b")?.state).toBe("ready");
		await advance(1);
		const outcome = await run.result();
		expect(outcome.stats).toMatchObject({ leaked: 1, completed: 1 });
		resolve();
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("failed");
	});

	test("is not tried again before the function has returned", async () => {
		const calls: number[] = [];
		const { promise: hold, resolve } = gate();
		const { start, advance } = swarmOf(
			{
				slow: (_, ctx) => {
					calls.push(ctx.attempt);
					return ctx.attempt === 1 ? hold : "second";
				},
			},
			{ concurrency: 4 },
		);
		const run = await start({ id: "a", agent: "slow", retry: 2, timeout: { attempt: 10, grace: "1h" } });
		await advance(10);
		await advance(500);
		expect(calls).toEqual([1]);
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		resolve();
		await rest();
		expect(calls).toEqual([1, 2]);
		expect((await run.result()).outputs).toEqual({ a: "second" });
	});

	test("is tried again once its grace is over", async () => {
		const calls: number[] = [];
		const { start, advance } = swarmOf(
			{
				slow: (_, ctx) => {
					calls.push(ctx.attempt);
					return ctx.attempt === 1 ? new Promise(() => {}) : "second";
				},
			},
			{ grace: 30 },
		);
		const run = await start({ id: "a", agent: "slow", retry: 2, timeout: 10 });
		await advance(10);
		await advance(30);
		expect(calls).toEqual([1, 2]);
		expect((await run.result()).stats).toMatchObject({ leaked: 1, attempts: 2, completed: 1 });
	});

	test("has its signal aborted with the code, whether it asked for it before or asks later", async () => {
		const seen: unknown[] = [];
		const { promise: hold, resolve } = gate();
		const { start, advance } = swarmOf(
			{
				before: async (_, ctx) => {
					const { signal } = ctx;
					signal.addEventListener("abort", () => seen.push("heard", (signal.reason as { code: string }).code));
					await hold;
				},
				later: async (_, ctx) => {
					await hold;
					seen.push("late", ctx.signal.aborted, (ctx.signal.reason as { code: string }).code);
				},
			},
			{ concurrency: 2 },
		);
		const run = await start({ id: "a", agent: "before", timeout: 5 }, { id: "b", agent: "later", timeout: 5 });
		await advance(5);
		resolve();
		await run.result();
		expect(seen).toEqual(["heard", "TIMEOUT", "late", true, "TIMEOUT"]);
	});

	test("leaves no timer behind when its function returns", async () => {
		const { start, clock } = swarmOf({ a: (_, ctx) => ctx.sleep(5), b: () => 1 });
		const run = await start({ id: "a", agent: "a", timeout: 100 }, { id: "b", agent: "b", timeout: { total: 100 } });
		await run.cancel();
		expect(clock.pending).toBe(0);
	});
});
