import { createSwarm, defineAgent, memoryJournal } from "dagswarm";
import { expect, test } from "vitest";

test("a run whose agents are not here is cancelled where it is recovered with a signal that has aborted", async () => {
	const journal = memoryJournal();
	const wait = defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
	const cut = defineAgent({
		name: "cut",
		run: async (_: undefined, ctx) =>
			new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
	});
	const first = createSwarm({ agents: [wait, cut], journal, limits: { few: 1 } });
	const run = first.start(
		{
			nodes: [
				{ id: "w", agent: "wait" },
				{ id: "c", agent: "cut", limits: ["few"] },
				{ id: "after", agent: "wait", dependsOn: ["w"], join: "always" },
			],
		},
		{ runId: "r" },
	);
	for await (const event of run.events({ types: ["node.parked"] })) if (event.node === "w") break;
	await first.drain(0);

	const second = createSwarm({ agents: [], journal });
	await expect(second.recover("r")).rejects.toMatchObject({ code: "VERSION_MISMATCH" });
	const ended = await second.recover("r", { signal: AbortSignal.abort("not wanted") });
	expect(await ended.result()).toMatchObject({ status: "cancelled", reason: "not wanted" });
	expect(await journal.find("r")).toMatchObject({ ended: true, status: "cancelled" });
	await second.close();
});
