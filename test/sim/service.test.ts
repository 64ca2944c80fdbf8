import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";
import { plans } from "./service-cases.js";
import { judgeService } from "./service-judge.js";
import { carriedOut } from "./service-story.js";

test("no slot is lost or doubled, whichever processes die, stop or are cut off, and policies hold over all of them", async () => {
	const tally = { executions: 0, died: 0, skipped: 0, completed: 0, cancelled: 0, failed: 0 };
	await hold(
		"service",
		fc.asyncProperty(plans, async (plan) => {
			const world = await carriedOut(plan);
			const problems = await judgeService(world);
			tally.executions += world.executions.length;
			tally.died += world.executions.filter(({ how }) => how === "died").length;
			for (const { state } of await world.store.occurrences()) if (state in tally) tally[state as keyof typeof tally]++;
			if (problems.length > 0) throw new Error(problems.slice(0, 20).join("\n"));
		}),
		25,
		() => tally,
	);
	if (!isFixed) return;
	for (const count of Object.values(tally)) expect(count).toBeGreaterThan(0);
});
