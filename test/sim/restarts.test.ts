import { simulate } from "dagswarm/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";
import { restarts } from "./cases.js";

test("runs whose process dies at any moment go on in the next one and end with the right status", async () => {
	const tally = { runs: 0, events: 0, restarts: 0 };
	const seen = new Set<string>();
	await hold(
		"restarts",
		fc.asyncProperty(restarts, async (options) => {
			const { runs, faults } = await simulate(options);
			tally.restarts += faults.restart;
			for (const { outcome, events } of runs) {
				tally.runs++;
				tally.events += events.length;
				seen.add(outcome.status);
				for (const event of events) {
					if (event.type === "run.recovered") seen.add(event.type);
					if (event.type === "node.attemptFailed" && event.interrupted !== undefined) seen.add(event.interrupted);
					if (event.type === "node.failed") seen.add(event.error.code);
					if (event.type === "node.parked" && event.wait.kind === "approval" && event.wait.resume !== undefined)
						seen.add("asked");
				}
			}
		}),
		400,
		() => tally,
	);
	if (!isFixed) return;
	expect(tally.restarts).toBeGreaterThan(600);
	for (const kind of ["completed", "failed", "stalled", "cancelled", "run.recovered", "crash", "asked", "CRASHED"])
		expect(seen).toContain(kind);
});
