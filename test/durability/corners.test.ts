import { createSwarm, defineAgent, type Journal, memoryJournal, type RunEvent, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	chain,
	echo,
	finish,
	forever,
	gate,
	obedient,
	pass,
	record,
	rejection,
	rest,
	virtualSwarm,
} from "../swarm/fixture.js";
import { Lives, promised, stored } from "./fixture.js";
import { outlivingJournal } from "./outliving-journal.js";

const sleeper = defineAgent({ name: "sleeper", run: async (ms: number, ctx) => ctx.sleep(ms).then(() => ctx.attempt) });

describe("recovering", () => {
	test("twice at once brings the run back once, whatever comes between", async () => {
		for (let between = 0; between < 30; between++) {
			const lives = new Lives([forever, echo]);
			lives.next().swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "r" });
			await rest();
			const { swarm } = lives.next({}, [defineAgent({ name: "forever", run: async () => 1 }), echo]);
			const first = swarm.recover("r");
			for (let k = 0; k < between; k++) await null;
			const answers = await Promise.allSettled([first, swarm.recover("r")]);
			const codes = answers.map((answer) => (answer.status === "fulfilled" ? "ok" : answer.reason.code)).sort();
			expect([between, codes]).toEqual([between, ["RUN_BUSY", "ok"]]);
			await rest();
			for (const answer of answers)
				if (answer.status === "fulfilled") expect((await answer.value.result()).status).toBe("completed");
		}
	});

	test("by two swarms at once: one of them", async () => {
		for (let between = 0; between < 20; between++) {
			const lives = new Lives([forever]);
			lives.next().swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "r" });
			await rest();
			lives.die();
			const options = {
				agents: [defineAgent({ name: "forever", run: async () => 1 })],
				journal: lives.journal,
				durability: "strict",
			} as const;
			const one = createSwarm({ ...options, clock: new VirtualClock(lives.now) }).recover("r");
			for (let k = 0; k < between; k++) await null;
			const two = createSwarm({ ...options, clock: new VirtualClock(lives.now) }).recover("r");
			const answers = await Promise.allSettled([one, two]);
			expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
			await rest();
			for (const answer of answers)
				if (answer.status === "fulfilled") expect((await answer.value.result()).status).toBe("completed");
		}
	});

	test("works with a journal that answers by promises only", async () => {
		const lives = new Lives([sleeper, echo], {}, promised(outlivingJournal()));
		const one = lives.next();
		one.swarm.start({ nodes: [{ id: "s", agent: "sleeper", input: 5_000 }, ...chain(3)] }, { runId: "r" });
		await pass(one.clock, 1_000);
		const two = lives.next();
		const { runs, refused } = await two.swarm.recoverAll();
		expect(refused).toEqual([]);
		for (let turn = 0; turn < 10; turn++) await rest();
		expect(await finish(runs[0] as (typeof runs)[0], two.clock)).toMatchObject({ outputs: { s: 2, n2: undefined } });
		const again = await lives.recover("r");
		expect((await again.run.result()).status).toBe("completed");
		expect((await rejection(again.swarm.recover("nobody"))).code).toBe("UNKNOWN_RUN");
	});

	test("a run with a damaged checkpoint is refused, and nothing of it is left behind", async () => {
		const inner = outlivingJournal();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await ctx.checkpoint.save({ half: true });
				await new Promise(() => {});
			},
		});
		const lives = new Lives([agent, echo], {}, inner);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const read = inner.checkpoints.bind(inner);
		inner.checkpoints = async (run) =>
			new Map([...(await read(run))].map(([node, body]) => [node, body.replace("half", "helf")]));
		const { swarm, clock } = lives.next();
		expect((await rejection(swarm.recover("r"))).code).toBe("JOURNAL_CORRUPT");
		expect(clock.pending).toBe(0);
		expect(swarm.runs()).toEqual([]);
		inner.checkpoints = read;
		expect((await swarm.recover("r")).snapshot().status).toBe("running");
	});

	test("a journal that cannot be read is said to be unavailable", async () => {
		const broken = memoryJournal();
		for (const method of ["find", "runs"] as const) {
			broken[method] = () => {
				throw new Error("no disk");
			};
		}
		const { swarm } = virtualSwarm([echo], { journal: broken });
		for (const ask of [swarm.recover("r"), swarm.recoverAll(), swarm.fork("r")])
			expect((await rejection(ask)).code).toBe("JOURNAL_UNAVAILABLE");
		const { swarm: without } = virtualSwarm([echo]);
		for (const ask of [without.recover("r"), without.recoverAll(), without.fork("r")])
			expect((await rejection(ask)).code).toBe("INVALID_OPTION");
	});

	test("an aborted signal of the new process cancels", async () => {
		const lives = new Lives([obedient]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "obedient" }] }, { runId: "r" });
		await rest();
		const controller = new AbortController();
		const { run } = await lives.recover("r", { signal: controller.signal });
		await rest();
		controller.abort("enough");
		await rest();
		expect(await run.result()).toMatchObject({ status: "cancelled", reason: "enough" });
	});

	test("leaves out of a node's total time what a person took, dead processes included", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await ctx.requestApproval({ reason: "?" });
				await new Promise(() => {});
			},
		});
		const lives = new Lives([agent], { grace: 0 });
		const one = lives.next();
		one.swarm.start({ nodes: [{ id: "a", agent: "agent", timeout: { total: 10_000 } }] }, { runId: "r" });
		await pass(one.clock, 1_000);
		const { run, clock } = await lives.recover("r");
		await pass(clock, 60_000);
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await run.approve("a");
		// The second of the first process is not counted, as it was waited for a person then.
		await pass(clock, 9_999);
		expect(run.snapshot().get("a")?.state).toBe("running");
		await pass(clock, 1);
		expect(run.snapshot().get("a")).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
	});
});

describe("events of a run that was recovered", () => {
	for (const durability of ["strict", "relaxed"] as const) {
		test(`from the first, without a gap and without one twice: ${durability}`, { timeout: 5_000 }, async () => {
			const lives = new Lives([echo, sleeper], { durability, eventBuffer: 8, check: "off" });
			const one = lives.next();
			one.swarm.start({ nodes: [...chain(30), { id: "s", agent: "sleeper", input: 30_000 }] }, { runId: "r" });
			for (let turn = 0; turn < 10; turn++) await pass(one.clock, 20);
			const { run, clock } = await lives.recover("r");
			const readers = [1, 2, 40, 1].map(async (from, i) => {
				const events: RunEvent[] = [];
				for await (const event of run.events({ from })) {
					events.push(event);
					if (i === 3 && event.seq % 3 === 0) await rest(1);
				}
				return events;
			});
			await rest(3);
			const fresh = record(run);
			await run.mutate([
				{ type: "addNodes", nodes: chain(50).map((node) => ({ ...node, id: `x${node.id}`, dependsOn: [] })) },
			]);
			await finish(run, clock);
			for (let turn = 0; turn < 10; turn++) await pass(clock, 20);
			const all = await stored(lives.journal, "r");
			expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, i) => i + 1));
			expect(await Promise.all(readers)).toEqual([all, all.slice(1), all.slice(39), all]);
			expect(fresh).toEqual(all.slice((fresh[0]?.seq ?? 0) - 1));
		});
	}

	test("that are asked for after a journal was lost fail, and do not hang", { timeout: 5_000 }, async () => {
		let broken = false;
		const inner = outlivingJournal();
		const journal = new Proxy(inner, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (typeof member !== "function") return member;
				return (...given: unknown[]) => {
					if (broken && key === "append") throw new Error("disk full");
					return member.apply(target, given);
				};
			},
		});
		for (const durability of ["strict", "relaxed"] as const) {
			broken = false;
			const { swarm, clock } = virtualSwarm([echo], { journal, durability, eventBuffer: 2, check: "off" });
			const run = swarm.start({ nodes: chain(10) }, { runId: durability });
			broken = true;
			for (let turn = 0; turn < 5; turn++) await pass(clock, 20);
			expect((await run.result()).reason).toMatch(/^JOURNAL_UNAVAILABLE/);
			const reading = (async () => {
				for await (const _ of run.events({ from: 1 }));
			})();
			expect((await rejection(reading)).code).toBe("JOURNAL_UNAVAILABLE");
		}
	});
});

describe("drain", () => {
	test("of a run that ends while it is drained: it has ended", async () => {
		const go = gate<number>();
		const slow = defineAgent({ name: "slow", run: async () => go.promise });
		const lives = new Lives([slow]);
		const { swarm } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] }, { runId: "r" });
		await rest();
		const drained = swarm.drain();
		const again = swarm.drain();
		await rest();
		go.open(7);
		await Promise.all([drained, again]);
		expect(await run.result()).toMatchObject({ status: "completed", outputs: { a: 7 } });
	});

	test("of what waits, is paused or has just been started", async () => {
		const lives = new Lives([sleeper, echo]);
		const { swarm, clock } = lives.next();
		const asleep = swarm.start({ nodes: [{ id: "s", agent: "sleeper", input: 50_000 }] }, { runId: "asleep" });
		const paused = swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { runId: "paused" });
		await paused.pause();
		await rest();
		const fresh = swarm.start({ nodes: chain(3) }, { runId: "fresh" });
		await swarm.drain();
		await rest();
		for (const run of [asleep, paused, fresh]) expect((await run.result()).status).toBe("suspended");
		expect(clock.pending).toBe(0);
		const next = lives.next();
		const { runs } = await next.swarm.recoverAll();
		expect(runs.map(({ id }) => id)).toEqual(["asleep", "paused", "fresh"]);
		await runs[1]?.resume();
		for (const run of runs) expect((await finish(run, next.clock)).status).toBe("completed");
	});

	test("with a journal that fails says so in the result", async () => {
		let broken = false;
		const inner = outlivingJournal();
		const append = inner.append.bind(inner);
		inner.append = (...given: Parameters<Journal["append"]>) => {
			if (broken) throw new Error("disk full");
			return append(...given);
		};
		const { swarm, clock } = virtualSwarm([obedient], { journal: inner, durability: "strict" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] });
		await rest();
		broken = true;
		const drained = swarm.drain(10);
		await pass(clock, 20);
		await drained;
		expect(await run.result()).toMatchObject({
			status: "failed",
			reason: expect.stringMatching(/^JOURNAL_UNAVAILABLE/),
		});
	});

	test("without a journal cancels", async () => {
		const { swarm } = virtualSwarm([obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }] });
		await rest();
		await swarm.drain();
		expect((await run.result()).status).toBe("cancelled");
	});
});

describe("a wake that had not been heard", () => {
	test("when the process died is heard by the next attempt", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => [ctx.attempt, await ctx.waitForSignal("s")],
		});
		const lives = new Lives([agent]);
		const one = lives.next();
		const run = one.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		await run.pause();
		await run.signal("s", { $blob: 1 });
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("ready");
		await lives.recover("r");
		const { run: last, clock } = await lives.recover("r");
		await last.resume();
		expect((await finish(last, clock)).outputs).toEqual({ a: [2, { $blob: 1 }] });
	});
});

describe("a journal that has lost something", () => {
	test.each([
		["its first record", (records: readonly unknown[]) => records.slice(1)],
		["one in the middle", (records: readonly unknown[]) => records.filter((_record, i) => i !== 2)],
		["its last record", (records: readonly unknown[]) => records.slice(0, -1)],
		["all of them", () => []],
	])("%s: the run is refused, in whatever way it is asked for", async (_, lose) => {
		const inner = outlivingJournal();
		const lives = new Lives([echo, forever], {}, inner);
		const { swarm, clock } = lives.next();
		swarm.start({ nodes: [...chain(4), { id: "f", agent: "forever" }] }, { runId: "open" });
		await finish(swarm.start({ nodes: chain(4) }, { runId: "ended" }), clock);
		lives.die();
		const before = inner.find("open");
		const journal = new Proxy(inner, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (key === "read")
					return (run: string, from: number) => {
						const last = (target.find(run) as { lastSeq: number }).lastSeq;
						const all = [...(target.read(run, 1) as Iterable<{ lastSeq: number }>)];
						return from > last ? [] : (lose(all) as typeof all).filter(({ lastSeq }) => lastSeq >= from);
					};
				return typeof member === "function" ? member.bind(target) : member;
			},
		});
		const next = virtualSwarm([echo, forever], { journal, clock: new VirtualClock(lives.now) }).swarm;
		for (const ask of [
			() => next.recover("open"),
			() => next.recover("ended"),
			() => next.fork("open"),
			() => next.fork("ended"),
		])
			expect((await rejection(ask())).code).toBe("JOURNAL_CORRUPT");
		expect(inner.find("open")).toEqual(before);
	});
});
