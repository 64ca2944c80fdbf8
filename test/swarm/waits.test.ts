import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, gate, lines, pass, record, rejection, rest, virtualSwarm } from "./fixture.js";

const sleeper = defineAgent({
	name: "sleeper",
	run: async (ms: number, ctx) => {
		await ctx.sleep(ms);
		return `slept ${ms}`;
	},
});

describe("ctx.sleep", () => {
	test("frees the slot: others run meanwhile at concurrency 1", async () => {
		const { swarm, clock } = virtualSwarm([sleeper, echo], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "s", agent: "sleeper", input: 60_000 },
				{ id: "e", agent: "echo", input: 1 },
			],
		});
		const events = record(run);
		await rest();
		expect(run.output("e")).toBe(1);
		expect(run.snapshot().get("s")).toMatchObject({ state: "waiting", wait: { kind: "sleep", until: 1_060_000 } });
		expect(run.snapshot().status).toBe("running");
		await pass(clock, 59_999);
		expect(run.snapshot().get("s")?.state).toBe("waiting");
		await pass(clock, 1);
		const outcome = await run.result();
		expect(outcome.outputs).toEqual({ s: "slept 60000", e: 1 });
		expect(outcome.stats.attempts).toBe(2);
		expect(lines(events, /node\.(started|parked|woken|completed)/)).toEqual([
			"node.started s",
			"node.parked s",
			"node.started e",
			"node.completed e",
			"node.woken s",
			"node.started s",
			"node.completed s",
		]);
		expect(run.snapshot().get("s")?.attempt).toBe(1);
	});

	test("a thousand sleepers need one slot", async () => {
		const { swarm, clock } = virtualSwarm([sleeper], { concurrency: 1, check: "local" });
		const nodes = Array.from({ length: 1_000 }, (_, i) => ({ id: `s${i}`, agent: "sleeper", input: 1_000 }));
		const run = swarm.start({ nodes });
		await rest(50);
		expect(run.snapshot().counts.waiting).toBe(1_000);
		await pass(clock, 1_000);
		await rest(50);
		expect((await run.result()).stats.completed).toBe(1_000);
	});

	test("takes text with a unit, and refuses what is no duration", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (input: unknown, ctx) => ctx.sleep(input as number).catch((error) => error.code),
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({
			nodes: [
				{ id: "ok", agent: "agent", input: "5m" },
				{ id: "neg", agent: "agent", input: -1 },
				{ id: "bad", agent: "agent", input: "soon" },
			],
		});
		await rest();
		expect(run.output("neg")).toBe("INVALID_OPTION");
		expect(run.output("bad")).toBe("INVALID_OPTION");
		await pass(clock, 300_000);
		expect((await run.result()).status).toBe("completed");
	});

	test("several in one attempt, one after the other and side by side", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const start = clock.now();
				await ctx.sleep(10);
				await ctx.sleep(20);
				const first = clock.now() - start;
				await Promise.all([ctx.sleep(5), ctx.sleep(5)]);
				return [first, clock.now() - start >= 35];
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { concurrency: 1 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toEqual({ a: [30, true] });
	});

	test("rejects when the attempt is over, while parked (B44)", async () => {
		const seen: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				try {
					await ctx.sleep("1d");
				} catch (error) {
					seen.push((error as { code: string }).code);
					throw error;
				}
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		const outcome = await run.cancel("stop");
		expect(outcome).toMatchObject({ status: "cancelled", stats: { leaked: 0 } });
		expect(seen).toEqual(["CANCELLED"]);
		expect(clock.pending).toBe(0);
	});

	test("of a pruned node rejects too, and its slot is not freed twice", async () => {
		const { swarm, clock } = virtualSwarm([sleeper, echo], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "s", agent: "sleeper", input: 100_000 },
				{ id: "t", agent: "sleeper", input: 10 },
			],
		});
		await rest();
		await run.mutate([{ type: "pruneSubgraph", id: "s" }]);
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: { t: "slept 10" }, stats: { abandoned: 1 } });
	});

	test("that the function does not wait for: its outcome counts when the node goes on", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				void ctx.sleep(50);
				return "early";
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "agent" },
				{ id: "b", agent: "echo", input: { $output: "a" }, dependsOn: ["a"] },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: { b: "early" } });
	});

	test("that nobody waits for does not end the process when the run is cancelled, or it returns early", async () => {
		// An unhandled rejection fails the whole test file.
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				void ctx.sleep(50);
				void ctx.sleep(60);
				void ctx.waitForSignal("never", { timeout: 5 });
				return "early";
			},
		});
		for (const cancel of [true, false]) {
			const { swarm, clock } = virtualSwarm([agent]);
			const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
			await rest();
			if (cancel) void run.cancel();
			const outcome = await finish(run, clock);
			expect(outcome.status).toBe(cancel ? "cancelled" : "completed");
			await rest();
		}
	});
});

describe("ctx.waitForSignal", () => {
	const listener = defineAgent({
		name: "listener",
		run: async (name: string, ctx) => ({ heard: await ctx.waitForSignal(name) }),
	});

	test("parks until the signal comes; the run is waiting, not stalled", async () => {
		const { swarm } = virtualSwarm([listener], { concurrency: 1 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "listener", input: "go" }] });
		const events = record(run);
		await rest();
		expect(run.snapshot().status).toBe("waiting");
		expect(run.explain("a").why).toContain('"go"');
		await run.signal("go", { x: 1 });
		expect((await run.result()).outputs).toEqual({ a: { heard: { x: 1 } } });
		await rest();
		expect(lines(events, /run/)).toEqual(["run.created", "run.started", "run.waiting", "run.resumed", "run.ended"]);
	});

	test("a signal that came first is kept, and taken once (B42)", async () => {
		const { swarm } = virtualSwarm([listener], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "listener", input: "go" },
				{ id: "b", agent: "listener", input: "go", dependsOn: ["a"] },
			],
		});
		await run.signal("go", 1);
		await run.signal("go", 2);
		await run.signal("other", 3);
		expect((await run.result()).outputs).toEqual({ b: { heard: 2 } });
		expect(run.output("a")).toEqual({ heard: 1 });
	});

	test("wakes the one that has waited longest, one at a time", async () => {
		const { swarm, clock } = virtualSwarm([listener, sleeper]);
		const run = swarm.start({
			nodes: [
				{ id: "s", agent: "sleeper", input: 10 },
				{ id: "second", agent: "listener", input: "go", dependsOn: ["s"] },
				{ id: "first", agent: "listener", input: "go" },
			],
		});
		await pass(clock, 10);
		await run.signal("go", "one");
		await rest();
		expect(run.output("first")).toEqual({ heard: "one" });
		expect(run.snapshot().get("second")?.state).toBe("waiting");
		await run.signal("go", "two");
		expect((await run.result()).status).toBe("completed");
	});

	test("for one node reaches that node only, kept or not", async () => {
		const { swarm } = virtualSwarm([listener]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "listener", input: "go" },
				{ id: "b", agent: "listener", input: "go" },
				{ id: "c", agent: "listener", input: "go", dependsOn: ["b"] },
			],
		});
		await rest();
		await run.signal("go", "for c", { node: "c" });
		await run.signal("go", "for b", { node: "b" });
		await rest();
		expect(run.output("b")).toEqual({ heard: "for b" });
		expect(run.output("c")).toEqual({ heard: "for c" });
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		expect(await rejection(run.signal("go", 1, { node: "ghost" }))).toMatchObject({ code: "UNKNOWN_NODE" });
		await run.cancel();
	});

	test("throws TIMEOUT when none comes in time; a later one is kept for others", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const first = await ctx.waitForSignal("go", { timeout: 100 }).catch((error) => error.code);
				return [first, await ctx.waitForSignal("go")];
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await pass(clock, 100);
		expect(run.snapshot().get("a")).toMatchObject({ state: "waiting", attempt: 1 });
		await run.signal("go", "late");
		expect((await run.result()).outputs).toEqual({ a: ["TIMEOUT", "late"] });
	});

	test("a signal after the end is RUN_ENDED", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		await run.result();
		expect(await rejection(run.signal("go"))).toMatchObject({ code: "RUN_ENDED" });
	});

	test("signals that come before a node may run are kept for it, and replayed in order", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => [await ctx.waitForSignal("x"), await ctx.waitForSignal("x")],
		});
		const { swarm, clock } = virtualSwarm([agent, sleeper]);
		const run = swarm.start({
			nodes: [
				{ id: "s", agent: "sleeper", input: 10 },
				{ id: "a", agent: "agent", dependsOn: ["s"] },
			],
		});
		await run.signal("x", 1);
		await run.signal("x", 2);
		expect((await finish(run, clock)).outputs).toEqual({ a: [1, 2] });
	});
});

describe("ctx.requestApproval", () => {
	const asker = defineAgent({
		name: "asker",
		run: async (timeout: number | undefined, ctx) => {
			try {
				const given = await ctx.requestApproval({
					reason: "spend 5",
					data: { amount: 5 },
					...(timeout !== undefined && { timeout }),
				});
				return { given };
			} catch (error) {
				const { code, message } = error as { code: string; message: string };
				return { code, message };
			}
		},
	});

	test("is answered by approve, with who and what", async () => {
		const { swarm } = virtualSwarm([asker, echo], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "asker" },
				{ id: "b", agent: "echo", input: 1 },
			],
		});
		await rest();
		expect(run.output("b")).toBe(1);
		expect(run.snapshot().get("a")?.wait).toEqual({ kind: "approval", reason: "spend 5", data: { amount: 5 } });
		await run.approve("a", { by: "ann", data: { limit: 4 } });
		expect((await run.result()).outputs).toEqual({ a: { given: { by: "ann", data: { limit: 4 } } }, b: 1 });
	});

	test("throws REJECTED with what the person said", async () => {
		const { swarm } = virtualSwarm([asker]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] });
		await rest();
		await run.reject("a", { by: "bob", reason: "too much" });
		expect((await run.result()).outputs).toEqual({
			a: { code: "REJECTED", message: "spend 5: rejected by bob: too much" },
		});
	});

	test("throws TIMEOUT when nobody answers, and an answer after that is refused", async () => {
		const { swarm, clock } = virtualSwarm([asker, sleeper]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "asker", input: 1_000 },
				{ id: "s", agent: "sleeper", input: 2_000 },
			],
		});
		await pass(clock, 1_000);
		expect(run.output("a")).toMatchObject({ code: "TIMEOUT" });
		expect(await rejection(run.approve("a"))).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		await finish(run, clock);
	});

	test("answers to who does not ask, or is not there, are refused", async () => {
		const go = gate();
		const slow = defineAgent({ name: "slow", run: async () => go.promise });
		const { swarm } = virtualSwarm([slow]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
		await rest();
		expect(await rejection(run.approve("a"))).toMatchObject({ code: "ILLEGAL_STATE" });
		expect(await rejection(run.reject("ghost"))).toMatchObject({ code: "UNKNOWN_NODE" });
		go.open();
		await run.result();
		expect(await rejection(run.approve("a"))).toMatchObject({ code: "RUN_ENDED" });
	});

	test("two approvals at once: the first counts", async () => {
		const { swarm } = virtualSwarm([asker]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] });
		await rest();
		const [first, second] = await Promise.allSettled([run.approve("a", { by: "x" }), run.reject("a", { by: "y" })]);
		expect([first?.status, second?.status]).toEqual(["fulfilled", "rejected"]);
		expect((await run.result()).outputs).toEqual({ a: { given: { by: "x" } } });
	});
});

describe("a waiting run", () => {
	test("ends by its deadline, and then nothing can be approved", async () => {
		const asker = defineAgent({ name: "asker", run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "?" }) });
		const { swarm, clock } = virtualSwarm([asker, echo]);
		const run = swarm.start(
			{
				nodes: [
					{ id: "a", agent: "asker" },
					{ id: "b", agent: "echo", dependsOn: ["a"] },
				],
			},
			{ deadline: "1h" },
		);
		await pass(clock, 3_599_999);
		expect(run.snapshot().status).toBe("waiting");
		await pass(clock, 1);
		expect(await run.result()).toMatchObject({ status: "timed_out", stats: { cancelled: 2 } });
	});
});
