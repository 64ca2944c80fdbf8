import { describe, expect, test } from "vitest";
import { Driver, node } from "./driver.js";

describe("addNode", () => {
	test("refuses an id that was ever used in the run", async () => {
		const driver = new Driver([node("a"), node("b")]);
		await driver.mutate({ type: "removeNode", id: "b" });
		for (const id of ["a", "b"]) {
			await driver.refuses([{ type: "addNode", node: node(id) }], "DUPLICATE_NODE", [id]);
			await driver.refuses([{ type: "addNodes", nodes: [node("x"), node(id), node("y")] }], "DUPLICATE_NODE", [id]);
		}
		await driver.refuses(
			[
				{ type: "addNode", node: node("x") },
				{ type: "injectBefore", id: "a", node: node("x") },
			],
			"DUPLICATE_NODE",
			["x"],
		);
	});

	test("refuses twins whose dependencies come later too", async () => {
		const driver = new Driver();
		const twins = [node("x", ["y"]), node("x", ["y"]), node("y")];
		await driver.refuses([{ type: "addNodes", nodes: twins }], "DUPLICATE_NODE", ["x"]);
	});

	test("refuses an unknown dependency with both ids", async () => {
		const driver = new Driver([node("a")]);
		await driver.refuses([{ type: "addNode", node: node("x", ["a", "nope"]) }], "UNKNOWN_DEPENDENCY", ["x", "nope"]);
		await driver.refuses(
			[{ type: "addNodes", nodes: [node("x", ["y"]), node("y", { in: "nope" })] }],
			"UNKNOWN_DEPENDENCY",
			["y", "nope"],
		);
	});

	test("refuses a cycle among the new ones with its path", async () => {
		const driver = new Driver([node("a")]);
		await driver.refuses([{ type: "addNode", node: node("x", ["x"]) }], "CYCLE", ["x", "x"]);
		const refused = await driver.refuses(
			[{ type: "addNodes", nodes: [node("w", ["x"]), node("x", ["z"]), node("y", ["x"]), node("z", ["a", "y"])] }],
			"CYCLE",
		);
		expect(refused.nodes?.[0]).toBe(refused.nodes?.at(-1));
		expect(new Set(refused.nodes)).toEqual(new Set(["x", "y", "z"]));
		const edges = new Set(["x>y", "y>z", "z>x"]);
		for (let i = 1; i < (refused.nodes?.length ?? 0); i++)
			expect(edges).toContain(`${refused.nodes?.[i - 1]}>${refused.nodes?.[i]}`);
	});

	test("counts a dependency once that is named twice", async () => {
		const driver = new Driver([node("a"), node("b", ["a", "a"])]);
		expect(driver.dependsOn("b")).toEqual(["a"]);
		await driver.complete("a");
		expect(driver.handle.ready()).toEqual(["b"]);
	});

	test("takes ids that mean something to an object", async () => {
		const driver = new Driver([node("__proto__"), node("constructor", ["__proto__"]), node("c", { x: "constructor" })]);
		await driver.complete("__proto__", 1);
		const lease = await driver.claim("constructor");
		expect(Object.entries(driver.actor.leases.outputs(lease))).toEqual([["__proto__", 1]]);
		await driver.handle.complete(lease, 2);
		expect(driver.deps(await driver.claim("c"))).toEqual({ x: 2 });
	});

	test("may name a node that ended long ago", async () => {
		const driver = new Driver([node("a")]);
		await driver.complete("a", "out");
		await driver.mutate({ type: "addNode", node: node("b", { of: "a" }) });
		expect(driver.deps(await driver.claim("b"))).toEqual({ of: "out" });
	});
});

describe("addEdge", () => {
	test("gates: a ready node becomes pending again", async () => {
		const driver = new Driver([node("a"), node("b")]);
		const from = driver.actor.state.seq + 1;
		await driver.mutate({ type: "addEdge", from: "a", to: "b" });
		expect(driver.told(from)).toEqual(["edge.added a→b"]);
		expect(driver.states()).toEqual({ a: "ready", b: "pending" });
		await driver.unchanged(() => driver.handle.claim("b"), "ILLEGAL_STATE", ["b"]);
		await driver.complete("a");
		expect(driver.handle.ready()).toEqual(["b"]);
	});

	test("that is there already is a no-op", async () => {
		const driver = new Driver([node("a"), node("b", { alias: "a" })]);
		const before = driver.picture();
		await driver.mutate({ type: "addEdge", from: "a", to: "b" });
		await driver.mutate({ type: "addEdge", from: "a", to: "b", alias: "other" });
		expect(driver.picture()).toEqual(before);
	});

	test("refuses a cycle with its path", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"]), node("d", ["a"])]);
		await driver.refuses([{ type: "addEdge", from: "c", to: "a" }], "CYCLE", ["c", "a", "b", "c"]);
		await driver.refuses([{ type: "addEdge", from: "b", to: "b" }], "CYCLE", ["b", "b"]);
		await driver.mutate({ type: "addEdge", from: "c", to: "d" });
		await driver.refuses([{ type: "addEdge", from: "d", to: "b" }], "CYCLE", ["d", "b", "c", "d"]);
	});

	test("from a failed node lets its target die", async () => {
		const driver = new Driver([node("bad"), node("b"), node("c", ["b"])]);
		await driver.fail("bad");
		await driver.mutate({ type: "addEdge", from: "bad", to: "b" });
		expect(driver.states()).toEqual({ bad: "failed", b: "skipped", c: "skipped" });
	});

	test("gives an alias, which no other dependency may have", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", { x: "a" })]);
		await driver.refuses([{ type: "addEdge", from: "b", to: "c", alias: "x" }], "INVALID_SPEC", ["c"]);
		await driver.mutate({ type: "addEdge", from: "b", to: "c", alias: "y" });
		await driver.complete("a", 1);
		await driver.complete("b", 2);
		expect(driver.deps(await driver.claim("c"))).toEqual({ x: 1, y: 2 });
	});

	test("an alias may be the id of the dependency itself, not of another one", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", ["a"])]);
		await driver.refuses([{ type: "addEdge", from: "b", to: "c", alias: "a" }], "INVALID_SPEC", ["c"]);
		await driver.mutate({ type: "addEdge", from: "b", to: "c", alias: "b" });
		expect(driver.dependsOn("c")).toEqual(["a", "b"]);
	});

	test("names no dependency as another one is already called", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", { b: "a" })]);
		await driver.refuses([{ type: "addEdge", from: "b", to: "c" }], "INVALID_SPEC", ["c"]);
	});
});

describe("removeEdge", () => {
	test("re-evaluates the join of its target", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["a", "b"])]);
		await driver.mutate({ type: "removeEdge", from: "a", to: "b" });
		expect(driver.handle.ready()).toEqual(["a", "b"]);
		await driver.mutate({ type: "removeEdge", from: "b", to: "c" });
		expect(driver.dependsOn("c")).toEqual(["a"]);
		expect(driver.state("c")).toBe("pending");
	});

	test("refuses an edge that is not there", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		await driver.refuses([{ type: "removeEdge", from: "a", to: "c" }], "UNKNOWN_DEPENDENCY", ["a", "c"]);
		await driver.refuses([{ type: "removeEdge", from: "b", to: "a" }], "UNKNOWN_DEPENDENCY", ["b", "a"]);
	});

	test("allows the opposite edge in the same patch", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		await driver.mutate({ type: "addEdge", from: "c", to: "a" }, { type: "removeEdge", from: "a", to: "b" });
		expect(driver.handle.ready()).toEqual(["b"]);
		await driver.complete("b");
		await driver.complete("c");
		await driver.complete("a");
	});

	test("cannot save a node that was skipped", async () => {
		const driver = new Driver([node("bad"), node("b", ["bad"])]);
		await driver.fail("bad");
		await driver.refuses([{ type: "removeEdge", from: "bad", to: "b" }], "ILLEGAL_STATE", ["b"]);
	});
});

describe("removeNode", () => {
	const chain = [node("a"), node("b", ["a"]), node("c", ["b"])];

	test("bridges: its dependents inherit its dependencies", async () => {
		const driver = new Driver(chain);
		const from = driver.actor.state.seq + 1;
		await driver.mutate({ type: "removeNode", id: "b" });
		expect(driver.told(from)).toEqual(["edge.removed b→c", "edge.removed a→b", "edge.added a→c", "node.abandoned b"]);
		expect(driver.dependsOn("c")).toEqual(["a"]);
		expect(driver.dependsOn("b")).toEqual([]);
		expect(driver.handle.snapshot().get("b")).toMatchObject({ state: "abandoned", abandoned: "removed" });
		await driver.complete("a", 1);
		expect(driver.deps(await driver.claim("c"))).toEqual({ a: 1 });
	});

	test("bridges several dependencies to several dependents, each edge once", async () => {
		const driver = new Driver([node("a"), node("b"), node("m", ["a", "b"]), node("x", ["m", "a"]), node("y", ["m"])]);
		await driver.mutate({ type: "removeNode", id: "m" });
		expect(driver.dependsOn("x")).toEqual(["a", "b"]);
		expect(driver.dependsOn("y")).toEqual(["a", "b"]);
	});

	test("bridges a chain that goes at once", async () => {
		const driver = new Driver([...chain, node("d", ["c"])]);
		await driver.mutate({ type: "removeNode", ids: ["b", "c"] });
		expect(driver.dependsOn("d")).toEqual(["a"]);
		await driver.refuses([{ type: "removeNode", ids: ["d", "d"] }], "ILLEGAL_STATE", ["d"]);
	});

	test("bridging under another join changes what it counts", async () => {
		const driver = new Driver([
			node("a"),
			node("b"),
			node("m", ["a", "b"]),
			node("other"),
			node("x", ["m", "other"], { join: { atLeast: 2 } }),
		]);
		await driver.mutate({ type: "removeNode", id: "m" });
		await driver.complete("a");
		expect(driver.state("x")).toBe("pending");
		await driver.complete("b");
		expect(driver.state("x")).toBe("ready");
	});

	test("detaches: its dependents lose the edge", async () => {
		const driver = new Driver(chain);
		await driver.mutate({ type: "removeNode", id: "b", mode: "detach" });
		expect(driver.handle.ready()).toEqual(["a", "c"]);
		expect(driver.dependsOn("c")).toEqual([]);
	});

	test("rejects when it has dependents", async () => {
		const driver = new Driver(chain);
		await driver.refuses([{ type: "removeNode", id: "b", mode: "reject" }], "ILLEGAL_STATE", ["b", "c"]);
		await driver.mutate({ type: "removeNode", id: "c", mode: "reject" });
		expect(driver.state("c")).toBe("abandoned");
	});

	test("lets its dependents die no death: they do not count it as lost", async () => {
		const driver = new Driver(chain);
		await driver.complete("a");
		expect(driver.state("b")).toBe("ready");
		await driver.mutate({ type: "removeNode", id: "b" });
		expect(driver.handle.ready()).toEqual(["c"]);
	});

	test("leaves a dependent that has started as it is, without the edge", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "any" })]);
		await driver.complete("a", 1);
		const lease = await driver.claim("x");
		await driver.mutate({ type: "removeNode", id: "b" });
		expect(driver.dependsOn("x")).toEqual(["a"]);
		expect((await driver.handle.complete(lease)).ok).toBe(true);
	});

	test("takes held nodes too", async () => {
		const driver = new Driver([node("a", [], { speculative: "hold" }), node("b", ["a"])]);
		await driver.mutate({ type: "removeNode", id: "a" });
		expect(driver.states()).toEqual({ a: "abandoned", b: "ready" });
	});

	test("takes a node that came with the same patch", async () => {
		const driver = new Driver([node("a")]);
		await driver.mutate(
			{ type: "addNodes", nodes: [node("x", ["a"]), node("y", ["x"])] },
			{ type: "removeNode", id: "x" },
		);
		expect(driver.dependsOn("y")).toEqual(["a"]);
		expect(driver.state("x")).toBe("abandoned");
	});
});

describe("updateNode", () => {
	test("changes input, join, priority, policies and metadata", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { priority: 3, input: 1 })]);
		await driver.mutate({
			type: "updateNode",
			id: "x",
			changes: { input: { n: 2 }, join: "any", priority: undefined, retry: 2, metadata: { why: "test" } },
		});
		expect(driver.handle.snapshot().get("x")).toMatchObject({
			input: { n: 2 },
			join: "any",
			priority: 0,
			metadata: { why: "test" },
		});
		await driver.complete("a");
		const { lease, input } = await driver.claimed("x");
		expect(input).toEqual({ n: 2 });
		await driver.handle.fail(lease, new Error("once"));
		expect(driver.state("x")).toBe("ready");
	});

	test("re-evaluates the join, to life and to death", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"])]);
		await driver.complete("a");
		await driver.mutate({ type: "updateNode", id: "x", changes: { join: "any" } });
		expect(driver.state("x")).toBe("ready");
		await driver.mutate({ type: "updateNode", id: "x", changes: { join: undefined } });
		expect(driver.state("x")).toBe("pending");
		await driver.complete("b");
		await driver.mutate({ type: "updateNode", id: "x", changes: { join: "failed" } });
		expect(driver.state("x")).toBe("skipped");
	});

	test.each([{ id: "y" }, { agent: "play" }, { dependsOn: [] }, { speculative: "hold" }])(
		"never changes %j",
		async (changes) => {
			const driver = new Driver([node("a")]);
			await driver.refuses([{ type: "updateNode", id: "a", changes: changes as object }], "INVALID_SPEC", ["a"]);
		},
	);

	test.each([{ colour: "red" }, { retry: -1 }, { join: { atLeast: 2 } }, { input: { $output: "none" } }])(
		"refuses %j",
		async (changes) => {
			const driver = new Driver([node("d"), node("a", ["d"])]);
			await driver.refuses([{ type: "updateNode", id: "a", changes: changes as object }], "INVALID_SPEC");
		},
	);

	test("refuses an input that is no plain data", async () => {
		const driver = new Driver([node("a")]);
		const changes = { input: { f: () => 1 } };
		await driver.refuses([{ type: "updateNode", id: "a", changes }], "INVALID_INPUT", ["a"]);
	});
});
