import { createSwarm, defineAgent, type NodeSpec, VirtualClock } from "dagswarm";
import { foldProblem } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { deps, echo, fail, finish, forever, pass, rejection, rest } from "../swarm/fixture.js";
import { journals, Lives, stored } from "./fixture.js";
import { asker, flaky, hanging, listener, sleeper } from "./waiting-agents.js";

describe.each(journals())("a run in a %s journal", (_, make) => {
	test("goes on where it was: ready, running, retry wait, asleep, waiting", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const agents = [agent, echo, deps, sleeper, listener, asker, flaky];
		const lives = new Lives(agents, { concurrency: 8 }, make());
		const nodes: NodeSpec[] = [
			{ id: "done", agent: "echo", input: 1 },
			{ id: "run", agent: "hanging" },
			{ id: "retry", agent: "flaky", input: 2 },
			{ id: "sleep", agent: "sleeper", input: 60_000 },
			{ id: "signal", agent: "listener" },
			{ id: "signal-late", agent: "listener", input: 30_000 },
			{ id: "approval", agent: "asker" },
			{ id: "approval-late", agent: "asker", input: 25_000 },
			{ id: "after", agent: "deps", dependsOn: { d: "done", r: "run", s: "sleep" } },
		];
		const { swarm, clock } = lives.next();
		swarm.start({ nodes }, { runId: "r" });
		await pass(clock, 10);
		const second = await lives.recover("r");
		const { run } = second;
		await rest();
		expect(calls).toEqual(["run 1 false -", "run 2 true CRASHED"]);
		// The retry wait was over long ago: its timer fires at once.
		await pass(second.clock, 0);
		expect(run.output("retry")).toBe(2);
		expect(run.snapshot().get("sleep")).toMatchObject({ state: "waiting", wait: { kind: "sleep", until: 1_060_000 } });
		await run.signal("go", "now", { node: "signal" });
		await run.approve("approval", { by: "me" });
		await pass(second.clock, 9_000);
		expect(run.output("signal")).toBe("now");
		expect(run.output("approval")).toEqual({ by: "me" });
		expect(run.output("approval-late")).toBe("TIMEOUT");
		expect(run.snapshot().get("signal-late")?.state).toBe("waiting");
		await pass(second.clock, 10_000);
		expect(run.snapshot().get("signal-late")).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
		go.open();
		await rest();
		const outcome = await finish(run, second.clock);
		expect(second.clock.now()).toBe(1_060_000);
		expect(outcome.outputs["after"]).toEqual({ d: 1, r: 2, s: 2 });
		const events = await stored(lives.journal, "r");
		expect(foldProblem(events, run.snapshot())).toBeUndefined();
		expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, i) => i + 1));
	});

	test("of one that ended gives its result, its outputs and its events", async () => {
		const lives = new Lives([echo, fail], {}, make());
		const { swarm, clock } = lives.next();
		const nodes = [
			{ id: "a", agent: "echo", input: new Uint8Array([1, 2]) },
			{ id: "b", agent: "fail", input: "no" },
			{ id: "c", agent: "echo", dependsOn: ["b"] },
		];
		const first = await finish(swarm.start({ nodes }, { runId: "r" }), clock);
		const { run } = await lives.recover("r");
		const again = await run.result();
		expect(again.status).toBe("failed");
		expect(again.outputs).toEqual(first.outputs);
		expect(again.failures.map(({ id, code }) => [id, code])).toEqual(first.failures.map(({ id, code }) => [id, code]));
		expect(again.stats).toMatchObject({ completed: 1, attempts: 2 });
		expect(run.output("a")).toEqual(new Uint8Array([1, 2]));
		const events = [];
		for await (const event of run.events({ from: 1 })) events.push(event);
		expect(events).toEqual(await stored(lives.journal, "r"));
		expect(events.at(-1)?.type).toBe("run.ended");
		expect((await rejection(run.mutate([]))).code).toBe("RUN_ENDED");
		expect((await run.cancel()).status).toBe("failed");
	});

	test("refuses to be taken from a living writer, and gives way to a dead one", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const lives = new Lives([agent], {}, make());
		const one = lives.next();
		one.swarm.start({ nodes: [{ id: "a", agent: "hanging" }] }, { runId: "r" });
		await rest();
		expect((await rejection(one.swarm.recover("r"))).code).toBe("RUN_BUSY");
		expect((await rejection(one.swarm.recover("other"))).code).toBe("UNKNOWN_RUN");
		expect(() => one.swarm.start({ nodes: [] }, { runId: "r" })).toThrowError(
			expect.objectContaining({ code: "RUN_EXISTS" }),
		);
		const { journal } = lives;
		const clock = new VirtualClock(one.clock.now());
		const other = createSwarm({ agents: [agent], journal, clock, durability: "strict", check: "full" });
		const busy = await rejection(other.recover("r"));
		expect(busy).toMatchObject({ code: "RUN_BUSY", message: expect.stringContaining(String(process.pid)) });
		// As long as its heart beats it lives.
		await pass(one.clock, 60_000);
		await pass(clock, 60_000);
		expect((await rejection(other.recover("r"))).code).toBe("RUN_BUSY");
		expect(await other.recoverAll()).toMatchObject({ runs: [], refused: [{ run: "r", error: { code: "RUN_BUSY" } }] });
		lives.die();
		await pass(clock, 15_001);
		const run = await other.recover("r");
		await rest();
		expect(calls.at(-1)).toBe("a 2 true CRASHED");
		go.open();
		await rest();
		expect((await run.result()).outputs).toEqual({ a: 2 });
	});

	test("a writer that was taken for dead is fenced, and its run stops there", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const journal = make();
		const early = new VirtualClock(1_000_000);
		const late = new VirtualClock(1_020_000);
		const options = { agents: [agent], journal, durability: "strict", check: "full" } as const;
		const zombie = createSwarm({ ...options, clock: early }).start(
			{ nodes: [{ id: "a", agent: "hanging" }] },
			{ runId: "r" },
		);
		await rest();
		const run = await createSwarm({ ...options, clock: late }).recover("r");
		await rest();
		go.open();
		await rest();
		expect((await run.result()).outputs).toEqual({ a: 2 });
		const outcome = await zombie.result();
		expect(outcome).toMatchObject({ status: "failed", reason: expect.stringContaining("FENCED") });
		expect((await stored(journal, "r")).filter(({ type }) => type === "node.completed")).toHaveLength(1);
	});

	test("tells a fenced writer by its heartbeat, too", async () => {
		const calls: string[] = [];
		const { agent } = hanging(calls);
		const journal = make();
		const early = new VirtualClock(1_000_000);
		const late = new VirtualClock(1_020_000);
		const options = { agents: [agent], journal, durability: "strict", grace: 10 } as const;
		const zombie = createSwarm({ ...options, clock: early }).start(
			{ nodes: [{ id: "a", agent: "hanging" }] },
			{ runId: "r" },
		);
		await rest();
		await createSwarm({ ...options, clock: late }).recover("r");
		await pass(early, 5_100);
		expect(await zombie.result()).toMatchObject({ status: "failed", reason: expect.stringContaining("FENCED") });
	});

	test("is not told so of a run that is about to be written for the first time", async () => {
		const { swarm, clock } = new Lives([hanging([]).agent, echo], {}, make()).next();
		swarm.start({ nodes: [{ id: "a", agent: "hanging" }] }, { runId: "r" });
		await pass(clock, 4_999);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo", input: 1 }] }, { runId: "s" });
		// The heart beats before anything of it is in the journal.
		clock.advance(1);
		await rest();
		expect(await run.result()).toMatchObject({ status: "completed" });
	});
});

test("a heartbeat leaves alone what has been started and is not on the disk yet", async () => {
	for (const durability of ["strict", "relaxed"] as const) {
		const { swarm, clock } = new Lives([sleeper, echo], { durability }).next();
		const long = swarm.start({ nodes: [{ id: "a", agent: "sleeper", input: 20_000 }] }, { runId: "long" });
		await pass(clock, 4_999);
		const run = swarm.start({ nodes: [{ id: "b", agent: "echo", input: 1 }] }, { runId: "new" });
		clock.advance(1);
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { b: 1 } });
		expect((await finish(long, clock)).status).toBe("completed");
	}
});

describe("recoverAll", () => {
	test("brings back what it can, and says what it cannot", async () => {
		const lives = new Lives([echo, forever]);
		const { swarm } = lives.next();
		for (const runId of ["one", "two", "three"]) swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId });
		await rest();
		const { journal } = lives;
		const broken = new Proxy(journal, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (key === "read")
					return function* (run: string, from?: number) {
						for (const record of target.read(run, from) as Iterable<{ body: string }>)
							yield run === "two" ? { ...record, body: record.body.replace("forever", "foreve_") } : record;
					};
				return typeof member === "function" ? member.bind(target) : member;
			},
		});
		lives.die();
		const clock = new VirtualClock(lives.now);
		const agents = [echo, defineAgent({ name: "forever", run: async () => 1 })];
		const next = createSwarm({ agents, clock, journal: broken });
		const { runs, refused } = await next.recoverAll();
		expect(runs.map(({ id }) => id)).toEqual(["one", "three"]);
		expect(refused).toMatchObject([{ run: "two", error: { code: "JOURNAL_CORRUPT" } }]);
		await rest();
		await pass(clock, 20);
		for (const run of runs) expect((await run.result()).status).toBe("completed");
		expect((await journal.find("two"))?.epoch).toBe(1);
	});
});
