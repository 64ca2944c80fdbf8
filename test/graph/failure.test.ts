import { describe, expect, test } from "vitest";
import type { SkipCause } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

function skipped(driver: Driver, id: string): { cause: SkipCause; root: string } | undefined {
	return driver.handle.snapshot().get(id)?.skipped;
}

describe("a skipped node", () => {
	test("goes back to the failure at the start of the chain", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"]), node("d", ["c"])]);
		await driver.fail("a");
		expect(driver.states()).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "skipped" });
		for (const id of ["b", "c", "d"]) expect(skipped(driver, id)).toEqual({ cause: "failure", root: "a" });
	});

	test("that nobody needs goes back to the node that ended otherwise", async () => {
		const driver = new Driver([node("a"), node("fix", ["a"], { join: "failed" }), node("b", ["fix"])]);
		await driver.complete("a");
		expect(skipped(driver, "fix")).toEqual({ cause: "not-needed", root: "a" });
		expect(skipped(driver, "b")).toEqual({ cause: "not-needed", root: "a" });
	});

	test("behind an abandoned node is not needed", async () => {
		const driver = new Driver([node("a", undefined, { speculative: "hold" }), node("b", ["a"])]);
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(driver.state("a")).toBe("abandoned");
		expect(skipped(driver, "b")).toEqual({ cause: "not-needed", root: "a" });
	});

	test("names the failure when other dependencies were lost as well", async () => {
		const driver = new Driver([
			node("lost", undefined, { speculative: "hold" }),
			node("bad"),
			node("x", ["lost", "bad"], { join: "any" }),
		]);
		await driver.mutate({ type: "discardSpeculative", id: "lost" });
		expect(driver.state("x")).toBe("pending");
		await driver.fail("bad");
		expect(skipped(driver, "x")).toEqual({ cause: "failure", root: "bad" });
	});

	test("wakes a failed join, as a failure would", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("fix", ["b"], { join: "failed" })]);
		await driver.fail("a");
		expect(driver.states()).toEqual({ a: "failed", b: "skipped", fix: "ready" });
	});
});

describe("onFailure", () => {
	test("skip is the default and acts after the last attempt", async () => {
		const driver = new Driver([node("a", undefined, { retry: 2 }), node("b", ["a"])]);
		await driver.fail("a");
		expect(driver.states()).toEqual({ a: "ready", b: "pending" });
		await driver.fail("a");
		expect(driver.states()).toEqual({ a: "failed", b: "skipped" });
	});

	test("block keeps dependents pending, so that they can be repaired", async () => {
		const driver = new Driver([node("a", undefined, { onFailure: "block" }), node("b", ["a"]), node("c", ["b"])]);
		await driver.fail("a");
		expect(driver.states()).toEqual({ a: "failed", b: "pending", c: "pending" });
		await driver.mutate(
			{ type: "addNode", node: node("a2") },
			{ type: "removeEdge", from: "a", to: "b" },
			{ type: "addEdge", from: "a2", to: "b" },
		);
		await driver.complete("a2");
		expect(driver.states()).toMatchObject({ b: "ready" });
	});

	test("block does not save a node that another failure stands against", async () => {
		const driver = new Driver([node("a", undefined, { onFailure: "block" }), node("b"), node("x", ["a", "b"])]);
		await driver.fail("a");
		expect(driver.state("x")).toBe("pending");
		await driver.fail("b");
		expect(driver.handle.snapshot().get("x")).toMatchObject({
			state: "skipped",
			skipped: { cause: "failure", root: "b" },
		});
	});

	test("failRun cancels all but unstarted always nodes, which still run; then the run has failed", async () => {
		const driver = new Driver(
			[
				node("bad", undefined, { onFailure: "failRun" }),
				node("busy"),
				node("open"),
				node("later", ["open"]),
				node("cleanup", ["busy", "later"], { join: "always" }),
				node("after", ["cleanup"]),
			],
			{ open: false },
		);
		const busy = await driver.claim("busy");
		const from = driver.actor.state.seq + 2;
		await driver.fail("bad");
		expect(driver.states()).toEqual({
			bad: "failed",
			busy: "cancelled",
			open: "cancelled",
			later: "cancelled",
			cleanup: "ready",
			after: "cancelled",
		});
		expect(driver.told(from)).toEqual([
			"node.failed bad",
			"run.stopping bad",
			"node.cancelled busy",
			"node.cancelled open",
			"node.cancelled later",
			"node.cancelled after",
		]);
		expect(driver.status).toBe("stopping");
		await driver.unchanged(() => driver.handle.complete(busy), "STALE_LEASE", ["busy"]);
		await driver.refuses([{ type: "addNode", node: node("new") }], "RUN_ENDED");
		await driver.complete("cleanup");
		expect(driver.handle.snapshot()).toMatchObject({ status: "failed", reason: 'node "bad" failed' });
		await driver.refuses([{ type: "addNode", node: node("new") }], "RUN_ENDED");
	});

	test("failRun ends an open run too, and at once without always nodes", async () => {
		const driver = new Driver([node("bad", undefined, { onFailure: "failRun" }), node("x", ["bad"])]);
		await driver.fail("bad");
		expect(driver.states()).toEqual({ bad: "failed", x: "cancelled" });
		expect(driver.status).toBe("failed");
		await driver.unchanged(() => driver.handle.claim("x"), "RUN_ENDED");
	});

	test("failRun cancels an always node that has started", async () => {
		const driver = new Driver([
			node("bad", undefined, { onFailure: "failRun" }),
			node("a", undefined, { join: "always", retry: { maxAttempts: 3, delay: 10 } }),
		]);
		await driver.fail("a");
		expect(driver.state("a")).toBe("waiting");
		await driver.fail("bad");
		expect(driver.state("a")).toBe("cancelled");
		expect(driver.status).toBe("failed");
		expect(driver.clock.pending).toBe(0);
	});

	test("comes from the node, then its agent, then the defaults", async () => {
		const policies = {
			agent: (name: string) => (name === "blocking" ? ({ onFailure: "block" } as const) : {}),
			defaults: { onFailure: "failRun" } as const,
		};
		const graph = [
			{ id: "a", agent: "blocking" },
			{ id: "b", agent: "work" },
			{ id: "c", agent: "work", onFailure: "skip" as const },
			node("x", ["a"]),
			node("y", ["c"]),
		];
		const driver = new Driver(graph, { policies });
		await driver.fail("a");
		expect(driver.state("x")).toBe("pending");
		await driver.fail("c");
		expect(driver.state("y")).toBe("skipped");
		await driver.fail("b");
		expect(driver.status).toBe("failed");
	});

	test("of other bad ends acts like skip", async () => {
		const driver = new Driver([
			node("a", undefined, { onFailure: "block", speculative: "hold" }),
			node("b", ["a"], { onFailure: "failRun" }),
			node("c", ["b"]),
		]);
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(driver.states()).toEqual({ a: "abandoned", b: "skipped", c: "skipped" });
		expect(driver.status).toBe("running");
	});
});

describe("an outcome", () => {
	test("counts once: a second one is stale, whatever it is", async () => {
		const driver = new Driver([node("a")]);
		const lease = await driver.claim("a");
		expect((await driver.handle.complete(lease, 1)).ok).toBe(true);
		await driver.unchanged(() => driver.handle.complete(lease, 2), "STALE_LEASE", ["a"]);
		await driver.unchanged(() => driver.handle.fail(lease, new Error("late")), "STALE_LEASE", ["a"]);
		expect(driver.handle.snapshot().get("a")?.output).toBe(1);
	});

	test.each([
		["node", "b"],
		["attempt", 2],
		["epoch", 2],
		["seq", 1],
	])("with another %s in its lease is stale", async (part, value) => {
		const driver = new Driver([node("a"), node("b")]);
		const { node: id, attempt, epoch, seq } = await driver.claim("a");
		const lease = { node: id, attempt, epoch, seq };
		await driver.unchanged(() => driver.handle.complete({ ...lease, [part]: value }), "STALE_LEASE");
		expect((await driver.handle.complete(lease)).ok).toBe(true);
	});

	test("of the attempt before is stale, of an unknown node unknown", async () => {
		const driver = new Driver([node("a", undefined, { retry: 2 })]);
		const first = await driver.claim("a");
		await driver.handle.fail(first, new Error("once"));
		const second = await driver.claim("a");
		expect(second.attempt).toBe(2);
		await driver.unchanged(() => driver.handle.complete(first), "STALE_LEASE", ["a"]);
		await driver.unchanged(() => driver.handle.complete({ ...second, node: "none" }), "UNKNOWN_NODE", ["none"]);
	});

	test("that is no plain data fails its attempt with the path", async () => {
		const driver = new Driver([node("a")]);
		await driver.complete("a", { list: [1, new Date(0)] });
		expect(driver.handle.snapshot().get("a")).toMatchObject({
			state: "failed",
			error: { code: "INVALID_OUTPUT", path: "/list/1", nodes: ["a"] },
		});
	});

	test.each([1n, Symbol("s"), () => 1, Number.NaN, Number.POSITIVE_INFINITY])(
		"of a scalar kind that is not JSON fails too",
		async (output) => {
			const driver = new Driver([node("a")]);
			await driver.complete("a", output);
			expect(driver.handle.snapshot().get("a")?.error?.code).toBe("INVALID_OUTPUT");
		},
	);

	test.each([null, 0, "", false, undefined, [], new Uint8Array([1])])("may be %o", async (output) => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.complete("a", output);
		expect(driver.deps(await driver.claim("b"))).toEqual({ a: output });
	});
});
