import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest, virtualSwarm } from "../swarm/fixture.js";
import { heldJournal, journals, Lives } from "./fixture.js";

describe.each(journals())("ctx.checkpoint with a %s journal", (_, make) => {
	test("the latest is kept over a crash and a failure, and cleared when the node ends", async () => {
		const loaded: unknown[] = [];
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			run: async (_: unknown, ctx) => {
				loaded.push(ctx.checkpoint.load());
				if (ctx.attempt === 1) {
					for (let i = 1; i <= 5; i++) void ctx.checkpoint.save({ i, bytes: new Uint8Array([i]) });
					await ctx.sleep(2_000);
					await new Promise(() => {});
				}
				if (ctx.attempt === 2) {
					await ctx.checkpoint.save({ $bytes: "mine" });
					throw new Error("again");
				}
				await go.promise;
				return 1;
			},
		});
		const lives = new Lives([agent], {}, make());
		const one = lives.next();
		one.swarm.start(
			{
				nodes: [
					{ id: "a", agent: "agent" },
					{ id: "b", agent: "agent", input: 1 },
				],
			},
			{ runId: "r" },
		);
		await pass(one.clock, 999);
		const kept = [...(await lives.journal.checkpoints("r")).values()];
		expect(kept.map((body) => body.slice(-33))).toEqual(Array(2).fill('{"i":1,"bytes":{"$bytes":"AQ=="}}'));
		await pass(one.clock, 1_001);
		const { run, clock } = await lives.recover("r");
		await rest();
		const five = { i: 5, bytes: new Uint8Array([5]) };
		expect(loaded).toEqual([undefined, undefined, five, five, { $bytes: "mine" }, { $bytes: "mine" }]);
		expect((await lives.journal.checkpoints("r")).size).toBe(2);
		go.open();
		await finish(run, clock);
		expect((await lives.journal.checkpoints("r")).size).toBe(0);
	});
});

describe("ctx.checkpoint", () => {
	test("is throttled: the latest of what comes in the interval is saved at its end", async () => {
		const held = heldJournal();
		held.letPass();
		const go = gate();
		let save: (state: unknown) => Promise<void> = async () => {};
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				save = (state) => ctx.checkpoint.save(state, { every: 5_000 });
				await go.promise;
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { journal: held.journal, durability: "strict" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const kept = async (): Promise<unknown> => (await held.journal.checkpoints("r")).get("a")?.slice(-1);
		const saved: number[] = [];
		for (const i of [1, 2, 3]) void save(i).then(() => saved.push(i));
		// The first one is still on its way: the others wait for the interval nevertheless.
		await pass(clock, 0);
		expect(await kept()).toBe("1");
		await pass(clock, 4_999);
		expect(await kept()).toBe("1");
		expect(saved).toEqual([1]);
		await pass(clock, 1);
		expect(await kept()).toBe("3");
		await rest();
		expect(saved).toEqual([1, 2, 3]);
		void save(4);
		await pass(clock, 6_000);
		void save(5);
		await rest();
		expect(await kept()).toBe("4");
		go.open();
		await finish(run, clock);
	});

	test("the clock advances only after a save that succeeded", async () => {
		const lives = new Lives([]);
		let broken = true;
		let save: (state: unknown) => Promise<void> = async () => {};
		const go = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				save = (state) => ctx.checkpoint.save(state);
				await go.promise;
			},
		});
		const { swarm, clock } = lives.next({}, [agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { Checkpoint } = await import("../../src/executor/checkpoint.js");
		const saved: unknown[] = [];
		const attempt = {
			over: undefined,
			isLive: true,
			isCurrent: true,
			lease: { node: "a" },
			run: {
				actor: { clock },
				checkpoints: {
					load: () => undefined,
					note: () => {},
					save: async (_node: string, state: unknown) => {
						if (broken) throw new Error("disk full");
						saved.push(state);
					},
				},
			},
		};
		const checkpoint = new Checkpoint(attempt as never);
		await expect(checkpoint.save(1)).rejects.toThrow("disk full");
		broken = false;
		await checkpoint.save(2);
		void checkpoint.save(3);
		await rest();
		expect(saved).toEqual([2]);
		await pass(clock, 1_000);
		expect(saved).toEqual([2, 3]);
		await save(1);
		go.open();
		await finish(run, clock);
	});

	test("of an attempt that is over changes nothing", async () => {
		const late = gate();
		const loaded: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			retry: 2,
			timeout: { attempt: 100, grace: 50 },
			run: async (_: unknown, ctx) => {
				loaded.push(ctx.checkpoint.load());
				if (ctx.attempt === 2) {
					await ctx.checkpoint.save("second");
					late.open();
					await rest(2);
					return ctx.checkpoint.load();
				}
				await ctx.checkpoint.save("first");
				await late.promise;
				return ctx.checkpoint.save("zombie", { every: 0 }).catch(() => {});
			},
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toEqual({ a: "second" });
		expect(loaded).toEqual([undefined, "first"]);
		expect((await lives.journal.checkpoints("r")).size).toBe(0);
	});

	test("after its node has ended leaves nothing in the journal", async () => {
		const late = gate();
		const done = gate();
		const agent = defineAgent({
			name: "agent",
			run: (_: unknown, ctx) => {
				void late.promise.then(async () => {
					await ctx.checkpoint.save("late").catch(() => {});
					done.open();
				});
				return 1;
			},
		});
		const lives = new Lives([agent]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r", open: true });
		await rest();
		late.open();
		await rest();
		expect((await lives.journal.checkpoints("r")).size).toBe(0);
		await run.close();
		await finish(run, clock);
	});

	test("that nobody waits for does not bring the process down when the journal fails", async () => {
		const heard: unknown[] = [];
		const listener = (error: unknown): void => void heard.push(error);
		process.on("unhandledRejection", listener);
		try {
			const held = heldJournal();
			const go = gate();
			const agent = defineAgent({
				name: "agent",
				run: async (_: unknown, ctx) => {
					void ctx.checkpoint.save(1);
					void ctx.checkpoint.save(2);
					await go.promise;
				},
			});
			const { swarm, clock } = virtualSwarm([agent], { journal: held.journal, durability: "strict", grace: 1 });
			const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
			await rest();
			held.calls.shift()?.pass();
			await rest();
			held.calls.shift()?.fail(new Error("disk full"));
			await rest();
			await pass(clock, 2_000);
			expect((await run.result()).reason).toMatch(/^JOURNAL_UNAVAILABLE/);
			await rest();
			expect(heard).toEqual([]);
		} finally {
			process.off("unhandledRejection", listener);
		}
	});

	test("an undefined one takes it away", async () => {
		const loaded: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				loaded.push(ctx.checkpoint.load());
				if (ctx.attempt > 1) return;
				await ctx.checkpoint.save(1);
				await ctx.checkpoint.save(undefined, { every: 0 });
				await new Promise(() => {});
			},
		});
		const lives = new Lives([agent]);
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		await finish(run, clock);
		expect(loaded).toEqual([undefined, undefined]);
	});
});
