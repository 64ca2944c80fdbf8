import { defineAgent, type NodeSpec } from "dagswarm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { GraphActor } from "../../src/graph/actor.js";
import type { Graph } from "../../src/graph/graph.js";
import { OK, READY, STARTED } from "../../src/graph/node-table.js";
import { chain, echo, finish, forever, gate, obedient, pass, rejection, rest, virtualSwarm } from "../swarm/fixture.js";

/** The actors that are made from now on, in order. */
function watchActors(): GraphActor[] {
	const actors: GraphActor[] = [];
	const create = GraphActor.create.bind(GraphActor);
	vi.spyOn(GraphActor, "create").mockImplementation((config) => {
		const made = create(config);
		actors.push(made.actor);
		return made;
	});
	return actors;
}

afterEach(() => {
	vi.restoreAllMocks();
});

describe.each(["local", "full"] as const)("a run whose %s check finds something wrong", (check) => {
	test("ends failed, with the story of the node as its reason", async () => {
		const actors = watchActors();
		const go = gate();
		const waits = defineAgent({ name: "waits", run: () => go.promise });
		const { swarm, clock } = virtualSwarm([waits, echo, obedient], { check });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "waits" },
				{ id: "b", agent: "echo", dependsOn: ["a"] },
				{ id: "o", agent: "obedient" },
			],
		});
		const reading = rejection(
			(async () => {
				for await (const _ of run.events());
			})(),
		);
		await rest();
		actors[0]?.state.graph.nodes.unflag(0, STARTED);
		go.open();
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "failed", outputs: {}, failures: [], stats: { completed: 0, leaked: 0 } });
		expect(outcome.reason).toMatch(
			/^INTERNAL: .*"a" is in attempt 1 and its started flag disagrees .*last events of "a": 2 node.added; 6 node.started \(attempt 1\); 8 node.completed \(attempt 1\), not committed/,
		);
		expect(await reading).toMatchObject({ code: "INTERNAL" });
		for (const request of [run.mutate([]), run.pause(), run.signal("x"), run.approve("a")])
			expect(await rejection(request)).toMatchObject({ code: "INTERNAL" });
		expect(() => run.snapshot()).toThrow(expect.objectContaining({ code: "INTERNAL" }));
		expect(await run.cancel()).toBe(outcome);
		await run.close();
		expect(swarm.runs()).toEqual([]);
		expect(clock.pending).toBe(0);
	});

	test("does not wait for a function that never returns beyond its grace", async () => {
		const actors = watchActors();
		const { swarm, clock } = virtualSwarm([forever, echo], { check, grace: 100 });
		const run = swarm.start({ nodes: [{ id: "f", agent: "forever" }, ...chain(2)] }, { open: true });
		await rest();
		(actors[0] as GraphActor).state.graph.counts[READY] = 5;
		expect(await rejection(run.mutate([{ type: "addNode", node: { id: "x", agent: "echo" } }]))).toMatchObject({
			code: "INTERNAL",
		});
		expect(await finish(run, clock)).toMatchObject({ status: "failed", stats: { leaked: 1 } });
		await swarm.close();
	});

	const claims: [string, Partial<NodeSpec>, (graph: Graph) => void][] = [
		["grants a lease", {}, ({ nodes }) => nodes.count(1, OK, 1)],
		["fails for want of an input", { input: { $output: "a", path: "/none" } }, ({ nodes }) => nodes.setLabel(2, -1)],
	];

	test.each(claims)("leaves slots and limits to the other runs when a claim that %s is stopped", async (...args) => {
		const [_, more, corrupt] = args;
		const actors = watchActors();
		const go = gate();
		const limited = defineAgent({ name: "limited", limits: ["one"], run: () => go.promise });
		const { swarm, clock } = virtualSwarm([limited], { check, concurrency: 1, limits: { one: 1 } });
		const [a, b, c] = ["a", "b", "c"].map((id, i) => ({
			id,
			agent: "limited",
			dependsOn: i === 0 ? [] : [["a", "b"][i - 1] as string],
			...(id === "b" && more),
		})) as [NodeSpec, NodeSpec, NodeSpec];
		const bad = swarm.start({ nodes: [a, b, c] }, { runId: "bad" });
		await rest();
		const good = swarm.start({ nodes: chain(2, "limited") }, { runId: "good" });
		corrupt((actors[0] as GraphActor).state.graph);
		go.open();
		expect(await finish(bad, clock)).toMatchObject({
			status: "failed",
			reason: expect.stringMatching(/"b".*last events of "b"/),
		});
		expect(await finish(good, clock)).toMatchObject({ status: "completed", stats: { completed: 2 } });
		expect(await finish(swarm.start({ nodes: chain(3, "limited") }), clock)).toMatchObject({ status: "completed" });
	});

	test("frees an agent whose own request is what the check stops at", async () => {
		const actors = watchActors();
		const seen: string[] = [];
		const sleeper = defineAgent({
			name: "sleeper",
			run: async (_: unknown, ctx) => {
				(actors[0] as GraphActor).state.graph.nodes.unflag(0, STARTED);
				await ctx.sleep(5).catch((error) => seen.push(error.code));
			},
		});
		const { swarm, clock } = virtualSwarm([sleeper], { check });
		const run = swarm.start({ nodes: [{ id: "s", agent: "sleeper" }] });
		await pass(clock, 0);
		expect(seen).toEqual(["POISONED"]);
		expect(await finish(run, clock)).toMatchObject({ status: "failed", stats: { leaked: 0 } });
	});
});
