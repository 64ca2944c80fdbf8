import { setImmediate as realTurn } from "node:timers/promises";
import { createSwarm, defineAgent } from "dagswarm";
import { runToEnd, scriptedAgents, VirtualClock } from "dagswarm/testing";
import { describe, expect, test } from "vitest";

const nap = defineAgent({ name: "nap", run: async (ms: number, ctx) => ctx.sleep(ms) });

describe("runToEnd", () => {
	test("passes through days of sleep", async () => {
		const clock = new VirtualClock();
		const run = createSwarm({ agents: [nap], clock }).start({
			nodes: [
				{ id: "a", agent: nap, input: 86_400_000 },
				{ id: "b", agent: nap, input: 86_400_000, dependsOn: ["a"] },
			],
		});
		expect((await runToEnd(run, clock)).status).toBe("completed");
		expect(clock.now()).toBe(172_800_000);
	});

	test("waits for functions that wait for something real", async () => {
		const clock = new VirtualClock();
		const slow = defineAgent({
			name: "slow",
			run: async (_: undefined, ctx) => {
				for (let i = 0; i < 50; i++) await realTurn();
				await ctx.sleep(5);
			},
		});
		const run = createSwarm({ agents: [slow], clock }).start({ nodes: [{ id: "a", agent: slow }] });
		expect((await runToEnd(run, clock)).status).toBe("completed");
	});

	test("waits for a timer that a function sets on the clock itself", async () => {
		const clock = new VirtualClock();
		const slow = defineAgent({
			name: "slow",
			run: async () => {
				for (let i = 0; i < 50; i++) await realTurn();
				await new Promise<void>((resolve) => clock.set(clock.now() + 5, resolve));
			},
		});
		const run = createSwarm({ agents: [slow], clock }).start({ nodes: [{ id: "a", agent: slow }] });
		expect((await runToEnd(run, clock)).status).toBe("completed");
	});

	test("waits for a slot that a function of another run holds", async () => {
		const clock = new VirtualClock();
		const slow = defineAgent({
			name: "slow",
			run: async () => {
				for (let i = 0; i < 50; i++) await realTurn();
			},
		});
		const swarm = createSwarm({ agents: [slow], clock, concurrency: 1 });
		swarm.start({ nodes: [{ id: "a", agent: slow }] });
		const second = swarm.start({ nodes: [{ id: "b", agent: slow }] });
		expect((await runToEnd(second, clock)).status).toBe("completed");
	});

	test("says which node waits for what when nothing will happen any more", async () => {
		const clock = new VirtualClock();
		const swarm = createSwarm({ agents: scriptedAgents(clock), clock });
		const ask = defineAgent({ name: "ask", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
		const asking = createSwarm({ agents: [ask], clock }).start({ nodes: [{ id: "who", agent: ask }] });
		await expect(runToEnd(asking, clock)).rejects.toMatchObject({ code: "TIMEOUT", nodes: ["who"] });
		await expect(runToEnd(asking, clock)).rejects.toThrow(/"who": it waits for the signal "go"/);
		await asking.signal("go");
		expect((await runToEnd(asking, clock)).status).toBe("completed");
		const open = swarm.start({ nodes: [] }, { open: true });
		await expect(runToEnd(open, clock)).rejects.toMatchObject({ code: "TIMEOUT" });
		await open.close();
		expect((await runToEnd(open, clock)).status).toBe("completed");
	});

	test("stops after as many timers as it was given", async () => {
		const clock = new VirtualClock();
		const restless = defineAgent({
			name: "restless",
			run: async (_: undefined, ctx) => {
				for (;;) await ctx.sleep(1);
			},
		});
		const swarm = createSwarm({ agents: [restless], clock });
		const run = swarm.start({ nodes: [{ id: "a", agent: restless }] });
		await expect(runToEnd(run, clock, { steps: 20 })).rejects.toThrow(/20 timers have fired/);
		await run.cancel();
	});
});
