import { simulate } from "dagswarm/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold } from "../random.js";
import { simulations } from "./cases.js";

test("the same seed gives the same trace", async () => {
	await hold(
		"same-seed",
		fc.asyncProperty(simulations, async (options) => {
			const first = await simulate(options);
			const second = await simulate(options);
			expect(second.trace).toEqual(first.trace);
			expect(second.faults).toEqual(first.faults);
		}),
		150,
	);
});

test("another seed gives another trace", async () => {
	const traces = new Set<string>();
	for (let seed = 0; seed < 20; seed++) {
		const { trace } = await simulate({
			seed,
			graph: { nodes: ["a", "b", "c"].map((id) => ({ id, agent: "work" as const })) },
			faults: { delay: 500, reorder: 500, duplicate: 200 },
		});
		traces.add(trace.join("\n"));
	}
	expect(traces.size).toBeGreaterThan(10);
});
