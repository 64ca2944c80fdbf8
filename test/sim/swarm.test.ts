import { simulate } from "dagswarm/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";
import { simulations } from "./cases.js";

/** What all cases together came to: a kind that never comes up tests nothing. */
interface Tally {
	runs: number;
	events: number;
	readonly statuses: Set<string>;
	readonly faults: Record<string, number>;
}

test("a swarm under random graphs, scripts, policies and faults ends every run with the right status", async () => {
	const tally: Tally = { runs: 0, events: 0, statuses: new Set(), faults: {} };
	await hold(
		"swarm",
		fc.asyncProperty(simulations, async (options) => {
			const { runs, faults } = await simulate(options);
			for (const { outcome, events } of runs) {
				tally.runs++;
				tally.events += events.length;
				tally.statuses.add(outcome.status);
			}
			for (const [fault, count] of Object.entries(faults)) tally.faults[fault] = (tally.faults[fault] ?? 0) + count;
		}),
		2_000,
		() => ({ runs: tally.runs, events: tally.events }),
	);
	if (!isFixed) return;
	expect(tally.runs).toBeGreaterThanOrEqual(2_000);
	expect([...tally.statuses].sort()).toEqual(["cancelled", "completed", "failed", "stalled", "timed_out"]);
	// Processes that die have a test of their own.
	expect(Object.entries(tally.faults).filter(([fault, count]) => fault !== "restart" && count < 50)).toEqual([]);
});
