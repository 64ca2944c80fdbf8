import {
	type AnyAgent,
	defineAgent,
	type GraphSpec,
	memoryJournal,
	type NodeSpec,
	type RunPlan,
	type StartOptions,
	type SwarmOptions,
} from "dagswarm";
import { graphs, invalidGraphs } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SEED } from "../random.js";
import { chain, echo, finish, rejection, virtualSwarm } from "./fixture.js";

/** Fails the test that calls it. */
const untouchable = defineAgent({
	name: "work",
	run: async (_: unknown): Promise<unknown> => {
		throw new Error("a dry run called an agent");
	},
});

function planOf(nodes: readonly NodeSpec[], options: Partial<SwarmOptions> = {}, start: StartOptions = {}): RunPlan {
	return virtualSwarm([untouchable], options).swarm.plan({ nodes }, start);
}

const work = (id: string, dependsOn: readonly string[] = [], more: Partial<NodeSpec> = {}): NodeSpec => ({
	id,
	agent: "work",
	dependsOn,
	...more,
});

const ids = (plan: RunPlan, would?: string): string[] =>
	plan.nodes.filter((node) => would === undefined || node.would === would).map(({ id }) => id);

describe("a dry run", () => {
	test("is a run that is over at once, with a plan as its result", async () => {
		const { swarm } = virtualSwarm([untouchable]);
		const run = swarm.start({ nodes: [work("a"), work("b", ["a"])] }, { dryRun: true, runId: "dry" });
		const outcome = await run.result();
		expect(outcome).toMatchObject({ status: "dry_run", outputs: {}, failures: [], blocked: [] });
		expect(outcome.stats).toMatchObject({ nodes: 2, attempts: 0, completed: 0, wallMs: 0 });
		expect(outcome.plan && ids(outcome.plan)).toEqual(["a", "b"]);
		expect(run.id).toBe("dry");
	});

	test("shows its graph, and takes no changes", async () => {
		const { swarm } = virtualSwarm([untouchable]);
		const run = swarm.start({ nodes: [work("a")] }, { dryRun: true });
		expect(run.snapshot().get("a")?.state).toBe("ready");
		expect(run.toMermaid()).toContain("a");
		const refused = await rejection(run.mutate([{ type: "addNode", node: work("b") }]));
		expect(refused).toMatchObject({ code: "RUN_ENDED", hint: expect.stringContaining("dryRun") });
		expect((await rejection(run.signal("go"))).message).toContain("planned");
		expect((await run.cancel()).status).toBe("dry_run");
		await run.close();
		const events: string[] = [];
		for await (const event of run.events({ from: 1 })) events.push(event.type);
		expect(events).toEqual(["run.created", "node.added", "run.started"]);
	});

	test("leaves nothing behind: no entry in the journal, no timer, nothing that keeps the process, no run of the swarm", async () => {
		const journal = memoryJournal();
		const { swarm, clock } = virtualSwarm([untouchable], { journal, timeout: "1s" });
		let held = 0;
		const hold = clock.hold.bind(clock);
		clock.hold = () => {
			held++;
			return hold();
		};
		const outcome = await swarm
			.start({ nodes: chain(5, "work") }, { dryRun: true, runId: "dry", deadline: "1m" })
			.result();
		expect(outcome.status).toBe("dry_run");
		expect(held).toBe(0);
		expect(clock.nextDue).toBeUndefined();
		expect(swarm.runs()).toEqual([]);
		expect(await journal.find("dry")).toBeUndefined();
		expect(await journal.runs({})).toEqual([]);
		// The id is free for the run that is planned.
		swarm.start({ nodes: [] }, { runId: "dry" });
		await swarm.close();
	});

	test("asks no sink for events to be kept", () => {
		const asked: string[] = [];
		const { swarm } = virtualSwarm([untouchable], {
			journal: (run) => {
				asked.push(run);
				return { append: () => {} };
			},
		});
		swarm.plan({ nodes: [work("a")] });
		expect(asked).toEqual([]);
	});

	test("asks no port, and delivers nothing, not even that it was refused", async () => {
		const asked: string[] = [];
		const note = (port: string) => (): never => {
			asked.push(port);
			throw new Error("a dry run asked a port");
		};
		const { swarm } = virtualSwarm([untouchable], {
			ports: {
				audit: { startRun: note("audit") },
				budget: { reserve: note("budget"), settle: note("budget") },
				critic: { watch: note("critic") },
				checkpointer: { open: note("checkpointer") },
				palette: { tools: note("palette") },
				delivery: { deliver: note("delivery") },
			},
		});
		expect(swarm.plan({ nodes: [work("a")] }, { deadline: "1m" }).counts.run).toBe(1);
		await swarm.start({ nodes: [work("a")] }, { dryRun: true }).delivered();
		expect(() => swarm.plan({ nodes: [{ id: "a", agent: "ghost" }] })).toThrow("ghost");
		expect(() => swarm.start({ nodes: [{ id: "a", agent: "ghost" }] }, { dryRun: true })).toThrow("ghost");
		await swarm.close();
		expect(asked).toEqual([]);
	});

	test("is refused with the codes that a start is refused with", () => {
		const { swarm } = virtualSwarm([untouchable], { journal: memoryJournal() });
		fc.assert(
			fc.property(invalidGraphs(), ({ nodes, code }) => {
				const thrown = (start: () => unknown): unknown => {
					try {
						return start();
					} catch (error) {
						return (error as { code?: string }).code;
					}
				};
				const graph = { nodes };
				expect(thrown(() => swarm.start(graph, { dryRun: true }))).toBe(code);
				expect(thrown(() => swarm.plan(graph))).toBe(code);
			}),
			{ seed: SEED, numRuns: 50 },
		);
	});

	test.each([
		["a graph that is none", { nodes: 5 }, {}, "INVALID_SPEC"],
		["an option out of its range", { nodes: [] }, { concurrency: 0 }, "INVALID_OPTION"],
		["a deadline that is none", { nodes: [] }, { deadline: "soon" }, "INVALID_OPTION"],
		["a plan for stalls without an agent", { nodes: [] }, { onStall: { agent: "ghost" } }, "UNKNOWN_AGENT"],
		["an unknown limit", { nodes: [work("a", [], { limits: ["ghost"] })] }, {}, "INVALID_SPEC"],
		["dryRun as text", { nodes: [] }, { dryRun: "yes" }, "INVALID_OPTION"],
	])("of %s is refused", (_, graph, options, code) => {
		const { swarm } = virtualSwarm([untouchable]);
		const start = (): unknown =>
			swarm.start(graph as unknown as GraphSpec, { dryRun: true, ...options } as unknown as StartOptions);
		expect(start).toThrow(expect.objectContaining({ code }));
	});

	test("of an id that there is, or of a closed swarm, is refused", async () => {
		const { swarm } = virtualSwarm([untouchable, echo]);
		swarm.start({ nodes: [{ id: "a", agent: "echo" }] }, { runId: "taken" });
		expect(() => swarm.plan({ nodes: [] }, { runId: "taken" })).toThrow(
			expect.objectContaining({ code: "RUN_EXISTS" }),
		);
		await swarm.close();
		expect(() => swarm.plan({ nodes: [] })).toThrow(expect.objectContaining({ code: "SWARM_CLOSED" }));
	});

	test("is nothing that `run` could return the outputs of", async () => {
		const { swarm } = virtualSwarm([untouchable]);
		const refused = await rejection(swarm.run({ nodes: [work("a")] }, { dryRun: true }));
		expect(refused).toMatchObject({ code: "INVALID_OPTION", hint: expect.stringContaining("swarm.plan") });
	});
});

describe("a plan", () => {
	test("says what is known of each node", () => {
		const agent = defineAgent({ name: "ask", limits: ["api"], timeout: "2s", run: async (_: unknown) => "" });
		const { swarm } = virtualSwarm([agent, untouchable], { limits: { api: 1, disk: 2 }, retry: 3 });
		const { nodes } = swarm.plan({
			nodes: [
				work("a"),
				{ id: "b", agent: "ask", dependsOn: { first: "a" }, limits: ["disk", "api"], estimateMs: 20, retry: 2 },
			],
		});
		const retry = { maxAttempts: 3, delay: 0, factor: 2, maxDelay: 3_600_000, jitter: 0 };
		expect(nodes).toEqual([
			{ id: "a", agent: "work", after: [], level: 0, would: "run", startMs: 0, limits: [], retry },
			{
				id: "b",
				agent: "ask",
				after: ["a"],
				level: 1,
				would: "run",
				startMs: 0,
				limits: ["disk", "api"],
				timeout: { attempt: 2_000 },
				retry: { ...retry, maxAttempts: 2 },
				estimateMs: 20,
			},
		]);
	});

	test("knows which nodes would not run when every other completes", () => {
		const plan = planOf([
			work("a"),
			work("alarm", ["a"], { join: "failed" }),
			work("after-alarm", ["alarm"]),
			work("either", ["a", "alarm"], { join: "any" }),
			work("both", ["a", "alarm"], { join: { atLeast: 2 } }),
			work("always", ["alarm", "after-alarm"], { join: "always" }),
			work("held", ["a"], { speculative: "hold" }),
			work("after-held", ["held"]),
			work("not-after-held", ["held", "a"], { join: "any" }),
			work("alarm-of-held", ["held"], { join: "failed" }),
			work("eager", ["a"], { speculative: "eager" }),
			work("after-eager", ["eager"], { join: "settled" }),
			work("held-and-dead", ["alarm"], { speculative: "hold" }),
		]);
		expect(ids(plan, "run").toSorted()).toEqual(["a", "always", "eager", "either", "not-after-held"]);
		expect(ids(plan, "skip").toSorted()).toEqual(["after-alarm", "alarm", "both", "held-and-dead"]);
		expect(ids(plan, "hold").toSorted()).toEqual(["after-eager", "after-held", "alarm-of-held", "held"]);
		expect(plan.counts).toEqual({ run: 5, skip: 4, hold: 4 });
		expect(plan.nodes.slice(5).every(({ startMs }) => startMs === undefined)).toBe(true);
	});

	test("adds up times and nodes", () => {
		const nodes = [
			work("d", [], { estimateMs: 80 }),
			work("c", [], { estimateMs: 90 }),
			work("a", [], { estimateMs: 100 }),
			work("b", ["a"], { estimateMs: 50 }),
			work("e"),
		];
		expect(planOf(nodes, { concurrency: 2 })).toMatchObject({
			concurrency: 2,
			criticalPathMs: 150,
			workMs: 320,
			makespanMs: 170,
			untimed: 1,
			agents: { work: 5 },
			estimate: { nodes: 5 },
		});
		expect(planOf(nodes, { concurrency: 8 })).toMatchObject({ makespanMs: 150 });
		expect(planOf(nodes, { concurrency: 8 }, { concurrency: 1 })).toMatchObject({ concurrency: 1, makespanMs: 320 });
		expect(planOf(nodes, { concurrency: 2, policy: "fifo" })).toMatchObject({ makespanMs: 230 });
		expect(planOf([])).toMatchObject({
			nodes: [],
			criticalPathMs: 0,
			workMs: 0,
			makespanMs: 0,
			estimate: { nodes: 0 },
		});
	});

	test("adds up what agents expect to use, by input where that is known", () => {
		// Agents may say it in either way; none of these runs.
		const expecting = (name: string, estimate: unknown): AnyAgent =>
			({ ...untouchable, name, ...{ estimate } }) as AnyAgent;
		const { swarm } = virtualSwarm([
			expecting("fixed", { inputTokens: 10, cost: 0.5 }),
			expecting("sized", (input: string) => ({ inputTokens: input.length, pages: 1 })),
			expecting("broken", () => ({ inputTokens: -1 })),
		]);
		const plan = swarm.plan({
			nodes: [
				{ id: "a", agent: "fixed" },
				{ id: "b", agent: "fixed" },
				{ id: "c", agent: "sized", input: "four" },
				{ id: "d", agent: "sized", input: { $output: "a" }, dependsOn: ["a"] },
				{ id: "e", agent: "sized", input: 5 },
				{ id: "f", agent: "broken" },
				{ id: "g", agent: "fixed", speculative: "hold" },
			],
		});
		expect(plan.estimate).toEqual({ nodes: 6, inputTokens: 24, cost: 1, pages: 2 });
		expect(plan.nodes.filter(({ estimate }) => estimate === undefined).map(({ id }) => id)).toEqual(["f", "d"]);
	});

	test("names limits by input where that is known, and the one of background agents", () => {
		const taking = (name: string, more: object): AnyAgent => ({ ...untouchable, name, ...more }) as AnyAgent;
		const { swarm } = virtualSwarm(
			[taking("back", { background: true }), taking("keyed", { limits: (input: string) => [`of ${input}`] })],
			{ limits: { background: 3, api: 1 } },
		);
		const { nodes } = swarm.plan({
			nodes: [
				{ id: "a", agent: "back", limits: ["api"] },
				{ id: "b", agent: "keyed", input: "anna" },
				{ id: "c", agent: "keyed", input: { $output: "a" }, dependsOn: ["a"] },
			],
		});
		expect(nodes.map(({ id, limits }) => [id, limits])).toEqual([
			["a", ["api", "background"]],
			["b", ["of anna"]],
			["c", []],
		]);
	});

	test("names the node that replans a run which would stall at once", () => {
		const plan = planOf([work("held", [], { speculative: "hold" })], {}, { onStall: { id: "again", agent: "work" } });
		expect(ids(plan, "run")).toEqual(["again"]);
	});

	test("of 100,000 nodes in a row, and side by side, is made without recursion", () => {
		const long = planOf(chain(100_000, "work"), { check: "off" });
		expect(long.nodes.at(-1)).toMatchObject({ id: "n99999", level: 99_999 });
		const wide = planOf(
			Array.from({ length: 100_000 }, (_, i) => work(`n${i}`, [], { estimateMs: 1 })),
			{ check: "off", concurrency: 100 },
		);
		expect(wide.makespanMs).toBe(1_000);
	});

	test("is what a run does in which every node completes after its estimate", async () => {
		const specs = graphs({ maxNodes: 14, joins: ["all"], retries: false });
		const policies = fc.constantFrom("fifo", "critical-path", "planned", undefined);
		await fc.assert(
			fc.asyncProperty(specs, policies, fc.integer({ min: 1, max: 4 }), async (nodes, policy, concurrency) => {
				const started: string[] = [];
				const times = new Map(nodes.map(({ id, estimateMs = 0 }) => [id, estimateMs]));
				const timed = defineAgent({
					name: "work",
					run: (_: unknown, { nodeId }) => {
						started.push(nodeId);
						// One that takes no time ends in the turn in which it started.
						const ms = times.get(nodeId) ?? 0;
						return ms === 0 ? undefined : new Promise((done) => clock.set(clock.now() + ms, () => done(undefined)));
					},
				});
				const { swarm, clock } = virtualSwarm([timed], { concurrency, ...(policy !== undefined && { policy }) });
				const plan = swarm.plan({ nodes });
				const outcome = await finish(swarm.start({ nodes }), clock);
				expect(outcome.stats.wallMs).toBe(plan.makespanMs);
				expect(new Set(started)).toEqual(new Set(ids(plan)));
			}),
			{ seed: SEED, numRuns: 60 },
		);
	});

	test("foresees for every join what a run comes to in which every node completes", async () => {
		const specs = graphs({ maxNodes: 12, retries: false, speculative: ["hold", "eager"] });
		await fc.assert(
			fc.asyncProperty(specs, async (nodes) => {
				const done = defineAgent({ name: "work", run: async () => null });
				const { swarm, clock } = virtualSwarm([done]);
				const plan = swarm.plan({ nodes });
				const run = swarm.start({ nodes });
				await finish(run, clock);
				for (const { id, would } of plan.nodes) {
					const { state, attempt } = run.snapshot().get(id) ?? { state: "gone", attempt: 0 };
					const did = attempt > 0 ? "run" : state === "skipped" ? "skip" : "hold";
					expect([id, would]).toEqual([id, did]);
				}
			}),
			{ seed: SEED, numRuns: 100 },
		);
	});
});
