import { createSwarm, defineAgent, type RunEvent, result, type StartOptions, VirtualClock } from "dagswarm";
import { compareSchedules, readWfFormat, replayWorkflow, toWfFormat, type WfFormat } from "dagswarm/bench";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rest } from "../rest.js";
import { version15 } from "./wfformat.js";
import { schemaProblems } from "./wfformat-schema.js";
import { workflows } from "./workflows.js";

/** Runs a graph to its end in virtual time from 2026-01-01 on and gives all its events. */
async function eventsOf(graph: Parameters<typeof start>[0], options: StartOptions = {}): Promise<RunEvent[]> {
	const { run, clock } = start(graph, options);
	const events = allOf(run.events());
	const state = { over: false };
	const outcome = run.result().finally(() => {
		state.over = true;
	});
	for (await rest(); !state.over; await rest()) clock.step();
	await outcome;
	return events;
}

async function allOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
	const all: Item[] = [];
	for await (const item of items) all.push(item);
	return all;
}

const epoch = Date.UTC(2026, 0, 1);

function start(graph: { readonly nodes: readonly Node[] }, options: StartOptions) {
	const clock = new VirtualClock(epoch);
	const after = (ms: number) => new Promise<void>((resolve) => clock.set(clock.now() + ms, resolve));
	const work = defineAgent({ name: "work", run: (ms: number) => after(ms) });
	const flaky = defineAgent({
		name: "flaky",
		retry: { maxAttempts: 3, delay: 1000 },
		run: async (_: undefined, ctx) => {
			await after(100 * ctx.attempt);
			if (ctx.attempt < 3) throw new Error("not yet");
		},
	});
	const sleepy = defineAgent({
		name: "sleepy",
		run: async (_: undefined, ctx) => {
			await after(10);
			await ctx.sleep(5000);
			await after(30);
		},
	});
	const plan = defineAgent({
		name: "plan",
		run: async () => {
			await after(50);
			const nodes = [
				{ id: "a/1", agent: "work", input: 200 },
				{ id: "a_2f1", agent: "work", input: 300, dependsOn: ["a/1"] },
			];
			return result(undefined, { nodes, expand: true });
		},
	});
	const fail = defineAgent({ name: "fail", run: () => Promise.reject(new Error("no")) });
	const swarm = createSwarm({ agents: [work, flaky, sleepy, plan, fail], clock, concurrency: 2 });
	return { run: swarm.start({ nodes: graph.nodes as never }, { runId: "the-run", ...options }), clock };
}

interface Node {
	readonly id: string;
	readonly agent: string;
	readonly input?: unknown;
	readonly dependsOn?: readonly string[];
	readonly priority?: number;
}

const runtimes = ({ workflow }: WfFormat) =>
	Object.fromEntries(workflow.execution.tasks.map(({ id, runtimeInSeconds }) => [id, runtimeInSeconds]));

describe("a run as WfFormat", () => {
	test("says what ran, how long, and what waited for what", async () => {
		const events = await eventsOf({
			nodes: [
				{ id: "a", agent: "work", input: 1500 },
				{ id: "b", agent: "work", input: 500, dependsOn: ["a"], priority: 2 },
			],
		});
		const machine = { nodeName: "host-1", cpu: { coreCount: 2 } };
		const trace = await toWfFormat(events, { name: "mine", description: "two steps", machine });
		expect(trace).toEqual({
			name: "mine",
			description: "two steps",
			createdAt: "2026-01-01T00:00:02.000Z",
			schemaVersion: "1.5",
			workflow: {
				specification: {
					tasks: [
						{ name: "work", id: "a", parents: [], children: ["b"] },
						{ name: "work", id: "b", parents: ["a"], children: [] },
					],
				},
				execution: {
					makespanInSeconds: 2,
					executedAt: "2026-01-01T00:00:00.000Z",
					tasks: [
						{
							id: "a",
							runtimeInSeconds: 1.5,
							executedAt: "2026-01-01T00:00:00.000Z",
							command: { program: "work" },
							machines: ["host-1"],
						},
						{
							id: "b",
							runtimeInSeconds: 0.5,
							executedAt: "2026-01-01T00:00:01.500Z",
							command: { program: "work" },
							priority: 2,
							machines: ["host-1"],
						},
					],
					machines: [machine],
				},
			},
		});
		expect(schemaProblems(trace)).toEqual([]);
	});

	test("counts the time that a slot was held: of the last attempt, or of all", async () => {
		const events = await eventsOf({
			nodes: [
				{ id: "f", agent: "flaky" },
				{ id: "s", agent: "sleepy" },
			],
		});
		expect(runtimes(await toWfFormat(events))).toEqual({ f: 0.3, s: 0.04 });
		expect(runtimes(await toWfFormat(events, { attempts: "all" }))).toEqual({ f: 0.6, s: 0.04 });
	});

	test("follows a graph that changed, and writes ids as the format allows them", async () => {
		const events = await eventsOf({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "end ü", agent: "work", input: 10, dependsOn: ["plan"] },
				{ id: "no", agent: "fail" },
				{ id: "skipped", agent: "work", input: 10, dependsOn: ["no"] },
			],
		});
		const trace = await toWfFormat(events);
		expect(schemaProblems(trace)).toEqual([]);
		const { tasks } = trace.workflow.specification;
		expect(tasks.map(({ id, parents }) => ({ id, parents }))).toEqual([
			{ id: "plan", parents: [] },
			{ id: "end_20_fc", parents: ["a_2f1"] },
			{ id: "no", parents: [] },
			{ id: "skipped", parents: ["no"] },
			{ id: "a_2f1_", parents: [] },
			{ id: "a_2f1", parents: ["a_2f1_"] },
		]);
		expect(runtimes(trace)).toMatchObject({ skipped: 0, a_2f1_: 0.2, a_2f1: 0.3 });
		expect((await readWfFormat([JSON.stringify(trace)])).tasks).toHaveLength(6);
	});

	test("read again is the workflow that ran", async () => {
		await fc.assert(
			fc.asyncProperty(workflows({ most: 12, longest: 5000 }), async (workflow) => {
				const nodes = workflow.tasks.map(({ id, runtimeMs, dependsOn, priority = 0 }) => ({
					...{ id, agent: "work", input: runtimeMs, dependsOn, priority },
				}));
				const trace = await toWfFormat(await eventsOf({ nodes }), { name: workflow.name });
				expect(schemaProblems(trace)).toEqual([]);
				const again = await readWfFormat([JSON.stringify(trace)]);
				const byId = (tasks: typeof workflow.tasks) =>
					Object.fromEntries(
						tasks.map(({ name: _, program: __, ...task }) => [
							task.id,
							{ ...task, dependsOn: new Set(task.dependsOn) },
						]),
					);
				expect(byId(again.tasks)).toEqual(byId(workflow.tasks));
				// And its makespan is that of a replay on as many workers, by the same rule.
				const makespan = trace.workflow.execution.makespanInSeconds * 1000;
				expect((await replayWorkflow(again, { workers: 2, policy: "priority" })).makespan).toBeCloseTo(makespan, 6);
			}),
			{ numRuns: 25 },
		);
	});

	test("can be compared like any other", async () => {
		const events = await eventsOf({ nodes: [{ id: "a", agent: "work", input: 1000 }] });
		const workflow = await readWfFormat([JSON.stringify(await toWfFormat(events))]);
		const rows = await compareSchedules(workflow, { workers: 1, policies: ["planned"] });
		expect(rows).toMatchObject([{ makespan: 1000, ratio: 1 }]);
	});

	test("needs all events and at least one node", async () => {
		const events = await eventsOf({ nodes: [{ id: "a", agent: "work", input: 1 }] });
		await expect(toWfFormat(events.slice(1))).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
		await expect(toWfFormat([])).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
		await expect(toWfFormat(await eventsOf({ nodes: [] }))).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
		await expect(toWfFormat(events, { attempts: "first" as never })).rejects.toMatchObject({ code: "INVALID_OPTION" });
	});
});

test("the rules of the schema find what is wrong", () => {
	expect(schemaProblems(version15)).toEqual(['/createdAt is "2020-12-30T02:24:13.540715"']);
	expect(schemaProblems({ ...version15, schemaVersion: "1.4" })).toContain('/schemaVersion is "1.4"');
	expect(schemaProblems({ name: "x", schemaVersion: "1.5", workflow: { specification: { tasks: [] } } })).toEqual([
		"/workflow/specification/tasks is no list of 1 or more",
	]);
});
