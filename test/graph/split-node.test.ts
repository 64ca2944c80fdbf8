import { describe, expect, test } from "vitest";
import { checkState } from "../../src/graph/invariants.js";
import { Driver, node } from "./driver.js";

describe("splitNode", () => {
	test("puts one part into the place of a node, under the same name for its dependents", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", { text: "b" }), node("d", ["b"])]);
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p")] });
		expect(driver.handle.snapshot().get("b")).toMatchObject({ state: "abandoned", abandoned: "split", dependsOn: [] });
		expect(driver.dependsOn("p")).toEqual(["a"]);
		expect(driver.dependsOn("c")).toEqual(["p"]);
		await driver.complete("a", 1);
		const p = await driver.claim("p");
		expect(driver.deps(p)).toEqual({ a: 1 });
		await driver.handle.complete(p, "part");
		expect(driver.deps(await driver.claim("c"))).toEqual({ text: "part" });
		expect(driver.deps(await driver.claim("d"))).toEqual({ b: "part" });
	});

	test("gives dependents of several parts an object of theirs", async () => {
		const driver = new Driver([node("b"), node("c", { text: "b" }), node("d", ["b"])]);
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p"), node("q")] });
		await driver.complete("p", 1);
		expect(driver.state("c")).toBe("pending");
		await driver.complete("q", 2);
		const c = await driver.claim("c");
		expect(driver.deps(c)).toEqual({ text: { p: 1, q: 2 } });
		expect(driver.actor.leases.settled(c)).toEqual({
			text: { p: { status: "completed", output: 1 }, q: { status: "completed", output: 2 } },
		});
		expect(driver.deps(await driver.claim("d"))).toEqual({ b: { p: 1, q: 2 } });
	});

	test("of a part again goes one level deeper", async () => {
		const driver = new Driver([node("b"), node("c", { text: "b" })]);
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p"), node("q")] });
		await driver.mutate({ type: "splitNode", id: "q", into: [node("q1"), node("q2")] });
		await driver.complete("p", 1);
		await driver.complete("q1", 2);
		await driver.complete("q2", 3);
		expect(driver.deps(await driver.claim("c"))).toEqual({ text: { p: 1, q: { q1: 2, q2: 3 } } });
	});

	test("feeds dependents from the ending parts only", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", { text: "b" })]);
		const into = [node("p3", ["p2"]), node("p1"), node("p2", ["p1"])];
		await driver.mutate({ type: "splitNode", id: "b", into });
		expect(driver.dependsOn("c")).toEqual(["p3"]);
		expect(driver.dependsOn("p2")).toEqual(["p1", "a"]);
		for (const id of ["a", "p1", "p2"]) await driver.complete(id, id);
		await driver.complete("p3", "end");
		expect(driver.deps(await driver.claim("c"))).toEqual({ text: "end" });
	});

	test("lets parts inherit the dependencies with their aliases, and the join", async () => {
		const driver = new Driver([node("x"), node("y"), node("b", { left: "x", right: "y" }, { join: "any" })]);
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p"), node("q", undefined, { join: "all" })] });
		await driver.complete("x", 1);
		expect(driver.states()).toMatchObject({ p: "ready", q: "pending" });
		expect(driver.deps(await driver.claim("p"))).toEqual({ left: 1, right: undefined });
	});

	test("lets parts inherit held and eager", async () => {
		const driver = new Driver([
			node("h", [], { speculative: "hold" }),
			node("e", [], { speculative: "eager" }),
			node("c", ["h", "e"]),
		]);
		await driver.mutate(
			{ type: "splitNode", id: "h", into: [node("h1")] },
			{ type: "splitNode", id: "e", into: [node("e1")] },
		);
		expect(driver.handle.snapshot().get("h1")).toMatchObject({ state: "speculative", speculative: "hold" });
		expect(driver.handle.snapshot().get("e1")).toMatchObject({ state: "ready", speculative: "eager" });
		await driver.complete("e1");
		expect(driver.states()).toMatchObject({ e1: "speculative", c: "pending" });
		await driver.mutate({ type: "confirmSpeculative", ids: ["e1", "h1"] });
		await driver.complete("h1");
		expect(driver.handle.ready()).toEqual(["c"]);
	});

	test("takes a ready node", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.mutate({ type: "splitNode", id: "a", into: [node("p"), node("q")] });
		expect(driver.handle.ready()).toEqual(["p", "q"]);
	});

	test("does not move the edge of a dependent that has started", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", ["a", "b"], { join: "any" })]);
		await driver.complete("a");
		const lease = await driver.claim("c");
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p")] });
		expect(driver.dependsOn("c")).toEqual(["a", "b"]);
		expect((await driver.handle.complete(lease)).ok).toBe(true);
	});

	test("refuses no parts, a part that depends on the original, a cycle through dependents, a known id", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		await driver.refuses([{ type: "splitNode", id: "b", into: [] }], "INVALID_SPEC", ["b"]);
		await driver.refuses([{ type: "splitNode", id: "b", into: [node("p", ["b"])] }], "INVALID_SPEC", ["p", "b"]);
		await driver.refuses([{ type: "splitNode", id: "b", into: [node("p", { x: "b" })] }], "INVALID_SPEC", ["p", "b"]);
		await driver.refuses([{ type: "splitNode", id: "b", into: [node("p", ["c"])] }], "CYCLE");
		await driver.refuses([{ type: "splitNode", id: "b", into: [node("a")] }], "DUPLICATE_NODE", ["a"]);
	});

	test("refuses a part that depends on the original through another new node", async () => {
		const driver = new Driver([node("b"), node("c", ["b"])]);
		await driver.refuses(
			[
				{ type: "addNode", node: node("n", ["b"]) },
				{ type: "splitNode", id: "b", into: [node("p", ["n"])] },
			],
			"CYCLE",
		);
	});

	test("keeps the order of nodes that come with the same patch before the one that is split", async () => {
		const driver = new Driver();
		await driver.mutate(
			{ type: "splitNode", id: "n", into: [node("p1"), node("p2", ["p1"])] },
			{ type: "addNode", node: node("x", ["p1"]) },
			{ type: "addNodes", nodes: [node("n"), node("d", ["n"])] },
		);
		expect(driver.dependsOn("d")).toEqual(["p2"]);
		expect(driver.dependsOn("x")).toEqual(["p1"]);
	});

	test("places its parts where other new nodes depend on them and they on others", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"]), node("d", ["c"])]);
		await driver.mutate(
			{ type: "addNodes", nodes: [node("x", ["d", "p"]), node("y", ["a"])] },
			{ type: "splitNode", id: "b", into: [node("p", ["y"]), node("q")] },
		);
		expect(new Set(driver.dependsOn("c"))).toEqual(new Set(["p", "q"]));
		expect(driver.dependsOn("x")).toEqual(["d", "p"]);
	});

	test("two hundred times on one spot keeps the order right", async () => {
		const driver = new Driver([node("a"), node("n0", ["a"]), node("z", ["n0"])], { check: "local" });
		for (let i = 0; i < 200; i++)
			await driver.mutate({ type: "splitNode", id: `n${i}`, into: [node(`m${i}`), node(`n${i + 1}`, [`m${i}`])] });
		expect(checkState(driver.actor.state)).toBeUndefined();
		await driver.complete("a");
		for (let i = 0; i < 200; i++) await driver.complete(`m${i}`);
		await driver.complete("n200");
		expect(driver.handle.ready()).toEqual(["z"]);
	});
});

describe("a running node", () => {
	test("may split itself in its completing patch: it completes, its outgoing edges move", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", { text: "b" })]);
		await driver.complete("a", 1);
		await driver.complete("b", "whole", [{ type: "splitNode", id: "b", into: [node("p"), node("q", ["p"])] }]);
		expect(driver.states()).toEqual({ a: "completed", b: "completed", c: "pending", p: "ready", q: "pending" });
		expect(driver.dependsOn("b")).toEqual(["a"]);
		const p = await driver.claim("p");
		expect(driver.deps(p)).toEqual({ a: 1 });
		await driver.handle.complete(p, 2);
		await driver.complete("q", 3);
		expect(driver.deps(await driver.claim("c"))).toEqual({ text: 3 });
	});

	test("may not split itself by an early commit, and nobody else may", async () => {
		const driver = new Driver([node("b"), node("c", ["b"])]);
		const lease = await driver.claim("b");
		const patch = [{ type: "splitNode", id: "b", into: [node("p")] }] as const;
		await driver.unchanged(() => driver.handle.commit(lease, patch), "ILLEGAL_STATE", ["b"]);
		await driver.refuses(patch, "ILLEGAL_STATE", ["b"]);
	});
});

describe("expand", () => {
	test("makes whoever waits for a planner wait for the sinks of its plan", async () => {
		const driver = new Driver([node("plan"), node("sum", { plan: "plan" }), node("log", ["plan"])]);
		await driver.complete("plan", "planned", {
			mutations: [{ type: "addNodes", nodes: [node("x"), node("y", ["x"]), node("z", ["plan"])] }],
			expand: true,
		});
		expect(driver.dependsOn("sum")).toEqual(["y", "z"]);
		expect(driver.dependsOn("log")).toEqual(["y", "z"]);
		for (const id of ["x", "y", "z"]) await driver.complete(id, id);
		expect(driver.deps(await driver.claim("sum"))).toEqual({ plan: { y: "y", z: "z" } });
	});

	test("without new nodes leaves dependents with the planner", async () => {
		const driver = new Driver([node("plan"), node("sum", ["plan"])]);
		await driver.complete("plan", 7, { mutations: [], expand: true });
		expect(driver.deps(await driver.claim("sum"))).toEqual({ plan: 7 });
	});

	test("counts what this attempt committed early to the plan", async () => {
		const driver = new Driver([node("plan"), node("sum", ["plan"])]);
		const lease = await driver.claim("plan");
		expect((await driver.handle.commit(lease, [{ type: "addNode", node: node("x") }])).ok).toBe(true);
		await driver.handle.complete(lease, 1, { mutations: [{ type: "addNode", node: node("y") }], expand: true });
		expect(driver.dependsOn("sum")).toEqual(["x", "y"]);
	});

	test("keeps the order of a plan whose own mutations turned it round", async () => {
		const driver = new Driver([node("plan"), node("sum", ["plan"])]);
		await driver.complete("plan", 1, {
			mutations: [
				{ type: "addNodes", nodes: [node("t"), node("a"), node("b", ["t"])] },
				{ type: "injectBefore", id: "t", node: node("i") },
				{ type: "addEdge", from: "a", to: "i" },
			],
			expand: true,
		});
		expect(driver.dependsOn("sum")).toEqual(["b"]);
		for (const id of ["a", "i", "t", "b", "sum"]) await driver.complete(id);
	});

	test("is no way out of a refused reference", async () => {
		const driver = new Driver([node("plan"), node("sum", ["plan"], { input: { got: { $output: "plan" } } })]);
		await driver.complete("plan", 1, { mutations: [{ type: "addNode", node: node("x") }], expand: true });
		// The name goes on to mean the plan.
		await driver.complete("x", "from x");
		expect((await driver.claimed("sum")).input).toEqual({ got: "from x" });
	});
});
