import { createSwarm, defineAgent, memoryJournal, VirtualClock } from "dagswarm";
import { expect, test } from "vitest";
import { turned } from "../../src/testing/turn.js";

test("the total time of an agent's nodes is counted where the run goes on, too", async () => {
	const journal = memoryJournal();
	const clock = new VirtualClock(1_000);
	const gate = defineAgent({ name: "gate", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
	const slow = defineAgent({
		name: "slow",
		timeout: { total: 40 },
		run: async (_: undefined, ctx) => {
			for (let i = 0; i < 10; i++) await ctx.sleep(10);
		},
	});
	const options = { agents: [gate, slow], journal, clock };
	const first = createSwarm(options);
	const nodes = [
		{ id: "a", agent: "gate" },
		{ id: "b", agent: "slow", dependsOn: ["a"] },
	] as const;
	const before = first.start({ nodes }, { runId: "r" });
	for await (const { type } of before.events()) if (type === "run.waiting") break;
	await first.drain(0);
	const run = await createSwarm(options).recover("r");
	await run.signal("go");
	let over = false;
	const result = run.result().finally(() => {
		over = true;
	});
	while (!over) {
		await turned();
		clock.step();
	}
	expect((await result).failures).toMatchObject([{ id: "b", code: "TIMEOUT" }]);
});
