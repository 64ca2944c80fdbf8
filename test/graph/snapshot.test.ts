import { describe, expect, test } from "vitest";
import type { NodeSpec, NodeView } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

function wide(count: number): NodeSpec[] {
	return Array.from({ length: count }, (_, i) => node(`n${i}`));
}

function frozenAllTheWay(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return true;
	return Object.isFrozen(value) && Object.values(value).every(frozenAllTheWay);
}

describe("a snapshot", () => {
	test("is frozen with everything in it", async () => {
		const driver = new Driver([node("a", [], { input: { x: [1] } }), node("b", ["a"])]);
		await driver.complete("a", { y: [2] });
		const snapshot = driver.handle.snapshot();
		expect(Object.isFrozen(snapshot)).toBe(true);
		for (const each of snapshot.nodes()) expect(frozenAllTheWay(each)).toBe(true);
		expect(Object.isFrozen(snapshot.counts)).toBe(true);
	});

	test("does not change with the run", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		const before = driver.handle.snapshot();
		const text = JSON.stringify(before);
		await driver.complete("a", 1);
		await driver.mutate({ type: "addNode", node: node("c") });
		expect(JSON.stringify(before)).toBe(text);
		expect(before.get("c")).toBeUndefined();
		expect(before.size).toBe(2);
		expect([...before.nodes()].map(({ state }) => state)).toEqual(["ready", "pending"]);
	});

	test("is the same one while nothing happens", async () => {
		const driver = new Driver([node("a")]);
		const before = driver.handle.snapshot();
		expect(driver.handle.snapshot()).toBe(before);
		await driver.refuses([{ type: "removeNode", id: "none" }], "UNKNOWN_NODE");
		expect(driver.handle.snapshot()).toBe(before);
		await driver.handle.pause();
		expect(driver.handle.snapshot()).not.toBe(before);
		expect(driver.handle.snapshot().get("a")).toBe(before.get("a"));
	});

	test("shares every node that did not change, over pages", async () => {
		const driver = new Driver(wide(1_000), { check: "local" });
		const before = driver.handle.snapshot();
		await driver.complete("n700");
		await driver.mutate({ type: "addEdge", from: "n1", to: "n5" }, { type: "addNode", node: node("new") });
		const after = driver.handle.snapshot();
		const changed = [...after.changedSince(before)];
		expect(changed.map(([place, { id }]) => [place, id])).toEqual([
			[5, "n5"],
			[700, "n700"],
			[1_000, "new"],
		]);
		for (const each of before.nodes()) if (!["n5", "n700"].includes(each.id)) expect(after.get(each.id)).toBe(each);
		expect([...after.changedSince(after)]).toEqual([]);
		expect([...before.changedSince(before)]).toEqual([]);
	});

	test("finds nothing in common with the snapshot of another run", async () => {
		const [one, other] = [new Driver([node("a")]), new Driver([node("a")])];
		expect([...one.handle.snapshot().changedSince(other.handle.snapshot())]).toHaveLength(1);
	});

	test("is the same as a fresh one after any change", async () => {
		const nodes = wide(600);
		const driver = new Driver(nodes, { check: "local" });
		const fresh = new Driver(nodes, { check: "local" });
		for (const each of [driver, fresh]) {
			if (each === driver) each.handle.snapshot();
			await each.complete("n3", 1, [{ type: "addNodes", nodes: [node("x", ["n4"]), node("y", ["x"])] }]);
			if (each === driver) each.handle.snapshot();
			await each.mutate(
				{ type: "splitNode", id: "x", into: [node("p")] },
				{ type: "injectBefore", id: "n5", node: node("i") },
				{ type: "removeNode", id: "n6" },
				{ type: "markSpeculative", ids: ["n7", "y"] },
				{ type: "updateNode", id: "n8", changes: { priority: 4, metadata: { k: "v" } } },
			);
			if (each === driver) each.handle.snapshot();
			await each.fail("n9", { message: "no stack" });
			await each.handle.park(await each.claim("n10"), { kind: "sleep", until: 1_000 });
			await each.mutate({ type: "confirmSpeculative", id: "n7" });
		}
		expect(driver.handle.snapshot().toJSON()).toEqual(fresh.handle.snapshot().toJSON());
	});

	test("shows after a refused patch what was there before it", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		const before = driver.handle.snapshot();
		await driver.refuses(
			[
				{ type: "addNodes", nodes: wide(500) },
				{ type: "removeEdge", from: "a", to: "b" },
				{ type: "removeNode", id: "c" },
				{ type: "pruneSubgraph", id: "none" },
			],
			"UNKNOWN_NODE",
		);
		await driver.mutate({ type: "addNode", node: node("d", ["c"]) });
		const after = driver.handle.snapshot();
		for (const id of ["a", "b", "c"]) expect(after.get(id)).toEqual(before.get(id) as NodeView);
		expect(after.get("d")?.dependsOn).toEqual(["c"]);
		expect(after.size).toBe(4);
	});

	test("filters by state and by who added", async () => {
		const driver = new Driver([node("a"), node("b")]);
		await driver.complete("a", 1, [{ type: "addNodes", nodes: [node("x"), node("y", ["b"])] }]);
		const snapshot = driver.handle.snapshot();
		const ids = (filter: Parameters<typeof snapshot.nodes>[0]) => [...snapshot.nodes(filter)].map(({ id }) => id);
		expect(ids({})).toEqual(["a", "b", "x", "y"]);
		expect(ids({ state: "ready" })).toEqual(["b", "x"]);
		expect(ids({ addedBy: "a" })).toEqual(["x", "y"]);
		expect(ids({ addedBy: "a", state: "pending" })).toEqual(["y"]);
		expect(ids({ addedBy: "none" })).toEqual([]);
	});

	test("counts states, and says them of every node", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", [], { speculative: "hold" })]);
		await driver.fail("a");
		const { counts, size } = driver.handle.snapshot();
		expect(counts).toEqual({
			pending: 0,
			ready: 0,
			running: 0,
			waiting: 0,
			speculative: 1,
			completed: 0,
			failed: 1,
			skipped: 1,
			abandoned: 0,
			cancelled: 0,
		});
		expect(Object.values(counts).reduce((a, b) => a + b)).toBe(size);
	});

	test("knows a node's past: attempt, error, addedBy, depth", async () => {
		const driver = new Driver([node("a", [], { retry: 2, metadata: { k: 1 } })]);
		await driver.fail("a", Object.assign(new Error("once"), { code: "E_ONCE" }));
		await driver.complete("a", "out", [{ type: "addNode", node: node("x", ["a"], { priority: 2, join: "any" }) }]);
		expect(driver.handle.snapshot().get("a")).toMatchObject({
			id: "a",
			agent: "work",
			state: "completed",
			attempt: 2,
			output: "out",
			depth: 0,
			metadata: { k: 1 },
		});
		expect(driver.handle.snapshot().get("x")).toMatchObject({
			state: "ready",
			attempt: 0,
			dependsOn: ["a"],
			join: "any",
			priority: 2,
			addedBy: "a",
			depth: 1,
		});
	});

	test("of outputs that come in any order finds each with its node", async () => {
		const driver = new Driver(wide(10_000), { check: "off" });
		for (const i of [9_999, 4_097, 4_096, 0, 8_191]) await driver.complete(`n${i}`, i);
		const snapshot = driver.handle.snapshot();
		for (const i of [9_999, 4_097, 4_096, 0, 8_191]) expect(snapshot.get(`n${i}`)?.output).toBe(i);
		expect(snapshot.get("n1")).not.toHaveProperty("output");
	});
});

describe("explain", () => {
	test("says why a node stands where it does, in one sentence", async () => {
		const driver = new Driver([
			node("ready"),
			node("running"),
			node("done"),
			node("bad"),
			node("skipped", ["bad"]),
			node("pending", ["running", "held"]),
			node("deep", ["pending"]),
			node("held", [], { speculative: "hold" }),
			node("withheld", [], { speculative: "eager" }),
			node("retry", [], { retry: { maxAttempts: 2, delay: 9 } }),
			node("asleep"),
			node("signal"),
			node("approval"),
			node("gone"),
			node("some", ["running", "ready", "done"], { join: { atLeast: 3 } }),
		]);
		await driver.claim("running");
		await driver.complete("done");
		await driver.fail("bad", new Error("no luck"));
		await driver.complete("withheld", 1);
		await driver.fail("retry");
		await driver.handle.park(await driver.claim("asleep"), { kind: "sleep", until: 9 });
		await driver.handle.park(await driver.claim("signal"), { kind: "signal", name: "go" });
		await driver.handle.park(await driver.claim("approval"), { kind: "approval", reason: "costs money" });
		await driver.mutate({ type: "removeNode", id: "gone" });
		const why = (id: string) => driver.handle.explain(id);
		expect(why("ready")).toMatchObject({ state: "ready", through: [] });
		expect(why("running")?.why).toBe("attempt 1 is running");
		expect(why("done")?.why).toBe("it completed in attempt 1");
		expect(why("bad")?.why).toBe("it failed: no luck");
		expect(why("skipped")?.why).toContain('"bad"');
		expect(why("pending")).toEqual({
			node: "pending",
			state: "pending",
			why: '2 of its dependencies have not ended: first "running"',
			through: ["running", "held"],
		});
		expect(why("deep")).toMatchObject({ through: ["pending", "running", "held"] });
		expect(why("some")?.why).toBe('2 more of its dependencies must complete: first "running"');
		expect(why("held")?.why).toContain("confirmed or discarded");
		expect(why("withheld")?.why).toBe("it completed, and its outcome is withheld until it is confirmed or discarded");
		expect(why("retry")?.why).toBe("it waits for its next attempt");
		expect(why("asleep")?.why).toBe("it sleeps");
		expect(why("signal")?.why).toBe('it waits for the signal "go"');
		expect(why("approval")?.why).toBe("it waits for approval: costs money");
		expect(why("gone")?.why).toBe("it was abandoned: removed");
		expect(why("none")).toBeUndefined();
		await driver.handle.pause();
		expect(why("ready")?.why).toBe("it is ready, and the run is paused");
		await driver.handle.cancel();
		expect(why("ready")?.why).toBe("it was cancelled");
	});

	test("names at most sixteen nodes in the way, nearest first", () => {
		const chain = Array.from({ length: 30 }, (_, i) => node(`n${i}`, i === 0 ? [] : [`n${i - 1}`]));
		const through = new Driver(chain).handle.explain("n29")?.through;
		expect(through).toEqual(Array.from({ length: 16 }, (_, i) => `n${28 - i}`));
	});

	test("names a node that blocks with its failure", async () => {
		const driver = new Driver([node("a"), node("b", [], { onFailure: "block" }), node("c", ["a", "b"])]);
		await driver.fail("b");
		expect(driver.handle.explain("c")).toMatchObject({ through: ["a", "b"] });
		await driver.complete("a");
		expect(driver.handle.explain("c")).toMatchObject({ why: '"b" failed and blocks it', through: ["b"] });
	});
});
