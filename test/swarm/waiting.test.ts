import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, gate, pass, rejection, rest, virtualSwarm } from "./fixture.js";

const asker = defineAgent({
	name: "asker",
	run: async (to: string | undefined, ctx) =>
		(await ctx.requestApproval({ reason: "may I?", data: { cost: 5 }, name: "spend", ...(to !== undefined && { to }) }))
			.by,
});
const listener = defineAgent({ name: "listener", run: async (name: string, ctx) => ctx.waitForSignal(name) });
const sleeper = defineAgent({ name: "sleeper", run: async (ms: number, ctx) => ctx.sleep(ms) });
const agents = [asker, listener, sleeper, echo];

describe("the list of what waits", () => {
	test("says what each node waits for, whom, since when and until when, the longest first", async () => {
		const { swarm, clock } = virtualSwarm(agents);
		const run = swarm.start({
			nodes: [
				{ id: "late", agent: "asker", input: "Ada", dependsOn: ["nap"] },
				{ id: "any", agent: "asker" },
				{ id: "go", agent: "listener", input: "go" },
				{ id: "nap", agent: "sleeper", input: 100 },
				{ id: "long", agent: "sleeper", input: 1_000 },
			],
		});
		const start = clock.now();
		await pass(clock, 100);
		const about = { run: run.id, kind: "approval", reason: "may I?", name: "spend", data: { cost: 5 } };
		expect(run.waiting()).toEqual([
			{ ...about, node: "any", agent: "asker", since: start },
			{ run: run.id, node: "go", agent: "listener", kind: "signal", name: "go", since: start },
			{ run: run.id, node: "long", agent: "sleeper", kind: "sleep", since: start, until: start + 1_000 },
			{ ...about, node: "late", agent: "asker", to: "Ada", since: start + 100 },
		]);
		expect(run.waiting({ kind: "approval" }).map(({ node }) => node)).toEqual(["any", "late"]);
		expect(run.waiting({ to: "Ada" }).map(({ node }) => node)).toEqual(["late"]);
		expect(run.waiting({ kind: "signal", to: "Ada" })).toEqual([]);
		await run.approve("late");
		await rest();
		expect(run.waiting({ kind: "approval" }).map(({ node }) => node)).toEqual(["any"]);
		await run.cancel();
		expect(run.waiting()).toEqual([]);
	});

	test("of a swarm is that of all its runs that have not ended", async () => {
		const { swarm, clock } = virtualSwarm(agents);
		const first = swarm.start({ nodes: [{ id: "a", agent: "asker", input: "Ada" }] }, { runId: "first" });
		await rest();
		clock.advance(1);
		const second = swarm.start({ nodes: [{ id: "a", agent: "asker", input: "Bob" }] }, { runId: "second" });
		await rest();
		clock.advance(1);
		await first.mutate([{ type: "addNode", node: { id: "b", agent: "asker", input: "Ada" } }]);
		await rest();
		const names = () => swarm.waiting().map(({ run, node }) => `${run} ${node}`);
		expect(names()).toEqual(["first a", "second a", "first b"]);
		expect(swarm.waiting({ to: "Bob" })).toMatchObject([{ run: "second", node: "a" }]);
		await second.approve("a", { by: "Bob" });
		await second.result();
		expect(names()).toEqual(["first a", "first b"]);
		await swarm.close();
		expect(names()).toEqual([]);
	});

	test("leaves out retry waits, and nodes whose turn it is again", async () => {
		const flaky = defineAgent({
			name: "flaky",
			retry: { maxAttempts: 2, delay: 50 },
			run: async () => {
				throw new Error("no");
			},
		});
		const { swarm } = virtualSwarm([flaky, listener]);
		const run = swarm.start({
			nodes: [
				{ id: "f", agent: "flaky" },
				{ id: "l", agent: "listener", input: "go" },
			],
		});
		await rest();
		expect(run.snapshot().counts.waiting).toBe(2);
		expect(run.waiting()).toMatchObject([{ node: "l" }]);
		await run.pause();
		await run.signal("go");
		expect(run.snapshot().get("l")?.state).toBe("ready");
		expect(run.waiting()).toEqual([]);
		await run.cancel();
	});
});

describe("ctx.inbox", () => {
	test("gives each message once, oldest first, between two steps", async () => {
		const seen: unknown[] = [];
		const steps = [gate(), gate(), gate()];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				seen.push(ctx.inbox());
				for (const step of steps) {
					await step.promise;
					seen.push(ctx.inbox());
				}
			},
		});
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		await run.steer("a", "shorter");
		await run.steer("a", { tone: "kind" });
		steps[0]?.open();
		await rest();
		await run.steer("a", undefined);
		steps[1]?.open();
		await rest();
		steps[2]?.open();
		await run.result();
		expect(seen).toEqual([[], ["shorter", { tone: "kind" }], [undefined], []]);
	});

	test("has what came before the node started, and a new attempt gets it all again", async () => {
		const seen: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			retry: { maxAttempts: 2, delay: 10 },
			run: async (_: unknown, ctx) => {
				seen.push([ctx.attempt, ...ctx.inbox()]);
				await ctx.sleep(10);
				seen.push([ctx.attempt, ...ctx.inbox()]);
				if (ctx.attempt === 1) throw new Error("again");
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await run.steer("a", 1);
		await rest();
		await run.steer("a", 2);
		// A message wakes nobody who waits.
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await pass(clock, 30);
		expect((await run.result()).status).toBe("completed");
		expect(seen).toEqual([[1, 1], [1, 2], [2, 1, 2], [2]]);
	});

	test("is empty once the attempt is over; messages to who has ended, or that are no data, are refused", async () => {
		const hold = gate();
		let late: readonly unknown[] = ["not asked"];
		const deaf = defineAgent({
			name: "deaf",
			run: async (_: unknown, ctx) => {
				await hold.promise;
				late = ctx.inbox();
			},
		});
		const { swarm } = virtualSwarm([deaf]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "deaf" }] }, { open: true });
		await rest();
		await run.steer("a", "hello");
		expect(await rejection(run.steer("a", () => 1))).toMatchObject({ code: "INVALID_INPUT" });
		expect(await rejection(run.steer("nobody", 1))).toMatchObject({ code: "UNKNOWN_NODE" });
		await run.mutate([{ type: "pruneSubgraph", id: "a" }]);
		expect(await rejection(run.steer("a", 1))).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		hold.open();
		await rest();
		expect(late).toEqual([]);
		await run.close();
		await run.result();
		expect(await rejection(run.steer("a", 1))).toMatchObject({ code: "RUN_ENDED" });
	});
});

describe("a paused run", () => {
	test("can be edited: nodes that are pending or ready get another input, and run with it", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({
			nodes: [
				{ id: "ready", agent: "echo", input: "old" },
				{ id: "pending", agent: "echo", input: "old", dependsOn: ["ready"] },
				{
					id: "both",
					agent: "echo",
					input: [{ $output: "ready" }, { $output: "pending" }],
					dependsOn: ["ready", "pending"],
				},
			],
		});
		await run.pause();
		await rest();
		expect(run.snapshot().get("ready")?.state).toBe("ready");
		await run.mutate([
			{ type: "updateNode", id: "ready", changes: { input: "new" } },
			{ type: "updateNode", id: "pending", changes: { input: { was: { $output: "ready" } } } },
		]);
		await rest();
		expect(run.snapshot()).toMatchObject({ status: "paused", counts: { ready: 1, pending: 2, running: 0 } });
		await run.resume();
		expect((await run.result()).outputs).toEqual({ both: ["new", { was: "new" }] });
	});

	test("refuses to change what has started, also while it waits", async () => {
		const { swarm } = virtualSwarm(agents);
		const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] });
		await rest();
		await run.pause();
		const patch = [{ type: "updateNode", id: "a", changes: { input: "Bob" } }] as const;
		expect(await rejection(run.mutate(patch))).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		await run.cancel();
	});

	test("takes answers, signals and the end of sleeps; what they wake starts after it", async () => {
		const { swarm, clock } = virtualSwarm(agents);
		const run = swarm.start({
			nodes: [
				{ id: "asks", agent: "asker" },
				{ id: "hears", agent: "listener", input: "go" },
				{ id: "sleeps", agent: "sleeper", input: 50 },
			],
		});
		await rest();
		await run.pause();
		await run.approve("asks", { by: "Ada" });
		await run.signal("go", 1);
		await pass(clock, 50);
		expect(run.snapshot()).toMatchObject({ status: "paused", counts: { ready: 3 } });
		// It has been answered, though nobody has gone on yet.
		expect(await rejection(run.approve("asks"))).toMatchObject({ code: "ILLEGAL_STATE" });
		await run.resume();
		expect((await run.result()).outputs).toEqual({ asks: "Ada", hears: 1, sleeps: undefined });
	});
});
