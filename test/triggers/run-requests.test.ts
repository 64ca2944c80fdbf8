import { answerRequests, askRun, createSwarm, defineAgent, memoryStore, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { quiet } from "./service-fixture.js";

function asking() {
	const store = memoryStore();
	const clock = new VirtualClock();
	const asker = defineAgent({
		name: "asker",
		run: async (_: undefined, ctx) => ctx.ask("go on?", { choices: ["yes"] }),
	});
	const swarm = createSwarm({ agents: [asker], journal: store.journal, durability: "strict" });
	const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] }, { runId: "r" });
	return { store, clock, swarm, run };
}

describe("a run of another process", () => {
	test("is answered, and what it refuses is thrown with its code", async () => {
		const { store, clock, swarm, run } = asking();
		const end = await answerRequests(store, swarm);
		for await (const _ of run.approvals()) break;
		const wrong = askRun(store, "r", { type: "approve", node: "a", data: "no" }, { clock });
		await expect(wrong).rejects.toMatchObject({ code: "INVALID_INPUT" });
		await expect(askRun(store, "r", { type: "approve", node: "b" }, { clock })).rejects.toMatchObject({
			code: "UNKNOWN_NODE",
		});
		await askRun(store, "r", { type: "approve", node: "a", data: "yes", by: "Ada" }, { clock });
		expect((await run.result()).outputs).toEqual({ a: "yes" });
		await expect(askRun(store, "r", { type: "cancel" }, { clock })).rejects.toMatchObject({ code: "RUN_ENDED" });
		await expect(askRun(store, "s", { type: "cancel" }, { clock })).rejects.toMatchObject({ code: "UNKNOWN_RUN" });
		expect(await store.requests()).toEqual([]);
		end();
	});

	test("that does not answer is not waited for beyond the time", async () => {
		const { store, clock, swarm } = asking();
		await quiet();
		const asked = askRun(store, "r", { type: "cancel" }, { clock, timeout: "3s" });
		const refused = expect(asked).rejects.toMatchObject({ code: "TIMEOUT" });
		await quiet();
		clock.advance(3_000);
		await refused;
		expect(await store.requests()).toEqual([]);
		await swarm.close();
	});

	test("that ends by itself before it is answered is not waited for", async () => {
		const { store, clock, run } = asking();
		await quiet();
		const asked = askRun(store, "r", { type: "signal", name: "go" }, { clock });
		const refused = expect(asked).rejects.toMatchObject({ code: "RUN_ENDED" });
		await quiet();
		await run.cancel("enough");
		await quiet();
		clock.advance(1_000);
		await refused;
	});

	test("that its process lets go of is nobody's", async () => {
		const { store, clock, swarm } = asking();
		await quiet();
		const asked = askRun(store, "r", { type: "signal", name: "go" }, { clock });
		const refused = expect(asked).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
		await quiet();
		await swarm.drain(0);
		// A journal in memory tells of no release: the next thing that happens does.
		await store.write({});
		await quiet();
		clock.advance(1_000);
		await refused;
	});
});
