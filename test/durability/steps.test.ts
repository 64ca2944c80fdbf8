import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest, virtualSwarm } from "../swarm/fixture.js";
import { heldJournal, journals, Lives, stored } from "./fixture.js";

describe.each(journals())("ctx.step with a %s journal", (_, make) => {
	test("is done once, over failures and crashes, in any order and side by side", async () => {
		const done: string[] = [];
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			retry: 3,
			run: async (_: unknown, ctx) => {
				const step = (name: string, value: unknown): Promise<unknown> =>
					ctx.step(name, async () => {
						done.push(`${name} in ${ctx.attempt}`);
						return value;
					});
				const bytes = { b: new Uint8Array([7]), $bytes: undefined };
				const names = ctx.attempt % 2 === 0 ? ["c", "b", "a"] : ["a", "b", "c"];
				const values = await Promise.all(names.map((name) => step(name, name === "b" ? bytes : name)));
				if (ctx.attempt === 1) throw new Error("again");
				const nothing = await step("nothing", undefined);
				if (ctx.attempt === 2) await new Promise(() => {});
				await step("last", { $blob: "x".repeat(5_000) });
				if (ctx.attempt === 3) await new Promise(() => {});
				await go.promise;
				return { values: values.length, nothing, b: values[1], last: await ctx.step("more", () => 1) };
			},
		});
		const lives = new Lives([agent], {}, make());
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		await lives.recover("r");
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		go.open();
		const outcome = await finish(run, clock);
		expect(outcome.outputs["a"]).toEqual({ values: 3, nothing: undefined, b: { b: new Uint8Array([7]) }, last: 1 });
		expect(done).toEqual(["a in 1", "b in 1", "c in 1", "nothing in 2", "last in 3"]);
		expect((await stored(lives.journal, "r")).filter(({ type }) => type === "node.stepped")).toHaveLength(6);
	});
});

describe("ctx.step", () => {
	test("refuses a name used twice, what is no plain data, and passes on what the function throws", async () => {
		const seen: unknown[] = [];
		const note = (what: Promise<unknown>): Promise<unknown> =>
			what.catch((error) => seen.push(error.code ?? error.message));
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				await ctx.step("one", () => 1);
				await note(ctx.step("one", () => 2));
				await note(Promise.all([ctx.step("two", async () => 1), ctx.step("two", async () => 1)]));
				await note(ctx.step("date", () => new Date(0)));
				await note(ctx.step("", () => 1));
				await note(
					ctx.step("throws", () => {
						if (ctx.attempt === 1) throw new Error("boom");
						return 5;
					}),
				);
				if (ctx.attempt === 1) throw new Error("again");
				return seen;
			},
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		expect((await finish(run, clock)).status).toBe("completed");
		const each = ["DUPLICATE_STEP", "DUPLICATE_STEP", "INVALID_OUTPUT", "INVALID_INPUT"];
		expect(seen).toEqual([...each, "boom", ...each]);
		const steps = (await stored(lives.journal, "r")).flatMap((event) =>
			event.type === "node.stepped" ? [event.name] : [],
		);
		expect(steps).toEqual(["one", "two", "throws"]);
	});

	test("of an attempt that is over is not recorded", async () => {
		const go = gate();
		const seen: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			timeout: 100,
			run: async (_: unknown, ctx) => {
				await ctx.step("late", () => go.promise).catch((error) => seen.push(error.code));
			},
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await pass(clock, 200);
		go.open();
		await finish(run, clock);
		expect(seen).toEqual(["STALE_LEASE"]);
	});

	test("may end while its node waits for something else", async () => {
		const go = gate<number>();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => Promise.all([ctx.waitForSignal("s"), ctx.step("slow", () => go.promise)]),
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		go.open(7);
		await rest();
		await run.signal("s", "yes");
		expect((await finish(run, clock)).outputs).toEqual({ a: ["yes", 7] });
		expect((await stored(lives.journal, "r")).some(({ type }) => type === "node.stepped")).toBe(true);
	});

	test("works without a journal: later attempts in this process find it", async () => {
		let done = 0;
		const agent = defineAgent({
			name: "agent",
			retry: 3,
			run: async (_: unknown, ctx) => {
				const n = await ctx.step("n", () => ++done);
				if (ctx.attempt < 3) throw new Error("again");
				return n;
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "agent" },
				{ id: "b", agent: "agent" },
			],
		});
		expect((await finish(run, clock)).outputs).toEqual({ a: 1, b: 2 });
	});

	test("is bounded", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const steps = Array.from({ length: 10_001 }, (_step, i) => ctx.step(`s${i}`, () => i));
				const answers = await Promise.allSettled(steps);
				return answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason.code] : []));
			},
		});
		const { swarm, clock } = new Lives([agent], { check: "off" }).next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		expect((await finish(run, clock)).outputs).toEqual({ a: ["LIMIT_EXCEEDED"] });
	});

	test("may end, and chunks may be kept, while the journal is told that its node goes on by another lease", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const step = ctx.step("s", () => ctx.waitForSignal("one"));
				const kept = ctx.waitForSignal("two").then(async () => {
					for (let i = 0; i < 4; i++) await undefined;
					await ctx.emit("chunk", { persist: true });
				});
				// They are there already: the node does not rest between.
				const three = await ctx.waitForSignal("three");
				await kept;
				return [await step, three];
			},
		});
		const { swarm, clock } = new Lives([agent]).next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		for (const name of ["two", "three", "one"]) await run.signal(name, name);
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: ["one", "three"] }, stats: { stale: 0 } });
	});

	test("takes what it waited for and called with it: what comes after is found as it was left", async () => {
		const asked: string[] = [];
		const twice = defineAgent({ name: "twice", run: (n: number) => n * 2 });
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const ask = async (reason: string) => {
					asked.push(`${reason} in ${ctx.attempt}`);
					return (await ctx.requestApproval({ reason })).by;
				};
				const inSteps = await Promise.all([
					ctx.step("calls", async () => [await ctx.call(twice, 1), await ctx.callAll([{ tool: twice, input: 2 }])]),
					ctx.step("a.1:/%", () => ctx.call(twice, 3)),
					ctx.step("waits", async () => [
						await ctx.waitForSignal("go"),
						await ask("first"),
						await ctx.sleep(10).then(() => 10),
					]),
				]);
				const signal = await ctx.waitForSignal("go");
				const after = [
					signal,
					await ask("second"),
					await ctx.call(twice, 4),
					await ctx.callAll([{ tool: twice, input: 5 }]),
				];
				await ctx.sleep(100);
				return [inSteps, after];
			},
		});
		const lives = new Lives([agent, twice]);
		const one = lives.next();
		const first = one.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await first.signal("go", 1);
		await rest(20);
		await first.approve("a", { by: "ann" });
		await pass(one.clock, 10);
		const { run } = await lives.recover("r");
		await run.signal("go", 2);
		await rest(20);
		await run.approve("a", { by: "bob" });
		await rest(20);
		const again = await lives.recover("r");
		const ok = (output: number) => [{ ok: true, output }];
		expect((await finish(again.run, again.clock)).outputs["a"]).toEqual([
			[[2, ok(4)], 6, [1, "ann", 10]],
			[2, "bob", 8, ok(10)],
		]);
		expect(asked).toEqual(["first in 1", "second in 2", "second in 3"]);
		expect((await lives.journal.runs()).map((each) => each.run).sort()).toEqual([
			"r",
			"r/a/1.1",
			"r/a/1.2.1",
			"r/a/1.~a%2E1%3A%2F%25.1",
			"r/a/1.~calls.1",
			"r/a/1.~calls.2.1",
		]);
	});

	test("of another run is none of the run that was started within it", async () => {
		const inner = defineAgent({
			name: "inner",
			run: async (_: unknown, ctx) => {
				await ctx.sleep(10);
				await ctx.waitForSignal("never");
			},
		});
		const outer = defineAgent({
			name: "outer",
			run: (_: unknown, ctx) =>
				ctx.step("starts", () => void one.swarm.start({ nodes: [{ id: "i", agent: "inner" }] }, { runId: "inner" })),
		});
		const lives = new Lives([inner, outer]);
		const one = lives.next();
		await finish(one.swarm.start({ nodes: [{ id: "o", agent: "outer" }] }), one.clock);
		await pass(one.clock, 10);
		const parked = (await stored(lives.journal, "inner")).filter(({ type }) => type === "node.parked");
		expect(parked).toMatchObject([{ wait: { kind: "sleep" } }, { wait: { kind: "signal" } }]);
		expect(JSON.stringify(parked)).not.toContain("step");
	});

	test("resolves when its record is on the disk, not before", async () => {
		const held = heldJournal();
		let resolved = false;
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				await ctx.step("s", () => 1);
				resolved = true;
			},
		});
		const { swarm } = virtualSwarm([agent], { journal: held.journal, durability: "strict" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await rest();
		held.calls.shift()?.pass();
		await rest();
		expect(resolved).toBe(false);
		held.letPass();
		await rest();
		expect(resolved).toBe(true);
		await rest();
		expect((await run.result()).status).toBe("completed");
	});
});
