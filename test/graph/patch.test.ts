import { describe, expect, test } from "vitest";
import type { Mutation, Patch } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

/** What a caller without types could hand in. */
function untyped(...mutations: unknown[]): Patch {
	return mutations as Patch;
}

describe("the shape of a patch", () => {
	test.each<[string, unknown]>([
		["no mutation", null],
		["an unknown type", { type: "explode" }],
		["a type from the prototype", { type: "toString" }],
		["no type", { id: "a" }],
		["addNode without a node", { type: "addNode" }],
		["addNode with a list", { type: "addNode", node: [] }],
		["addNodes without a list", { type: "addNodes", nodes: { id: "x" } }],
		["addNodes with a hole", { type: "addNodes", nodes: [null] }],
		["addEdge without to", { type: "addEdge", from: "a" }],
		["addEdge with a number", { type: "addEdge", from: 1, to: "b" }],
		["addEdge with an empty alias", { type: "addEdge", from: "a", to: "b", alias: "" }],
		["an unknown field", { type: "addEdge", from: "a", to: "b", label: "x" }],
		["removeNode without a target", { type: "removeNode" }],
		["removeNode with id and ids", { type: "removeNode", id: "a", ids: ["a"] }],
		["removeNode with no list of ids", { type: "removeNode", ids: "a" }],
		["removeNode with an unknown mode", { type: "removeNode", id: "a", mode: "burn" }],
		["a mode in a list", { type: "removeNode", id: "a", mode: ["bridge"] }],
		["updateNode without changes", { type: "updateNode", id: "a" }],
		["splitNode without parts", { type: "splitNode", id: "a" }],
		["injectBefore with a word for inherit", { type: "injectBefore", id: "a", node: { agent: "w" }, inherit: "yes" }],
		["pruneSubgraph with an unknown scope", { type: "pruneSubgraph", id: "a", scope: "all" }],
		["markSpeculative with an unknown mode", { type: "markSpeculative", id: "a", mode: "maybe" }],
	])("%s is refused", async (_, mutation) => {
		const driver = new Driver([node("a"), node("b")]);
		await driver.refuses(untyped({ type: "addNode", node: node("x") }, mutation), "INVALID_SPEC");
	});

	test("is a list", async () => {
		const driver = new Driver([node("a")]);
		await driver.refuses({ type: "removeNode", id: "a" } as unknown as Patch, "INVALID_SPEC");
	});

	test("comes before existence, existence before everything else", async () => {
		const driver = new Driver([node("a")]);
		await driver.refuses(untyped({ type: "removeNode", id: "none" }, { type: "explode" }), "INVALID_SPEC");
	});
});

describe("a patch", () => {
	test("applies all or nothing, whatever phase refuses", async () => {
		const driver = new Driver([
			node("a"),
			node("b", ["a"]),
			node("c", ["b"]),
			node("d", undefined, { speculative: "hold" }),
		]);
		await driver.complete("a", 1);
		const refusals: [Mutation, string][] = [
			[{ type: "addEdge", from: "c", to: "b" }, "CYCLE"],
			[{ type: "removeEdge", from: "a", to: "c" }, "UNKNOWN_DEPENDENCY"],
			[{ type: "injectBefore", id: "a", node: node("before-a") }, "ILLEGAL_STATE"],
			[{ type: "splitNode", id: "c", into: [] }, "INVALID_SPEC"],
			[{ type: "removeNode", id: "c", mode: "reject" }, "UNKNOWN_DEPENDENCY"],
			[{ type: "updateNode", id: "b", changes: { retry: 0 } }, "INVALID_SPEC"],
			[{ type: "pruneSubgraph", id: "none" }, "UNKNOWN_NODE"],
			[{ type: "confirmSpeculative", id: "b" }, "ILLEGAL_STATE"],
		];
		for (const [mutation, code] of refusals) {
			const more: Mutation[] = code === "UNKNOWN_DEPENDENCY" ? [{ type: "removeEdge", from: "a", to: "none" }] : [];
			const reply = await driver.unchanged(
				() =>
					driver.handle.mutate([
						{ type: "addNodes", nodes: [node("x", { in: "b" }), node("y", ["x", "c"], { join: "any" })] },
						{ type: "addEdge", from: "x", to: "c", alias: "ex" },
						{ type: "removeEdge", from: "b", to: "c" },
						{ type: "injectBefore", id: "b", node: node("i"), inherit: true },
						{ type: "splitNode", id: "y", into: [node("y1"), node("y2")] },
						{ type: "updateNode", id: "c", changes: { priority: 4, join: "settled" } },
						{ type: "removeNode", id: "x" },
						{ type: "markSpeculative", id: "i" },
						...more,
						mutation,
					]),
				(more.length > 0 ? "UNKNOWN_NODE" : code) as "CYCLE",
			);
			expect(reply.ok).toBe(false);
		}
		// The same without what was refused is accepted: nothing was left behind.
		await driver.mutate({ type: "addNodes", nodes: [node("x", ["b"]), node("y", ["x"])] });
		expect(driver.handle.ready()).toEqual(["b"]);
	});

	test("runs its phases in their order, whatever the order in the list", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		await driver.mutate(
			{ type: "markSpeculative", id: "n" },
			{ type: "updateNode", id: "c", changes: { priority: 7 } },
			{ type: "removeNode", id: "b" },
			{ type: "injectBefore", id: "c", node: node("i") },
			// This edge is only possible once the other one is gone.
			{ type: "addEdge", from: "b", to: "a" },
			{ type: "removeEdge", from: "a", to: "b" },
			{ type: "addNode", node: node("n", ["i"]) },
		);
		expect(driver.dependsOn("c")).toEqual(["i"]);
		expect(driver.handle.snapshot().get("c")?.priority).toBe(7);
		expect(driver.state("n")).toBe("speculative");
		expect(driver.states()).toMatchObject({ a: "ready", b: "abandoned", i: "ready" });
	});

	test("must be acyclic after each of its steps", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		// Without b there would be no cycle, but edges are added before nodes are removed.
		await driver.refuses(
			[
				{ type: "removeNode", id: "b", mode: "detach" },
				{ type: "addEdge", from: "c", to: "a" },
			],
			"CYCLE",
			["c", "a", "b", "c"],
		);
	});

	test("evaluates joins once, at its end", async () => {
		const driver = new Driver([node("bad"), node("x")]);
		await driver.fail("bad");
		const from = driver.actor.state.seq + 1;
		await driver.mutate(
			{ type: "addNodes", nodes: [node("y", ["bad"]), node("good")] },
			{ type: "removeEdge", from: "bad", to: "y" },
			{ type: "addEdge", from: "good", to: "y" },
		);
		expect(driver.told(from)).toEqual(["node.added y", "node.added good", "edge.removed bad→y", "edge.added good→y"]);
		expect(driver.state("y")).toBe("pending");
	});

	test("takes its specs in any order, of several mutations too", async () => {
		const driver = new Driver([node("a")]);
		await driver.mutate(
			{ type: "addNode", node: node("z", ["y", "m"]) },
			{ type: "addNodes", nodes: [node("y", { why: "x" }), node("x", ["a"])] },
			{ type: "injectBefore", id: "z", node: node("m", ["y"]) },
		);
		expect(driver.dependsOn("z")).toEqual(["y", "m"]);
		expect(driver.handle.ready()).toEqual(["a"]);
		for (const id of ["a", "x", "y", "m"]) await driver.complete(id);
		expect(driver.handle.ready()).toEqual(["z"]);
	});

	test("gives an id to specs that have none", async () => {
		const driver = new Driver([{ agent: "work" }, node("a")]);
		await driver.mutate(
			{ type: "addNode", node: { agent: "work" } },
			{ type: "addNodes", nodes: [{ agent: "work" }, node("b")] },
			{ type: "injectBefore", id: "a", node: { agent: "work" } },
			{ type: "splitNode", id: "b", into: [{ agent: "work" }] },
		);
		expect([...driver.handle.snapshot().nodes()].map(({ id }) => id)).toEqual([
			"node-1",
			"a",
			"node-2",
			"node-3",
			"b",
			"node-4",
			"node-5",
		]);
	});

	test("that is empty changes nothing and is accepted", async () => {
		const driver = new Driver([node("a")]);
		const before = driver.picture();
		await driver.mutate();
		expect(driver.picture()).toEqual(before);
	});

	test("prunes and speculates at most once on each node", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("h", [], { speculative: "hold" })]);
		const pairs: [Mutation, Mutation, string][] = [
			[{ type: "pruneSubgraph", id: "a" }, { type: "pruneSubgraph", id: "a" }, "a"],
			[{ type: "pruneSubgraph", id: "a" }, { type: "markSpeculative", id: "b" }, "b"],
			[{ type: "confirmSpeculative", id: "h" }, { type: "discardSpeculative", id: "h" }, "h"],
			[{ type: "markSpeculative", id: "b" }, { type: "markSpeculative", id: "b", mode: "eager" }, "b"],
		];
		for (const [first, second, id] of pairs) {
			await driver.refuses([first, second], "INVALID_SPEC", [id]);
			await driver.refuses([second, first], "INVALID_SPEC", [id]);
		}
	});
});

describe("expect", () => {
	test("is checked before anything else of the patch", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.refuses([{ type: "removeNode", id: "none" }], "EXPECTATION_FAILED", ["b"], { expect: { b: "ready" } });
		await driver.refuses([], "UNKNOWN_NODE", ["none"], { expect: { none: "ready" } });
		const reply = await driver.handle.mutate([{ type: "removeNode", id: "b" }], {
			expect: { a: "ready", b: "pending" },
		});
		expect(reply.ok).toBe(true);
	});
});

describe("a key", () => {
	test("is applied once", async () => {
		const driver = new Driver([node("a")]);
		const patch: Patch = [{ type: "addNode", node: node("x") }];
		expect((await driver.handle.mutate(patch, { key: "k" })).ok).toBe(true);
		const before = driver.picture();
		expect((await driver.handle.mutate(patch, { key: "k" })).ok).toBe(true);
		expect(driver.picture()).toEqual(before);
		await driver.refuses(patch, "DUPLICATE_NODE", ["x"], { key: "other" });
	});

	test("stands on the first event of its patch, and on no other", async () => {
		const driver = new Driver([node("a"), node("b")]);
		const from = driver.actor.state.seq + 1;
		await driver.handle.mutate([{ type: "addNodes", nodes: [node("x"), node("y")] }], { key: "k1" });
		await driver.handle.mutate([{ type: "addEdge", from: "a", to: "b" }], { key: "k2" });
		await driver.complete("a");
		await driver.complete("x", 1, [{ type: "addNode", node: node("z") }]);
		const keys = driver.events
			.filter(({ seq }) => seq >= from)
			.map((event) => ("key" in event ? event.key : undefined));
		expect(keys.slice(0, 3)).toEqual(["k1", undefined, "k2"]);
		expect(keys.slice(3).every((key) => key === undefined)).toBe(true);
	});

	test("of a refused patch is not used up, by nothing that comes after", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c")]);
		const patch: Patch = [{ type: "addNode", node: node("x", ["later"]) }];
		await driver.refuses(patch, "UNKNOWN_DEPENDENCY", ["x", "later"], { key: "k" });
		await driver.refuses(
			[
				{ type: "addNode", node: node("y") },
				{ type: "removeNode", id: "none" },
			],
			"UNKNOWN_NODE",
			["none"],
			{ key: "k" },
		);
		await driver.fail("a");
		await driver.complete("c", 1, [{ type: "addNode", node: node("later") }]);
		expect(driver.events.filter((event) => "key" in event)).toEqual([]);
		expect((await driver.handle.mutate(patch, { key: "k" })).ok).toBe(true);
		expect(driver.state("x")).toBe("pending");
	});

	test("of a patch without effect is used up too, and stands on no later event", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		expect((await driver.handle.mutate([{ type: "addEdge", from: "a", to: "b" }], { key: "k" })).ok).toBe(true);
		await driver.fail("a");
		expect(driver.events.filter((event) => "key" in event)).toMatchObject([{ type: "patch.applied", key: "k" }]);
		const before = driver.picture();
		await driver.handle.mutate([{ type: "addNode", node: node("x") }], { key: "k" });
		expect(driver.picture()).toEqual(before);
	});
});

describe("an unknown id refuses the patch", () => {
	test.each<Mutation>([
		{ type: "addEdge", from: "none", to: "a" },
		{ type: "addEdge", from: "a", to: "none" },
		{ type: "removeEdge", from: "none", to: "a" },
		{ type: "removeEdge", from: "a", to: "none" },
		{ type: "removeNode", id: "none" },
		{ type: "removeNode", ids: ["a", "none"] },
		{ type: "updateNode", id: "none", changes: {} },
		{ type: "splitNode", id: "none", into: [node("p")] },
		{ type: "injectBefore", id: "none", node: node("i") },
		{ type: "pruneSubgraph", ids: ["a", "none"] },
		{ type: "markSpeculative", id: "none" },
		{ type: "confirmSpeculative", id: "none" },
		{ type: "discardSpeculative", id: "none" },
	])("$type", async (mutation) => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.refuses([{ type: "addNode", node: node("x", ["a"]) }, mutation], "UNKNOWN_NODE", ["none"]);
	});
});

describe("a node that has started or ended cannot be", () => {
	const mutations: Mutation[] = [
		{ type: "addEdge", from: "x", to: "a" },
		{ type: "removeEdge", from: "d", to: "a" },
		{ type: "removeNode", id: "a" },
		{ type: "updateNode", id: "a", changes: { priority: 1 } },
		{ type: "splitNode", id: "a", into: [node("p")] },
		{ type: "injectBefore", id: "a", node: node("i") },
		{ type: "markSpeculative", id: "a" },
		{ type: "confirmSpeculative", id: "a" },
		{ type: "discardSpeculative", id: "a" },
	];
	test.each(mutations)("changed by $type", async (mutation) => {
		const driver = new Driver([node("x"), node("d"), node("a", ["d"], { retry: { maxAttempts: 3, delay: 5 } })]);
		await driver.complete("d");
		const first = await driver.claim("a");
		await driver.refuses([mutation], "ILLEGAL_STATE", ["a"]);
		await driver.handle.fail(first, new Error("once"));
		expect(driver.state("a")).toBe("waiting");
		await driver.refuses([mutation], "ILLEGAL_STATE", ["a"]);
		driver.clock.advance(5);
		expect(driver.state("a")).toBe("ready");
		await driver.refuses([mutation], "ILLEGAL_STATE", ["a"]);
		await driver.complete("a");
		await driver.refuses([mutation], "ILLEGAL_STATE", ["a"]);
	});

	test("kept from being the start of an edge", async () => {
		const driver = new Driver([node("a"), node("b"), node("c")]);
		const lease = await driver.claim("a");
		await driver.mutate({ type: "addEdge", from: "a", to: "b" });
		await driver.handle.complete(lease, 5);
		await driver.mutate({ type: "addEdge", from: "a", to: "c", alias: "early" });
		expect(driver.handle.ready()).toEqual(["c", "b"]);
		expect(driver.deps(await driver.claim("c"))).toEqual({ early: 5 });
	});
});
