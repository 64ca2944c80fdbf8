import {
	type AgentContext,
	type AnyAgent,
	countingIds,
	createSwarm,
	defineAgent,
	type NodeSpec,
	type RunHandle,
	result,
	type Swarm,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";

type Body = (input: unknown, ctx: AgentContext) => unknown;

async function rest(): Promise<void> {
	for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A swarm whose agents are given by name, on a clock that stands still. */
function swarmOf(bodies: Readonly<Record<string, Body>>, options: Partial<SwarmOptions> = {}) {
	const clock = new VirtualClock();
	const agents: AnyAgent[] = Object.entries(bodies).map(([name, run]) => defineAgent({ name, run }) as AnyAgent);
	const swarm: Swarm<AnyAgent> = createSwarm<AnyAgent>({
		agents,
		clock,
		ids: countingIds(),
		check: "full",
		concurrency: 1,
		...options,
	});
	const start = async (...nodes: NodeSpec[]): Promise<RunHandle> => {
		const run = swarm.start({ nodes });
		await rest();
		return run;
	};
	const advance = async (ms: number): Promise<void> => {
		clock.advance(ms);
		await rest();
	};
	return { clock, swarm, start, advance };
}

/** A promise with what settles it. */
function gate<T = void>() {
	return Promise.withResolvers<T>();
}

/** Something with a `then` that is no promise. */
function thenable(then: (yes: (value: number) => void, no: (error: Error) => void) => void): object {
	return { then };
}

describe("an agent function", () => {
	test.each<[string, Body, unknown]>([
		["a value", () => 7, 7],
		["nothing", () => undefined, undefined],
		["a promise", async () => 8, 8],
		["a thenable", () => thenable((yes) => yes(9)), 9],
		["a result", () => result(10), 10],
		["a promise of a result", async () => result(11, { nodes: [] }), 11],
	])("may return %s", async (_, body, output) => {
		const { start } = swarmOf({ a: body });
		const run = await start({ id: "a", agent: "a" });
		expect((await run.result()).outputs).toEqual({ a: output });
	});

	test.each<[string, Body]>([
		[
			"throws",
			() => {
				throw new Error("no");
			},
		],
		["rejects", () => Promise.reject(new Error("no"))],
		["returns a thenable that rejects", () => thenable((_yes, no) => no(new Error("no")))],
		[
			"returns a thenable that throws",
			() =>
				thenable(() => {
					throw new Error("no");
				}),
		],
		[
			"returns a getter that throws",
			() =>
				// biome-ignore lint/suspicious/noThenProperty: an object may do that to whoever looks
				Object.defineProperty({}, "then", {
					get: () => {
						throw new Error("no");
					},
				}),
		],
	])("that %s fails its attempt", async (_, body) => {
		const { start } = swarmOf({ a: body, b: () => 1 });
		const run = await start({ id: "a", agent: "a" }, { id: "b", agent: "b" });
		const outcome = await run.result();
		expect(outcome.failures).toMatchObject([{ id: "a", code: "AGENT_ERROR", message: "no" }]);
		expect(outcome.stats.completed).toBe(1);
	});

	test("that settles its thenable twice counts once", async () => {
		const body: Body = () =>
			thenable((yes, no) => {
				yes(1);
				no(new Error("late"));
				yes(2);
			});
		const { start } = swarmOf({ a: body, b: async () => "b" });
		const run = await start({ id: "a", agent: "a" }, { id: "b", agent: "b", dependsOn: ["a"] });
		expect((await run.result()).stats).toMatchObject({ completed: 2, stale: 0 });
		expect(run.output("a")).toBe(1);
	});

	test("finds its callbacks fresh, however many ran before it", async () => {
		const order: string[] = [];
		const gates = new Map<string, ReturnType<typeof gate<string>>>();
		const body: Body = (_, ctx) => {
			const own = gate<string>();
			gates.set(ctx.nodeId, own);
			return own.promise;
		};
		const { start } = swarmOf({ a: body }, { concurrency: 3 });
		const run = await start(...Array.from({ length: 30 }, (_, i) => ({ id: `n${i}`, agent: "a" })));
		// The last one of those that run ends first.
		while (gates.size > 0) {
			const id = [...gates.keys()].at(-1) as string;
			gates.get(id)?.resolve(`out of ${id}`);
			gates.delete(id);
			order.push(id);
			await rest();
		}
		const { outputs } = await run.result();
		for (const id of order) expect(outputs[id]).toBe(`out of ${id}`);
		expect(order).toHaveLength(30);
	});

	test("is called with the input and a context that knows its node", async () => {
		const seen: unknown[] = [];
		const { start } = swarmOf({
			a: (input, ctx) => {
				seen.push(
					input,
					ctx.nodeId,
					ctx.runId,
					ctx.attempt,
					ctx.idempotencyKey,
					ctx.lastError?.message,
					ctx.signal.aborted,
				);
				if (ctx.attempt === 1) throw new Error("first");
			},
		});
		const run = await start({ id: "n", agent: "a", input: { x: 1 }, retry: 2 });
		await run.result();
		expect(seen).toEqual([
			{ x: 1 },
			"n",
			"run-1",
			1,
			"run-1/n",
			undefined,
			false,
			{ x: 1 },
			"n",
			"run-1",
			2,
			"run-1/n",
			"first",
			false,
		]);
	});
});

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

describe("what is staged", () => {
	test("comes with the completion, before what the result brings", async () => {
		const { start } = swarmOf({
			plan: (_, ctx) => {
				ctx.graph.addNode({ id: "staged", agent: "noop" });
				return result(1, { nodes: [{ id: "brought", agent: "noop", dependsOn: ["staged"] }] });
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan" });
		await run.result();
		expect([...run.snapshot().nodes()].map(({ id }) => id)).toEqual(["a", "staged", "brought"]);
	});

	test("dies with an attempt that fails", async () => {
		const { start } = swarmOf({
			plan: (_, ctx) => {
				ctx.graph.addNode({ id: `x${ctx.attempt}`, agent: "noop" });
				if (ctx.attempt === 1) throw new Error("once");
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan", retry: 2 });
		await run.result();
		expect([...run.snapshot().nodes()].map(({ id }) => id)).toEqual(["a", "x2"]);
	});

	test("gets the same default ids in every attempt, with an ordinal for repeats", async () => {
		const ids: string[][] = [];
		const { start } = swarmOf({
			plan: async (_, ctx) => {
				const own = [1, 1, 2].map((input) => ctx.graph.addNode({ agent: "noop", input }));
				ids.push(own);
				await ctx.graph.commit();
				if (ctx.attempt === 1) throw new Error("once");
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan", retry: 2 });
		expect((await run.result()).stats).toMatchObject({ nodes: 4, completed: 4 });
		expect(ids[0]).toEqual(ids[1]);
		const [first, again, other] = ids[0] as [string, string, string];
		expect(first).toMatch(/^a\/[0-9a-f]+$/);
		expect(again).toBe(`${first}-2`);
		expect(other).not.toBe(first);
	});

	test("and refused by a commit throws there, with the code", async () => {
		const seen: unknown[] = [];
		const { start } = swarmOf({
			plan: async (_, ctx) => {
				ctx.graph.addNode({ id: "x", agent: "noop", dependsOn: ["none"] });
				await ctx.graph.commit().catch((error: { code: string }) => seen.push(error.code));
				return [...ctx.graph.nodes()].map(({ id }) => id);
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan" });
		expect((await run.result()).outputs).toEqual({ a: ["a"] });
		expect(seen).toEqual(["UNKNOWN_DEPENDENCY"]);
	});
});

describe("a predicate for retries", () => {
	test("decides where the error says nothing, and fails the node when it throws itself", async () => {
		const calls: Record<string, number> = {};
		const run = (name: string) => () => {
			calls[name] = (calls[name] ?? 0) + 1;
			throw Object.assign(new Error(name), name === "flagged" ? { retryable: true } : {});
		};
		const agents: AnyAgent[] = [
			defineAgent({ name: "no", run: run("no"), retryable: () => false, retry: 3 }),
			defineAgent({ name: "yes", run: run("yes"), retryable: () => true, retry: 3 }),
			defineAgent({ name: "flagged", run: run("flagged"), retryable: () => false, retry: 3 }),
			defineAgent({
				name: "broken",
				run: run("broken"),
				retryable: () => {
					throw new Error("predicate");
				},
				retry: 3,
			}),
		];
		const swarm = createSwarm<AnyAgent>({ agents, clock: new VirtualClock() });
		const outcome = await swarm.start({ nodes: agents.map(({ name }) => ({ id: name, agent: name })) }).result();
		expect(calls).toEqual({ no: 1, yes: 3, flagged: 3, broken: 1 });
		expect(outcome.failures).toHaveLength(4);
	});
});
