import { describe, expect, test, vi } from "vitest";
import { SwarmError } from "../../src/core/errors.js";
import { GraphActor } from "../../src/graph/actor.js";
import type { ActorConfig } from "../../src/graph/actor-config.js";
import type { CheckLevel } from "../../src/graph/checker.js";
import { checkState } from "../../src/graph/invariants.js";
import { OK, OPEN, READY, STARTED } from "../../src/graph/node-table.js";
import type { RunState } from "../../src/graph/state.js";
import { Topology } from "../../src/graph/topology.js";
import type { RunEvent } from "../../src/graph/types.js";
import { Driver, node, notingHost } from "./driver.js";

const A = 0;
const B = 1;
const C = 2;

/** a runs; b waits for it, c for b; r is ready. */
async function running(check: CheckLevel, more: ActorConfig = {}) {
	const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"]), node("r")], { check, ...more });
	const lease = await driver.claim("a");
	return { driver, lease, state: driver.actor.state };
}

type Running = Awaited<ReturnType<typeof running>>;

/** What is broken by hand, and the command that cannot miss it. */
const cases: [string, (state: RunState) => void, (run: Running) => Promise<unknown>, RegExp][] = [
	[
		"an order label",
		({ graph }) => graph.nodes.setLabel(B, -1),
		({ driver, lease }) => driver.handle.complete(lease),
		/the order has "a" behind its dependent "b"/,
	],
	[
		"a started flag",
		({ graph }) => graph.nodes.unflag(A, STARTED),
		({ driver, lease }) => driver.handle.complete(lease),
		/"a" is in attempt 1 and its started flag disagrees/,
	],
	[
		"a counter of a node that is cancelled",
		({ graph }) => graph.nodes.count(C, OK, 1),
		({ driver }) => driver.handle.mutate([{ type: "removeNode", id: "c", mode: "detach" }]),
		/"c" counts .* dependencies/,
	],
	[
		"a counter of a node that loses an edge",
		({ graph }) => graph.nodes.count(C, OPEN, 1),
		({ driver }) => driver.handle.mutate([{ type: "removeEdge", from: "b", to: "c" }]),
		/"c" counts 1,0,0,0,0 dependencies .*, and has 0,0,0,0,0/,
	],
	[
		"a state",
		({ graph }) => graph.nodes.setState(B, READY),
		({ driver }) => driver.handle.claim("b"),
		/"b" has started, and its join is not met/,
	],
	[
		"the list of ready nodes",
		({ graph }) => graph.frontier.remove(3),
		({ driver, lease }) => driver.handle.park(lease, { kind: "sleep", until: 5 }),
		/ready, and (their list is empty|not in the list of ready nodes)/,
	],
	[
		"the counts by state",
		({ graph }) => void (graph.counts[READY] as number)++,
		({ driver, lease }) => driver.handle.complete(lease),
		/nodes are counted/,
	],
	[
		"the number of the last event",
		(state) => void state.seq++,
		({ driver, lease }) => driver.handle.complete(lease),
		/the events after 7 are not numbered one by one up to 9/,
	],
];

describe.each(["local", "full"] as const)("a %s check", (check) => {
	test.each(cases)("finds %s at the next event there, before anybody can see it", async (_, corrupt, touch, wrong) => {
		const heard: RunEvent[] = [];
		const run = await running(check);
		const { driver, state } = run;
		driver.actor.subscribe((events) => heard.push(...events));
		const journalled = driver.events.length;
		corrupt(state);
		const error: unknown = await touch(run).catch((thrown) => thrown);
		expect(error).toMatchObject({ code: "INTERNAL", message: expect.stringMatching(wrong) });
		expect(driver.actor.poison).toBe(error);
		expect(driver.events).toHaveLength(journalled);
		expect(driver.actor.log.last).toBe(journalled);
		expect(heard).toEqual([]);
	});

	test("stops the actor for good: it refuses what comes, and shows nothing", async () => {
		const { driver, lease, state } = await running(check);
		state.graph.nodes.unflag(A, STARTED);
		await expect(driver.handle.complete(lease)).rejects.toMatchObject({ code: "INTERNAL" });
		const requests = [
			() => driver.handle.claim("r"),
			() => driver.handle.mutate([]),
			() => driver.handle.cancel(),
			() => driver.handle.complete(lease),
		];
		for (const request of requests) await expect(request()).rejects.toBe(driver.actor.poison);
		for (const look of [() => driver.handle.snapshot(), () => driver.handle.ready(), () => driver.handle.explain("a")])
			expect(look).toThrow(driver.actor.poison);
		const answers: unknown[] = [];
		driver.actor.post({ type: "complete", lease, output: 1 }, (answer) => answers.push(answer));
		expect(answers).toMatchObject([{ code: "POISONED" }]);
		await expect(driver.handle.events({ from: 1 }).next()).resolves.toMatchObject({ value: { seq: 1 } });
	});

	test("tells the story of the node: its last events, those of the batch in hand included", async () => {
		const { driver, lease, state } = await running(check);
		await driver.mutate({ type: "addEdge", from: "r", to: "b" });
		await driver.complete("r");
		state.graph.nodes.setLabel(B, -1);
		const error = await driver.handle.mutate([{ type: "updateNode", id: "b", changes: { priority: 3 } }]).catch(String);
		expect(error).toMatch(
			/last events of "b": 3 node.added; 8 edge.added "r" → "b"; 11 node.updated, not committed\)$/,
		);
		expect(driver.actor.poison?.nodes).toEqual(["b"]);
		expect(lease.node).toBe("a");
	});

	test("tells the last sixteen events, of all nodes where none is to blame", async () => {
		const retry = { maxAttempts: 50, delay: 0 };
		const driver = new Driver([node("a", [], { retry })], { check });
		for (let attempt = 0; attempt < 20; attempt++) await driver.fail("a");
		driver.actor.state.graph.counts[READY] = 7;
		const { message } = (await driver.handle.pause().catch((thrown) => thrown)) as Error;
		const told = message.slice(message.indexOf("last events: ")).split("; ");
		expect(told).toHaveLength(16);
		expect(told[0]).toMatch(/^last events: \d+ node.\w+ "a"/);
		expect(told.at(-1)).toMatch(/^64 run.paused, not committed/);
	});

	test("lets no effect out, and gives back the slots of the leases that were granted", async () => {
		const notes: string[] = [];
		const host = notingHost(notes);
		const { driver, state } = await running(check, {
			host: {
				...host,
				fill: (actor) => {
					if (actor.state.graph.nodes.state(B) !== READY) return;
					actor.claim(3);
					// Corrupt by now: the lease of r was granted in the same batch.
					actor.state.graph.nodes.count(B, OK, 1);
					actor.claim(B);
				},
				poisoned: (_, error, unstarted) =>
					void notes.push(`${error.code} ${unstarted.map((each) => each.node).join(" ")}`),
			},
		});
		const lease = { node: "a", attempt: 1, epoch: 1, seq: state.graph.nodes.lease(A) };
		const reply = await driver.handle.complete(lease);
		expect(reply).toMatchObject({ ok: false, code: "POISONED" });
		expect(notes).toEqual(["start a", "INTERNAL r b"]);
		expect(driver.events.at(-1)).toMatchObject({ type: "node.started", node: "a" });
		expect(driver.actor.committedCounts[READY]).toBe(1);
	});

	test("answers a command that was sent from within a batch, though it is the one that fails", async () => {
		const { driver, state } = await running(check, { host: notingHost([]) });
		const answers: unknown[] = [];
		driver.actor.subscribe(() => {
			state.graph.nodes.unflag(A, STARTED);
			driver.handle.mutate([{ type: "pruneSubgraph", id: "a" }]).then((reply) => answers.push(reply));
		});
		await driver.claim("r");
		await Promise.resolve();
		expect(answers).toMatchObject([{ ok: false, code: "POISONED" }]);
		expect(driver.actor.poison).toMatchObject({ code: "INTERNAL" });
	});

	test("looks at the graph that a run starts with", () => {
		const append = vi.spyOn(Topology.prototype, "append").mockImplementation(function (this: Topology, n) {
			(this as unknown as { graph: RunState["graph"] }).graph.nodes.setLabel(n, -n);
		});
		try {
			expect(() => GraphActor.create({ nodes: [node("a"), node("b", ["a"])], check })).toThrow(
				/the order has "a" behind its dependent "b" .*last events of "b": 3 node.added, not committed/,
			);
		} finally {
			append.mockRestore();
		}
	});

	test("finds an event that was skipped", async () => {
		const { driver, lease, state } = await running(check);
		const end = state.graph.end.bind(state.graph);
		state.graph.end = (n, trigger) => {
			state.seq++;
			end(n, trigger);
		};
		await expect(driver.handle.complete(lease)).rejects.toThrow(/are not numbered one by one/);
	});

	test("finds a dependent that nobody woke", async () => {
		const { driver, lease, state } = await running(check);
		state.graph.frontier.touch = () => {};
		await expect(driver.handle.complete(lease)).rejects.toThrow(/the join of "b" is met, and it is pending/);
	});
});

describe("a local check", () => {
	const width = 100_000;
	const wide = () => {
		const ids = Array.from({ length: width }, (_, i) => `d${i}`);
		return new Driver([...ids.map((id) => node(id)), node("wide", ids)], { check: "local", eventBuffer: 1 });
	};

	test("never recounts a wide node, and a full one does", async () => {
		const driver = wide();
		const { graph } = driver.actor.state;
		graph.nodes.count(width, OPEN, 1);
		const reads = { edges: 0 };
		const { edges } = graph;
		for (const name of ["fromInto", "toOutOf"] as const) {
			const read = edges[name].bind(edges);
			edges[name] = (edge, n) => {
				reads.edges++;
				return read(edge, n);
			};
		}
		const before = driver.actor.state.seq;
		await driver.complete("d0", 1);
		await driver.mutate({ type: "updateNode", id: "wide", changes: { priority: 1 } });
		const events = driver.actor.state.seq - before;
		expect(events).toBe(3);
		expect(reads.edges).toBeGreaterThan(0);
		expect(reads.edges).toBeLessThanOrEqual(8 * events);
		expect(driver.actor.poison).toBeUndefined();
		expect(checkState(driver.actor.state)).toMatch(/"wide" counts 100000,1,0,0,0 dependencies .*, and has 99999,1/);
	});

	test("looks at eight edges an event, however many nodes it makes ready", async () => {
		const driver = new Driver([node("root"), ...Array.from({ length: 1_000 }, (_, i) => node(`n${i}`, ["root"]))], {
			check: "local",
		});
		const { edges } = driver.actor.state.graph;
		const into = vi.spyOn(edges, "fromInto");
		const out = vi.spyOn(edges, "toOutOf");
		await driver.complete("root");
		expect(driver.handle.ready()).toHaveLength(1_000);
		expect(into.mock.calls.length + out.mock.calls.length).toBe(8);
	});

	test("takes no notice of what a full one finds elsewhere", async () => {
		for (const check of ["local", "full"] as const) {
			const { driver, lease, state } = await running(check);
			state.graph.nodes.count(C, OK, 1);
			const reply = await driver.handle.complete(lease).catch((thrown: unknown) => thrown);
			if (check === "local") expect(reply).toEqual({ ok: true });
			else expect(SwarmError.is(reply)).toBe(true);
		}
	});
});
