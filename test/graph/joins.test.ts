import { describe, expect, test } from "vitest";
import type { Join, NodeSpec } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

type Outcome = "ok" | "failed" | "skipped-failure" | "skipped-lost" | "abandoned" | "block" | "open";

/** A dependency that will have ended as wanted, and what it takes to get there. */
function dependency(id: string, outcome: Outcome): NodeSpec[] {
	if (outcome === "skipped-failure") return [node(`${id}-up`), node(id, [`${id}-up`])];
	// A `failed` join whose dependency went well is not needed.
	if (outcome === "skipped-lost") return [node(`${id}-up`), node(id, [`${id}-up`], { join: "failed" })];
	if (outcome === "block") return [node(id, undefined, { onFailure: "block" })];
	return [node(id)];
}

async function end(driver: Driver, id: string, outcome: Outcome): Promise<void> {
	if (outcome === "ok") await driver.complete(id, `${id}!`);
	if (outcome === "failed" || outcome === "block") await driver.fail(id);
	if (outcome === "skipped-failure") await driver.fail(`${id}-up`);
	if (outcome === "skipped-lost") await driver.complete(`${id}-up`);
	// Not by pruning: that would take the dependent along.
	if (outcome === "abandoned") {
		await driver.mutate({ type: "markSpeculative", id });
		await driver.mutate({ type: "discardSpeculative", id });
	}
}

async function driverAfter(join: Join, outcomes: readonly Outcome[], held = false): Promise<Driver> {
	const ids = outcomes.map((_, i) => `d${i}`);
	const driver = new Driver([
		...outcomes.flatMap((outcome, i) => dependency(`d${i}`, outcome)),
		node("x", ids, { join, ...(held && { speculative: "hold" }) }),
	]);
	for (const [i, outcome] of outcomes.entries()) await end(driver, `d${i}`, outcome);
	return driver;
}

const atLeast2: Join = { atLeast: 2 };

describe("a join", () => {
	test.each<[Join, readonly Outcome[], string]>([
		["all", ["ok", "ok"], "ready"],
		["all", ["ok", "open"], "pending"],
		["all", ["open", "failed"], "skipped"],
		["all", ["open", "skipped-failure"], "skipped"],
		["all", ["open", "skipped-lost"], "skipped"],
		["all", ["open", "abandoned"], "skipped"],
		["all", ["ok", "block"], "pending"],
		["all", ["block", "failed"], "skipped"],
		["any", ["open", "ok"], "ready"],
		["any", ["open", "failed"], "pending"],
		["any", ["failed", "failed"], "skipped"],
		["any", ["abandoned", "skipped-lost"], "skipped"],
		["any", ["block", "failed"], "pending"],
		["any", ["block", "ok"], "ready"],
		[atLeast2, ["ok", "failed", "ok"], "ready"],
		[atLeast2, ["ok", "failed", "open"], "pending"],
		[atLeast2, ["failed", "failed", "open"], "skipped"],
		[atLeast2, ["ok", "failed", "failed"], "skipped"],
		[atLeast2, ["block", "failed", "ok"], "pending"],
		[atLeast2, ["block", "failed", "failed"], "skipped"],
		["settled", ["failed", "open"], "pending"],
		["settled", ["failed", "skipped-lost"], "ready"],
		["settled", ["abandoned", "block"], "ready"],
		["settled", ["failed", "skipped-failure"], "ready"],
		["always", ["failed", "open"], "pending"],
		["always", ["failed", "block"], "ready"],
		["failed", ["open", "failed"], "ready"],
		["failed", ["open", "skipped-failure"], "ready"],
		["failed", ["open", "block"], "ready"],
		["failed", ["ok", "open"], "pending"],
		["failed", ["ok", "ok"], "skipped"],
		["failed", ["ok", "abandoned"], "skipped"],
		["failed", ["skipped-lost", "abandoned"], "skipped"],
	])("%j over %j makes its node %s", async (join, outcomes, expected) => {
		expect((await driverAfter(join, outcomes)).state("x")).toBe(expected);
		// Held, it waits for its confirmation, but dies as soon as the others do.
		expect((await driverAfter(join, outcomes, true)).state("x")).toBe(
			expected === "skipped" ? "skipped" : "speculative",
		);
	});

	test.each<Join>(["all", "any", "settled", "always"])("%j without dependencies is ready at once", (join) => {
		expect(new Driver([node("x", [], { join })]).handle.ready()).toEqual(["x"]);
		expect(new Driver([node("x", undefined, { join })]).handle.ready()).toEqual(["x"]);
	});

	test.each<[Join, readonly string[]]>([
		["failed", []],
		[{ atLeast: 1 }, []],
		[{ atLeast: 3 }, ["a", "b"]],
	])("%j over %j is no spec", async (join, dependsOn) => {
		const driver = new Driver([node("a"), node("b")]);
		await driver.refuses([{ type: "addNode", node: node("x", dependsOn, { join }) }], "INVALID_SPEC", ["x"]);
	});

	test.each([0, -1, 1.5, Number.NaN])("atLeast %d is no spec", async (atLeast) => {
		const driver = new Driver([node("a")]);
		await driver.refuses([{ type: "addNode", node: node("x", ["a"], { join: { atLeast } }) }], "INVALID_SPEC", ["x"]);
	});

	test("counts a dependency that has ended before its node is added, and may die in the same command", async () => {
		const driver = new Driver([node("good"), node("bad")]);
		await driver.complete("good");
		await driver.fail("bad");
		await driver.mutate({ type: "addNodes", nodes: [node("x", ["good"]), node("y", ["bad"]), node("z", ["y"])] });
		expect(driver.states()).toMatchObject({ x: "ready", y: "skipped", z: "skipped" });
	});

	test("atLeast falls to the number of dependencies that are left", async () => {
		const driver = new Driver([node("a"), node("b"), node("c"), node("x", ["a", "b", "c"], { join: { atLeast: 3 } })]);
		await driver.complete("a");
		await driver.mutate({ type: "removeEdge", from: "b", to: "x" });
		expect(driver.state("x")).toBe("pending");
		await driver.mutate({ type: "removeEdge", from: "c", to: "x" });
		expect(driver.state("x")).toBe("ready");
		await driver.mutate({ type: "removeEdge", from: "a", to: "x" });
		expect(driver.state("x")).toBe("ready");
	});

	test("atLeast rises again with the edges that come, up to what its spec asks for", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: atLeast2 })]);
		await driver.complete("a");
		await driver.mutate({ type: "removeEdge", from: "b", to: "x" });
		expect(driver.state("x")).toBe("ready");
		await driver.mutate({ type: "addEdge", from: "b", to: "x" });
		expect(driver.state("x")).toBe("pending");
	});

	test("failed dies when its last dependency goes", async () => {
		const driver = new Driver([node("a"), node("x", ["a"], { join: "failed" })]);
		await driver.mutate({ type: "removeEdge", from: "a", to: "x" });
		expect(driver.state("x")).toBe("skipped");
		expect(driver.handle.snapshot().get("x")?.skipped?.cause).toBe("not-needed");
	});

	test("that stops holding takes a ready node back to pending, in its own place when it is ready again", async () => {
		const driver = new Driver([node("a"), node("x"), node("y")]);
		expect(driver.handle.ready()).toEqual(["a", "x", "y"]);
		await driver.mutate({ type: "addEdge", from: "a", to: "x" });
		expect(driver.state("x")).toBe("pending");
		expect(driver.handle.ready()).toEqual(["a", "y"]);
		await driver.mutate({ type: "removeEdge", from: "a", to: "x" });
		expect(driver.handle.ready()).toEqual(["a", "y", "x"]);
	});

	test("that starts early cancels nobody, and its node sees what there was at the lease", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "any" })]);
		const b = await driver.claim("b");
		await driver.complete("a", 1);
		const x = await driver.claim("x");
		expect(driver.deps(x)).toEqual({ a: 1, b: undefined });
		expect((await driver.handle.complete(b, 2)).ok).toBe(true);
		expect((await driver.handle.complete(x, 3)).ok).toBe(true);
		expect(driver.states()).toEqual({ a: "completed", b: "completed", x: "completed" });
	});

	test("of a node that has started is not asked again", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "any", retry: 2 })]);
		await driver.complete("a");
		const lease = await driver.claim("x");
		await driver.fail("b");
		expect(driver.state("x")).toBe("running");
		await driver.handle.fail(lease, new Error("once"));
		expect(driver.state("x")).toBe("ready");
		await driver.complete("x");
		expect(driver.state("x")).toBe("completed");
	});
});
