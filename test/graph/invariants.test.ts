import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import { checkNode, checkState } from "../../src/graph/invariants.js";
import { ABANDONED, AWAITS, EAGER, PENDING, READY, RUNNING, SKIPPED, STARTED } from "../../src/graph/node-table.js";
import type { RunState } from "../../src/graph/state.js";
import { Driver, node } from "./driver.js";

/** a completed → b running → c pending; r ready; s skipped behind f failed; w parked. */
async function sound(): Promise<RunState> {
	const driver = new Driver([
		node("a"),
		node("b", ["a"]),
		node("c", ["b", "a"]),
		node("r"),
		node("f"),
		node("s", ["f"]),
		node("w"),
		node("x"),
	]);
	await driver.complete("a");
	await driver.claim("b");
	await driver.fail("f");
	await driver.handle.park(await driver.claim("w"), { kind: "signal", name: "go" });
	await driver.mutate({ type: "removeNode", id: "x" });
	return driver.actor.state;
}

const numbers = { a: 0, b: 1, c: 2, r: 3, f: 4, s: 5, w: 6, x: 7 } as const;

describe("the checker", () => {
	test("finds nothing wrong with a sound state", async () => {
		const state = await sound();
		expect(checkState(state)).toBeUndefined();
		for (let n = 0; n < state.graph.size; n++) expect(checkNode(state, n)).toBeUndefined();
	});

	const corruptions: [string, (graph: Graph, state: RunState) => void][] = [
		["an open counter", ({ nodes }) => nodes.count(numbers.c, 1, 1)],
		["an ok counter", ({ nodes }) => nodes.count(numbers.c, 2, -1)],
		["a failed counter", ({ nodes }) => nodes.count(numbers.s, 3, 1)],
		["a lost counter", ({ nodes }) => nodes.count(numbers.b, 4, 1)],
		["a blocking counter", ({ nodes }) => nodes.count(numbers.b, 5, 1)],
		["a label", ({ nodes }) => nodes.setLabel(numbers.c, -1)],
		["two labels that are equal", ({ nodes }) => nodes.setLabel(numbers.c, nodes.label(numbers.b))],
		["a pending node whose join is met", ({ nodes }) => nodes.setState(numbers.r, PENDING)],
		["a ready node whose join is not met", ({ nodes }) => nodes.setState(numbers.c, READY)],
		["a running node without a lease", ({ nodes }) => nodes.setLease(numbers.b, 0)],
		["a lease from the future", ({ nodes }) => nodes.setLease(numbers.b, 1_000)],
		["a node that runs and has not started", ({ nodes }) => nodes.unflag(numbers.b, STARTED)],
		["a node that started without an attempt", ({ nodes }) => nodes.flag(numbers.r, STARTED)],
		["the counts by state", ({ counts }) => void counts.fill(5)],
		["the number of edges", ({ edges }) => void edges.count++],
		["the nodes that wait for somebody", (_, state) => void state.awaiting--],
		["a wait that nobody counts", ({ nodes }) => nodes.unflag(numbers.w, AWAITS)],
		["the list of ready nodes, one missing", ({ frontier }) => frontier.remove(numbers.r)],
		["the list of ready nodes, one too many", ({ nodes }) => nodes.setNextReady(numbers.r, numbers.c + 1)],
		["the list of ready nodes, without an end", ({ nodes }) => nodes.setNextReady(numbers.r, numbers.r + 1)],
		["the index", ({ index }) => void index.set("a", numbers.b)],
		["a link of an edge out", ({ nodes, edges }) => edges.setPrevOut(nodes.lastOut(numbers.a), 0)],
		["a link of an edge in", ({ nodes, edges }) => edges.setPrevIn(nodes.lastIn(numbers.c), 0)],
		["the last edge out", ({ nodes }) => nodes.setLastOut(numbers.a, nodes.firstOut(numbers.a))],
		["the last edge in", ({ nodes }) => nodes.setLastIn(numbers.c, nodes.firstIn(numbers.c))],
		["a skipped node without a root", ({ nodes }) => nodes.setRoot(numbers.s, 0)],
		["an abandoned node without a reason", ({ extras }) => void delete extras.get(numbers.x)?.abandoned],
		["a join that is dead under a pending node", ({ nodes }) => nodes.setState(numbers.s, PENDING)],
	];

	test.each(corruptions)("finds %s", async (_, corrupt) => {
		const state = await sound();
		corrupt(state.graph, state);
		const wrong = checkState(state);
		expect(wrong).toEqual(expect.any(String));
		expect(wrong).not.toBe("");
	});

	test.each(corruptions.slice(0, 13))("finds %s at the node itself", async (_, corrupt) => {
		const state = await sound();
		corrupt(state.graph, state);
		const found = Array.from({ length: state.graph.size }, (_value, n) => checkNode(state, n));
		expect(found.some((each) => each !== undefined)).toBe(true);
	});

	test("looks at no more than eight edges of a node when it checks one", async () => {
		const wide = Array.from({ length: 20 }, (_, i) => node(`d${i}`));
		const driver = new Driver([
			...wide,
			node(
				"x",
				wide.map(({ id }) => id as string),
			),
		]);
		const { state } = driver.actor;
		state.graph.nodes.count(20, 1, 1);
		expect(checkNode(state, 20)).toBeUndefined();
		expect(checkState(state)).toBeDefined();
	});

	test("does not mind flags that say nothing of the graph", async () => {
		const state = await sound();
		state.graph.nodes.flag(numbers.r, EAGER);
		expect(checkState(state)).toBeUndefined();
	});

	test("knows the numbers of the states", () => {
		expect([PENDING, READY, RUNNING, SKIPPED, ABANDONED]).toEqual([0, 1, 2, 7, 8]);
	});
});

describe("an actor that checks", () => {
	test.each(["local", "full"] as const)("%s stops at the first command that leaves something wrong", async (check) => {
		const driver = new Driver([node("a"), node("b", ["a"])], { check });
		const lease = await driver.claim("a");
		driver.actor.state.graph.nodes.count(1, 1, 1);
		await driver.handle.complete(lease).catch(() => {});
		if (check === "full") expect(driver.actor.poison?.code).toBe("INTERNAL");
	});
});
