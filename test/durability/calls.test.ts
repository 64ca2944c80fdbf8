import { type AnyAgent, defineAgent, defineSkill, type Journal, type RunHandle, type RunSummary } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rejection, rest } from "../swarm/fixture.js";
import { DEAD_MS, dying, journals, Lives, stored } from "./fixture.js";
import { outlivingJournal } from "./outliving-journal.js";

/** Notes each call of an agent, in whatever process. */
function noted(calls: string[]) {
	const work = defineAgent({
		name: "work",
		run: async (n: number, ctx) => {
			calls.push(`${ctx.runId} ${ctx.attempt}`);
			await ctx.sleep(100);
			return n * 10;
		},
	});
	const sum = defineAgent({
		name: "sum",
		run: async (input: readonly number[], ctx) => {
			let total = 0;
			for (const n of input) total += await ctx.call(work, n);
			return total;
		},
	});
	const twice = defineSkill({
		name: "twice",
		graph: (n: number) => ({
			nodes: [
				{ id: "x", agent: "work", input: n },
				{ id: "y", agent: "sum", input: [n], dependsOn: ["x"] },
			],
		}),
		output: ({ y }) => y as number,
	});
	const plan = defineAgent({
		name: "plan",
		run: async (_: unknown, ctx) => [await ctx.call(sum, [1, 2]), await ctx.call(twice, 3)],
	});
	return { agents: [work, sum, plan] as AnyAgent[], skills: [twice] };
}

const PLANNED = [30, 30];
const nodes = [{ id: "p", agent: "plan" }];
/** All runs that a plan takes. */
const RUNS = ["r", "r/p/1.1", "r/p/1.1/sum/1.1", "r/p/1.1/sum/1.2", "r/p/1.2", "r/p/1.2/y/1.1"];

async function runsOf(journal: Journal): Promise<readonly RunSummary[]> {
	return journal.runs();
}

describe.each(journals())("calls in a %s journal", (kind, make) => {
	test("go on with what was called, after a crash in the middle", async () => {
		const calls: string[] = [];
		const { agents, skills } = noted(calls);
		const lives = new Lives(agents, { skills }, make());
		const { swarm, clock } = lives.next();
		swarm.start({ nodes }, { runId: "r", metadata: { caller: "ann" } });
		await pass(clock, 150);
		const two = lives.next();
		const { runs, refused } = await two.swarm.recoverAll();
		expect(refused).toEqual([]);
		expect(runs.map(({ id }) => id)).toEqual(["r"]);
		expect(two.swarm.runs().map(({ id, parent }) => [id, parent?.run])).toEqual([
			["r", undefined],
			["r/p/1.1", "r"],
			["r/p/1.1/sum/1.2", "r/p/1.1"],
		]);
		expect(await finish(runs[0] as RunHandle, two.clock)).toMatchObject({ outputs: { p: PLANNED } });
		expect((await runsOf(lives.journal)).map(({ run }) => run).sort()).toEqual(RUNS);
		// The one that slept was at it again; what had ended was not.
		expect(calls.filter((call) => call.startsWith("r/p/1.1/sum"))).toEqual([
			"r/p/1.1/sum/1.1 1",
			"r/p/1.1/sum/1.2 1",
			"r/p/1.1/sum/1.2 2",
		]);
		expect((await stored(lives.journal, "r/p/1.2/y/1.1"))[0]).toMatchObject({ metadata: { caller: "ann" } });
	});

	test("whichever process dies at whichever write, each call has one run, and all of them end", async () => {
		const sweep = kind === "memory" ? 1 : 13;
		let writes = 0;
		for (const written of [false, true]) {
			for (let n = 1; ; n += sweep) {
				const { agents, skills } = noted([]);
				const lives = new Lives(agents, { skills }, make());
				const { journal, isDead } = dying(lives.journal, { appends: n, written });
				const one = lives.over(journal);
				one.swarm.start({ nodes }, { runId: "r" });
				for (let steps = 0; !isDead() && one.swarm.runs().length > 0 && steps < 100; steps++) {
					await rest();
					if (!isDead()) one.clock.step();
				}
				if (!isDead()) break;
				writes++;
				lives.now = one.clock.now() + DEAD_MS;
				const two = lives.next();
				const { runs } = await two.swarm.recoverAll();
				// Of one that died in its first write nothing is known.
				const run = runs[0] ?? ((await lives.journal.find("r")) && (await two.swarm.recover("r")));
				if (run !== undefined) {
					expect(await finish(run, two.clock), `${written} ${n}`).toMatchObject({ outputs: { p: PLANNED } });
					await rest();
					const all = await runsOf(lives.journal);
					expect(all.map((each) => each.run).sort(), `${written} ${n}`).toEqual(RUNS);
					expect(all.filter(({ ended }) => !ended)).toEqual([]);
				}
				expect(two.swarm.runs()).toEqual([]);
			}
		}
		expect(writes).toBeGreaterThan(kind === "memory" ? 40 : 3);
	});

	test.each([
		["the caller first", ["r", "r/p/1.1", "r/p/1.1/sum/1.1"]],
		["what was called first", ["r/p/1.1/sum/1.1", "r/p/1.1", "r"]],
	])("are found again when %s is brought back", async (_, order) => {
		const { agents, skills } = noted([]);
		const lives = new Lives(agents, { skills }, make());
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest(20);
		const two = lives.next();
		const answers = [];
		for (const run of order)
			answers.push(
				await two.swarm.recover(run).then(
					({ id }) => id,
					(error) => error.code,
				),
			);
		expect(answers).toEqual(order[0] === "r" ? ["r", "RUN_BUSY", "RUN_BUSY"] : order);
		const run = two.swarm.runs().find(({ id }) => id === "r") as RunHandle;
		expect(await finish(run, two.clock)).toMatchObject({ outputs: { p: PLANNED } });
		expect((await runsOf(lives.journal)).map((each) => each.run).sort()).toEqual(RUNS);
	});

	test("are found again when all are brought back at the same time", async () => {
		const { agents, skills } = noted([]);
		const lives = new Lives(agents, { skills }, make());
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest(20);
		const { swarm, clock } = lives.next();
		const each = ["r/p/1.1", "r", "r/p/1.1/sum/1.1"].map((run) => swarm.recover(run));
		const answers = await Promise.allSettled([...each, swarm.recoverAll()]);
		for (const answer of answers) if (answer.status === "rejected") expect(answer.reason.code).toBe("RUN_BUSY");
		const run = swarm.runs().find(({ id }) => id === "r") as RunHandle;
		expect(await finish(run, clock)).toMatchObject({ outputs: { p: PLANNED } });
		expect((await runsOf(lives.journal)).map(({ run: id }) => id).sort()).toEqual(RUNS);
	});

	test("outlive a shutdown: caller and called are let go of together, and go on together", async () => {
		const calls: string[] = [];
		const { agents, skills } = noted(calls);
		const lives = new Lives(agents, { skills }, make());
		const one = lives.next();
		const run = one.swarm.start({ nodes }, { runId: "r" });
		await rest(20);
		await one.swarm.drain();
		expect(await run.result()).toMatchObject({ status: "suspended" });
		const two = lives.next();
		const { runs } = await two.swarm.recoverAll();
		expect(await finish(runs[0] as RunHandle, two.clock)).toMatchObject({ outputs: { p: PLANNED } });
		expect((await runsOf(lives.journal)).map((each) => each.run).sort()).toEqual(RUNS);
	});
});

describe("a call after a restart", () => {
	test("that was made before it gives what it came to then, and a retry calls anew", async () => {
		const called: string[] = [];
		const attempts: string[] = [];
		const go = gate();
		const step = defineAgent({
			name: "step",
			run: (n: number, ctx) => {
				called.push(ctx.runId);
				return n;
			},
		});
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				const one = await ctx.call(step, 1);
				const two = await ctx.call(step, 2, { key: "two" });
				attempts.push(`${ctx.attempt}: ${one} ${two}`);
				if (ctx.attempt === 1) await go.promise;
				if (ctx.attempt === 2) throw new Error("again");
				return ctx.attempt;
			},
		});
		const lives = new Lives([agent, step]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest(20);
		const { run, clock } = await lives.recover("r");
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: 3 } });
		expect(attempts).toEqual(["1: 1 2", "2: 1 2", "3: 1 2"]);
		expect(called).toEqual(["r/a/1.1", "r/a/1:two", "r/a/2.1", "r/a/2:two"]);
	});

	test.each([0, 150, 250, 450])(
		"after %s ms that was made together with others is made once, whatever had ended",
		async (ms) => {
			const called: string[] = [];
			const work = defineAgent({
				name: "work",
				run: async (n: number, ctx) => {
					if (ctx.attempt === 1) called.push(ctx.runId);
					await ctx.sleep(n * 100);
					if (n === 2) throw new Error("two");
					return n;
				},
			});
			const agent = defineAgent({
				name: "agent",
				run: async (_: unknown, ctx) => {
					const results = await ctx.callAll(
						[1, 2, 3, 4].map((input) => ({ tool: work, input })),
						{ key: "all" },
					);
					await ctx.sleep(100);
					return results.map((each) => (each.ok ? each.output : each.error.cause?.message));
				},
			});
			const lives = new Lives([agent, work]);
			const { swarm, clock } = lives.next();
			swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
			await pass(clock, ms);
			const two = lives.next();
			const { runs } = await two.swarm.recoverAll();
			expect(runs.map(({ id }) => id)).toEqual(["r"]);
			expect((await finish(runs[0] as RunHandle, two.clock)).outputs["a"]).toEqual([1, "two", 3, 4]);
			expect(called).toEqual(["r/a/1.1:all", "r/a/1.2:all", "r/a/1.3:all", "r/a/1.4:all"]);
			expect(await runsOf(lives.journal)).toHaveLength(5);
		},
	);

	test("that failed before it throws again what it threw then", async () => {
		let fails = 0;
		const bad = defineAgent({
			name: "bad",
			run: () => {
				fails++;
				throw Object.assign(new Error("no"), { code: "NO", retryable: false });
			},
		});
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const { cause, retryable } = (await rejection(ctx.call(bad))) as unknown as Record<string, unknown>;
				await ctx.sleep(100);
				return [cause, retryable];
			},
		});
		const lives = new Lives([agent, bad]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest(20);
		const { run, clock } = await lives.recover("r");
		expect((await finish(run, clock)).outputs["a"]).toEqual([expect.objectContaining({ code: "NO" }), false]);
		expect(fails).toBe(1);
	});

	test.each([
		["while one of them goes on", 20],
		["after they have ended", 150],
	])("that were refused among others keep their places over a crash %s", async (_, ms) => {
		let allowed = ["slow"];
		const calls: string[] = [];
		const slow = defineAgent({
			name: "slow",
			run: async (n: number, ctx) => {
				calls.push(ctx.runId);
				await ctx.sleep(100);
				return n;
			},
		});
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const tools = ["none", "slow", "other", "slow"];
				const results = await ctx.callAll(tools.map((tool, input) => ({ tool, input })));
				await ctx.waitForSignal("go");
				return results.map((each) => (each.ok ? each.output : [each.error.code, each.error.message]));
			},
		});
		const other = defineAgent({ name: "other", run: () => "called" });
		const lives = new Lives([agent, slow, other], { ports: { palette: { tools: () => allowed } } });
		const first = lives.next();
		first.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await pass(first.clock, ms);
		// What was refused stays refused.
		allowed = ["slow", "other"];
		const { run, clock } = await lives.recover("r");
		await run.signal("go");
		expect((await finish(run, clock)).outputs["a"]).toEqual([
			["UNKNOWN_TOOL", expect.stringContaining('no tool "none"')],
			1,
			["UNKNOWN_TOOL", expect.stringContaining('"other" may not be called here')],
			3,
		]);
		expect([...new Set(calls)].sort()).toEqual(["r/a/1.1.2", "r/a/1.1.4"]);
		expect((await runsOf(lives.journal)).length).toBe(3);
	});

	test("goes on although the palette has become a narrower one: what was called has been called", async () => {
		const slow = defineAgent({ name: "slow", run: (_: unknown, ctx) => ctx.sleep(100) });
		const agent = defineAgent({ name: "agent", run: async (_: unknown, ctx) => String(await ctx.call(slow)) });
		const lives = new Lives([agent, slow]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const options = { ports: { palette: { tools: () => [] } } };
		const { run, clock } = await lives.recover("r", { options });
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: "undefined" } });
	});

	test("whose run cannot go on here fails, and says why", async () => {
		const slow = defineAgent({ name: "slow", version: "1.0.0", run: (_: unknown, ctx) => ctx.sleep(100) });
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const { code, cause } = (await rejection(ctx.call(slow))) as { code?: string; cause?: { code?: string } };
				return [code, cause?.code];
			},
		});
		const lives = new Lives([agent, slow]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r", { agents: [agent, { ...slow, version: "2.0.0" }] });
		expect((await finish(run, clock)).outputs["a"]).toEqual(["CALL_FAILED", "VERSION_MISMATCH"]);
	});

	test("whose run ended while nobody looked wakes its caller", async () => {
		const slow = defineAgent({ name: "slow", run: async (n: number, ctx) => ctx.sleep(100).then(() => n) });
		const agent = defineAgent({ name: "agent", run: (_: unknown, ctx) => ctx.call(slow, 7) });
		const lives = new Lives([agent, slow]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const two = lives.next();
		expect(await finish(await two.swarm.recover("r/a/1.1"), two.clock)).toMatchObject({ status: "completed" });
		const { run, clock } = await lives.recover("r");
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: 7 } });
	});

	test("whose run goes on in another process is waited for, and ends with it", async () => {
		const slow = defineAgent({ name: "slow", run: async (n: number, ctx) => ctx.sleep(40_000).then(() => n) });
		const agent = defineAgent({ name: "agent", run: (_: unknown, ctx) => ctx.call(slow, 7) });
		const lives = new Lives([agent, slow]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		lives.die();
		const { swarm: other, clock } = lives.over(lives.journal);
		const child = await other.recover("r/a/1.1");
		const here = lives.over(lives.journal, clock);
		const recovering = here.swarm.recover("r");
		const run = await finishing(recovering, () => clock.step());
		expect(here.swarm.runs().map(({ id }) => id)).toEqual(["r"]);
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: 7 } });
		expect(await child.result()).toMatchObject({ status: "completed" });
	});

	test("is taken over with its caller from a process that has hung, which finds out and does nothing more", async () => {
		const { agents, skills } = noted([]);
		const lives = new Lives(agents, { skills });
		const hung = lives.over(lives.journal);
		const zombie = hung.swarm.start({ nodes }, { runId: "r" });
		await rest(20);
		const [, child] = hung.swarm.runs();
		lives.now += DEAD_MS;
		const { swarm, clock } = lives.over(lives.journal);
		const { runs } = await swarm.recoverAll();
		await pass(hung.clock, 5_000);
		expect(await zombie.result()).toMatchObject({ status: "failed", reason: expect.stringContaining("FENCED") });
		expect((await child?.result())?.status).not.toBe("completed");
		expect(hung.swarm.runs()).toEqual([]);
		expect(await finish(runs[0] as RunHandle, clock)).toMatchObject({ outputs: { p: PLANNED } });
		const all = await runsOf(lives.journal);
		expect(all.map(({ run, status }) => [run, status]).sort()).toEqual(RUNS.map((run) => [run, "completed"]));
	});

	test("is cancelled with its caller, at whatever moment that is while both are brought back", async () => {
		const waits = defineAgent({ name: "waits", run: (_: unknown, ctx) => ctx.waitForSignal("never") });
		const agent = defineAgent({ name: "agent", run: (_: unknown, ctx) => ctx.call(waits) });
		for (let moment = 0, isBack = false; !isBack; moment++) {
			const lives = new Lives([agent, waits]);
			lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
			await rest();
			const { swarm } = lives.next();
			isBack = false;
			const recovering = swarm.recover("r").then((run) => {
				isBack = true;
				return run;
			});
			for (let i = 0; i < moment; i++) await undefined;
			const before = isBack;
			void swarm
				.runs()
				.find(({ id }) => id === "r")
				?.cancel("enough");
			const run = await recovering;
			isBack = before;
			void run.cancel("enough").catch(() => {});
			await rest();
			expect((await run.result()).status).toBe("cancelled");
			expect(swarm.runs(), `after ${moment} turns`).toEqual([]);
			expect((await runsOf(lives.journal)).filter(({ ended }) => !ended)).toEqual([]);
		}
	});

	test("whose caller is gone by then is cancelled, and starts nothing", async () => {
		const calls: string[] = [];
		const { agents } = noted(calls);
		const lives = new Lives(agents);
		const one = lives.next();
		const parent = { run: "gone", node: "a", ancestors: [] };
		one.swarm.start({ nodes: [{ id: "work", agent: "work", input: 1 }] }, { runId: "gone/a/1.1", parent } as object);
		await rest();
		const two = lives.next();
		expect(await two.swarm.recoverAll()).toEqual({ runs: [], refused: [] });
		await rest();
		expect(two.swarm.runs()).toEqual([]);
		expect(await lives.journal.find("gone/a/1.1")).toMatchObject({ status: "cancelled" });
		expect(calls).toEqual(["gone/a/1.1 1"]);
	});

	test("whose caller does not wait for it any more is cancelled", async () => {
		const { agents } = noted([]);
		const lives = new Lives(agents);
		const one = lives.next();
		const parent = { run: "r", node: "s", ancestors: [] };
		one.swarm.start({ nodes: [{ id: "s", agent: "work", input: 1 }] }, { runId: "r" });
		const stray = { nodes: [{ id: "work", agent: "work", input: 1 }] };
		one.swarm.start(stray, { runId: "r/s/1.7", parent } as object);
		await rest();
		const two = lives.next();
		expect((await two.swarm.recoverAll()).runs.map(({ id }) => id)).toEqual(["r"]);
		await rest();
		expect(two.swarm.runs().map(({ id }) => id)).toEqual(["r"]);
		expect(await lives.journal.find("r/s/1.7")).toMatchObject({ status: "cancelled" });
		// The same when it is brought back before its caller.
		const three = lives.next();
		const another = three.swarm.start(stray, { runId: "r/s/1.8", parent } as object);
		await three.swarm.recover("r");
		await rest();
		expect(await another.result()).toMatchObject({ status: "cancelled" });
	});

	test("whose caller cannot go on here is left alone, and refused for the same reason", async () => {
		const slow = defineAgent({ name: "slow", run: (_: unknown, ctx) => ctx.sleep(100) });
		const agent = defineAgent({ name: "agent", run: (_: unknown, ctx) => ctx.call(slow) });
		const lives = new Lives([agent, slow]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { swarm } = lives.next({}, [slow]);
		const { runs, refused } = await swarm.recoverAll();
		expect(runs).toEqual([]);
		expect(refused.map(({ run, error }) => [run, error.code])).toEqual([
			["r", "VERSION_MISMATCH"],
			["r/a/1.1", "VERSION_MISMATCH"],
		]);
		expect(swarm.runs()).toEqual([]);
	});

	test("is no call of a fork: the fork calls anew, and nobody waits for the fork of what was called", async () => {
		const calls: string[] = [];
		const { agents, skills } = noted(calls);
		const lives = new Lives(agents, { skills });
		const { swarm, clock } = lives.next();
		await finish(swarm.start({ nodes }, { runId: "r" }), clock);
		calls.length = 0;
		const fork = await swarm.fork("r", { runId: "f", reset: ["p"] });
		expect(await finish(fork, clock)).toMatchObject({ outputs: { p: PLANNED } });
		expect(calls.every((call) => call.startsWith("f/p/1."))).toBe(true);
		const child = await swarm.fork("r/p/1.1", { runId: "g", reset: ["sum"] });
		expect(child.parent).toBeUndefined();
		await finish(child, clock);
		expect((await lives.recover("g")).run.parent).toBeUndefined();
	});

	test("with effects that run ahead of the disk is made once, too", async () => {
		const { agents, skills } = noted([]);
		const lives = new Lives(agents, { skills, durability: "relaxed" }, outlivingJournal());
		const { swarm, clock } = lives.next();
		swarm.start({ nodes }, { runId: "r" });
		await pass(clock, 150);
		const two = lives.next();
		const { runs } = await two.swarm.recoverAll();
		expect(await finish(runs[0] as RunHandle, two.clock)).toMatchObject({ outputs: { p: PLANNED } });
		await pass(two.clock, 100);
		expect((await runsOf(lives.journal)).map((each) => each.run).sort()).toEqual(RUNS);
	});
});

async function finishing<Value>(promise: Promise<Value>, step: () => boolean): Promise<Value> {
	let done = false;
	void promise.finally(() => {
		done = true;
	});
	while (!done) {
		await rest();
		if (!done) step();
	}
	return promise;
}
