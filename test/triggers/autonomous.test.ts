import { defineAutonomous, type IterationResult } from "dagswarm";
import { describe, expect, test } from "vitest";
import { quiet, worlds } from "./service-fixture.js";

const world = worlds();

interface Notes {
	readonly count: number;
}

/** An agent whose every iteration is told what to come to. */
function counting(
	come: (count: number, iteration: number) => IterationResult<Notes> | Promise<IterationResult<Notes>>,
	more: { readonly name?: string; readonly first?: "now" | "interval"; readonly every?: string } = {},
) {
	const ticks: { readonly tick: string; readonly iteration: number; readonly count: number }[] = [];
	const agent = defineAutonomous({
		name: more.name ?? "scout",
		goal: "count to many",
		every: more.every ?? "every 10s",
		first: more.first ?? "interval",
		memory: { count: 0 } as Notes,
		iterate: ({ memory, iteration, tick }) => {
			ticks.push({ tick, iteration, count: memory.count });
			return come(memory.count, iteration);
		},
	});
	return { agent, ticks };
}

describe("autonomous agents", () => {
	test("P3: the first tick comes after one interval, each with its own identity, and memory is kept between them", async () => {
		const w = world();
		const { agent, ticks } = counting((count) => ({ memory: { count: count + 1 }, done: true }));
		const { service } = await w.started([agent.agent]);
		expect(await service.agents.start(agent)).toMatchObject({ state: "ticking", memory: null });
		await w.pass(9_750);
		expect(ticks).toEqual([]);
		await w.pass(10_500);
		expect(ticks.map(({ count }) => count)).toEqual([0, 1]);
		expect(new Set(ticks.map(({ tick }) => tick)).size).toBe(2);
		expect(await service.agents.get("scout")).toMatchObject({
			goal: "count to many",
			ticks: { started: 2, completed: 2, failed: 0 },
			memory: { count: 2 },
		});
	});

	test("P8: a tick has ten iterations at most", async () => {
		const w = world();
		const { agent, ticks } = counting((count) => ({ memory: { count: count + 1 } }), { first: "now" });
		const { service } = await w.started([agent.agent], { triggers: [agent.trigger] });
		await quiet(60);
		expect(ticks.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
		expect((await service.agents.get("scout"))?.memory).toEqual({ count: 10 });
	});

	test("P6: a tick that throws is counted, keeps the memory, and the loop goes on, later each time", async () => {
		const w = world();
		const at: number[] = [];
		const { agent } = counting(
			(count) => {
				at.push((w.clock.now() % 1_000_000) / 1_000);
				if (at.length < 4) throw new Error("no network");
				return { memory: { count: count + 1 }, done: true };
			},
			{ first: "now" },
		);
		const { service } = await w.started([agent.agent]);
		await service.agents.start(agent);
		await w.pass(160_000, 1_000);
		const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
		expect(waits.slice(0, 4)).toEqual([20, 40, 80, 10]);
		expect(await service.agents.get("scout")).toMatchObject({ ticks: { failed: 3 }, failures: 0 });
	});

	test("P5: starting twice is an error, stopping what is unknown or stopped returns false", async () => {
		const w = world();
		const { agent } = counting(() => ({ done: true }));
		const { service } = await w.started([agent.agent]);
		expect(await service.agents.stop("scout")).toBe(false);
		await service.agents.start(agent);
		await expect(service.agents.start(agent)).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
		expect(await service.agents.stop("scout")).toBe(true);
		expect(await service.agents.stop("scout")).toBe(false);
		expect(await service.agents.start(agent)).toMatchObject({ state: "ticking" });
	});

	test("25: a loop that has ended by itself can be started again, and remembers", async () => {
		const w = world();
		const { agent, ticks } = counting((count) => ({ memory: { count: count + 1 }, reached: true }), { first: "now" });
		const { service } = await w.started([agent.agent]);
		await service.agents.start(agent);
		await w.pass(60_000, 5_000);
		expect(ticks).toHaveLength(1);
		expect(await service.agents.get("scout")).toMatchObject({ state: "ended", memory: { count: 1 } });
		await service.agents.start(agent);
		await w.pass(60_000, 5_000);
		expect(ticks.map(({ count }) => count)).toEqual([0, 1]);
		expect(await service.agents.forget("scout")).toBe(true);
		expect(await service.agents.get("scout")).toMatchObject({ state: "ended", memory: null });
	});

	test("one agent never ticks twice at a time, and a stop cancels the tick", async () => {
		const w = world();
		let going = 0;
		let most = 0;
		const { agent } = counting(
			async () => {
				most = Math.max(most, ++going);
				return new Promise<IterationResult<Notes>>(() => {}).finally(() => {
					going--;
				});
			},
			{ first: "now" },
		);
		const { service } = await w.started([agent.agent], {}, { grace: 0 });
		await service.agents.start(agent);
		await w.pass(60_000, 5_000);
		expect([going, most]).toEqual([1, 1]);
		expect(await service.agents.stop("scout")).toBe(true);
		await w.pass(10_000, 1_000);
		expect((await service.history("scout"))[0]).toMatchObject({ state: "cancelled", reason: "the agent was stopped" });
	});

	test("P4: ticks share one limit of three, held for the whole tick", async () => {
		const w = world();
		let going = 0;
		let most = 0;
		const ends: (() => void)[] = [];
		const agents = Array.from({ length: 5 }, (_, i) =>
			counting(
				async () => {
					most = Math.max(most, ++going);
					await new Promise<void>((resolve) => ends.push(resolve));
					going--;
					return { done: true };
				},
				{ name: `a${i}`, first: "now" },
			),
		);
		const { service } = await w.started(
			agents.map(({ agent }) => agent.agent),
			{},
			{ concurrency: 10 },
		);
		for (const { agent } of agents) await service.agents.start(agent);
		await quiet(40);
		expect([going, most]).toEqual([3, 3]);
		for (let i = 0; i < 5; i++) {
			ends.shift()?.();
			await quiet(20);
		}
		expect(most).toBe(3);
		expect((await service.counts()).completed).toBe(5);
	});

	test("P2: an interval that cannot be read is five minutes, with a warning", async () => {
		const w = world();
		const { agent } = counting(() => ({ done: true }), { every: "whenever" });
		const { service, warnings } = await w.started([agent.agent], { triggers: [agent.trigger] });
		expect(warnings).toEqual([expect.stringContaining("every 5 minutes")]);
		await w.pass(301_000, 1_000);
		expect(await service.agents.get("scout")).toMatchObject({ ticks: { completed: 1 } });
	});

	test("an iteration that was recorded is not made again where the tick goes on in another process", async () => {
		const w = world();
		const held = Promise.withResolvers<void>();
		const { agent, ticks } = counting(
			async (count, iteration) => {
				if (iteration === 2 && ticks.length === 2) await held.promise;
				return { memory: { count: count + 1 }, done: iteration === 3 };
			},
			{ first: "now" },
		);
		const first = await w.started([agent.agent], { triggers: [agent.trigger] }, { grace: 0 });
		await quiet(30);
		expect(ticks).toHaveLength(2);
		const stopping = first.service.stop({ grace: 0 });
		await quiet();
		w.clock.advance(10_000);
		await stopping;
		const second = await w.started([agent.agent], { triggers: [agent.trigger] });
		await quiet(30);
		expect(ticks.map(({ iteration }) => iteration)).toEqual([1, 2, 2, 3]);
		expect((await second.service.agents.get("scout"))?.memory).toEqual({ count: 3 });
	});
});
