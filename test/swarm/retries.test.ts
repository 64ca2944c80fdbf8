import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	deps,
	echo,
	fail,
	finish,
	forever,
	gate,
	lines,
	obedient,
	pass,
	record,
	rest,
	settled,
	virtualSwarm,
} from "./fixture.js";

describe("retry", () => {
	test("waits with exponential backoff, then fails with the last error", async () => {
		const times: number[] = [];
		const errors: unknown[] = [];
		const flaky = defineAgent({
			name: "flaky",
			run: async (_: unknown, ctx): Promise<unknown> => {
				times.push(clock.now() - start);
				errors.push(ctx.lastError?.message);
				throw new Error(`attempt ${ctx.attempt}`);
			},
		});
		const { swarm, clock } = virtualSwarm([flaky]);
		const start = clock.now();
		const run = swarm.start({
			nodes: [{ id: "a", agent: "flaky", retry: { maxAttempts: 5, delay: 100, factor: 3, maxDelay: 1_000 } }],
		});
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(times).toEqual([0, 100, 400, 1_300, 2_300]);
		expect(errors).toEqual([undefined, "attempt 1", "attempt 2", "attempt 3", "attempt 4"]);
		expect(outcome.failures).toMatchObject([{ id: "a", message: "attempt 5", attempts: 5 }]);
		expect(lines(events, /attemptFailed/)).toHaveLength(4);
		expect(outcome.stats.attempts).toBe(5);
	});

	test("idempotencyKey stays the same from attempt to attempt", async () => {
		const keys = new Set<string>();
		const flaky = defineAgent({
			name: "flaky",
			retry: 3,
			run: async (_: unknown, ctx): Promise<unknown> => {
				keys.add(ctx.idempotencyKey);
				throw new Error("no");
			},
		});
		const { swarm, clock } = virtualSwarm([flaky]);
		await finish(swarm.start({ nodes: [{ id: "a", agent: "flaky" }] }, { runId: "r" }), clock);
		expect([...keys]).toEqual(["r/a"]);
	});

	test("jitter is drawn from the seed: the same seed waits the same, another differently (B50)", async () => {
		const waits = async (seed: number): Promise<number[]> => {
			const { swarm, clock } = virtualSwarm([fail], { seed });
			const run = swarm.start({
				nodes: Array.from({ length: 5 }, (_, i) => ({
					id: `n${i}`,
					agent: "fail",
					retry: { maxAttempts: 2, delay: 1_000, jitter: 0.5 },
				})),
			});
			const events = record(run);
			await finish(run, clock);
			return events.flatMap((event) => (event.type === "node.attemptFailed" ? [event.retryAt - event.at] : []));
		};
		const [one, again, other] = [await waits(7), await waits(7), await waits(8)];
		expect(one).toEqual(again);
		expect(one).not.toEqual(other);
		expect(new Set(one).size).toBeGreaterThan(1);
		for (const wait of [...one, ...other]) {
			expect(wait).toBeGreaterThanOrEqual(500);
			expect(wait).toBeLessThanOrEqual(1_000);
		}
	});

	test("`retryable` on the error or the agent's predicate ends it (B46)", async () => {
		const calls: string[] = [];
		const agent = (name: string, error: object, retryable?: (error: { code: string }) => boolean) =>
			defineAgent({
				name,
				retry: 3,
				...(retryable !== undefined && { retryable }),
				run: async (): Promise<unknown> => {
					calls.push(name);
					throw Object.assign(new Error(name), error);
				},
			});
		const { swarm, clock } = virtualSwarm([
			agent("flagged", { retryable: false }),
			agent("predicate", { code: "E_FATAL" }, ({ code }) => code !== "E_FATAL"),
			agent("insists", { code: "E_FATAL", retryable: true }, () => false),
			agent("broken", {}, () => {
				throw new Error("the predicate broke");
			}),
		]);
		const nodes = ["flagged", "predicate", "insists", "broken"].map((name) => ({ id: name, agent: name }));
		const outcome = await finish(swarm.start({ nodes }), clock);
		const counts = Object.fromEntries(outcome.failures.map(({ id, attempts }) => [id, attempts]));
		expect(counts).toEqual({ flagged: 1, predicate: 1, insists: 3, broken: 1 });
		expect(calls).toHaveLength(6);
		expect(outcome.failures.find(({ id }) => id === "broken")?.cause?.cause?.message).toBe("the predicate broke");
	});

	test("`retryAfter` on the error is the least wait", async () => {
		const flaky = defineAgent({
			name: "flaky",
			retry: { maxAttempts: 2, delay: 10 },
			run: async (_: unknown, ctx) => {
				if (ctx.attempt === 1) throw Object.assign(new Error("busy"), { retryAfter: 5_000 });
				return clock.now() - start;
			},
		});
		const { swarm, clock } = virtualSwarm([flaky]);
		const start = clock.now();
		expect((await finish(swarm.start({ nodes: [{ id: "a", agent: "flaky" }] }), clock)).outputs).toEqual({ a: 5_000 });
	});

	test("policies go by node, agent, run, swarm", async () => {
		const boom = async (): Promise<unknown> => {
			throw new Error("no");
		};
		const plain = defineAgent({ name: "plain", run: boom });
		const own = defineAgent({ name: "own", retry: 3, run: boom });
		const { swarm, clock } = virtualSwarm([plain, own], { retry: 5 });
		const nodes = [
			{ id: "node", agent: "own", retry: 2 },
			{ id: "agent", agent: "own" },
			{ id: "rest", agent: "plain" },
		];
		const attempts = async (options: object) =>
			(await finish(swarm.start({ nodes }, options), clock)).failures.map((failure) => failure.attempts);
		expect(await attempts({ retry: 4 })).toEqual([2, 3, 4]);
		expect(await attempts({})).toEqual([2, 3, 5]);
	});

	test("a retry wait holds no slot", async () => {
		const { swarm, clock } = virtualSwarm([fail, echo], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "fail", retry: { maxAttempts: 2, delay: 1_000 } },
				{ id: "b", agent: "echo", input: 1 },
			],
		});
		await rest();
		expect(run.output("b")).toBe(1);
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", wait: { kind: "retry", until: 1_001_000 } });
		await finish(run, clock);
	});
});

describe("timeout", () => {
	test("of an attempt aborts it and fails it with TIMEOUT", async () => {
		const { swarm, clock } = virtualSwarm([obedient, settled]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "obedient", timeout: "5s" },
				{ id: "b", agent: "settled", join: "settled", dependsOn: ["a"] },
			],
		});
		await pass(clock, 4_999);
		expect(run.snapshot().get("a")?.state).toBe("running");
		await pass(clock, 1);
		const outcome = await run.result();
		expect(outcome).toMatchObject({
			status: "completed",
			outputs: { b: { a: "TIMEOUT" } },
			stats: { leaked: 0, stale: 1 },
		});
		expect(outcome.failures[0]?.message).toContain("5000 ms");
		expect(clock.pending).toBe(0);
	});

	test("a retry waits until the old function has returned: never two at a time", async () => {
		let inside = 0;
		let most = 0;
		const gates = [gate(), gate()];
		const slow = defineAgent({
			name: "slow",
			retry: 2,
			timeout: { attempt: 100, grace: 10_000 },
			run: async (_: unknown, ctx) => {
				most = Math.max(most, ++inside);
				if (ctx.attempt === 1) await gates[0]?.promise;
				inside--;
				return `attempt ${ctx.attempt}`;
			},
		});
		const { swarm, clock } = virtualSwarm([slow]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
		await pass(clock, 5_000);
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", attempt: 1 });
		gates[0]?.open();
		await rest();
		const outcome = await run.result();
		expect(outcome).toMatchObject({ outputs: { a: "attempt 2" }, stats: { stale: 1, leaked: 0, attempts: 2 } });
		expect(most).toBe(1);
	});

	test("a function that never returns is leaked after its grace, and then the retry runs", async () => {
		const stuck = defineAgent({
			name: "stuck",
			retry: 2,
			timeout: { attempt: 100, grace: 400 },
			run: (_: unknown, ctx): Promise<unknown> =>
				ctx.attempt === 1 ? new Promise(() => {}) : Promise.resolve(clock.now() - start),
		});
		const { swarm, clock } = virtualSwarm([stuck], { concurrency: 1 });
		const start = clock.now();
		const run = swarm.start({ nodes: [{ id: "a", agent: "stuck" }] });
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { a: 500 }, stats: { leaked: 1 } });
	});

	test("in total counts the waits between attempts, also after an attempt timed out", async () => {
		const { swarm, clock } = virtualSwarm([obedient, fail]);
		const retry = { maxAttempts: 10, delay: 1_000, factor: 1 };
		const run = swarm.start({
			nodes: [
				{ id: "slow", agent: "obedient", retry, timeout: { attempt: 10, total: 50 } },
				{ id: "failing", agent: "fail", retry, timeout: { total: 2_500 } },
			],
		});
		const events = record(run);
		const start = clock.now();
		const outcome = await finish(run, clock);
		const ended = events.flatMap((event) => (event.type === "node.failed" ? [[event.node, event.at - start]] : []));
		expect(ended).toEqual([
			["slow", 50],
			["failing", 2_500],
		]);
		expect(outcome.failures.map(({ code }) => code)).toEqual(["TIMEOUT", "TIMEOUT"]);
		expect(clock.pending).toBe(0);
	});

	test("of an attempt counts only while it holds a slot; the total leaves out approvals and signals", async () => {
		const worker = defineAgent({
			name: "worker",
			run: async (_: unknown, ctx) => {
				await ctx.sleep(5_000);
				await ctx.waitForSignal("go");
				await hold.promise;
				return "done";
			},
		});
		const hold = gate();
		const { swarm, clock } = virtualSwarm([worker]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "worker", timeout: { attempt: 100, total: 6_000 } }] });
		await pass(clock, 5_000);
		await pass(clock, 3_600_000);
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await run.signal("go");
		await pass(clock, 99);
		expect(run.snapshot().get("a")?.state).toBe("running");
		await pass(clock, 1);
		hold.open();
		const outcome = await finish(run, clock);
		expect(outcome.failures).toMatchObject([{ code: "TIMEOUT", message: expect.stringContaining("100 ms") }]);
	});

	test("the total ends a sleep", async () => {
		const sleeper = defineAgent({ name: "sleeper", run: async (_: unknown, ctx) => ctx.sleep("1h") });
		const { swarm, clock } = virtualSwarm([sleeper]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "sleeper", timeout: { total: 1_000 } }] });
		await pass(clock, 1_000);
		expect(await run.result()).toMatchObject({
			status: "failed",
			failures: [{ code: "TIMEOUT" }],
			stats: { leaked: 0 },
		});
	});

	test("late outcome of a timed-out attempt does not complete its retry's turn (B6)", async () => {
		const first = gate<string>();
		const agent = defineAgent({
			name: "agent",
			retry: { maxAttempts: 2, delay: 1_000 },
			timeout: 100,
			run: async (_: unknown, ctx) => (ctx.attempt === 1 ? first.promise : "second"),
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await pass(clock, 100);
		first.open("late");
		await rest();
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", attempt: 1 });
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: "second" }, stats: { stale: 1 } });
	});
});

test("a tool with a time-out of 10 s and two retries 200 ms apart reports its error as data (D9)", async () => {
	const calls: number[] = [];
	const tool = defineAgent({
		name: "tool",
		timeout: "10s",
		retry: { maxAttempts: 3, delay: 200, factor: 1 },
		run: (_: unknown, ctx) =>
			new Promise<never>((_resolve, reject) => {
				calls.push(clock.now() - start);
				ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
			}),
	});
	const model = defineAgent({
		name: "model",
		run: async (_: unknown, ctx) => {
			const { status, error, output } = ctx.settled["tool"] ?? {};
			return { status, output, code: error?.code, value: ctx.deps["tool"] };
		},
	});
	const { swarm, clock } = virtualSwarm([tool, model, echo, deps, forever]);
	const start = clock.now();
	const run = swarm.start({
		nodes: [
			{ id: "call", agent: "tool" },
			{ id: "model", agent: "model", join: "settled", dependsOn: { tool: "call" } },
		],
	});
	const outcome = await finish(run, clock);
	expect(calls).toEqual([0, 10_200, 20_400]);
	expect(clock.now() - start).toBe(30_400);
	expect(outcome).toMatchObject({
		status: "completed",
		outputs: { model: { status: "failed", code: "TIMEOUT", output: undefined, value: undefined } },
		failures: [{ id: "call", code: "TIMEOUT", attempts: 3 }],
	});
});
