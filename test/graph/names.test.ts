import { describe, expect, test } from "vitest";
import { Driver, node } from "./driver.js";

// What a node calls its dependencies is its own: nothing that the graph goes through may give one
// name to two of them.

describe("the names of dependencies that are inherited", () => {
	test("by a bridge give way to those the dependent has", async () => {
		const driver = new Driver([node("a"), node("b"), node("m", { x: "a" }), node("d", { x: "b", y: "m" })]);
		await driver.mutate({ type: "removeNode", id: "m" });
		await driver.complete("a", "A");
		await driver.complete("b", "B");
		expect(driver.deps(await driver.claim("d"))).toEqual({ x: "B", a: "A" });
	});

	test("by a bridge stay where they are free", async () => {
		const driver = new Driver([node("a"), node("m", { x: "a" }), node("d", ["m"])]);
		await driver.mutate({ type: "removeNode", id: "m" });
		await driver.complete("a", "A");
		expect(driver.deps(await driver.claim("d"))).toEqual({ x: "A" });
	});

	test("by a part give way to those it brings", async () => {
		const driver = new Driver([node("a"), node("b"), node("m", { x: "a" })]);
		await driver.mutate({ type: "splitNode", id: "m", into: [node("p", { x: "b" }), node("q")] });
		await driver.complete("a", "A");
		await driver.complete("b", "B");
		expect(driver.deps(await driver.claim("p"))).toEqual({ x: "B", a: "A" });
		expect(driver.deps(await driver.claim("q"))).toEqual({ x: "A" });
	});

	test("by a node injected with inherit give way to those it brings", async () => {
		const driver = new Driver([node("a"), node("b"), node("t", { x: "a" })]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i", { x: "b" }), inherit: true });
		await driver.complete("a", "A");
		await driver.complete("b", "B");
		expect(driver.deps(await driver.claim("i"))).toEqual({ x: "B", a: "A" });
	});

	test("for all the parts of one dependency go together", async () => {
		const driver = new Driver([
			node("a"),
			node("m", { x: "a" }),
			node("free", ["m"]),
			node("other"),
			node("full", { x: "other", m: "m" }),
		]);
		await driver.mutate({ type: "splitNode", id: "a", into: [node("a1"), node("a2")] });
		await driver.mutate({ type: "removeNode", id: "m" });
		for (const id of ["a1", "a2", "other"]) await driver.complete(id, id);
		expect(driver.deps(await driver.claim("free"))).toEqual({ x: { a1: "a1", a2: "a2" } });
		expect(driver.deps(await driver.claim("full"))).toEqual({ x: "other", a1: "a1", a2: "a2" });
	});

	test("that are ids somebody else is called by are refused", async () => {
		const driver = new Driver([node("a"), node("b"), node("m", ["a"]), node("d", { a: "b", y: "m" })]);
		await driver.refuses([{ type: "removeNode", id: "m" }], "INVALID_SPEC", ["d"]);
		await driver.mutate({ type: "removeNode", id: "m", mode: "detach" });
		expect(driver.dependsOn("d")).toEqual(["b"]);
	});

	test("of an injected node are refused where its target calls another one so", async () => {
		const driver = new Driver([node("a"), node("t", { i: "a" })]);
		await driver.refuses([{ type: "injectBefore", id: "t", node: node("i") }], "INVALID_SPEC", ["t"]);
		await driver.mutate({ type: "injectBefore", id: "t", node: node("i"), inherit: true });
		expect(driver.dependsOn("t")).toEqual(["i"]);
	});
});
