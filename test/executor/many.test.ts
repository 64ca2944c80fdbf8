import { type AnyAgent, defineAgent, memoryJournal, type NodeSpec, result, SwarmError } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest, virtualSwarm } from "../swarm/fixture.js";

const search = defineAgent({ name: "search", run: async (topic: string) => `notes on ${topic}` });
const other = defineAgent({ name: "other", run: async () => "something else" });
const fail = defineAgent({
	name: "fail",
	run: () => {
		throw new Error("no");
	},
});
const report = defineAgent({
	name: "report",
	dependsOn: { notes: { agent: search, many: true } },
	run: async (_: undefined, ctx) => ctx.deps.notes,
});
/** Adds these nodes for whoever waits for it. */
const plan = defineAgent({
	name: "plan",
	run: async (nodes: readonly NodeSpec[]) => result("planned", { nodes, expand: true }),
});
const agents: readonly AnyAgent[] = [search, other, fail, report, plan];

function searches(...topics: string[]): NodeSpec[] {
	return topics.map((topic) => ({ id: topic, agent: "search", input: topic }));
}

/** What a report sees, given the nodes beside it. */
async function seen(nodes: readonly NodeSpec[], spec: Partial<NodeSpec> = {}): Promise<unknown> {
	const { swarm, clock } = virtualSwarm(agents);
	const run = swarm.start({
		nodes: [...nodes, { id: "report", agent: report, dependsOn: { notes: "plan" }, ...spec }],
	});
	await finish(run, clock);
	expect(run.snapshot().get("report")?.state).toBe("completed");
	return run.output("report");
}

/** What it sees of a plan. */
function planned(...input: NodeSpec[]): Promise<unknown> {
	return seen([{ id: "plan", agent: "plan", input }]);
}

describe("a dependency that is declared as many is an object of outputs by id", () => {
	test("for a plan of several, of one and of none", async () => {
		expect(await planned(...searches("bees", "wasps"))).toEqual({ bees: "notes on bees", wasps: "notes on wasps" });
		expect(await planned(...searches("bees"))).toEqual({ bees: "notes on bees" });
		expect(await planned()).toEqual({});
	});

	test("for a plan that was not expanded, and for a node of the agent itself, by alias or by id", async () => {
		const none = defineAgent({ name: "plan", run: () => "nothing to do" });
		const { swarm, clock } = virtualSwarm([none, search, report]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan" },
				{ id: "notes", agent: "search", input: "bees" },
				{ id: "a", agent: report, dependsOn: { notes: "plan" } },
				{ id: "b", agent: "report", dependsOn: { notes: "notes" } },
				{ id: "c", agent: "report", dependsOn: ["notes"] },
			],
		});
		expect((await finish(run, clock)).outputs).toEqual({
			a: {},
			b: { notes: "notes on bees" },
			c: { notes: "notes on bees" },
		});
	});

	test("for a plan whose parts plan and split, however often: flat, by the nodes that made the outputs", async () => {
		const { swarm, clock } = virtualSwarm([...agents, halve]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan", input: [inner, ...searches("ants")] },
				{ id: "report", agent: report, dependsOn: { notes: "plan" } },
			],
		});
		const { outputs } = await finish(run, clock);
		expect(Object.keys(outputs["report"] as object).toSorted()).toEqual(["ants", "b", "c", "d", "e"]);
		expect(outputs["report"]).toMatchObject({ ants: "notes on ants", c: "notes on c" });
	});

	const inner: NodeSpec = { id: "inner", agent: "plan", input: [{ id: "whole", agent: "halve", input: "bcde" }] };
	/** Splits itself until a letter is left. */
	const halve = defineAgent({
		name: "halve",
		run: (letters: string, ctx) => {
			const half = letters.length / 2;
			const into = [letters.slice(0, half), letters.slice(half)].map(
				(part): NodeSpec =>
					part.length === 1
						? { id: part, agent: "search", input: part }
						: { id: `half-${part}`, agent: "halve", input: part },
			);
			ctx.graph.mutate({ type: "splitNode", id: ctx.nodeId, into });
			return "split";
		},
	});

	test("without nodes of other agents", async () => {
		expect(await planned(...searches("bees"), { id: "x", agent: "other" })).toEqual({ bees: "notes on bees" });
		expect(await planned({ id: "x", agent: "other" })).toEqual({});
		// Whoever puts outputs together is of another agent, and is what is waited for.
		expect(await planned(...searches("bees"), { id: "x", agent: "other", dependsOn: ["bees"] })).toEqual({});
	});

	test("without what stands under other names", async () => {
		const nodes: NodeSpec[] = [{ id: "plan", agent: "plan", input: searches("bees") }, ...searches("ants")];
		expect(await seen(nodes, { dependsOn: { notes: "plan", more: "ants" } })).toEqual({ bees: "notes on bees" });
	});

	test("where an id is a word of the language", async () => {
		const notes = (await planned(...searches("__proto__", "constructor"))) as object;
		expect(Object.entries(notes)).toEqual([
			["__proto__", "notes on __proto__"],
			["constructor", "notes on constructor"],
		]);
	});

	test("while references and `settled` are what they are without it", async () => {
		const look = defineAgent({
			name: "look",
			dependsOn: { notes: { agent: search, many: true } },
			run: (input: unknown, ctx) => [input, ctx.settled["notes"]],
		});
		const { swarm, clock } = virtualSwarm([...agents, look]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan", input: searches("bees") },
				{ id: "look", agent: "look", input: { $output: "notes" }, dependsOn: { notes: "plan" } },
			],
		});
		expect((await finish(run, clock)).outputs["look"]).toEqual([
			"notes on bees",
			{ status: "completed", output: "notes on bees" },
		]);
	});

	test("where a memo is made of it: the same outputs of other nodes are another call", async () => {
		let calls = 0;
		const counted = defineAgent({
			name: "report",
			dependsOn: { notes: { agent: search, many: true } },
			memo: true,
			run: async (_: undefined, ctx) => [++calls, ctx.deps.notes],
		});
		const { swarm, clock } = virtualSwarm([counted, search, plan]);
		const nodes = (...topics: string[]): NodeSpec[] => [
			{ id: "plan", agent: "plan", input: searches(...topics) },
			{ id: "report", agent: "report", dependsOn: { notes: "plan" } },
		];
		const play = async (...topics: string[]) => (await finish(swarm.start({ nodes: nodes(...topics) }), clock)).outputs;
		await play("bees");
		await play("bees");
		expect(calls).toBe(1);
		expect((await play("bees", "wasps"))["report"]).toEqual([2, { bees: "notes on bees", wasps: "notes on wasps" }]);
	});
});

describe("under a join that does not wait for all", () => {
	const several: NodeSpec = {
		id: "plan",
		agent: "plan",
		input: [...searches("bees", "ants"), { id: "x", agent: "fail" }],
	};

	test("what failed is left out", async () => {
		expect(await seen([several], { join: "settled" })).toEqual({ bees: "notes on bees", ants: "notes on ants" });
		const broken = defineAgent({ ...fail, name: "search" });
		const { swarm, clock } = virtualSwarm([broken, report]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "search" },
				{ id: "report", agent: report, dependsOn: { notes: "a" }, join: "settled" },
			],
		});
		expect((await finish(run, clock)).outputs).toEqual({ report: {} });
	});

	test("what is open is left out, and does not come in later", async () => {
		const [slow, looked] = [gate<string>(), gate()];
		const waiting = defineAgent({
			name: "search",
			run: (topic: string) => (topic === "slow" ? slow.promise : `notes on ${topic}`),
		});
		const late = defineAgent({
			name: "report",
			dependsOn: { notes: { agent: search, many: true } },
			run: async (_: undefined, ctx) => {
				await looked.promise;
				return ctx.deps.notes;
			},
		});
		const { swarm, clock } = virtualSwarm([waiting, late, plan]);
		const run = swarm.start({
			nodes: [
				{ id: "plan", agent: "plan", input: searches("slow", "bees") },
				{ id: "report", agent: "report", dependsOn: { notes: "plan" }, join: "any" },
			],
		});
		await pass(clock, 1);
		expect(run.snapshot().get("report")?.state).toBe("running");
		slow.open("late");
		await rest();
		looked.open();
		expect((await finish(run, clock)).outputs["report"]).toEqual({ bees: "notes on bees" });
	});
});

describe("a run that goes on in another process", () => {
	test("sees what was there, and what came later", async () => {
		const journal = memoryJournal();
		const waiting = defineAgent({
			name: "search",
			run: async (topic: string, ctx) => {
				if (topic === "slow") await ctx.waitForSignal("go on");
				return `old notes on ${topic}`;
			},
		});
		const first = virtualSwarm([waiting, other, report, plan], { journal });
		const run = first.swarm.start(
			{
				nodes: [
					{ id: "plan", agent: "plan", input: [...searches("bees", "slow"), { id: "x", agent: "other" }] },
					{ id: "report", agent: "report", dependsOn: { notes: "plan" } },
				],
			},
			{ runId: "r" },
		);
		await pass(first.clock, 1);
		expect(run.snapshot().get("bees")?.state).toBe("completed");
		await first.swarm.drain(0);
		const next = virtualSwarm(agents, { journal });
		const again = await next.swarm.recover("r");
		await again.signal("go on");
		expect((await finish(again, next.clock)).outputs["report"]).toEqual({
			bees: "old notes on bees",
			slow: "notes on slow",
		});
	});
});

describe("what is declared as many", () => {
	const nodes: readonly NodeSpec[] = searches("bees");

	/** What a start is refused with. */
	function refusal(node: NodeSpec, more: readonly AnyAgent[] = []): SwarmError | undefined {
		try {
			virtualSwarm([...agents, ...more]).swarm.start({ nodes: [...nodes, node] }, { open: true });
			return undefined;
		} catch (error) {
			if (SwarmError.is(error)) return error;
			throw error;
		}
	}

	test("has to be named by nodes, whatever their join", () => {
		expect(refusal({ id: "r", agent: "report", dependsOn: { note: "bees" } })).toMatchObject({
			code: "INVALID_SPEC",
			message: expect.stringContaining('has no dependency "notes"'),
		});
		expect(refusal({ id: "r", agent: "report", dependsOn: { notes: "bees" }, join: "any" })).toBeUndefined();
	});

	test("leaves others beside it the join that they need", () => {
		const both = defineAgent({
			name: "both",
			dependsOn: { notes: { agent: search, many: true }, sum: other },
			run: () => 1,
		});
		const node: NodeSpec = { id: "r", agent: "both", dependsOn: { notes: "bees", sum: "s" }, join: "any" };
		expect(refusal({ ...node, dependsOn: { notes: "bees", sum: "x" } }, [both])?.code).toBe("UNKNOWN_DEPENDENCY");
		const { swarm } = virtualSwarm([...agents, both]);
		expect(() => swarm.start({ nodes: [...nodes, { id: "s", agent: "other" }, node] })).toThrow(
			/may start without the dependency "sum"/,
		);
	});

	test("may not be taken away altogether", async () => {
		const { swarm } = virtualSwarm(agents);
		const held = nodes.map((node): NodeSpec => ({ ...node, speculative: "hold" }));
		const run = swarm.start(
			{ nodes: [...held, { id: "r", agent: "report", dependsOn: { notes: "bees" } }] },
			{ open: true },
		);
		await expect(run.mutate([{ type: "removeEdge", from: "bees", to: "r" }])).rejects.toMatchObject({
			code: "INVALID_SPEC",
			nodes: ["r"],
		});
	});

	test.each<[string, unknown, RegExp]>([
		["not optional too", { agent: search, many: true, optional: true }, /is both optional and many/],
		["an agent", { agent: "search", many: true }, /is no agent .*\{ agent, many: true \}/],
		["one agent", { agent: [search, other], many: true }, /is no agent/],
		["said with true", { agent: search, many: 1 }, /is no agent/],
	])("is %s", (_, notes, message) => {
		const definition = { name: "x", dependsOn: { notes }, run: () => 1 } as unknown as AnyAgent;
		expect(() => defineAgent(definition)).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
		expect(() => defineAgent(definition)).toThrow(message);
	});
});
