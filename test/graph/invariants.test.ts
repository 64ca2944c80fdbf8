import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import { checkFields, checkFigures, checkNode, checkState } from "../../src/graph/invariants.js";
import {
	ABANDONED,
	AWAITS,
	EAGER,
	PENDING,
	READY,
	RUNNING,
	SKIPPED,
	STARTED,
	TOUCHED,
} from "../../src/graph/node-table.js";
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

/** As if the node had been claimed by the last event, with a dependency still open. */
function startTooEarly({ nodes }: Graph, { seq }: RunState): void {
	nodes.setState(numbers.c, RUNNING);
	nodes.flag(numbers.c, STARTED);
	nodes.setAttempt(numbers.c, 1);
	nodes.setLease(numbers.c, seq);
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
		["a ready node that is not listed", ({ frontier }) => frontier.remove(numbers.r)],
		["a ready node that the list leads past", ({ nodes }) => nodes.setPrevReady(numbers.r, numbers.c + 1)],
		["a ready node whose place is no node", ({ nodes }) => nodes.setNextReady(numbers.r, 1_000)],
		["a skipped node without a root", ({ nodes }) => nodes.setRoot(numbers.s, 0)],
		["an abandoned node without a reason", ({ extras }) => void delete extras.get(numbers.x)?.abandoned],
		["a parked node that waits for nothing", ({ extras }) => void delete extras.get(numbers.w)?.wait],
		["a join that was not evaluated", ({ nodes }) => nodes.flag(numbers.c, TOUCHED)],
		["a node that runs before its join is met", startTooEarly],
		["an edge in that leads elsewhere", ({ nodes }) => nodes.setFirstIn(numbers.c, nodes.firstIn(numbers.b))],
		["an edge out that comes from elsewhere", ({ nodes }) => nodes.setFirstOut(numbers.a, nodes.firstOut(numbers.f))],
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
		["a join that is dead under a pending node", ({ nodes }) => nodes.setState(numbers.s, PENDING)],
	];

	test.each(corruptions)("finds %s", async (_, corrupt) => {
		const state = await sound();
		corrupt(state.graph, state);
		const wrong = checkState(state);
		expect(wrong).toEqual(expect.any(String));
		expect(wrong).not.toBe("");
	});

	test.each(corruptions.slice(0, 23))("finds %s at the node itself", async (_, corrupt) => {
		const state = await sound();
		corrupt(state.graph, state);
		const found = Array.from({ length: state.graph.size }, (_value, n) => checkNode(state, n));
		expect(found.some((each) => each !== undefined)).toBe(true);
	});

	const figures: [string, (graph: Graph, state: RunState) => void][] = [
		["a node that is counted nowhere", ({ counts }) => void (counts[PENDING] as number)--],
		[
			"a count below nothing",
			({ counts }) => {
				counts[PENDING] = -1;
				counts[READY] = 3;
			},
		],
		["an id without a node", ({ index }) => void index.set("y", numbers.a)],
		["more nodes that wait for somebody than wait", (_, state) => void state.awaiting++],
		["an empty list of ready nodes", ({ frontier }) => frontier.remove(numbers.r)],
		["a join that is yet to be evaluated", ({ frontier }) => frontier.touch(numbers.c)],
	];

	test.each(figures)("finds %s in the figures, in constant time", async (_, corrupt) => {
		const state = await sound();
		expect(checkFigures(state)).toBeUndefined();
		corrupt(state.graph, state);
		expect(checkFigures(state)).toEqual(expect.any(String));
	});

	test("reads no edge when it looks at the fields of a node alone", async () => {
		const state = await sound();
		state.graph.nodes.setFirstIn(numbers.c, 1_000_000);
		state.graph.nodes.setFirstOut(numbers.c, 1_000_000);
		expect(checkFields(state, numbers.c)).toBeUndefined();
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

describe("what a check freezes", () => {
	const specOf = (input: unknown, check: "local" | "full") => {
		const spec = node("a", [], { input, metadata: { of: [1] } });
		return { spec, driver: new Driver([spec], { check }) };
	};

	test.each(["local", "full"] as const)("%s freezes inputs and outputs, all the way down", async (check) => {
		const input = { list: [{ deep: 1 }] };
		const { driver } = specOf(input, check);
		const changed = { list: [2] };
		await driver.mutate({ type: "updateNode", id: "a", changes: { input: changed } });
		const output = { rows: [[1]] };
		await driver.complete("a", output);
		for (const value of [input, input.list, input.list[0], changed.list, output, output.rows, output.rows[0]])
			expect(Object.isFrozen(value)).toBe(true);
	});

	test("full freezes the rest of a spec too, local leaves it alone", () => {
		for (const check of ["local", "full"] as const) {
			const { spec } = specOf(1, check);
			for (const part of [spec, spec.dependsOn, spec.metadata]) expect(Object.isFrozen(part)).toBe(check === "full");
		}
	});
});
