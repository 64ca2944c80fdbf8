import { describe, expect, test } from "vitest";
import type { Patch } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

function adds(...nodes: ReturnType<typeof node>[]): Patch {
	return [{ type: "addNodes", nodes }];
}

/** A planner in its second attempt, after the first committed something. */
async function secondAttempt(driver: Driver, committed: Patch) {
	const first = await driver.claim("plan");
	expect((await driver.handle.commit(first, committed)).ok).toBe(true);
	await driver.handle.fail(first, new Error("once"));
	return driver.claim("plan");
}

describe("an early commit", () => {
	test("stands at once, and when its attempt fails", async () => {
		const driver = new Driver([node("plan")]);
		const lease = await driver.claim("plan");
		expect((await driver.handle.commit(lease, adds(node("x")))).ok).toBe(true);
		expect(driver.handle.snapshot().get("x")).toMatchObject({ state: "ready", addedBy: "plan", depth: 1 });
		await driver.handle.fail(lease, new Error("broken"));
		expect(driver.states()).toEqual({ plan: "failed", x: "ready" });
	});

	test("is refused whole, and its attempt goes on", async () => {
		const driver = new Driver([node("plan")]);
		const lease = await driver.claim("plan");
		await driver.unchanged(
			() => driver.handle.commit(lease, adds(node("x"), node("y", ["none"]))),
			"UNKNOWN_DEPENDENCY",
		);
		expect((await driver.handle.complete(lease)).ok).toBe(true);
	});

	test("needs a live lease", async () => {
		const driver = new Driver([node("plan")]);
		const lease = await driver.claim("plan");
		await driver.handle.complete(lease);
		await driver.unchanged(() => driver.handle.commit(lease, adds(node("x"))), "STALE_LEASE", ["plan"]);
	});

	test("adds an id once per attempt", async () => {
		const driver = new Driver([node("plan")]);
		const lease = await driver.claim("plan");
		await driver.handle.commit(lease, adds(node("x")));
		await driver.unchanged(() => driver.handle.commit(lease, adds(node("x"))), "DUPLICATE_NODE", ["x"]);
	});
});

describe("the next attempt that adds an id again", () => {
	const planner = [node("plan", [], { retry: 5 }), node("host")];

	test("with an equal spec changes nothing, whatever the order of its fields", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x", ["host"], { input: { a: 1, b: 2 } })));
		const seq = driver.actor.state.seq;
		const again = { input: { b: 2, a: 1 }, dependsOn: ["host"], agent: "work", id: "x" };
		expect((await driver.handle.commit(lease, adds(again))).ok).toBe(true);
		expect(driver.actor.state.seq).toBe(seq);
		await driver.handle.complete(lease);
		expect(driver.state("x")).toBe("pending");
	});

	test("with an equal spec keeps a node that has started, or ended", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x"), node("y")));
		await driver.complete("x", 1);
		const y = await driver.claim("y");
		expect((await driver.handle.commit(lease, adds(node("x"), node("y")))).ok).toBe(true);
		await driver.handle.complete(lease);
		expect(driver.states()).toMatchObject({ x: "completed", y: "running" });
		await driver.handle.complete(y);
	});

	test("with a different spec replaces one that has not started", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x", ["host"], { input: 1 }), node("z", ["x"])));
		const from = driver.actor.state.seq + 1;
		expect((await driver.handle.commit(lease, adds(node("x", { n: "new" }, { input: 2 }), node("new")))).ok).toBe(true);
		expect(driver.told(from)).toEqual(["node.added new", "edge.removed host→x", "node.updated x", "edge.added new→x"]);
		expect(driver.dependsOn("x")).toEqual(["new"]);
		expect(driver.dependsOn("z")).toEqual(["x"]);
		await driver.complete("new", "out");
		const x = await driver.claimed("x");
		expect(x.input).toBe(2);
		expect(driver.deps(x.lease)).toEqual({ n: "out" });
	});

	test("with a different agent replaces that too", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x")));
		expect((await driver.handle.commit(lease, adds({ id: "x", agent: "play" }))).ok).toBe(true);
		expect(driver.handle.snapshot().get("x")?.agent).toBe("play");
	});

	test("with a different spec is refused once it has started", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x")));
		await driver.claim("x");
		const again = adds(node("y"), node("x", [], { input: 2 }));
		await driver.unchanged(() => driver.handle.commit(lease, again), "DUPLICATE_NODE", ["x"]);
	});

	test("replaces it only where the whole patch stands", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x", { h: "host" }, { input: 1, priority: 2 })));
		const patch: Patch = [...adds(node("x", [], { input: 2 }), node("y")), { type: "removeNode", id: "none" }];
		await driver.unchanged(() => driver.handle.commit(lease, patch), "UNKNOWN_NODE", ["none"]);
		const cycle = adds(node("y"), node("x", ["x"]));
		await driver.unchanged(() => driver.handle.commit(lease, cycle), "CYCLE", ["x", "x"]);
		const unknown = adds(node("x", ["nowhere"]));
		await driver.unchanged(() => driver.handle.commit(lease, unknown), "UNKNOWN_DEPENDENCY", ["x", "nowhere"]);
		const join = adds(node("x", [], { join: "failed" }));
		await driver.unchanged(() => driver.handle.commit(lease, join), "INVALID_SPEC", ["x"]);
	});

	test("may do so in its completing patch", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x"), node("y"), node("z")));
		await driver.handle.complete(lease, 1, adds(node("x"), node("y", [], { input: 2 }), node("w")));
		expect(driver.states()).toMatchObject({ plan: "completed", x: "ready", y: "ready", z: "abandoned", w: "ready" });
	});

	test("of somebody else's is refused", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x")));
		await driver.unchanged(() => driver.handle.commit(lease, adds(node("host"))), "DUPLICATE_NODE", ["host"]);
	});

	test("holds and lets go what its new spec says of speculation", async () => {
		const driver = new Driver(planner);
		const lease = await secondAttempt(driver, adds(node("x"), node("y", [], { speculative: "hold" })));
		await driver.handle.commit(lease, adds(node("x", [], { speculative: "hold" }), node("y")));
		expect(driver.states()).toMatchObject({ x: "speculative", y: "ready" });
	});
});

describe("when an attempt completes", () => {
	test("what earlier attempts added and it did not is abandoned, unless it has started", async () => {
		const driver = new Driver([node("plan", [], { retry: 5 })]);
		const lease = await secondAttempt(driver, adds(node("x"), node("y"), node("z", ["y"]), node("busy")));
		await driver.claim("busy");
		await driver.handle.commit(lease, adds(node("x")));
		const from = driver.actor.state.seq + 1;
		await driver.handle.complete(lease);
		expect(driver.told(from)).toEqual(["node.completed plan", "node.abandoned y", "node.abandoned z"]);
		expect(driver.states()).toEqual({ plan: "completed", x: "ready", y: "abandoned", z: "abandoned", busy: "running" });
		expect(driver.handle.snapshot().get("y")?.abandoned).toBe("superseded");
	});

	test("what the same attempt committed stays", async () => {
		const driver = new Driver([node("plan")]);
		const lease = await driver.claim("plan");
		await driver.handle.commit(lease, adds(node("x")));
		await driver.handle.complete(lease);
		expect(driver.state("x")).toBe("ready");
	});

	test("after three attempts only the last one counts", async () => {
		const driver = new Driver([node("plan", [], { retry: 5 })]);
		const second = await secondAttempt(driver, adds(node("one"), node("both")));
		await driver.handle.commit(second, adds(node("two"), node("both")));
		await driver.handle.fail(second, new Error("twice"));
		const third = await driver.claim("plan");
		await driver.handle.commit(third, adds(node("three"), node("both")));
		await driver.handle.complete(third);
		expect(driver.states()).toEqual({
			plan: "completed",
			one: "abandoned",
			both: "ready",
			two: "abandoned",
			three: "ready",
		});
	});

	test("and fails for good, everything that was committed stays", async () => {
		const driver = new Driver([node("plan", [], { retry: 2 })]);
		const second = await secondAttempt(driver, adds(node("x")));
		await driver.handle.fail(second, new Error("twice"));
		expect(driver.states()).toEqual({ plan: "failed", x: "ready" });
	});
});

describe("a replacement that changes speculation", () => {
	test("is taken back where its patch is refused", async () => {
		const driver = new Driver([node("plan", [], { retry: 5 }), node("other")]);
		const first = adds(node("x"), node("y", [], { speculative: "hold" }), node("z", [], { speculative: "eager" }));
		const lease = await secondAttempt(driver, first);
		for (const [x, y, z] of [
			["hold", undefined, "hold"],
			["eager", "eager", undefined],
		] as const) {
			const patch: Patch = [
				...adds(
					{ ...node("x"), ...(x && { speculative: x }) },
					{ ...node("y"), ...(y && { speculative: y }) },
					{ ...node("z"), ...(z && { speculative: z }) },
				),
				{ type: "removeNode", id: "none" },
			];
			await driver.unchanged(() => driver.handle.commit(lease, patch), "UNKNOWN_NODE", ["none"]);
		}
	});
});
