import { describe, expect, test } from "vitest";
import type { Join } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

describe("injectBefore", () => {
	test("gates an unstarted node, ready ones too", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		await driver.mutate({ type: "injectBefore", id: "a", node: node("i") });
		expect(driver.states()).toEqual({ i: "ready", a: "pending", b: "pending" });
		await driver.complete("i", 1);
		expect(driver.deps(await driver.claim("a"))).toEqual({ i: 1 });
	});

	test("keeps the target's dependencies, and those the new node names", async () => {
		const driver = new Driver([node("a"), node("b"), node("t", ["a"])]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i", ["b"]) });
		expect(driver.dependsOn("t")).toEqual(["a", "i"]);
		expect(driver.dependsOn("i")).toEqual(["b"]);
	});

	test("with inherit takes the target's dependencies, their aliases and its join over", async () => {
		const driver = new Driver([node("a"), node("b"), node("t", { x: "a", y: "b" }, { join: "any" })]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i"), inherit: true });
		expect(driver.dependsOn("t")).toEqual(["i"]);
		expect(driver.dependsOn("i")).toEqual(["a", "b"]);
		expect(driver.handle.snapshot().get("t")?.join).toBe("all");
		expect(driver.handle.snapshot().get("i")?.join).toBe("any");
		await driver.complete("a", 1);
		expect(driver.states()).toMatchObject({ i: "ready", t: "pending" });
		const i = await driver.claim("i");
		expect(driver.deps(i)).toEqual({ x: 1, y: undefined });
		await driver.handle.complete(i, 2);
		expect(driver.deps(await driver.claim("t"))).toEqual({ i: 2 });
	});

	test("with inherit before a target without dependencies is a plain gate", async () => {
		const driver = new Driver([node("t")]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i"), inherit: true });
		expect(driver.states()).toEqual({ i: "ready", t: "pending" });
	});

	test.each<[Join, boolean]>([
		["all", true],
		["settled", true],
		["always", true],
		["any", false],
		["failed", false],
		[{ atLeast: 1 }, false],
		[{ atLeast: 2 }, false],
	])("without inherit before a %j join gates: %s", async (join, allowed) => {
		const driver = new Driver([node("a"), node("b"), node("t", ["a", "b"], { join })]);
		if (!allowed) {
			await driver.refuses([{ type: "injectBefore", id: "t", node: node("i") }], "INVALID_SPEC", ["i", "t"]);
			await driver.mutate({ type: "injectBefore", id: "t", node: node("i"), inherit: true });
			expect(driver.dependsOn("t")).toEqual(["i"]);
			return;
		}
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i") });
		await driver.complete("a");
		await driver.complete("b");
		expect(driver.state("t")).toBe("pending");
		await driver.complete("i");
		expect(driver.state("t")).toBe("ready");
	});

	test("refuses a new node that depends on its target, or on what is behind it", async () => {
		const driver = new Driver([node("t"), node("u", ["t"])]);
		await driver.refuses([{ type: "injectBefore", id: "t", node: node("i", ["t"]) }], "CYCLE", ["i", "t", "i"]);
		await driver.refuses([{ type: "injectBefore", id: "t", node: node("i", ["u"]) }], "CYCLE", ["i", "t", "u", "i"]);
	});

	test("with inherit refuses to take a reference away from its target", async () => {
		const driver = new Driver([node("a"), node("t", ["a"], { input: { $output: "a" } })]);
		await driver.refuses([{ type: "injectBefore", id: "t", node: node("i"), inherit: true }], "INVALID_SPEC", [
			"t",
			"a",
		]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i") });
		expect(driver.dependsOn("t")).toEqual(["a", "i"]);
	});

	test("lets the new node refer to what it inherits", async () => {
		const driver = new Driver([node("a"), node("t", { x: "a" })]);
		const spec = node("i", undefined, { input: { from: { $output: "x" } } });
		await driver.mutate({ type: "injectBefore", id: "t", node: spec, inherit: true });
		await driver.complete("a", 5);
		expect((await driver.claimed("i")).input).toEqual({ from: 5 });
	});

	test("keeps the order of nodes that come with the same patch before its target", async () => {
		const driver = new Driver();
		await driver.mutate(
			{ type: "injectBefore", id: "t", node: node("n") },
			{ type: "addNodes", nodes: [node("x", ["n"]), node("t")] },
		);
		expect(driver.dependsOn("t")).toEqual(["n"]);
		expect(driver.dependsOn("x")).toEqual(["n"]);
	});

	test("before a held node leaves it held", async () => {
		const driver = new Driver([node("t", [], { speculative: "hold" })]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i") });
		await driver.complete("i");
		expect(driver.state("t")).toBe("speculative");
		await driver.mutate({ type: "confirmSpeculative", id: "t" });
		expect(driver.state("t")).toBe("ready");
	});

	test("of a fresh node that is skipped at once lets its target die with it", async () => {
		const driver = new Driver([node("bad"), node("t"), node("u", ["t"])]);
		await driver.fail("bad");
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i", ["bad"]) });
		expect(driver.states()).toEqual({ bad: "failed", i: "skipped", t: "skipped", u: "skipped" });
	});

	test("a thousand times on one spot keeps the order right", async () => {
		const driver = new Driver([node("a"), node("t", ["a"]), node("z", ["t"])], { check: "local" });
		for (let i = 0; i < 1_000; i++)
			await driver.mutate({ type: "injectBefore", id: "t", node: node(`i${i}`), inherit: i % 3 !== 0 });
		await driver.refuses([{ type: "addEdge", from: "z", to: "i500" }], "CYCLE");
		expect(driver.handle.ready()).toContain("a");
	});
});
