import {
	type AnyAgent,
	type BudgetPort,
	defineAgent,
	type NodeSpec,
	RetryableError,
	type SwarmOptions,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, lines, pass, record, rest, virtualSwarm } from "./fixture.js";

/** An agent that notes when it is called, and takes limits by its input. */
function caller(
	clock: () => number,
	does: (input: Input) => unknown = () => undefined,
	more: Partial<AnyAgent> = {},
): { readonly agent: AnyAgent; readonly calls: { readonly id: string; readonly at: number }[] } {
	const calls: { id: string; at: number }[] = [];
	const agent = defineAgent({
		name: "call",
		limits: (input: Input) => input.keys ?? [],
		...more,
		run: async (input: Input, ctx) => {
			calls.push({ id: ctx.nodeId, at: clock() });
			return does(input);
		},
	});
	return { agent: agent as AnyAgent, calls };
}

interface Input {
	readonly keys?: readonly string[];
	readonly tokens?: number;
	readonly wait?: Promise<unknown>;
}

function swarmOf(
	limits: SwarmOptions["limits"],
	does?: (input: Input) => unknown,
	more: Partial<AnyAgent> = {},
	options: Partial<SwarmOptions> = {},
) {
	let now = (): number => 0;
	const { agent, calls } = caller(() => now(), does, more);
	const made = virtualSwarm([agent], { concurrency: 16, ...(limits && { limits }), ...options });
	now = () => made.clock.now() - 1_000_000;
	return { ...made, calls, view: (name: string) => made.swarm.limits().find((limit) => limit.name === name) };
}

function nodes(count: number, input: Input, more: Partial<NodeSpec> = {}): NodeSpec[] {
	return Array.from({ length: count }, (_, i) => ({ id: `n${i}`, agent: "call", input, ...more }));
}

describe("keys from the input", () => {
	test("bound each tenant by itself", async () => {
		const hold = gate();
		const { swarm, clock, calls } = swarmOf({ "tenant:*": { concurrency: 2 } }, () => hold.promise);
		const run = swarm.start({
			nodes: ["a", "a", "a", "b", "b", "c"].map((tenant, i) => ({
				id: `${tenant}${i}`,
				agent: "call",
				input: { keys: [`tenant:${tenant}`] },
			})),
		});
		await rest();
		expect(calls.map(({ id }) => id)).toEqual(["a0", "a1", "b3", "b4", "c5"]);
		expect(swarm.limits().map(({ name, inUse, waiting }) => [name, inUse, waiting])).toEqual([
			["background", 0, 0],
			["tenant:a", 2, 1],
			["tenant:b", 2, 0],
			["tenant:c", 1, 0],
		]);
		hold.open();
		expect((await finish(run, clock)).status).toBe("completed");
		expect(swarm.limits().map(({ name }) => name)).toEqual(["background"]);
	});

	test("see the input with its references replaced", async () => {
		const { swarm, clock, view } = swarmOf({ "tenant:*": { requests: { limit: 9, per: "1m" } } }, (input) =>
			input.keys?.length === 0 ? { name: "ada" } : input,
		);
		const run = swarm.start({
			nodes: [
				{ id: "who", agent: "call", input: { keys: [] } },
				{
					id: "work",
					agent: "call",
					dependsOn: ["who"],
					input: { keys: ["tenant:x", { $output: "who", path: "/name" }] },
				},
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.failures.map(({ code, message }) => [code, message])).toEqual([
			["INVALID_SPEC", expect.stringContaining('there is no limit "ada"')],
		]);
		expect(view("tenant:x")).toBeUndefined();
	});

	test("add to those of the node and of the agent's own concurrency", async () => {
		const hold = gate();
		const { swarm, clock } = swarmOf({ a: 1, b: 1 }, () => hold.promise, { concurrency: 5 });
		const run = swarm.start({ nodes: nodes(1, { keys: ["a", "b", "a"] }, { limits: ["b"] }) });
		await rest();
		expect(swarm.limits().map(({ name, of, inUse }) => [name, of, inUse])).toEqual([
			["a", "swarm", 1],
			["b", "swarm", 1],
			["background", "swarm", 0],
			["call", "agent", 1],
		]);
		hold.open();
		await finish(run, clock);
		expect(swarm.limits().every(({ inUse }) => inUse === 0)).toBe(true);
	});

	test("are asked anew where the input was changed while the node waited", async () => {
		const hold = gate();
		const { swarm, clock, calls } = swarmOf({ a: 1, b: 1 }, (input) => input.wait ?? hold.promise);
		const run = swarm.start({ nodes: nodes(2, { keys: ["a"] }) });
		await rest();
		await run.mutate([{ type: "updateNode", id: "n1", changes: { input: { keys: ["b"] } } }]);
		await rest();
		expect(calls.map(({ id }) => id)).toEqual(["n0", "n1"]);
		expect(swarm.limits().map(({ inUse }) => inUse)).toEqual([1, 1, 0]);
		hold.open();
		await finish(run, clock);
	});

	test.each([
		[
			"throw",
			() => {
				throw new TypeError("no tenant");
			},
			"no tenant",
		],
		["give no list", () => "a" as never, "no list of names"],
		["give what is no name", () => [1] as never, "no list of names"],
		["give an empty name", () => [""], "no list of names"],
		["name an unknown limit", () => ["gpu"], 'there is no limit "gpu"'],
	])("that %s fail the attempt with INVALID_SPEC, and nothing else", async (_, limits, message) => {
		const { swarm, clock, calls } = swarmOf({ a: 1 }, undefined, { limits });
		const run = swarm.start({
			nodes: [...nodes(2, {}), { id: "always", agent: "call", join: "always", dependsOn: ["n0"] }],
		});
		const outcome = await finish(run, clock);
		expect(outcome.failures[0]).toMatchObject({ id: "n0", code: "INVALID_SPEC", attempts: 1 });
		expect(outcome.failures[0]?.message).toContain(message);
		expect(outcome.failures[0]?.message).toMatch(/node "n0".*agent "call"/);
		expect(calls).toEqual([]);
		expect(swarm.limits().every(({ inUse, waiting }) => inUse + waiting === 0)).toBe(true);
	});

	test("that fail are tried again by the retry policy", async () => {
		let asked = 0;
		const { swarm, clock, calls } = swarmOf({ a: 1 }, undefined, {
			retry: { maxAttempts: 3, delay: 10 },
			limits: () => (++asked < 3 ? ["gpu"] : ["a"]),
		});
		const run = swarm.start({ nodes: nodes(1, {}) });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(calls).toEqual([{ id: "n0", at: 10 + 20 }]);
	});

	test("leave a reference that leads nowhere what it is", async () => {
		const { swarm, clock } = swarmOf({ a: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "from", agent: "call", input: {} },
				{ id: "to", agent: "call", dependsOn: ["from"], input: { keys: { $output: "from", path: "/no" } } },
			],
		});
		expect((await finish(run, clock)).failures.map(({ id, code }) => [id, code])).toEqual([["to", "INVALID_INPUT"]]);
	});

	test.each([
		[{ limits: ["gpu"] }, "gpu"],
		[{ estimate: { inputTokens: -1 } }, "inputTokens"],
		[{ background: "yes" }, "background"],
	] as [Partial<AnyAgent>, string][])(
		"are refused by createSwarm where they can be seen to be wrong: %j",
		(more, named) => {
			expect(() => swarmOf({ a: 1 }, undefined, more)).toThrow(
				expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(named) }),
			);
		},
	);

	test("may be names of a family in a spec, and no other", async () => {
		const { swarm, clock } = swarmOf({ "tenant:*": 1 });
		expect(() => swarm.start({ nodes: nodes(1, {}, { limits: ["tenants"] }) })).toThrow(
			expect.objectContaining({ code: "INVALID_SPEC" }),
		);
		const run = swarm.start({ nodes: nodes(3, {}, { limits: ["tenant:a"] }) });
		expect((await finish(run, clock)).status).toBe("completed");
	});
});

describe("requests in a window", () => {
	test("start when there is room for them, and nothing else waits for it", async () => {
		const { swarm, clock, calls } = swarmOf({ api: { requests: { limit: 2, per: "1s" } } });
		const run = swarm.start({ nodes: [...nodes(5, { keys: ["api"] }), { id: "other", agent: "call", input: {} }] });
		await finish(run, clock);
		expect(calls).toEqual([
			{ id: "n0", at: 0 },
			{ id: "n1", at: 0 },
			{ id: "other", at: 0 },
			{ id: "n2", at: 1_000 },
			{ id: "n3", at: 1_000 },
			{ id: "n4", at: 2_000 },
		]);
		expect(clock.pending).toBe(0);
	});

	test("count retries, and not what goes on after a wait", async () => {
		const agent = defineAgent({
			name: "naps",
			limits: ["api"],
			retry: 2,
			run: async (_: unknown, ctx) => {
				await ctx.sleep(10);
				await ctx.sleep(10);
				if (ctx.attempt === 1) throw new Error("once more");
			},
		});
		const { swarm, clock } = virtualSwarm([agent], {
			limits: { api: { concurrency: 1, requests: { limit: 9, per: "1m" } } },
		});
		const outcome = await finish(
			swarm.start({
				nodes: [
					{ id: "a", agent },
					{ id: "b", agent },
				],
			}),
			clock,
		);
		expect(outcome.status).toBe("completed");
		expect(swarm.limits()[0]).toMatchObject({ inUse: 0, waiting: 0, requests: { used: 4 } });
	});

	test("do not count outcomes that are remembered", async () => {
		const { swarm, clock, calls, view } = swarmOf({ api: { requests: { limit: 1, per: "1h" } } }, () => 1, {
			memo: true,
		});
		const start = clock.now();
		for (let i = 0; i < 3; i++) await finish(swarm.start({ nodes: nodes(1, { keys: ["api"] }) }), clock);
		expect(calls).toHaveLength(1);
		// The second had to wait, as it might have been a call; what it took for that was given back.
		expect(clock.now() - start).toBe(3_600_000);
		expect(view("api")?.requests?.used).toBe(0);
	});

	test("wait no longer when the run is cancelled", async () => {
		const { swarm, clock, calls } = swarmOf({ api: { requests: { limit: 1, per: "1s" } } });
		const run = swarm.start({ nodes: nodes(3, { keys: ["api"] }) });
		await rest();
		expect(clock.pending).toBe(1);
		await run.cancel("enough");
		expect(clock.pending).toBe(0);
		await pass(clock, 5_000);
		expect(calls).toHaveLength(1);
	});

	test("are kept for others while a run is paused", async () => {
		const { swarm, clock, calls } = swarmOf({ api: { requests: { limit: 1, per: "1s" } } });
		const paused = swarm.start({ nodes: nodes(2, { keys: ["api"] }) });
		await rest();
		await paused.pause();
		expect(clock.pending).toBe(0);
		const other = swarm.start({ nodes: [{ id: "x", agent: "call", input: { keys: ["api"] } }] });
		await finish(other, clock);
		await paused.resume();
		await finish(paused, clock);
		expect(calls).toEqual([
			{ id: "n0", at: 0 },
			{ id: "x", at: 1_000 },
			{ id: "n1", at: 2_000 },
		]);
	});
});

describe("tokens in a window", () => {
	const limits = { api: { tokens: { limit: 100, per: "1s" } } } as const;
	const estimate = (input: Input) => ({ inputTokens: input.tokens ?? 0, outputTokens: 10 });

	test("are reserved by the agent's estimate", async () => {
		const { swarm, clock, calls } = swarmOf(limits, undefined, { estimate });
		await finish(swarm.start({ nodes: nodes(4, { keys: ["api"], tokens: 40 }) }), clock);
		expect(calls.map(({ at }) => at)).toEqual([0, 0, 1_000, 1_000]);
	});

	test("are what the attempt reports, if that is known: the rest of the reserve is given back", async () => {
		const at: number[] = [];
		const agent = defineAgent({
			name: "talks",
			limits: ["api"],
			estimate: { inputTokens: 60 },
			run: async (used: number, ctx) => {
				at.push(made.clock.now() - 1_000_000);
				if (used > 0) ctx.usage({ inputTokens: used / 2, outputTokens: used / 2, cost: 7 });
			},
		});
		const made = virtualSwarm([agent], { limits, concurrency: 1 });
		const run = made.swarm.start({ nodes: [20, 10, 80, 0].map((input, i) => ({ id: `n${i}`, agent, input })) });
		await finish(run, made.clock);
		// 20 and 10 leave room for 60 more; 80 in place of 60 leaves none.
		expect(at).toEqual([0, 0, 0, 1_000]);
		expect(made.swarm.limits()[0]?.tokens).toEqual({ used: 60, limit: 100 });
	});

	test("that an attempt reports which was given up are none of the next one's", async () => {
		const done = gate();
		let late: ((usage: { inputTokens: number }) => void) | undefined;
		const agent = defineAgent({
			name: "hangs",
			limits: ["llm"],
			estimate: { inputTokens: 60 },
			retry: 2,
			run: async (_: unknown, ctx) => {
				if (ctx.attempt === 2) return done.promise;
				late = (usage) => ctx.usage(usage);
				return new Promise<void>(() => {});
			},
		});
		const { swarm, clock } = virtualSwarm([agent], {
			grace: 1,
			limits: { llm: { tokens: { limit: 200, per: "1h" } } },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: "hangs", timeout: 10 }] });
		await pass(clock, 15);
		late?.({ inputTokens: 5 });
		done.open();
		expect((await finish(run, clock)).status).toBe("completed");
		// Neither of them has said that it has used less than its estimate.
		expect(swarm.limits()[0]?.tokens?.used).toBe(120);
	});

	test("of a wrong estimate fail the attempt", async () => {
		const { swarm, clock } = swarmOf(limits, undefined, { estimate: () => ({ inputTokens: Number.NaN }) });
		const outcome = await finish(swarm.start({ nodes: nodes(1, { keys: ["api"] }) }), clock);
		expect(outcome.failures[0]).toMatchObject({ code: "INVALID_SPEC", message: expect.stringContaining("NaN") });
	});
});

describe("an error with retryAfter", () => {
	test("keeps everybody from that limit until then, whatever run they are of", async () => {
		let calls = 0;
		const made = swarmOf({ api: { concurrency: 2, gate: true } }, () => {
			if (++calls === 1) throw new RetryableError("busy", { retryAfter: "5s" });
		});
		const { swarm, clock } = made;
		const first = swarm.start({ nodes: nodes(1, { keys: ["api"] }, { retry: 2 }) });
		await rest();
		const second = swarm.start({ nodes: [{ id: "x", agent: "call", input: { keys: ["api"] } }] });
		await rest();
		expect(made.view("api")).toMatchObject({ closedUntil: 1_005_000, waiting: 1 });
		await finish(first, clock);
		await finish(second, clock);
		expect(made.calls.map(({ at }) => at)).toEqual([0, 5_000, 5_000]);
		expect(made.view("api")).not.toHaveProperty("closedUntil");
	});

	test("of a called agent closes the limits of that one, and not those of its caller", async () => {
		const called = defineAgent({
			name: "called",
			limits: ["llm"],
			run: async (): Promise<void> => {
				throw new RetryableError("busy", { retryAfter: "5s" });
			},
		});
		const calling = defineAgent({ name: "calling", limits: ["db"], run: (_: unknown, ctx) => ctx.call(called) });
		const { swarm, clock } = virtualSwarm([called, calling], {
			limits: { llm: { concurrency: 2, gate: true }, db: { concurrency: 2, gate: true } },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: "calling" }] });
		expect((await finish(run, clock)).failures[0]?.cause).toMatchObject({ code: "CALL_FAILED", retryAfter: 5_000 });
		expect(swarm.limits().map(({ name, closedUntil }) => [name, closedUntil])).toEqual([
			["llm", 1_005_000],
			["db", undefined],
			["background", undefined],
		]);
	});

	test("may come from any library", async () => {
		const { swarm, clock, calls } = swarmOf({ api: { requests: { limit: 9, per: "1s" } } }, (input) => {
			if (input.tokens === 1) throw Object.assign(new Error("slow down"), { retryAfter: 700 });
		});
		const [busy] = nodes(1, { keys: ["api"], tokens: 1 });
		await finish(swarm.start({ nodes: [busy as NodeSpec] }), clock);
		await finish(swarm.start({ nodes: nodes(1, { keys: ["api"] }) }), clock);
		expect(calls.map(({ at }) => at)).toEqual([0, 700]);
	});
});

describe("a breaker", () => {
	test("holds for an attempt that a budget had kept from its call: its call is still to come", async () => {
		let down = true;
		const budget: BudgetPort = {
			reserve: ({ node, approved }) =>
				node === "asks" && !approved
					? { verdict: "blocked", reason: "all is spent" }
					: { verdict: "allowed", reservation: node },
			settle: () => {},
		};
		const { swarm, clock, calls, view } = swarmOf(
			{ api: { breaker: { failures: 1, coolDown: "10s" }, requests: { limit: 5, per: "1h" } } },
			() => {
				if (down) throw new Error("down");
			},
			{},
			{ ports: { budget }, budget: { onExhausted: "ask" } },
		);
		const run = swarm.start({ nodes: [{ id: "asks", agent: "call", input: { keys: ["api"] } }] });
		await rest();
		expect([run.waiting().length, view("api")?.requests?.used]).toEqual([1, 0]);
		await finish(swarm.start({ nodes: nodes(1, { keys: ["api"] }) }), clock);
		expect(view("api")?.breaker?.state).toBe("open");
		down = false;
		await run.approve("asks", { by: "ann" });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(calls).toEqual([
			{ id: "n0", at: 0 },
			{ id: "asks", at: 10_000 },
		]);
		expect(view("api")).toMatchObject({ inUse: 0, waiting: 0, requests: { used: 2 } });
	});

	const breaker = { failures: 2, coolDown: "10s" } as const;

	test("is the key's, over all runs and nodes, and lets its waiters sleep while it is open (B19)", async () => {
		let down = true;
		const { swarm, clock, calls, view } = swarmOf({ api: { breaker } }, () => {
			if (down) throw new Error("down");
		});
		const input: Input = { keys: ["api"] };
		for (let i = 0; i < 2; i++) await finish(swarm.start({ nodes: [{ id: `f${i}`, agent: "call", input }] }), clock);
		expect(view("api")?.breaker).toEqual({ state: "open", failures: 2 });
		const run = swarm.start({ nodes: nodes(4, input) });
		await rest();
		// One timer, and nobody looks before.
		expect([clock.pending, clock.nextDue, calls.length]).toEqual([1, 1_010_000, 2]);
		await pass(clock, 10_000);
		// One probe: it fails, and the others sleep again.
		expect([calls.length, clock.pending, clock.nextDue]).toEqual([3, 1, 1_020_000]);
		down = false;
		await finish(run, clock);
		expect(calls.slice(2).map(({ at }) => at)).toEqual([10_000, 20_000, 20_000, 20_000]);
		expect(view("api")).toMatchObject({ inUse: 0, waiting: 0, breaker: { state: "closed", failures: 0 } });
	});

	test("admits no more than its probes while half open (B19)", async () => {
		const hold = gate();
		let calls = 0;
		const { swarm, clock } = swarmOf({ api: { breaker: { failures: 1, coolDown: "1s", probes: 2 } } }, () => {
			if (++calls === 1) throw new Error("down");
			return hold.promise;
		});
		await finish(swarm.start({ nodes: nodes(1, { keys: ["api"] }) }), clock);
		const run = swarm.start({ nodes: nodes(8, { keys: ["api"] }) });
		await pass(clock, 60_000);
		expect([calls, clock.pending]).toEqual([3, 0]);
		hold.open();
		await finish(run, clock);
		expect(calls).toBe(9);
	});

	test("counts the time-out of an attempt, and not that of a wait or a cancel", async () => {
		const agent = defineAgent({
			name: "odd",
			limits: ["api"],
			run: async (input: string, ctx) => {
				if (input === "wait") await ctx.waitForSignal("never", { timeout: 5 });
				if (input === "slow") await new Promise((_, reject) => ctx.signal.addEventListener("abort", reject));
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { limits: { api: { breaker } }, grace: 1 });
		const streak = (): number | undefined => swarm.limits()[0]?.breaker?.failures;
		const node = (input: string, more: Partial<NodeSpec> = {}) => ({ nodes: [{ id: "a", agent, input, ...more }] });
		await finish(swarm.start(node("wait")), clock);
		expect(streak()).toBe(0);
		const cancelled = swarm.start(node("slow"));
		await rest();
		await cancelled.cancel("enough");
		expect(streak()).toBe(0);
		await finish(swarm.start(node("slow", { timeout: 20 })), clock);
		expect(streak()).toBe(1);
	});

	test("lets another one try while a probe is parked, which may be for days", async () => {
		let calls = 0;
		const agent = defineAgent({
			name: "asks",
			limits: ["api"],
			run: async (_: unknown, ctx) => {
				const call = ++calls;
				if (call === 2) await ctx.waitForSignal("go");
				if (call <= 2) throw new Error("down");
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { limits: { api: { breaker: { failures: 1, coolDown: "1s" } } } });
		const start = () => swarm.start({ nodes: [{ id: "a", agent }] });
		await finish(start(), clock);
		const probe = start();
		await pass(clock, 1_000);
		expect([calls, swarm.limits()[0]?.inUse]).toEqual([2, 0]);
		expect((await finish(start(), clock)).status).toBe("completed");
		expect(swarm.limits()[0]?.breaker?.state).toBe("closed");
		// What it meets so late says nothing about now.
		await probe.signal("go");
		await finish(probe, clock);
		expect(swarm.limits()[0]).toMatchObject({ inUse: 0, breaker: { state: "closed", failures: 0 } });
	});
});

describe("background agents", () => {
	test("run three at a time over all runs unless told otherwise (P4)", async () => {
		for (const [limits, most] of [
			[undefined, 3],
			[{ background: 5 }, 5],
			[{ background: { concurrency: 1 } }, 1],
		] as const) {
			const hold = gate();
			const { swarm, clock, calls } = swarmOf(limits, () => hold.promise, { background: true });
			const runs = [0, 1].map(() => swarm.start({ nodes: nodes(4, {}) }));
			await rest();
			expect(calls).toHaveLength(most);
			hold.open();
			for (const run of runs) await finish(run, clock);
			expect(calls).toHaveLength(8);
		}
	});

	test("hold their unit for one step, and not while they sleep between (P4)", async () => {
		let at = 0;
		let peak = 0;
		const agent = defineAgent({
			name: "tick",
			background: true,
			run: async (_: unknown, ctx) => {
				for (let i = 0; i < 3; i++) {
					await ctx.sleep(100);
					peak = Math.max(peak, ++at);
					await Promise.resolve();
					at--;
				}
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { concurrency: 10 });
		const run = swarm.start({ nodes: Array.from({ length: 10 }, (_, i) => ({ id: `t${i}`, agent })) });
		await pass(clock, 50);
		expect(swarm.limits().find(({ name }) => name === "background")).toMatchObject({ inUse: 0 });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(peak).toBeLessThanOrEqual(3);
	});
});

test("no task of a fan-out is dropped where one runs at a time (B41)", async () => {
	const { swarm, clock, calls } = swarmOf(
		{ "tenant:*": { concurrency: 1, requests: { limit: 7, per: 100 } } },
		undefined,
		{},
		{ concurrency: 1 },
	);
	const run = swarm.start({
		nodes: Array.from({ length: 100 }, (_, i) => ({
			id: `n${i}`,
			agent: "call",
			input: { keys: [`tenant:${i % 3}`] },
		})),
	});
	const events = record(run);
	expect((await finish(run, clock)).status).toBe("completed");
	expect(calls).toHaveLength(100);
	expect(lines(events, /completed/)).toHaveLength(100);
	expect(swarm.limits().every(({ waiting, inUse }) => waiting + inUse === 0)).toBe(true);
});
