import { describe, expect, test } from "vitest";
import { GraphActor } from "../../src/graph/actor.js";
import { Driver, node, notingHost } from "./driver.js";

describe("pruneSubgraph", () => {
	//   a → b → d → e
	//     ↘ c ↗   other → d
	const graph = [
		node("a"),
		node("b", ["a"]),
		node("c", ["a"]),
		node("other"),
		node("d", ["b", "c", "other"]),
		node("e", ["d"]),
	];

	test("abandons the root and everything downstream", async () => {
		const driver = new Driver(graph);
		const from = driver.actor.state.seq + 1;
		await driver.mutate({ type: "pruneSubgraph", id: "b" });
		expect(driver.told(from)).toEqual(["node.abandoned b", "node.abandoned d", "node.abandoned e"]);
		expect(driver.states()).toEqual({
			a: "ready",
			b: "abandoned",
			c: "pending",
			other: "ready",
			d: "abandoned",
			e: "abandoned",
		});
		expect(driver.handle.snapshot().get("d")?.abandoned).toBe("pruned");
	});

	test("takes several roots, and the same node under both once", async () => {
		const driver = new Driver(graph);
		await driver.mutate({ type: "pruneSubgraph", ids: ["b", "c"] });
		expect(driver.states()).toMatchObject({
			a: "ready",
			b: "abandoned",
			c: "abandoned",
			d: "abandoned",
			e: "abandoned",
		});
	});

	test("leaves an ended root as it is, and prunes behind ended nodes", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		await driver.complete("a");
		await driver.complete("b", 1);
		await driver.mutate({ type: "pruneSubgraph", id: "a" });
		expect(driver.states()).toEqual({ a: "completed", b: "completed", c: "abandoned" });
		await driver.mutate({ type: "pruneSubgraph", id: "a" });
	});

	test("aborts running ones and refuses their outcome", async () => {
		const notes: string[] = [];
		const driver = new Driver([node("a"), node("b", undefined, { retry: { maxAttempts: 2, delay: 5 } })], {
			host: notingHost(notes),
		});
		const a = await driver.claim("a");
		await driver.fail("b");
		await driver.mutate({ type: "pruneSubgraph", ids: ["a", "b"] });
		expect(notes).toEqual(["start a", "start b", "abort a CANCELLED"]);
		await driver.unchanged(() => driver.handle.complete(a), "STALE_LEASE", ["a"]);
		await driver.unchanged(() => driver.handle.fail(a, new Error("x")), "STALE_LEASE", ["a"]);
		expect(driver.clock.pending).toBe(0);
		driver.clock.advance(10);
		expect(driver.states()).toEqual({ a: "abandoned", b: "abandoned" });
	});

	test("aborts parked ones", async () => {
		const notes: string[] = [];
		const driver = new Driver([node("a")], { host: notingHost(notes) });
		await driver.handle.park(await driver.claim("a"), { kind: "sleep", until: 50 });
		await driver.mutate({ type: "pruneSubgraph", id: "a" });
		expect(notes).toEqual(["start a", "abort a CANCELLED"]);
		expect(driver.clock.pending).toBe(0);
	});

	test("skips what waits for an abandoned node outside its scope for want of need", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "failed" })]);
		await driver.mutate({ type: "pruneSubgraph", id: "a", scope: "exclusive" });
		expect(driver.states()).toEqual({ a: "abandoned", b: "ready", x: "pending" });
		await driver.complete("b");
		expect(driver.handle.snapshot().get("x")?.skipped).toEqual({ cause: "not-needed", root: "a" });
	});

	test("exclusive spares whoever has another dependency and can still be met", async () => {
		const driver = new Driver([
			node("a"),
			node("out"),
			node("only", ["a"]),
			node("settled", ["a", "out"], { join: "settled" }),
			node("any", ["a", "out"], { join: "any" }),
			node("two", ["a", "out"], { join: { atLeast: 2 } }),
			node("all", ["a", "out"]),
			node("below", ["only", "all"], { join: "settled" }),
			node("beside", ["only", "any"], { join: "settled" }),
		]);
		await driver.mutate({ type: "pruneSubgraph", id: "a", scope: "exclusive" });
		expect(driver.states()).toEqual({
			a: "abandoned",
			out: "ready",
			only: "abandoned",
			settled: "pending",
			any: "pending",
			two: "abandoned",
			all: "abandoned",
			below: "abandoned",
			beside: "pending",
		});
	});

	test("exclusive of several roots counts none of them as outside", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "settled" })]);
		await driver.mutate({ type: "pruneSubgraph", ids: ["a", "b"], scope: "exclusive" });
		expect(driver.states()).toEqual({ a: "abandoned", b: "abandoned", x: "abandoned" });
	});

	test("of a node in its own completing patch completes it first", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])]);
		const from = driver.actor.state.seq + 1;
		await driver.complete("a", 1, [{ type: "pruneSubgraph", id: "a" }]);
		expect(driver.states()).toEqual({ a: "completed", b: "abandoned", c: "abandoned" });
		expect(driver.told(from)).toEqual(["node.started a", "node.completed a", "node.abandoned b", "node.abandoned c"]);
	});

	test("of a node by its own early commit ends the attempt", async () => {
		const driver = new Driver([node("a")]);
		const lease = await driver.claim("a");
		expect((await driver.handle.commit(lease, [{ type: "pruneSubgraph", id: "a" }])).ok).toBe(true);
		expect(driver.state("a")).toBe("abandoned");
		await driver.unchanged(() => driver.handle.complete(lease), "STALE_LEASE", ["a"]);
	});

	test("sees the nodes and edges of its own patch", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.mutate(
			{ type: "pruneSubgraph", id: "a" },
			{ type: "addNodes", nodes: [node("x", ["a"]), node("y")] },
			{ type: "removeEdge", from: "a", to: "b" },
		);
		expect(driver.states()).toEqual({ a: "abandoned", b: "ready", x: "abandoned", y: "ready" });
	});

	test("of a hundred thousand nodes in a chain is no recursion", async () => {
		const chain = Array.from({ length: 100_000 }, (_, i) => node(`n${i}`, i === 0 ? [] : [`n${i - 1}`]));
		const { actor, handle } = GraphActor.create({ nodes: chain });
		expect((await handle.mutate([{ type: "pruneSubgraph", id: "n0", scope: "exclusive" }])).ok).toBe(true);
		expect(actor.snapshot().counts.abandoned).toBe(100_000);
	});
});
