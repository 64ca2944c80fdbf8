import { type AgentContext, defineAgent, readRun, type StandardSchema } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, pass, rejection, rest } from "../swarm/fixture.js";
import { Lives } from "./fixture.js";

/** A whole number in words or figures, and what it looks like as JSON Schema. */
const count: StandardSchema<number | string, number> = {
	"~standard": {
		version: 1,
		vendor: "by hand",
		validate: (value) =>
			Number.isInteger(Number(value)) && value !== null
				? { value: Number(value) }
				: { issues: [{ message: "expected a whole number", path: ["count"] }] },
		jsonSchema: { input: () => ({ type: ["integer", "string"] }), output: () => ({ type: "integer" }) },
	},
};

function agent(run: (ctx: AgentContext) => Promise<unknown>) {
	return defineAgent({ name: "agent", run: async (_: unknown, ctx) => run(ctx) });
}

const nodes = [{ id: "a", agent: "agent" }];

async function started(run: Parameters<typeof agent>[0]) {
	const lives = new Lives([agent(run), echo]);
	const { swarm, clock } = lives.next();
	const handle = swarm.start({ nodes }, { runId: "r" });
	await rest();
	return { lives, clock, run: handle };
}

describe("a question that outlives its process", () => {
	test("is read in another process, and answered where the run goes on", async () => {
		const { lives } = await started((ctx) =>
			ctx.requestApproval({ reason: "how many?", schema: count, to: "Ada", name: "n" }),
		);
		const stored = await readRun(lives.journal, "r");
		expect(stored.waiting({ to: "Ada" })).toEqual([
			{
				run: "r",
				node: "a",
				agent: "agent",
				kind: "approval",
				reason: "how many?",
				name: "n",
				to: "Ada",
				schema: { type: ["integer", "string"] },
				since: 1_000_000,
			},
		]);
		const { run } = await lives.recover("r");
		await rest();
		// The function is gone, and comes back with the answer only.
		expect(run.waiting()).toEqual(stored.waiting());
		await run.approve("a", { by: "Ada", data: "3" });
		expect((await run.result()).outputs).toEqual({ a: { by: "Ada", data: 3 } });
		expect((await readRun(lives.journal, "r")).waiting()).toEqual([]);
	});

	test("takes any answer while there is no function to look at it, and asks again where it does not fit", async () => {
		const { lives } = await started(async (ctx) => [
			(await ctx.requestApproval({ reason: "how many?", schema: count })).data,
			(await ctx.requestApproval({ reason: "how often?", schema: count })).data,
		]);
		const { run } = await lives.recover("r");
		await rest();
		await run.approve("a", { data: "many" });
		await rest();
		expect(run.waiting()).toMatchObject([
			{ reason: "how many?", problem: expect.stringContaining('expected a whole number at "/count"') },
		]);
		// Now there is a function that asks.
		expect(await rejection(run.approve("a", { data: "lots" }))).toMatchObject({
			code: "INVALID_INPUT",
			path: "/count",
		});
		await run.approve("a", { data: 2 });
		await rest();
		expect(run.waiting()).toMatchObject([{ reason: "how often?" }]);
		// All of it is replayed in order: the wrong answer, the right one, and then the question that is open.
		const next = await lives.recover("r");
		await rest();
		await next.run.approve("a", { data: 9 });
		expect((await next.run.result()).outputs).toEqual({ a: [2, 9] });
	});

	test("holds its choices in a process where nobody has asked yet", async () => {
		const { lives } = await started((ctx) => ctx.ask("which?", { choices: ["x", "y"] }));
		const { run } = await lives.recover("r");
		await rest();
		expect(await rejection(run.answer("a", "z"))).toMatchObject({ code: "INVALID_INPUT" });
		await run.answer("a", "y");
		expect((await run.result()).outputs).toEqual({ a: "y" });
	});

	test("of an agent that gives other choices by now is asked again", async () => {
		let choices = ["x", "y"];
		const { lives } = await started((ctx) => ctx.ask("which?", { choices }));
		const { run } = await lives.recover("r");
		choices = ["y", "z"];
		await run.answer("a", "x");
		await rest();
		expect(run.waiting()).toMatchObject([{ choices: ["y", "z"], problem: expect.stringContaining("none of") }]);
		await run.answer("a", "z");
		expect((await run.result()).outputs).toEqual({ a: "z" });
	});

	test("answered just before its process died is not asked again, and its answer is not looked at twice", async () => {
		const agents: string[] = [];
		const { lives, run } = await started(async (ctx) => {
			const { data } = await ctx.requestApproval({ reason: "how many?", schema: count });
			agents.push(`${ctx.attempt}: ${data}`);
			await ctx.sleep("1m");
			return data;
		});
		await run.approve("a", { data: "4" });
		await rest();
		const next = await lives.recover("r");
		await rest();
		expect(next.run.waiting()).toMatchObject([{ kind: "sleep" }]);
		expect((await finish(next.run, next.clock)).outputs).toEqual({ a: 4 });
		expect(agents).toEqual(["1: 4", "2: 4"]);
	});
});

describe("a time-out that comes while no process has the run", () => {
	test.each([
		["fail" as const, { code: "TIMEOUT" }],
		["reject" as const, { code: "REJECTED" }],
		["approve" as const, { expired: true, data: 1 }],
	])("%s", async (onTimeout, output) => {
		const { lives } = await started((ctx) =>
			ctx
				.requestApproval({
					reason: "how many?",
					schema: count,
					timeout: "1m",
					onTimeout,
					...(onTimeout === "approve" && { default: "1" }),
				})
				.catch(({ code }) => ({ code })),
		);
		lives.die();
		lives.now += 120_000;
		const { run, clock } = await lives.recover("r");
		expect((await finish(run, clock)).outputs).toEqual({ a: output });
	});

	test("an absolute one: what is left of it counts after a restart", async () => {
		const { lives, clock } = await started((ctx) =>
			ctx.ask("go on?", { timeout: "1h", onTimeout: "approve", default: "yes" }),
		);
		const end = clock.now() + 3_600_000;
		await pass(clock, 1_800_000);
		const next = await lives.recover("r");
		expect(next.run.waiting()).toMatchObject([{ until: end }]);
		await pass(next.clock, end - next.clock.now() - 1);
		expect(next.run.waiting()).toHaveLength(1);
		await pass(next.clock, 1);
		expect((await next.run.result()).outputs).toEqual({ a: "yes" });
	});
});

describe("over a restart", () => {
	test("the order of what waits is kept, with snapshots and without", async () => {
		for (const snapshotEvery of [1, 0]) {
			const lives = new Lives([agent(async (ctx) => ctx.requestApproval({ reason: ctx.nodeId }))], {
				concurrency: 1,
				...(snapshotEvery > 0 && { snapshotEvery }),
			});
			const { swarm } = lives.next();
			const priorities = { low: 1, high: 3, middle: 2 };
			const ids = Object.entries(priorities).map(([id, priority]) => ({ id, agent: "agent", priority }));
			swarm.start({ nodes: ids }, { runId: "r" });
			await rest(30);
			const { run } = await lives.recover("r");
			await rest();
			expect(run.waiting().map(({ reason }) => reason)).toEqual(["high", "middle", "low"]);
			expect((await readRun(lives.journal, "r")).waiting()).toEqual(run.waiting());
			await run.approve("middle");
			await run.approve("low");
			await run.approve("high");
			expect((await run.result()).status).toBe("completed");
		}
	});

	test("a signal that came first is kept", async () => {
		const { lives, run } = await started(async (ctx) => {
			await ctx.requestApproval({ reason: "ready?" });
			return ctx.waitForSignal("go");
		});
		await run.signal("go", { from: "before" });
		const next = await lives.recover("r");
		await next.run.approve("a");
		expect((await next.run.result()).outputs).toEqual({ a: { from: "before" } });
	});

	test("a run stays paused, with what its nodes were changed to and what has ended meanwhile", async () => {
		const lives = new Lives([agent((ctx) => ctx.sleep("1m").then(() => ctx.attempt)), echo]);
		const first = lives.next();
		const run = first.swarm.start(
			{ nodes: [...nodes, { id: "e", agent: "echo", input: "old", dependsOn: ["a"] }, { id: "f", agent: "echo" }] },
			{ runId: "r" },
		);
		await run.pause();
		await run.mutate([{ type: "updateNode", id: "f", changes: { input: "new" } }]);
		await run.resume();
		await rest();
		await run.pause();
		await run.mutate([{ type: "updateNode", id: "e", changes: { input: "newer" } }]);
		const next = await lives.recover("r");
		await pass(next.clock, 60_000);
		// The sleep is over, and nothing starts.
		expect(next.run.snapshot()).toMatchObject({ status: "paused", counts: { ready: 1, pending: 1, running: 0 } });
		await next.run.resume();
		expect((await next.run.result()).outputs).toEqual({ e: "newer", f: "new" });
	});

	test("messages are there again, all of them", async () => {
		const seen: unknown[] = [];
		const { lives, run } = await started(async (ctx) => {
			seen.push([ctx.attempt, ...ctx.inbox()]);
			await ctx.requestApproval({ reason: "?" });
			seen.push([ctx.attempt, ...ctx.inbox()]);
		});
		await run.steer("a", "one");
		await run.steer("a", { two: 2 });
		const next = await lives.recover("r");
		await next.run.steer("a", "three");
		await next.run.approve("a");
		await next.run.result();
		expect(seen).toEqual([[1], [2, "one", { two: 2 }, "three"], [2]]);
	});

	test("a person is asked whether a node may run again: it is in the list as well", async () => {
		const hangs = defineAgent({
			name: "hangs",
			onResume: "ask",
			run: (_: unknown, ctx) => ctx.attempt > 1 || new Promise(() => {}),
		});
		const lives = new Lives([hangs]);
		lives.next().swarm.start({ nodes: [{ id: "h", agent: "hangs" }] }, { runId: "r" });
		await rest();
		const { run } = await lives.recover("r");
		expect(run.waiting()).toMatchObject([{ node: "h", kind: "approval", resume: "crash" }]);
		await run.approve("h");
		expect((await run.result()).status).toBe("completed");
	});
});
