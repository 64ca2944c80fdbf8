import { describe, expect, test } from "vitest";
import type { Mutation, NodeSpec, Patch } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

const invalid: Patch = [
	{ type: "addNodes", nodes: [node("x"), node("y", ["x"])] },
	{ type: "addEdge", from: "x", to: "after", alias: "ex" },
	{ type: "addEdge", from: "y", to: "x" },
];

function graph(more: Partial<NodeSpec> = {}): NodeSpec[] {
	return [node("a", [], more), node("after", ["a"])];
}

describe("a patch with the completion", () => {
	test("is one command: what it adds sees the completion", async () => {
		const driver = new Driver(graph());
		const from = driver.actor.state.seq + 2;
		await driver.complete("a", 1, [
			{ type: "addNode", node: node("x", ["a"]) },
			{ type: "addEdge", from: "x", to: "after" },
		]);
		expect(driver.told(from)).toEqual(["node.completed a", "node.added x", "edge.added x→after"]);
		expect(driver.states()).toEqual({ a: "completed", after: "pending", x: "ready" });
		expect(driver.handle.snapshot().get("x")).toMatchObject({ addedBy: "a", depth: 1 });
	});

	test("makes new nodes depend on their adder only if they say so", async () => {
		const driver = new Driver([node("a")]);
		await driver.complete("a", 1, [{ type: "addNode", node: node("x") }]);
		expect(driver.dependsOn("x")).toEqual([]);
	});

	test("that is invalid fails the attempt with the code and the ids, and leaves nothing else", async () => {
		const driver = new Driver(graph());
		const before = driver.handle.snapshot();
		const lease = await driver.claim("a");
		const from = driver.actor.state.seq + 1;
		expect((await driver.handle.complete(lease, 1, invalid)).ok).toBe(true);
		expect(driver.told(from)).toEqual(["patch.rejected a", "node.failed a", "node.skipped after"]);
		expect(driver.events.find((event) => event.type === "patch.rejected")).toMatchObject({
			node: "a",
			attempt: 1,
			refusal: { code: "CYCLE", nodes: ["y", "x", "y"] },
		});
		const failed = driver.handle.snapshot().get("a");
		expect(failed).toMatchObject({ state: "failed", error: { code: "CYCLE", nodes: ["y", "x", "y"] } });
		expect(failed).not.toHaveProperty("output");
		expect(driver.handle.snapshot().size).toBe(before.size);
	});

	test("that is invalid is tried again by policy, and the next attempt sees why", async () => {
		const driver = new Driver(graph({ retry: 2 }));
		await driver.complete("a", 1, invalid);
		const lease = await driver.claim("a");
		expect(lease.attempt).toBe(2);
		expect(driver.actor.leases.lastError(lease)).toMatchObject({ code: "CYCLE", nodes: ["y", "x", "y"] });
		await driver.handle.complete(lease, 2, [{ type: "addNode", node: node("x") }]);
		expect(driver.states()).toEqual({ a: "completed", after: "ready", x: "ready" });
	});

	test("that is invalid is left out with onPatchRejected: complete", async () => {
		const driver = new Driver(graph({ onPatchRejected: "complete" }));
		const from = driver.actor.state.seq + 2;
		await driver.complete("a", 1, invalid);
		expect(driver.told(from)).toEqual(["patch.rejected a", "node.completed a"]);
		expect(driver.states()).toEqual({ a: "completed", after: "ready" });
		expect(driver.deps(await driver.claim("after"))).toEqual({ a: 1 });
	});

	test.each<[string, Patch, string]>([
		["no mutation at all", [null] as unknown as Patch, "INVALID_SPEC"],
		["a node that has started", [{ type: "updateNode", id: "busy", changes: {} }], "ILLEGAL_STATE"],
		["itself", [{ type: "addEdge", from: "after", to: "a" }], "ILLEGAL_STATE"],
		["an unknown agent", [{ type: "addNode", node: { id: "x", agent: "nobody" } }], "UNKNOWN_AGENT"],
		["data that is not plain", [{ type: "addNode", node: node("x", [], { input: new Date(0) }) }], "INVALID_INPUT"],
		["a confirmation of nothing", [{ type: "confirmSpeculative", id: "after" }], "ILLEGAL_STATE"],
	])("about %s is rejected with its code", async (_, patch, code) => {
		const policies = { agent: (name: string) => (name === "nobody" ? undefined : {}), defaults: {} };
		const driver = new Driver([...graph(), node("busy")], { policies });
		await driver.claim("busy");
		await driver.complete("a", 1, patch);
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "failed", error: { code } });
	});

	test("checks expectations against what was there before it completes", async () => {
		const driver = new Driver([...graph({ retry: 2 }), node("other")]);
		await driver.complete("a", 1, { mutations: [{ type: "addNode", node: node("x") }], expect: { other: "running" } });
		expect(driver.handle.snapshot().get("a")?.error?.code).toBe("EXPECTATION_FAILED");
		await driver.complete("a", 1, { mutations: [], expect: { a: "running", other: "ready" } });
		expect(driver.state("a")).toBe("completed");
	});

	test("that is rejected takes no timer of the retry away", async () => {
		const retry = { maxAttempts: 3, delay: 100 };
		const driver = new Driver([node("a", [], { retry, timeout: { total: 50 } })]);
		await driver.complete("a", 1, [{ type: "removeNode", id: "none" }]);
		expect(driver.state("a")).toBe("waiting");
		driver.clock.advance(50);
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
	});

	test("of a stale lease is not looked at", async () => {
		const driver = new Driver(graph());
		const lease = await driver.claim("a");
		await driver.handle.complete(lease);
		await driver.unchanged(() => driver.handle.complete(lease, 2, invalid), "STALE_LEASE", ["a"]);
	});
});

describe("growth limits", () => {
	test("maxNodes counts what agents add, in all", async () => {
		const driver = new Driver([node("a"), node("b"), node("c"), node("d")], { maxNodes: 3 });
		await driver.complete("a", 1, [{ type: "addNodes", nodes: [node("x"), node("y")] }]);
		await driver.complete("b", 1, [{ type: "addNodes", nodes: [node("z"), node("w")] }]);
		expect(driver.handle.snapshot().get("b")).toMatchObject({
			state: "failed",
			error: { code: "LIMIT_EXCEEDED", nodes: ["b"] },
		});
		await driver.complete("c", 1, [{ type: "splitNode", id: "x", into: [node("z")] }]);
		await driver.mutate({ type: "addNodes", nodes: [node("h1"), node("h2")] });
		await driver.complete("d", 1, [{ type: "injectBefore", id: "h1", node: node("i") }]);
		expect(driver.handle.snapshot().get("d")?.error?.code).toBe("LIMIT_EXCEEDED");
		const lease = await driver.claim("h1");
		const commit = () => driver.handle.commit(lease, [{ type: "addNode", node: node("e") }]);
		await driver.unchanged(commit, "LIMIT_EXCEEDED", ["h1"]);
	});

	test("maxDepth counts who added whom", async () => {
		const driver = new Driver([node("n0")], { maxDepth: 2 });
		await driver.complete("n0", 1, [{ type: "addNode", node: node("n1") }]);
		await driver.complete("n1", 1, [{ type: "addNode", node: node("n2") }]);
		expect(driver.handle.snapshot().get("n2")?.depth).toBe(2);
		await driver.complete("n2", 1, [{ type: "addNode", node: node("n3") }]);
		expect(driver.handle.snapshot().get("n2")).toMatchObject({
			state: "failed",
			error: { code: "LIMIT_EXCEEDED", nodes: ["n2"] },
		});
	});

	test("maxDepth is 10 by default", async () => {
		const driver = new Driver([node("n0")]);
		for (let i = 0; i < 11; i++) await driver.complete(`n${i}`, 1, [{ type: "addNode", node: node(`n${i + 1}`) }]);
		expect(driver.state("n9")).toBe("completed");
		expect(driver.state("n10")).toBe("failed");
	});

	test("maxPatchSize counts nodes one by one, for everybody", async () => {
		const driver = new Driver([node("a"), node("b")], { maxPatchSize: 3 });
		await driver.mutate({ type: "addNodes", nodes: [node("x"), node("y"), node("z")] });
		const four: Patch[] = [
			[{ type: "addNodes", nodes: [node("p"), node("q"), node("r"), node("s")] }],
			[{ type: "splitNode", id: "a", into: [node("p"), node("q"), node("r")] }],
			[{ type: "pruneSubgraph", ids: ["a", "b", "x", "y"] }],
			[
				{ type: "removeNode", ids: ["a", "b"] },
				{ type: "addNodes", nodes: [node("p"), node("q")] },
			],
		];
		for (const patch of four) await driver.refuses(patch, "LIMIT_EXCEEDED");
	});
});

describe("canMutate", () => {
	const touch: Mutation[] = [
		{ type: "addEdge", from: "a", to: "host" },
		{ type: "removeEdge", from: "up", to: "host" },
		{ type: "removeNode", id: "host" },
		{ type: "updateNode", id: "host", changes: { priority: 1 } },
		{ type: "splitNode", id: "host", into: [node("p")] },
		{ type: "injectBefore", id: "host", node: node("i") },
		{ type: "pruneSubgraph", id: "host" },
		{ type: "markSpeculative", id: "host" },
		{ type: "confirmSpeculative", id: "held" },
		{ type: "discardSpeculative", id: "held" },
	];
	const others = [node("up"), node("host", ["up"]), node("held", [], { speculative: "hold" })];

	test.each(touch)("own touches nothing of others: %j", async (mutation) => {
		const driver = new Driver([node("a", [], { canMutate: "own" }), ...others]);
		const lease = await driver.claim("a");
		await driver.unchanged(() => driver.handle.commit(lease, [mutation]), "NOT_PERMITTED", [
			"a",
			"id" in mutation && mutation.id !== undefined ? mutation.id : "host",
		]);
	});

	test.each(touch)("false adds and touches nothing, true everything: %j", async (mutation) => {
		const never = new Driver([node("a", [], { canMutate: false }), ...others]);
		const lease = await never.claim("a");
		await never.unchanged(() => never.handle.commit(lease, [mutation]), "NOT_PERMITTED", ["a"]);
		const added: Patch = [{ type: "addNode", node: node("x") }];
		await never.unchanged(() => never.handle.commit(lease, added), "NOT_PERMITTED", ["a"]);
		await never.handle.complete(lease, 1, added);
		expect(never.handle.snapshot().get("a")?.error?.code).toBe("NOT_PERMITTED");

		const always = new Driver([node("a", [], { canMutate: true }), ...others]);
		expect((await always.handle.commit(await always.claim("a"), [mutation])).ok).toBe(true);
	});

	test("own may add, and touch what it added, also in the same patch", async () => {
		const driver = new Driver([node("a", [], { canMutate: "own" }), node("host")]);
		const lease = await driver.claim("a");
		const commit = async (patch: Patch) => expect((await driver.handle.commit(lease, patch)).ok).toBe(true);
		await commit([{ type: "addNodes", nodes: [node("x", ["host"]), node("y", ["x"])] }]);
		await commit([
			{ type: "updateNode", id: "y", changes: { priority: 1 } },
			{ type: "removeEdge", from: "host", to: "x" },
			{ type: "addNode", node: node("z") },
			{ type: "addEdge", from: "z", to: "x" },
			{ type: "markSpeculative", id: "z" },
		]);
		await commit([{ type: "pruneSubgraph", id: "z" }]);
		expect(driver.states()).toEqual({ a: "running", host: "ready", x: "abandoned", y: "abandoned", z: "abandoned" });
	});

	test("own abandons nothing of others by pruning its own", async () => {
		const driver = new Driver([node("a", [], { canMutate: "own" }), node("host")]);
		const lease = await driver.claim("a");
		await driver.handle.commit(lease, [{ type: "addNode", node: node("x") }]);
		await driver.mutate({ type: "addEdge", from: "x", to: "host" });
		const prune = () => driver.handle.commit(lease, [{ type: "pruneSubgraph", id: "x" }]);
		await driver.unchanged(prune, "NOT_PERMITTED", ["a", "host"]);
	});

	test("own may split itself", async () => {
		const driver = new Driver([node("a", [], { canMutate: "own" }), node("b", ["a"])]);
		await driver.complete("a", 1, [{ type: "splitNode", id: "a", into: [node("p")] }]);
		expect(driver.dependsOn("b")).toEqual(["p"]);
	});

	test("own is not passed on: what its nodes add is not its own", async () => {
		const driver = new Driver([node("a", [], { canMutate: "own" })]);
		const lease = await driver.claim("a");
		await driver.handle.commit(lease, [{ type: "addNode", node: node("x") }]);
		await driver.complete("x", 1, [{ type: "addNode", node: node("y") }]);
		const touchY = () => driver.handle.commit(lease, [{ type: "updateNode", id: "y", changes: {} }]);
		await driver.unchanged(touchY, "NOT_PERMITTED", ["a", "y"]);
	});
});
