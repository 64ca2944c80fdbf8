import {
	checkSchedule,
	compareSchedules,
	lowerBounds,
	type ReplayPolicy,
	replayPolicies,
	replayWorkflow,
} from "dagswarm/bench";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileWorkflow } from "../../src/bench/workflow.js";
import { ListScheduler } from "../../src/scheduler/list-scheduler.js";
import { planSchedule } from "../../src/scheduler/plan.js";
import { TaskGraph } from "../../src/scheduler/task-graph.js";
import { longestPaths, optimum } from "./reference.js";
import { workflowOf, workflows } from "./workflows.js";

const workers = fc.integer({ min: 1, max: 5 });

describe("a replay", () => {
	test("takes the recorded times, in the order that the policy asks for", async () => {
		const workflow = workflowOf("a:2 b:2 c:2 long:6 end:1<a,b,c,long");
		const fifo = await replayWorkflow(workflow, { workers: 2, policy: "fifo" });
		expect(fifo.makespan).toBe(9);
		const planned = await replayWorkflow(workflow, { workers: 2, policy: "critical-path" });
		expect(planned.tasks).toEqual([
			{ id: "long", worker: 0, start: 0, end: 6 },
			{ id: "a", worker: 1, start: 0, end: 2 },
			{ id: "b", worker: 1, start: 2, end: 4 },
			{ id: "c", worker: 1, start: 4, end: 6 },
			{ id: "end", worker: 0, start: 6, end: 7 },
		]);
		const tasks = workflow.tasks.map((task) => (task.id === "c" ? { ...task, priority: 1 } : task));
		const first = await replayWorkflow({ name: "c first", tasks }, { workers: 1, policy: "priority" });
		expect(first.tasks.map(({ id }) => id)).toEqual(["c", "a", "b", "long", "end"]);
	});

	test("by the runtime is what the list scheduler lays out, start by start", async () => {
		await fc.assert(
			fc.asyncProperty(workflows({ most: 30 }), workers, async (workflow, slots) => {
				const { graph, order } = compileWorkflow(workflow);
				const plain = new TaskGraph(graph.durations, ...edgesOf(graph));
				const planned = planSchedule(plain, slots);
				const ranks = new Float64Array(graph.size);
				planned.sequence.forEach((task, place) => {
					ranks[task] = -place;
				});
				const expected: Record<ReplayPolicy, [TaskGraph, Float64Array | undefined]> = {
					fifo: [plain, undefined],
					priority: [graph, undefined],
					"critical-path": [plain, plain.bottomLevels()],
					planned: [plain, ranks],
				};
				for (const policy of replayPolicies) {
					const schedule = await replayWorkflow(workflow, { workers: slots, policy });
					const [tasks, by] = expected[policy];
					const scheduler = new ListScheduler(tasks, slots);
					expect(scheduler.schedule(by)).toBe(schedule.makespan);
					const ids = Array.from(scheduler.sequence, (i) => workflow.tasks[order[i] as number]?.id);
					expect(schedule.tasks.map(({ id }) => id)).toEqual(ids);
					const starts = Array.from(scheduler.sequence, (i) => scheduler.starts[i]);
					expect(schedule.tasks.map(({ start }) => start)).toEqual(starts);
				}
				expect(planned.makespan).toBeLessThanOrEqual(new ListScheduler(plain, slots).schedule());
			}),
			{ numRuns: 60 },
		);
	});

	test("is the same each time", async () => {
		const workflow = workflowOf("a:3 b:3<a c:5 d:1<c e:9<a,d f:2 g:4<f h:4<f");
		const once = await compareSchedules(workflow, { workers: [2, 3] });
		expect(await compareSchedules(workflow, { workers: [2, 3] })).toEqual(once);
	});

	test.each([0, 1.5, 100_001, Number.NaN])("on %s workers is refused", async (count) => {
		const replay = replayWorkflow(workflowOf("a:1"), { workers: count, policy: "fifo" });
		await expect(replay).rejects.toMatchObject({ code: "INVALID_OPTION" });
	});

	test("refuses a policy that there is not, and a workflow that is wrong", async () => {
		const policy = "random" as ReplayPolicy;
		await expect(replayWorkflow(workflowOf("a:1"), { workers: 1, policy })).rejects.toMatchObject({
			code: "INVALID_OPTION",
		});
		for (const text of ["a:1<b", "a:1<b b:1<a", "a:1 a:1"]) {
			await expect(compareSchedules(workflowOf(text), { workers: 1 })).rejects.toMatchObject({
				code: "INVALID_WORKFLOW",
			});
		}
		await expect(compareSchedules({ name: "empty", tasks: [] }, { workers: 1 })).rejects.toMatchObject({
			code: "INVALID_WORKFLOW",
		});
	});
});

describe("the quality of a schedule", () => {
	test("is measured against bounds that no schedule can beat", async () => {
		await fc.assert(
			fc.asyncProperty(workflows({ most: 8 }), fc.integer({ min: 1, max: 3 }), async (workflow, slots) => {
				const best = optimum(workflow, slots);
				const longest = Math.max(...longestPaths(workflow).values());
				const work = workflow.tasks.reduce((sum, { runtimeMs }) => sum + runtimeMs, 0);
				const bounds = lowerBounds(workflow, slots);
				expect(bounds.criticalPath).toBe(longest);
				expect(bounds.work).toBe(work);
				expect(bounds.simple).toBe(Math.max(longest, work / slots));
				expect(bounds.tighter).toBeGreaterThanOrEqual(bounds.simple);
				expect(bounds.tighter).toBeLessThanOrEqual(best + 1e-9);
				const rows = await compareSchedules(workflow, { workers: slots });
				for (const row of rows) expect(row.makespan).toBeGreaterThanOrEqual(best);
			}),
			{ numRuns: 150 },
		);
	});

	test("planned is never worse than first come first served or the critical path", async () => {
		await fc.assert(
			fc.asyncProperty(workflows({ most: 40, longest: 50 }), workers, async (workflow, slots) => {
				const policies = ["fifo", "critical-path", "planned"] as const;
				const [fifo, criticalPath, planned] = await compareSchedules(workflow, { workers: slots, policies });
				expect(planned?.makespan).toBeLessThanOrEqual(Math.min(fifo?.makespan ?? 0, criticalPath?.makespan ?? 0));
			}),
			{ numRuns: 60 },
		);
	});

	test("counts workers that have to be idle in the tighter bound", () => {
		// Two long paths after a serial head, and a serial tail: the simple bound spreads the work over it.
		const workflow = workflowOf("head:10 a:4<head b:4<head c:4<head d:4<head tail:10<a,b,c,d");
		expect(lowerBounds(workflow, 2)).toEqual({ criticalPath: 24, work: 36, simple: 24, tighter: 28 });
	});

	test("of a workflow that takes no time is the best", async () => {
		const rows = await compareSchedules(workflowOf("a:0 b:0<a"), { workers: 2, policies: ["fifo"] });
		expect(rows).toMatchObject([{ makespan: 0, ratio: 1, ratioToTighter: 1, utilisation: 1 }]);
	});
});

describe("the check of a schedule", () => {
	const workflow = workflowOf("a:2 b:3<a c:1");
	const good = [
		{ id: "a", worker: 0, start: 0, end: 2 },
		{ id: "c", worker: 1, start: 0, end: 1 },
		{ id: "b", worker: 1, start: 2, end: 5 },
	] as const;
	const [a, c, b] = good;

	test("lets a right one pass", () => {
		checkSchedule(workflow, { workers: 2, makespan: 5, tasks: good });
	});

	test.each([
		["a task that is missing", [a, b], 5],
		["a task that runs twice", [...good, a], 5],
		["a task that is unknown", [...good, { ...a, id: "z" }], 5],
		["a task that starts too early", [a, c, { ...b, start: 1, end: 4 }], 4],
		["a task that is too short", [a, c, { ...b, end: 4 }], 4],
		["two tasks at a time on a worker", [a, { ...c, worker: 0 }, b], 5],
		["a worker that is not there", [a, c, { ...b, worker: 2 }], 5],
		["another makespan", good, 6],
		["a makespan without end", [a, c, { ...b, end: 4 }], Number.POSITIVE_INFINITY],
		["a makespan that is no number", good, Number.NaN],
	])("finds %s", (_, tasks, makespan) => {
		expect(() => checkSchedule(workflow, { workers: 2, makespan, tasks })).toThrow(
			expect.objectContaining({ code: "EXPECTATION_FAILED" }),
		);
	});
});

test("a schedule for no number of workers is none", () => {
	for (const workers of [0, 1.5, Number.NaN]) {
		const tasks = [{ id: "a", worker: 0, start: 0, end: 1 }];
		const workflow = { name: "w", tasks: [{ id: "a", runtimeMs: 1, dependsOn: [] }] };
		expect(() => checkSchedule(workflow, { workers, makespan: 1, tasks })).toThrow(
			expect.objectContaining({ code: "EXPECTATION_FAILED" }),
		);
	}
});

/** The edges of a task graph, without its priorities. */
function edgesOf({ size, firstSuccessor, successors }: TaskGraph): [number[], number[]] {
	const from: number[] = [];
	const to: number[] = [];
	for (let i = 0; i < size; i++) {
		for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++) {
			from.push(i);
			to.push(successors[s] as number);
		}
	}
	return [from, to];
}
