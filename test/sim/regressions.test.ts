import { describe, expect, test } from "vitest";
import { type RawNode, type RawSimulation, Simulation } from "./simulation.js";

function raw(more: Partial<RawNode> = {}): RawNode {
	return { deps: [], join: 0, policy: 0, limits: 0, plan: [], ...more };
}

/** Simulations that once went wrong, shrunk. The numbers mean what simulation.ts makes of them. */
const found: readonly (readonly [string, RawSimulation])[] = [
	[
		"a run that was paused hands on the turn at a limit that it was woken for",
		{
			concurrency: 2,
			runs: [
				{ nodes: [raw({ limits: 267 }), raw({ limits: 405, plan: [1_370] })], options: 0 },
				{ nodes: [raw(), raw({ limits: 291 })], options: 0 },
			],
			meddling: [{ turn: 1, run: 0, kind: 451, arg: 0 }],
		},
	],
	[
		"the same with the runs the other way round",
		{
			concurrency: 2,
			runs: [
				{ nodes: [raw({ limits: 45 }), raw({ deps: [0], limits: 357 })], options: 0 },
				{ nodes: [raw({ limits: 765, plan: [1_030] }), raw({ limits: 555 })], options: 0 },
			],
			meddling: [{ turn: 1, run: 105, kind: 961, arg: 0 }],
		},
	],
	[
		"a node that always runs does not grow a run that has failed",
		{
			concurrency: 1,
			runs: [{ nodes: [raw({ policy: 479, plan: [522] }), raw({ deps: [0], join: 762, plan: [1_024] })], options: 0 }],
			meddling: [],
		},
	],
];

describe("what simulations have found", () => {
	test.each(found)("%s", async (_, simulation) => {
		const sim = new Simulation(simulation);
		await sim.play();
		expect(sim.problems(), sim.story()).toEqual([]);
	});
});
