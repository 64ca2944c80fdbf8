import { describe, expect, test } from "vitest";
import { apply } from "../../src/graph/apply.js";
import { ImageSource } from "../../src/graph/image.js";
import type { NodeImage, RunImage } from "../../src/graph/image-format.js";
import { restoreState } from "../../src/graph/image-restore.js";
import { checkState } from "../../src/graph/invariants.js";
import { RunState } from "../../src/graph/state.js";
import type { RunFact } from "../../src/graph/types.js";
import { accepted, Driver, node } from "./driver.js";
import { Chain, expectSame } from "./state-picture.js";

/** A run, and images of it: each `take` sees to it that the state can be restored from what was saved. */
class Filmed extends Driver {
	readonly chain = new Chain(this.actor.state);

	constructor(...args: ConstructorParameters<typeof Driver>) {
		super(...args);
		this.take();
	}

	take(): RunState {
		const restored = this.chain.take();
		if (restored === undefined) throw new Error("nothing has happened since the last image");
		expect(checkState(restored)).toBeUndefined();
		return restored;
	}

	/** The node in the last image, as it is kept. */
	kept(id: string): NodeImage | undefined {
		return this.chain.last.nodes.find(({ spec }) => spec.id === id);
	}

	n(id: string): number {
		return this.actor.state.graph.index.get(id) ?? -1;
	}
}

/** Ids of what a node leads to, in order. */
function leadsTo({ graph }: RunState, id: string): string[] {
	const targets: string[] = [];
	const { nodes, edges } = graph;
	for (let edge = nodes.firstOut(graph.index.get(id) ?? -1); edge !== 0; edge = edges.nextOut(edge))
		targets.push(graph.id(edges.to(edge)));
	return targets;
}

describe("an image source", () => {
	test("begins with the whole, and then tells of what has changed since", async () => {
		const run = new Filmed([node("a"), node("b", ["a"]), node("c", ["b"])]);
		expect(run.chain.last).toMatchObject({ base: undefined, size: 3 });
		const { seq } = run.chain.last;
		await run.complete("a", 1);
		run.take();
		expect(run.chain.last).toMatchObject({ base: seq, numbers: [0, 1], ready: { behind: true, nodes: [1] } });
	});

	test("has nothing to tell when nothing has happened", () => {
		const run = new Filmed([node("a")]);
		expect(run.chain.source.take()).toBeUndefined();
	});

	test("tells again what was not saved", async () => {
		const run = new Filmed([node("a"), node("b"), node("c")]);
		const { seq } = run.chain.last;
		await run.complete("a");
		run.chain.take(false);
		await run.complete("b");
		run.chain.take(false);
		await run.mutate({ type: "addNode", node: node("d") });
		run.take();
		expect(run.chain.last).toMatchObject({ base: seq, numbers: [0, 1, 3] });
	});

	test("heeds only that the last image was saved", async () => {
		const run = new Driver([node("a"), node("b")]);
		const source = new ImageSource(run.actor.state);
		const first = source.take();
		await run.complete("a");
		const second = source.take();
		first?.commit();
		expect(second?.image.base).toBeUndefined();
		second?.commit();
		await run.complete("b");
		expect(source.take()?.image).toMatchObject({ base: second?.image.seq, numbers: [1] });
	});

	test("can be asked for the whole at any time", async () => {
		const run = new Filmed([node("a"), node("b")]);
		await run.complete("a");
		expect(run.chain.source.take(true)?.image.base).toBeUndefined();
		await run.complete("b");
		// It was not saved, so the change is one of the first.
		run.take();
		expect(run.chain.last.numbers).toEqual([0, 1]);
	});

	test("notes nothing before the first image", () => {
		const { actor } = new Driver([node("a")], { check: "off" });
		const source = new ImageSource(actor.state);
		expect(actor.state.graph.onChange).toBeUndefined();
		source.take();
		expect(actor.state.graph.onChange).toBeDefined();
	});
});

describe("an image of edges", () => {
	test("keeps several names of one dependency, and ids that other objects would take for their own", async () => {
		const run = new Filmed([node("__proto__"), node("ä/💡"), node("b", { x: "__proto__", y: "ä/💡" })]);
		await run.mutate({ type: "addNode", node: node("c", { constructor: "__proto__", "ä/💡": "ä/💡" }) });
		const { graph } = run.take();
		await run.complete("__proto__", 1);
		await run.complete("ä/💡", { __proto__x: 2 });
		run.take();
		const edge = graph.nodes.firstIn(run.n("c"));
		expect([graph.aliasOf(edge), graph.aliasOf(graph.edges.nextIn(edge))]).toEqual([["constructor"], undefined]);
		expect(run.deps(await run.claim("b"))).toEqual({ x: 1, y: { __proto__x: 2 } });
	});

	test("keeps what was added and removed, in its order, also where numbers of edges are used again", async () => {
		const run = new Filmed([node("a"), node("b"), node("c", ["a", "b"]), node("d", ["a"]), node("e", ["b"])]);
		await run.mutate({ type: "removeEdge", from: "a", to: "c" }, { type: "removeEdge", from: "b", to: "e" });
		run.take();
		await run.mutate({ type: "addEdge", from: "e", to: "c" }, { type: "addEdge", from: "a", to: "c", alias: "late" });
		const restored = run.take();
		expect(leadsTo(restored, "a")).toEqual(["d", "c"]);
		expect(run.kept("c")?.into).toEqual([[1], [4], [0, ["late"]]]);
	});

	test("forgets an order of edges that is over", async () => {
		const run = new Filmed([node("a"), node("b"), node("c")]);
		await run.mutate({ type: "addEdge", from: "a", to: "c" }, { type: "addEdge", from: "a", to: "b" });
		expect(leadsTo(run.take(), "a")).toEqual(["c", "b"]);
		await run.mutate({ type: "removeEdge", from: "a", to: "c" });
		await run.mutate({ type: "addEdge", from: "a", to: "c" });
		expect(leadsTo(run.take(), "a")).toEqual(["b", "c"]);
	});

	test("keeps an order of nodes that is not that of their numbers", async () => {
		const run = new Filmed([node("a"), node("b"), node("c")]);
		await run.mutate({ type: "addEdge", from: "c", to: "b" }, { type: "addEdge", from: "b", to: "a" });
		const { graph } = run.take();
		expect(graph.topology.admit(0, 2)).toEqual([0, 2, 1, 0]);
	});
});

describe("an image of nodes", () => {
	test("keeps outcomes that are withheld with their patches, and held and eager nodes", async () => {
		const run = new Filmed([node("a", [], { speculative: "eager" }), node("b", [], { speculative: "hold" })]);
		const patch = [{ type: "addNode", node: node("c", ["a"], { input: new Uint8Array([7, 8]) }) }] as const;
		await run.complete("a", { bytes: new Uint8Array([0, 255]) }, patch);
		const { graph } = run.take();
		expect(graph.extras.get(0)?.withheld).toEqual({
			kind: "completed",
			output: { bytes: new Uint8Array([0, 255]) },
			patch: { mutations: patch },
		});
		await run.mutate({ type: "markSpeculative", id: "b", mode: "eager" });
		run.take();
		await run.mutate({ type: "confirmSpeculative", id: "a" });
		run.take();
		expect(run.states()).toMatchObject({ a: "completed", b: "ready", c: "ready" });
	});

	test("keeps why nodes were skipped, and that others are blocked", async () => {
		const run = new Filmed([
			node("a"),
			node("b", ["a"]),
			node("c", ["b"]),
			node("d", [], { onFailure: "block" }),
			node("e", ["d"], { join: "settled" }),
			node("f", ["d"], { join: { atLeast: 1 } }),
		]);
		await run.fail("a");
		await run.fail("d");
		const { graph } = run.take();
		expect([graph.stateName(2), graph.nodes.root(2) - 1]).toEqual(["skipped", 0]);
		expect(run.kept("b")).toMatchObject({ root: 1 });
	});

	test("keeps what is waited for, and tries again", async () => {
		const run = new Filmed(
			["sleep", "signal", "approval", "retry", "first"].map((id) =>
				node(id, [], { retry: { maxAttempts: 3, delay: 50 } }),
			),
		);
		const { handle } = run;
		const parks = [
			["sleep", { kind: "sleep", until: 100 }],
			["signal", { kind: "signal", name: "go", until: 500 }],
			["approval", { kind: "approval", reason: "may it?", data: new Uint8Array([1]), name: "boss" }],
			["first", { kind: "signal", name: "go" }],
		] as const;
		for (const [id, wait] of parks) accepted(await handle.park(await run.claim(id), wait));
		await run.fail("retry");
		const restored = run.take();
		expect(restored.awaiting).toBe(3);
		expect([...(restored.listening.get("go") ?? [])]).toEqual([run.n("signal"), run.n("first")]);
		accepted(await handle.signal("go", { n: 1 }));
		accepted(await handle.signal("later", new Uint8Array([3]), { node: "sleep" }));
		accepted(await handle.signal("later"));
		const woken = run.take();
		expect(woken.signals.get("later")).toEqual([
			{ payload: new Uint8Array([3]), for: "sleep" },
			{ payload: undefined, for: undefined },
		]);
		run.clock.advance(200);
		accepted(await handle.approve("approval", { by: "me" }));
		run.take();
		await run.claim("signal");
		run.take();
		expect(run.kept("signal")).toMatchObject({ lease: run.actor.state.seq });
	});

	test("keeps the order in which nodes became ready", async () => {
		const run = new Filmed([node("a"), node("b"), node("c"), node("d", ["a"]), node("e", [], { retry: 2 })]);
		await run.fail("e");
		await run.complete("a");
		expect(run.take().graph.frontier.first()).toBe(run.n("b"));
		await run.mutate({ type: "updateNode", id: "b", changes: { priority: 3 } });
		run.take();
		// It is changed and stands before others that are not: all are told.
		expect(run.chain.last.ready).toEqual({ behind: false, nodes: ["b", "c", "e", "d"].map((id) => run.n(id)) });
	});

	test("keeps steps and the ends of waits of a durable run, until the node ends", async () => {
		const run = new Filmed([node("a")], { settings: { durable: true, timed: true, options: { x: 1 } } });
		const lease = await run.claim("a");
		run.take();
		run.actor.post({ type: "step", lease, name: "one", value: { b: new Uint8Array([9]) } });
		run.actor.post({ type: "step", lease, name: "__proto__", value: undefined });
		const { graph } = run.take();
		expect([...(graph.extras.get(0)?.steps ?? [])]).toEqual([
			["one", { b: new Uint8Array([9]) }],
			["__proto__", undefined],
		]);
		accepted(await run.handle.park(lease, { kind: "signal", name: "go" }));
		run.clock.advance(10);
		accepted(await run.handle.signal("go", "yes"));
		const again = await run.claim("a");
		const { waited, excused, firstStart } = run.take().graph.extras.get(0) ?? {};
		expect([...(waited ?? [])]).toEqual([["signal go", [{ kind: "signal", payload: "yes" }]]]);
		expect([excused, firstStart]).toEqual([10, 0]);
		accepted(await run.handle.complete(again, undefined));
		run.take();
		expect(run.kept("a")?.extras).not.toHaveProperty("steps");
		expect(run.kept("a")).not.toHaveProperty("output");
	});

	test("keeps early commits: what is added, added again and given another spec", async () => {
		const run = new Filmed([node("a", [], { retry: 3 })]);
		const first = await run.claim("a");
		run.take();
		accepted(await run.handle.commit(first, [{ type: "addNodes", nodes: [node("x", ["a"]), node("y", ["a"])] }]));
		run.take();
		accepted(await run.handle.fail(first, new Error("again")));
		run.take();
		const second = await run.claim("a");
		accepted(await run.handle.commit(second, [{ type: "addNode", node: node("x", ["a"]) }]));
		expect(run.take().graph.extras.get(1)).toMatchObject({ addedIn: 2 });
		accepted(await run.handle.commit(second, [{ type: "addNode", node: node("y", ["a"], { input: 2 }) }]));
		const { graph } = run.take();
		expect(graph.addedSpec(2)).not.toHaveProperty("input");
		expect(graph.spec(2)).toMatchObject({ input: 2 });
		expect([...(graph.extras.get(0)?.early ?? [])]).toEqual(["x", "y"]);
		expect(graph.added).toBe(2);
	});
});

describe("an image of a run", () => {
	test("keeps keys, and in a change the new ones only", async () => {
		const run = new Filmed([node("a")]);
		for (const key of ["one", "two"]) {
			accepted(await run.handle.mutate([], { key }));
			run.take();
			expect(run.chain.last.keys).toEqual([key]);
		}
	});

	test("is of all that a state has", () => {
		// Whatever else comes to a state has to come to its images, too.
		const fields = ["graph", "seq", "run", "epoch", "open", "status", "reason", "stopping", "settings", "versions"];
		const more = ["asking", "at", "keys", "signals", "listening", "parked", "awaiting", "usage", "ended"];
		expect(Object.keys(new RunState()).sort()).toEqual([...fields, ...more].sort());
	});

	test("keeps what becomes of it: paused, stopping, ended", async () => {
		const run = new Filmed([node("a", [], { onFailure: "failRun" }), node("b", ["a"], { join: "always" }), node("c")]);
		run.clock.advance(5);
		accepted(await run.handle.pause());
		expect(run.take()).toMatchObject({ status: "paused", at: 5 });
		accepted(await run.handle.resume());
		await run.fail("a");
		expect(run.take()).toMatchObject({ status: "stopping", stopping: { status: "failed" }, ended: false });
		await run.complete("b");
		expect(run.take()).toMatchObject({ status: "failed", ended: true });
	});

	test("keeps which agents a person is asked about after a recovery, and whose function is gone", () => {
		const state = new RunState();
		const chain = new Chain(state);
		const facts: RunFact[] = [
			{ type: "run.created", run: "r", epoch: 1, open: true, settings: { versions: { work: "1.0.0" }, durable: true } },
			{ type: "node.added", node: "a", spec: { id: "a", agent: "work" } },
			{ type: "run.started" },
			{ type: "node.started", node: "a", attempt: 1, epoch: 1 },
			{ type: "node.parked", node: "a", attempt: 1, wait: { kind: "approval", reason: "why" } },
			{ type: "run.recovered", epoch: 2, versions: { work: "2.0.0" }, ask: ["work"] },
			{ type: "node.woken", node: "a", attempt: 1, wake: { kind: "approved", by: "me" } },
		];
		let restored: RunState | undefined;
		for (const fact of facts) {
			const event = { seq: state.seq + 1, at: state.seq * 10, ...fact };
			apply(state, event);
			if (restored !== undefined) {
				apply(restored, event);
				expectSame(restored, state);
			}
			restored = chain.take();
		}
		expect(restored?.asking).toEqual({ agents: new Set(["work"]), below: 1 });
		expect(restored?.graph.extras.get(0)).toMatchObject({ lost: true });
		expect(restored).toMatchObject({ epoch: 2, versions: { work: "2.0.0" }, settings: { durable: true } });
	});
});

describe("images that are not a state's are refused:", () => {
	const { actor } = new Driver([node("a"), node("b", ["a"]), node("c", ["a"])]);
	const whole = new ImageSource(actor.state).take()?.image as RunImage;
	const [a, b, c] = whole.nodes as [NodeImage, NodeImage, NodeImage];
	const change: RunImage = { ...whole, seq: whole.seq + 2, base: whole.seq, numbers: [], nodes: [] };

	test.each<[string, RunImage[], string]>([
		["a change without its base", [change], "is missing"],
		["a change of another image", [whole, { ...change, base: 1 }], "is a change of one at 1"],
		["a second one that stands alone", [whole, { ...whole, seq: whole.seq + 1 }], "stands alone"],
		["a gap", [whole, { ...change, numbers: [4], nodes: [a] }], "has node 4 and not the one before it"],
		["too few nodes", [{ ...whole, size: 4 }], "has 3 of 4 nodes"],
		["two of one id", [{ ...whole, nodes: [a, b, b] }], 'two nodes "b"'],
		["a dependency that is not there", [with1({ spec: { ...b.spec, dependsOn: ["x"] } })], 'depend on "x"'],
		["an edge from nowhere", [with1({ into: [[9]] })], "an edge from node 9"],
		["an edge twice", [with1({ into: [[0], [0]] })], "an edge from node 0"],
		["a circle", [{ ...whole, nodes: [a, { ...b, into: [[2]] }, { ...c, into: [[1]] }] }], "in a circle"],
		["a state that there is not", [with1({ state: 12 })], "in no state"],
		["a creator that is not there", [with1({ creator: 7 })], "not there"],
		["a skip without a reason", [with1({ state: 7 })], "for no reason"],
		["a node in the list of ready ones that is not", [{ ...whole, ready: { behind: false, nodes: [0, 1] } }], "node 1"],
		["a ready node that is not in the list", [{ ...whole, ready: { behind: false, nodes: [] } }], "0 of 1 ready"],
		["a listener that does not wait", [{ ...whole, listening: [{ name: "s", nodes: [0] }] }], "wait for a signal"],
		["an order of edges of no node", [{ ...whole, order: [[5, [1]]] }], "node 5"],
	])("%s", (_, images, message) => {
		expect(() => restoreState(images)).toThrow(expect.objectContaining({ code: "JOURNAL_CORRUPT" }));
		expect(() => restoreState(images)).toThrow(message);
	});

	function with1(fields: Partial<NodeImage>): RunImage {
		return { ...whole, nodes: [a, { ...b, ...fields }, c] };
	}

	test("none at all", () => {
		expect(() => restoreState([])).toThrow(expect.objectContaining({ code: "INTERNAL" }));
	});
});
