import { createSwarm, type RunHandle } from "dagswarm";
import { judgeTrace, runToEnd, scriptedAgents, simulate, VirtualClock } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { rest } from "../rest.js";

/** Two runs that share two slots and one unit of `x`. */
function pair(nodes: readonly [Nodes, Nodes]): { readonly clock: VirtualClock; readonly runs: [RunHandle, RunHandle] } {
	const clock = new VirtualClock(1_000);
	const swarm = createSwarm({ agents: scriptedAgents(clock), clock, concurrency: 2, limits: { x: 1 }, check: "full" });
	const [a, b] = nodes;
	return { clock, runs: [swarm.start({ nodes: a }), swarm.start({ nodes: b })] };
}

type Nodes = Parameters<ReturnType<typeof createSwarm<ReturnType<typeof scriptedAgents>[number]>>["start"]>[0]["nodes"];

const limits = ["x"];

describe("what simulations have found", () => {
	test.each<readonly [string, readonly [Nodes, Nodes], paused: 0 | 1]>([
		[
			"a run that was paused hands on the turn at a limit that it was woken for",
			[
				[
					{ id: "a0", agent: "work", limits },
					{ id: "a1", agent: "work", limits, priority: 405, input: [{ do: "work", ms: 200 }] },
				],
				[
					{ id: "b0", agent: "work" },
					{ id: "b1", agent: "work", limits },
				],
			],
			0,
		],
		[
			"the same with the runs the other way round",
			[
				[
					{ id: "a0", agent: "work", limits },
					{ id: "a1", agent: "work", limits, dependsOn: ["a0"] },
				],
				[
					{ id: "b0", agent: "work", limits, input: [{ do: "work", ms: 200 }] },
					{ id: "b1", agent: "work", limits },
				],
			],
			1,
		],
	])("%s", async (_, nodes, paused) => {
		const { clock, runs } = pair(nodes);
		await rest(1);
		await runs[paused].pause();
		const other = await runToEnd(runs[1 - paused] as RunHandle, clock);
		expect(other.status).toBe("completed");
		await runs[paused].resume();
		expect((await runToEnd(runs[paused], clock)).status).toBe("completed");
	});

	test("a node that always runs does not grow a run that has failed", async () => {
		const { outcome, events } = await simulate({
			seed: 1,
			swarm: { concurrency: 1 },
			graph: {
				nodes: [
					{
						id: "n0",
						agent: "work",
						input: [{ do: "work", ms: 27 }],
						retry: { maxAttempts: 3, delay: 15, jitter: 0.5 },
						timeout: { attempt: 25, total: 60 },
						onFailure: "failRun",
					},
					{ id: "n1", agent: "work", input: [{ do: "add", nodes: [[]] }], dependsOn: ["n0"], join: "always" },
				],
			},
		});
		expect(outcome.status).toBe("failed");
		expect(outcome.stats.nodes).toBe(2);
		expect(judgeTrace(events, { concurrency: 1 })).toEqual([]);
	});

	// Found by the nightly, seed 2027602720: the pool let an outcome arrive while the actor that had started it was
	// still committing, and the next run took the slot before the end of the node was written.
	test("a function that is not async gives its slot back before another run takes it", async () => {
		const { runs } = await simulate({
			seed: 1_730_134_645,
			graph: [
				{
					nodes: [
						{ id: "n0", agent: "prompt", input: [{ do: "fail" }] },
						{ id: "n1", agent: "work", limits },
					],
				},
				{ nodes: ["n0", "n1", "n2", "n3"].map((id) => ({ id, agent: "work" as const })) },
			],
			faults: { delay: 300, reorder: 300, drop: 300, crash: 300 },
			swarm: { concurrency: 4, limits: { x: 1 }, retry: 2, timeout: 40 },
		});
		expect(runs).toHaveLength(2);
	});

	// Found by the nightly, seed 750993860: a function that was given up long ago counted against the attempt after next.
	test("a function that was given up stays given up, however many attempts come after it", async () => {
		const { outcome } = await simulate({
			seed: 623_029_252,
			graph: [
				{
					nodes: [
						{ id: "n0", agent: "work" },
						{
							id: "n1",
							agent: "work",
							input: [
								{ do: "approval", timeout: 1 },
								{ do: "sleep", ms: 0 },
								{ do: "work", ms: 15, deaf: true },
								{ do: "work", ms: 77, deaf: true },
							],
							retry: { maxAttempts: 3, delay: 0, jitter: 0 },
							dependsOn: ["n0"],
							join: "failed",
						},
					],
				},
				{
					nodes: [
						{ id: "n0", agent: "work", input: [{ do: "approval", timeout: 1 }], limits },
						{ id: "n1", agent: "work", limits },
					],
				},
			],
			faults: { delay: 300, reorder: 50, duplicate: 300, drop: 300, crash: 300, interfere: 300 },
			swarm: { concurrency: 1, limits: { x: 1 }, maxDepth: 4, maxNodes: 40, retry: 2, timeout: 40 },
		});
		expect(outcome.stats.leaked).toBeGreaterThan(0);
	});
});
