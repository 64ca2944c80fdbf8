import { createSwarm, defineAgent, VirtualClock } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../../src/scheduler/plan.js";
import { PlannedRanks } from "../../src/scheduler/planned-ranks.js";
import { TaskGraph } from "../../src/scheduler/task-graph.js";
import { Driver, node } from "../graph/driver.js";
import { Gate } from "./swarm.js";

function timed(id: string, estimateMs: number, dependsOn: readonly string[] = []) {
	return node(id, dependsOn, { estimateMs });
}

// On two workers neither order of arrival nor the critical path is best: the long ones have to be paired with care.
const tricky = [...[timed("a", 3), timed("b", 3), timed("c", 2), timed("d", 2), timed("e", 2)]];

describe("the planned policy", () => {
	test("finds a shorter schedule than the critical path", () => {
		const graph = new TaskGraph(Float64Array.of(3, 3, 2, 2, 2), [], []);
		expect(planSchedule(graph, 2).makespan).toBe(6);
	});

	test("goes by its plan in a run", async () => {
		const gate = new Gate({ policy: "planned", concurrency: 2 });
		const run = await gate.start(tricky);
		const started: string[][] = [];
		// Each ends when it should: 3 and 3 on one worker, or 2, 2 and 2.
		const first = [...gate.started];
		expect(first).toHaveLength(2);
		started.push(first);
		await gate.drain();
		expect(gate.started.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
		expect((await run.result()).status).toBe("completed");
	});

	test("plans for no more than the run or the swarm may run at a time", async () => {
		for (const [swarm, run] of [
			[1, undefined],
			[4, 1],
		] as const) {
			const gate = new Gate({ concurrency: swarm });
			const options = { policy: "planned", ...(run !== undefined && { concurrency: run }) } as const;
			await gate.start([timed("short", 1), timed("long", 5), timed("after", 9, ["short"])], options);
			expect(gate.peak).toBe(1);
			await gate.drain();
			expect(gate.started).toHaveLength(3);
		}
	});

	test("keeps priorities before the plan", async () => {
		const gate = new Gate({ policy: "planned" });
		await gate.start([timed("long", 50), node("first", [], { estimateMs: 1, priority: 1 }), timed("mid", 20)]);
		expect((await gate.drain())[0]).toBe("first");
	});

	test("without estimates is first come, first served", async () => {
		const gate = new Gate({ policy: "planned" });
		await gate.start([node("a"), node("b"), node("c", ["b"])]);
		expect(await gate.drain()).toEqual(["a", "b", "c"]);
		const weighed = new Gate({ policy: "planned" });
		await weighed.start([node("a"), node("b"), node("c", ["b"], { priority: 0 })]);
		expect(await weighed.drain()).toEqual(["a", "b", "c"]);
	});

	test("deals the numbers of the critical path out in the order of the plan, each once", async () => {
		const driver = new Driver([timed("a", 1), timed("b", 2, ["a"]), timed("c", 3), timed("d", 3), timed("e", 0)]);
		const { graph } = driver.actor.state;
		const ranks = new PlannedRanks(graph, 2);
		const of = (id: string) => ranks.of(graph.index.get(id) as number);
		expect(ranks.refresh(driver.actor.state.unfinished)).toBe(true);
		expect(ranks.refresh(driver.actor.state.unfinished)).toBe(false);
		const dealt = ["a", "b", "c", "d", "e"].map(of).toSorted((a, b) => b - a);
		expect(new Set(dealt).size).toBe(5);
		for (const [k, level] of [3, 3, 3, 2, 0].entries()) expect(dealt[k]).toBeCloseTo(level, 9);
	});

	test("weighs nodes that were added later by their critical path, and keeps the plan", async () => {
		const driver = new Driver([timed("a", 4), timed("b", 2)]);
		const { graph } = driver.actor.state;
		const ranks = new PlannedRanks(graph, 1);
		const of = (id: string) => ranks.of(graph.index.get(id) as number);
		ranks.refresh(driver.actor.state.unfinished);
		const before = [of("a"), of("b")];
		await driver.mutate({ type: "addNodes", nodes: [timed("x", 3), timed("y", 7, ["x"])] });
		expect(of("x")).toBe(3);
		expect(ranks.refresh(driver.actor.state.unfinished)).toBe(true);
		expect([of("a"), of("b")]).toEqual(before);
		expect([of("x"), of("y")]).toEqual([10, 7]);
	});

	test("is checked where it is asked for", () => {
		const agents = [defineAgent({ name: "noop", run: async () => {} })];
		const policy = "best" as "planned";
		const refused = expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining("planned") });
		expect(() => createSwarm({ agents, policy })).toThrow(refused);
		const swarm = createSwarm({ agents, clock: new VirtualClock() });
		expect(() => swarm.start({ nodes: [] }, { policy })).toThrow(refused);
	});
});

describe("a plan", () => {
	const graphs = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.array(fc.nat(), { maxLength: 3 })), {
		minLength: 1,
		maxLength: 60,
	});

	test("starts every task once, after those it depends on, and is the same each time", () => {
		fc.assert(
			fc.property(graphs, fc.integer({ min: 1, max: 6 }), (drawn, slots) => {
				const edges = drawn.flatMap(([, before], to) =>
					to === 0 ? [] : [...new Set(before.map((k) => k % to))].map((from) => [from, to] as const),
				);
				const durations = Float64Array.from(drawn, ([duration]) => duration);
				const graph = new TaskGraph(
					durations,
					edges.map(([from]) => from),
					edges.map(([, to]) => to),
				);
				const plan = planSchedule(graph, slots);
				expect(plan.sequence.toSorted()).toEqual(Int32Array.from(drawn.keys()));
				const place = new Map(Array.from(plan.sequence, (task, k) => [task, k]));
				for (const [from, to] of edges) expect(place.get(from)).toBeLessThan(place.get(to) as number);
				expect(planSchedule(graph, slots)).toEqual(plan);
			}),
			{ numRuns: 50 },
		);
	});

	test("of a graph that has nothing is nothing", () => {
		expect(planSchedule(new TaskGraph(new Float64Array(0), [], []), 4)).toMatchObject({ makespan: 0 });
	});

	test("of a large graph is made of few tries", () => {
		const size = 200_000;
		const durations = Float64Array.from({ length: size }, (_, i) => 1 + ((i * 7919) % 13));
		const from = Int32Array.from({ length: size - 100 }, (_, i) => i);
		const graph = new TaskGraph(
			durations,
			from,
			from.map((i) => i + 100),
		);
		expect(planSchedule(graph, 16).tries).toBeLessThanOrEqual(6);
	});
});
