import { describe, expect, test } from "vitest";
import { Driver, node, notingHost } from "./driver.js";

describe("a held node", () => {
	test("is not scheduled until it is confirmed, then its join counts", async () => {
		const driver = new Driver([node("a"), node("b", ["a"], { speculative: "hold" }), node("c", ["b"])]);
		expect(driver.handle.snapshot().get("b")).toMatchObject({ state: "speculative", speculative: "hold" });
		await driver.complete("a");
		expect(driver.handle.ready()).toEqual([]);
		await driver.unchanged(() => driver.handle.claim("b"), "ILLEGAL_STATE", ["b"]);
		await driver.mutate({ type: "confirmSpeculative", id: "b" });
		expect(driver.handle.ready()).toEqual(["b"]);
		expect(driver.handle.snapshot().get("b")?.speculative).toBeUndefined();
	});

	test("goes back to pending when its join is not met yet", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.mutate({ type: "markSpeculative", id: "b" });
		await driver.mutate({ type: "confirmSpeculative", id: "b" });
		expect(driver.state("b")).toBe("pending");
	});

	test("is made of pending and ready ones", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c")]);
		await driver.mutate({ type: "markSpeculative", ids: ["a", "b"] });
		expect(driver.states()).toEqual({ a: "speculative", b: "speculative", c: "ready" });
		expect(driver.handle.ready()).toEqual(["c"]);
	});

	test("is abandoned when it is discarded, and its dependents are not needed", async () => {
		const driver = new Driver([node("a", [], { speculative: "hold" }), node("b", ["a"])]);
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "abandoned", abandoned: "discarded" });
		expect(driver.handle.snapshot().get("b")?.skipped).toEqual({ cause: "not-needed", root: "a" });
	});

	test("dies with its join", async () => {
		const driver = new Driver([node("a"), node("b", ["a"], { speculative: "hold" })]);
		await driver.fail("a");
		expect(driver.state("b")).toBe("skipped");
		await driver.refuses([{ type: "confirmSpeculative", id: "b" }], "ILLEGAL_STATE", ["b"]);
	});

	test("becomes eager, and an eager one held", async () => {
		const driver = new Driver([node("a", [], { speculative: "hold" }), node("b", [], { speculative: "eager" })]);
		expect(driver.handle.ready()).toEqual(["b"]);
		await driver.mutate(
			{ type: "markSpeculative", id: "a", mode: "eager" },
			{ type: "markSpeculative", id: "b", mode: "hold" },
		);
		expect(driver.handle.ready()).toEqual(["a"]);
		await driver.complete("a", 1);
		expect(driver.states()).toEqual({ a: "speculative", b: "speculative" });
		await driver.mutate({ type: "confirmSpeculative", ids: ["a", "b"] });
		expect(driver.states()).toEqual({ a: "completed", b: "ready" });
		await driver.complete("b", 2);
		expect(driver.state("b")).toBe("completed");
	});

	test("can be changed like any other that has not started", async () => {
		const driver = new Driver([node("a"), node("b", ["a"], { speculative: "hold" })]);
		await driver.mutate(
			{ type: "removeEdge", from: "a", to: "b" },
			{ type: "updateNode", id: "b", changes: { input: 2 } },
		);
		expect(driver.state("b")).toBe("speculative");
		await driver.mutate({ type: "confirmSpeculative", id: "b" });
		expect((await driver.claimed("b")).input).toBe(2);
	});
});

describe("an eager node", () => {
	const graph = [node("a", [], { speculative: "eager" }), node("b", ["a"]), node("s", ["a"], { join: "settled" })];

	test("runs, and its success is withheld: to every dependent it is open", async () => {
		const driver = new Driver(graph);
		const from = driver.actor.state.seq + 1;
		await driver.complete("a", "out");
		expect(driver.told(from)).toEqual(["node.started a", "node.speculated a"]);
		const view = driver.handle.snapshot().get("a");
		expect(view).toMatchObject({ state: "speculative", speculative: "eager" });
		expect(view).not.toHaveProperty("output");
		expect(driver.states()).toMatchObject({ b: "pending", s: "pending" });
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.told(from + 2)).toEqual(["node.confirmed a", "node.completed a"]);
		expect(driver.deps(await driver.claim("b"))).toEqual({ a: "out" });
	});

	test("has its failure withheld, after all its attempts", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager", retry: 2 }), node("b", ["a"])]);
		await driver.fail("a", new Error("first"));
		expect(driver.state("a")).toBe("ready");
		await driver.fail("a", new Error("second"));
		expect(driver.states()).toEqual({ a: "speculative", b: "pending" });
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.states()).toEqual({ a: "failed", b: "skipped" });
		expect(driver.handle.snapshot().get("a")?.error?.message).toBe("second");
	});

	test("has its patch withheld, and validated when it is confirmed", async () => {
		const driver = new Driver([...graph, node("other")]);
		await driver.complete("a", 1, [{ type: "addNode", node: node("x", ["other"]) }]);
		expect(driver.state("x")).toBeUndefined();
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.state("x")).toBe("pending");
		expect(driver.handle.snapshot().get("x")?.addedBy).toBe("a");
	});

	test("whose withheld patch has become invalid fails at the confirmation, and is tried again by policy", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager", retry: 2 }), node("b", ["a"])]);
		await driver.complete("a", 1, [{ type: "addNode", node: node("x") }]);
		await driver.mutate({ type: "addNode", node: node("x") });
		const from = driver.actor.state.seq + 1;
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.told(from)).toEqual(["node.confirmed a", "patch.rejected a", "node.attemptFailed a", "node.woken a"]);
		expect(driver.handle.snapshot().get("a")).toMatchObject({
			state: "ready",
			error: { code: "DUPLICATE_NODE", nodes: ["x"] },
		});
		expect(driver.handle.snapshot().get("a")).not.toHaveProperty("speculative");
		// It is no longer speculative: what it does now counts.
		await driver.complete("a", 2);
		expect(driver.states()).toMatchObject({ a: "completed", b: "ready" });
	});

	test("that is confirmed while it runs completes like any other", async () => {
		const driver = new Driver(graph);
		const lease = await driver.claim("a");
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		await driver.handle.complete(lease, 1);
		expect(driver.states()).toEqual({ a: "completed", b: "ready", s: "ready" });
	});

	test("that is discarded while it runs is aborted, its outcome refused", async () => {
		const notes: string[] = [];
		const driver = new Driver(graph, { host: notingHost(notes) });
		const lease = await driver.claim("a");
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(notes).toEqual(["start a", "abort a CANCELLED"]);
		expect(driver.states()).toEqual({ a: "abandoned", b: "skipped", s: "ready" });
		await driver.unchanged(() => driver.handle.complete(lease), "STALE_LEASE", ["a"]);
	});

	test("that is discarded with its outcome withheld is abandoned", async () => {
		const driver = new Driver(graph);
		await driver.complete("a", 1, [{ type: "addNode", node: node("x") }]);
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(driver.states()).toEqual({ a: "abandoned", b: "skipped", s: "ready" });
		expect(driver.handle.snapshot().get("a")).not.toHaveProperty("output");
	});

	test("may not commit early", async () => {
		const driver = new Driver(graph);
		const lease = await driver.claim("a");
		const commit = () => driver.handle.commit(lease, [{ type: "addNode", node: node("x") }]);
		await driver.unchanged(commit, "NOT_PERMITTED", ["a"]);
	});

	test("may not confirm itself", async () => {
		const driver = new Driver(graph);
		await driver.complete("a", 1, [{ type: "confirmSpeculative", id: "a" }]);
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "failed", error: { code: "ILLEGAL_STATE" } });
	});

	test("confirmed with a withheld patch that confirms others releases them too, in order", async () => {
		const driver = new Driver([
			node("a", [], { speculative: "eager" }),
			node("b", [], { speculative: "eager" }),
			node("c", [], { speculative: "eager" }),
			node("end", ["a", "b", "c"]),
		]);
		await driver.complete("a", 1, [{ type: "confirmSpeculative", id: "b" }]);
		await driver.complete("b", 2, [{ type: "confirmSpeculative", id: "c" }]);
		await driver.complete("c", 3, [{ type: "addNode", node: node("x", ["a", "b"]) }]);
		const from = driver.actor.state.seq + 1;
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.told(from)).toEqual([
			"node.confirmed a",
			"node.completed a",
			"node.confirmed b",
			"node.completed b",
			"node.confirmed c",
			"node.completed c",
			"node.added x",
		]);
		expect(driver.handle.ready().sort()).toEqual(["end", "x"]);
	});

	test("with a withheld failRun stops the run when it is confirmed, not before", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager", onFailure: "failRun" }), node("b")]);
		await driver.fail("a");
		expect(driver.status).toBe("running");
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.status).toBe("failed");
		expect(driver.states()).toEqual({ a: "failed", b: "cancelled" });
	});

	test("withheld is cancelled with its run", async () => {
		const driver = new Driver(graph);
		await driver.complete("a", 1);
		await driver.handle.cancel();
		expect(driver.states()).toEqual({ a: "cancelled", b: "cancelled", s: "cancelled" });
	});
});

describe("speculation is refused", () => {
	test("for nodes that are not speculative, or have ended", async () => {
		const driver = new Driver([node("a"), node("b"), node("done")]);
		await driver.complete("done");
		for (const id of ["a", "done"]) {
			await driver.refuses([{ type: "confirmSpeculative", id }], "ILLEGAL_STATE", [id]);
			await driver.refuses([{ type: "discardSpeculative", id }], "ILLEGAL_STATE", [id]);
		}
	});

	test("for nodes that have started", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager" })]);
		const lease = await driver.claim("a");
		await driver.refuses([{ type: "markSpeculative", id: "a" }], "ILLEGAL_STATE", ["a"]);
		await driver.handle.complete(lease);
		await driver.refuses([{ type: "markSpeculative", id: "a", mode: "eager" }], "ILLEGAL_STATE", ["a"]);
	});
});
