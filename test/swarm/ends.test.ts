import { inspect } from "node:util";
import { defineAgent, type NodeSpec, RunFailedError, result, SwarmError } from "dagswarm";
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
	rejection,
	rest,
	virtualSwarm,
} from "./fixture.js";

describe("a run completes", () => {
	test("at once when its graph is empty", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [] });
		const events = record(run);
		expect(run.snapshot().status).toBe("completed");
		expect(await run.result()).toMatchObject({ status: "completed", outputs: {}, failures: [], blocked: [] });
		await rest();
		expect(lines(events)).toEqual(["run.created", "run.started", "run.ended"]);
		expect(await swarm.run({ nodes: [] })).toEqual({});
		expect(swarm.runs()).toEqual([]);
	});

	test("when a failure is tolerated: no sink failed", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const outcome = await swarm
			.start({
				nodes: [
					{ id: "a", agent: "fail", input: "broken" },
					{ id: "b", agent: "echo", input: "rescued", join: "failed", dependsOn: ["a"] },
				],
			})
			.result();
		expect(outcome).toMatchObject({ status: "completed", outputs: { b: "rescued" } });
		expect(outcome.failures).toMatchObject([{ id: "a", code: "AGENT_ERROR", message: "broken", attempts: 1 }]);
	});

	test("with outputs of sinks only, and output() for any other", async () => {
		const { swarm } = virtualSwarm([echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: 1 },
				{ id: "b", agent: "deps", dependsOn: ["a"] },
				{ id: "c", agent: "echo", input: null },
			],
		});
		expect((await run.result()).outputs).toEqual({ b: { a: 1 }, c: null });
		expect(run.output("a")).toBe(1);
		expect(() => run.output("ghost")).toThrowError(/there is no node "ghost"/);
	});

	test("although a quiet node runs for minutes: that is no stall (B3)", async () => {
		const done = gate<string>();
		const slow = defineAgent({ name: "slow", run: () => done.promise });
		const { swarm, clock } = virtualSwarm([slow, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "slow" },
				{ id: "b", agent: "deps", dependsOn: ["a"] },
			],
		});
		await pass(clock, 30 * 60_000);
		expect(run.snapshot().status).toBe("running");
		expect(clock.pending).toBe(0);
		done.open("at last");
		expect((await run.result()).outputs).toEqual({ b: { a: "at last" } });
	});

	test("and the successor of a quick node does not wait for its slow sibling (B40)", async () => {
		const done = gate();
		const slow = defineAgent({ name: "slow", run: () => done.promise });
		const { swarm } = virtualSwarm([slow, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "slow", agent: "slow" },
				{ id: "quick", agent: "echo" },
				{ id: "next", agent: "echo", dependsOn: ["quick"], input: 1 },
			],
		});
		await rest();
		expect(run.output("next")).toBe(1);
		done.open();
		await run.result();
	});
});

describe("a run fails", () => {
	test("when a sink failed or was skipped because of a failure (B5)", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "fail", input: "broken" },
				{ id: "b", agent: "echo", dependsOn: ["a"] },
				{ id: "c", agent: "echo", dependsOn: ["b"] },
				{ id: "d", agent: "echo", input: 4 },
			],
		});
		const outcome = await run.result();
		expect(outcome).toMatchObject({
			status: "failed",
			outputs: { d: 4 },
			stats: { failed: 1, skipped: 2, completed: 1 },
		});
		expect(outcome.reason).toContain('"a"');
		expect(run.snapshot().get("c")?.skipped).toEqual({ cause: "failure", root: "a" });
	});

	test("can be printed and copied", async () => {
		const { swarm } = virtualSwarm([fail]);
		const outcome = await swarm.start({ nodes: [{ id: "a", agent: "fail" }] }).result();
		expect(inspect(outcome)).toContain("failures: [");
		expect(inspect(outcome)).not.toContain("Getter");
		expect(JSON.parse(JSON.stringify(outcome))).toMatchObject({ status: "failed", failures: [{ id: "a" }] });
	});

	test("and what swarm.run throws says why the first node failed", async () => {
		const agent = defineAgent({
			name: "agent",
			run: () => {
				throw new TypeError("cannot read x of undefined");
			},
		});
		const { swarm } = virtualSwarm([agent]);
		const error = await swarm.run({ nodes: [{ id: "a", agent }] }).catch((thrown: unknown) => thrown);
		expect(String(error)).toContain("first a: AGENT_ERROR: cannot read x of undefined");
		expect(error).toMatchObject({ cause: { name: "TypeError" } });
	});

	test("and swarm.run throws RUN_FAILED with the outcome", async () => {
		const { swarm } = virtualSwarm([fail]);
		const error = await rejection(swarm.run({ nodes: [{ id: "a", agent: "fail" }] }, { runId: "r" }));
		expect(error).toBeInstanceOf(RunFailedError);
		expect(SwarmError.is(error)).toBe(true);
		expect(error).toMatchObject({ code: "RUN_FAILED", nodes: ["a"], outcome: { status: "failed" } });
		expect(error.message).toContain('"r"');
		expect((error as RunFailedError).outcome.failures).toHaveLength(1);
	});

	test("at once under failRun: others are cancelled, unstarted always nodes run", async () => {
		const { swarm, clock } = virtualSwarm([echo, fail, obedient]);
		const nodes: NodeSpec[] = [
			{ id: "busy", agent: "obedient" },
			{ id: "a", agent: "fail", input: "broken", onFailure: "failRun" },
			{ id: "next", agent: "echo", dependsOn: ["a"] },
			{ id: "clean", agent: "echo", join: "always", dependsOn: ["busy", "a", "next"], input: "cleaned" },
		];
		const run = swarm.start({ nodes });
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({
			status: "failed",
			outputs: { clean: "cleaned" },
			stats: { cancelled: 2, leaked: 0 },
		});
		expect(outcome.reason).toContain('"a"');
		expect(lines(events).slice(-6)).toEqual([
			"run.stopping a",
			"node.cancelled busy",
			"node.cancelled next",
			"node.started clean",
			"node.completed clean",
			"run.ended",
		]);
	});

	test("and mutations are refused once it is stopping", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { swarm, clock } = virtualSwarm([slow, fail, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "fail", onFailure: "failRun" },
				{ id: "clean", agent: "slow", join: "always", dependsOn: ["a"] },
			],
		});
		await rest();
		expect(run.snapshot().status).toBe("stopping");
		expect(await rejection(run.mutate([{ type: "addNode", node: { agent: "echo" } }]))).toMatchObject({
			code: "RUN_ENDED",
		});
		hold.open();
		expect((await finish(run, clock)).status).toBe("failed");
	});
});

describe("a run stalls", () => {
	test("with every blocked node explained, as soon as nothing can go on", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const run = swarm.start({
			nodes: [
				{ id: "ok", agent: "echo" },
				{ id: "bad", agent: "fail", onFailure: "block" },
				{ id: "mid", agent: "echo", dependsOn: ["bad", "ok"] },
				{ id: "end", agent: "echo", dependsOn: ["mid"] },
				{ id: "held", agent: "echo", speculative: "hold" },
				{ id: "after", agent: "echo", dependsOn: ["held"] },
			],
		});
		const outcome = await run.result();
		expect(outcome.status).toBe("stalled");
		expect(outcome.reason).toMatch(/4 nodes/);
		expect(outcome.blocked.map(({ node, state, through }) => [node, state, through])).toEqual([
			["mid", "pending", ["bad"]],
			["end", "pending", ["mid", "bad"]],
			["held", "speculative", []],
			["after", "pending", ["held"]],
		]);
		for (const { why } of outcome.blocked) expect(why).toMatch(/\S+ \S+/);
		expect(outcome.blocked[0]?.why).toContain('"bad" failed');
		await expect(swarm.run({ nodes: [{ id: "h", agent: "echo", speculative: "hold" }] })).rejects.toMatchObject({
			code: "RUN_FAILED",
			outcome: { status: "stalled" },
		});
	});

	test("not while a retry or a sleep is still to come", async () => {
		const nap = defineAgent({
			name: "nap",
			run: async (_: unknown, ctx) => {
				await ctx.sleep(1_000);
				return result("up", { mutations: [{ type: "confirmSpeculative", id: "held" }] });
			},
		});
		const { swarm, clock } = virtualSwarm([nap, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "nap", agent: "nap" },
				{ id: "held", agent: "echo", speculative: "hold", input: 1 },
			],
		});
		expect((await finish(run, clock)).outputs).toEqual({ nap: "up", held: 1 });
	});

	test("onStall adds a replanning node instead, so many times", async () => {
		const replan = defineAgent({
			name: "replan",
			run: async (_: unknown, ctx) => {
				const stuck = [...ctx.graph.nodes({ state: "pending" })].map((node) => node.id);
				if (ctx.nodeId === "again") return stuck;
				return result(stuck, { mutations: [{ type: "removeEdge", from: "bad", to: "mid" }] });
			},
		});
		const { swarm } = virtualSwarm([replan, echo, fail]);
		const nodes: NodeSpec[] = [
			{ id: "bad", agent: "fail", onFailure: "block" },
			{ id: "mid", agent: "echo", dependsOn: ["bad"], input: "went on" },
		];
		const run = swarm.start({ nodes }, { onStall: { id: "again", agent: "replan", times: 3 } });
		const outcome = await run.result();
		expect(outcome).toMatchObject({
			status: "failed",
			outputs: { mid: "went on", again: ["mid"], "again-2": ["mid"] },
		});
		expect(run.snapshot().get("again-3")).toBeUndefined();

		const once = await swarm.start({ nodes }, { onStall: { id: "again", agent: "replan" } }).result();
		expect(once).toMatchObject({ status: "stalled", stats: { nodes: 3 } });
	});

	test("an onStall that could never be added is refused before anything runs", () => {
		const { swarm } = virtualSwarm([echo]);
		const start = (onStall: object) => () => swarm.start({ nodes: [] }, { onStall: onStall as { agent: string } });
		expect(start({ agent: "ghost" })).toThrowError(expect.objectContaining({ code: "UNKNOWN_AGENT" }));
		expect(start({ agent: "echo", colour: 1 })).toThrowError(expect.objectContaining({ code: "INVALID_SPEC" }));
		expect(start({ agent: "echo", input: new Date(0) })).toThrowError(
			expect.objectContaining({ code: "INVALID_INPUT" }),
		);
		expect(start({ agent: "echo", times: 0 })).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
	});
});

describe("a run is timed out", () => {
	test("at its deadline: what runs is aborted, what is open cancelled", async () => {
		const { swarm, clock } = virtualSwarm([obedient, echo]);
		const run = swarm.start(
			{
				nodes: [
					{ id: "a", agent: "obedient" },
					{ id: "b", agent: "echo", dependsOn: ["a"] },
				],
			},
			{ deadline: "90s" },
		);
		await pass(clock, 89_999);
		expect(run.snapshot().status).toBe("running");
		await pass(clock, 1);
		const outcome = await run.result();
		expect(outcome).toMatchObject({ status: "timed_out", stats: { cancelled: 2, leaked: 0 } });
		expect(outcome.reason).toContain("90000 ms");
		expect(run.snapshot().get("a")?.state).toBe("cancelled");
	});

	test("not when it ended before, and the timer is taken back", async () => {
		const { swarm, clock } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { deadline: 1_000 });
		expect(clock.pending).toBe(1);
		expect((await run.result()).status).toBe("completed");
		expect(clock.pending).toBe(0);
	});

	test("with never-returning agents after their grace", async () => {
		const { swarm, clock } = virtualSwarm([forever], { grace: 500 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "forever", timeout: { grace: 200 } }] }, { deadline: 100 });
		const start = clock.now();
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "timed_out", stats: { leaked: 1, wallMs: 300 } });
		expect(clock.now() - start).toBe(300);
	});

	test("a deadline of 0 lets nothing that takes time finish", async () => {
		const { swarm, clock } = virtualSwarm([obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] }, { deadline: 0 });
		expect((await finish(run, clock)).status).toBe("timed_out");
	});
});

describe("an outcome", () => {
	test("is plain data that can be written as JSON, and is the same object for all", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: [1] },
				{ id: "b", agent: "fail" },
			],
		});
		const [one, two] = await Promise.all([run.result(), run.result()]);
		expect(one).toBe(two);
		const read = JSON.parse(JSON.stringify(one));
		expect(read).toMatchObject({ status: "failed", outputs: { a: [1] }, blocked: [], failures: [{ id: "b" }] });
		expect(await run.cancel()).toBe(one);
	});

	test("counts what happened", async () => {
		const flaky = defineAgent({
			name: "flaky",
			retry: 3,
			run: async (_: unknown, ctx) => {
				if (ctx.attempt < 3) throw new Error("again");
				return ctx.attempt;
			},
		});
		const { swarm, clock } = virtualSwarm([flaky, fail, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "flaky" },
				{ id: "b", agent: "fail" },
				{ id: "c", agent: "echo", dependsOn: ["b"] },
			],
		});
		const events = record(run);
		const { stats } = await finish(run, clock);
		expect(stats).toEqual({
			nodes: 3,
			added: 0,
			completed: 1,
			failed: 1,
			skipped: 1,
			abandoned: 0,
			cancelled: 0,
			attempts: 4,
			stale: 0,
			leaked: 0,
			usage: {},
			events: events.length,
			wallMs: 0,
		});
	});
});
