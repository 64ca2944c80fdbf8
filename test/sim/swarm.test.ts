import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases } from "../model/seed.js";
import { type RawSimulation, Simulation } from "./simulation.js";

const number = fc.nat({ max: 999 });
const node = fc.record({
	deps: fc.array(number, { maxLength: 3 }),
	join: number,
	policy: number,
	limits: number,
	plan: fc.array(fc.nat({ max: 3_999 }), { maxLength: 4, size: "max" }),
});

const simulation: fc.Arbitrary<RawSimulation> = fc.record({
	concurrency: fc.integer({ min: 1, max: 4 }),
	runs: fc.array(fc.record({ nodes: fc.array(node, { maxLength: 9, size: "max" }), options: number }), {
		minLength: 1,
		maxLength: 2,
	}),
	meddling: fc.array(fc.record({ turn: fc.nat({ max: 14 }), run: number, kind: number, arg: number }), {
		maxLength: 10,
		size: "max",
	}),
});

describe("a whole swarm under random graphs, agents and meddling", () => {
	test("ends every run, with the right status, and never breaks a bound on the way", async () => {
		await fc.assert(
			fc.asyncProperty(simulation, async (raw) => {
				const sim = new Simulation(raw);
				await sim.play();
				expect(sim.problems(), sim.story()).toEqual([]);
			}),
			cases(3_000),
		);
	});

	test("goes the same way again", async () => {
		await fc.assert(
			fc.asyncProperty(simulation, async (raw) => {
				const [first, second] = [new Simulation(raw), new Simulation(raw)];
				await first.play();
				await second.play();
				expect(second.story()).toBe(first.story());
			}),
			cases(200),
		);
	});
});
