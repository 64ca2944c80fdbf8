import { describe, expect, test } from "vitest";
import { Driver, node } from "./driver.js";

function ref($output: string, path?: string) {
	return path === undefined ? { $output } : { $output, path };
}

describe("a reference to an output", () => {
	test("is replaced when its node is leased: whole, in part, anywhere in the input", async () => {
		const driver = new Driver([
			node("a"),
			node("b"),
			node(
				"x",
				{ first: "a", second: "b" },
				{
					input: {
						byAlias: ref("first"),
						byId: ref("a"),
						part: ref("b", "/list/1/~1~0"),
						root: ref("b", ""),
						list: [1, ref("first"), { deep: [ref("b", "/list/0")] }],
						plain: { $other: 1 },
						bytes: new Uint8Array([1, 2]),
					},
				},
			),
			node("whole", ["a"], { input: ref("a") }),
		]);
		await driver.complete("a", "A");
		const b = { list: [null, { "/~": "found" }] };
		await driver.complete("b", b);
		expect((await driver.claimed("x")).input).toEqual({
			byAlias: "A",
			byId: "A",
			part: "found",
			root: b,
			list: [1, "A", { deep: [null] }],
			plain: { $other: 1 },
			bytes: new Uint8Array([1, 2]),
		});
		expect((await driver.claimed("whole")).input).toBe("A");
	});

	test("leaves the spec and the snapshot as they were", async () => {
		const driver = new Driver([node("a"), node("x", ["a"], { input: { v: ref("a") } })]);
		await driver.complete("a", 1);
		await driver.claim("x");
		expect(driver.handle.snapshot().get("x")?.input).toEqual({ v: { $output: "a" } });
	});

	test.each([
		["a missing member", ref("a", "/none"), {}],
		["a member of a scalar", ref("a", "/0"), "text"],
		["past the end of a list", ref("a", "/2"), [1, 2]],
		["the length of a list", ref("a", "/length"), [1, 2]],
		["an inherited member", ref("a", "/toString"), {}],
		["no output at all", ref("a"), undefined],
	])("to %s fails the attempt", async (_, input, output) => {
		const driver = new Driver([node("a"), node("x", ["a"], { input: { in: input }, retry: 3 }), node("y", ["x"])]);
		await driver.complete("a", output);
		const reply = await driver.handle.claim("x");
		expect(reply).toMatchObject({ ok: false, code: "INVALID_INPUT" });
		// Another attempt would find the same, so it is not tried again.
		const x = driver.handle.snapshot().get("x");
		expect(x).toMatchObject({ state: "failed", attempt: 1, error: { code: "INVALID_INPUT", nodes: ["x", "a"] } });
		if ("path" in input) expect(x?.error?.path).toBe(input.path);
		expect(driver.state("y")).toBe("skipped");
	});

	test("to a dependency that had not ended when the join was met fails the attempt", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", ["a", "b"], { join: "any", input: ref("b") })]);
		await driver.complete("a", 1);
		await driver.handle.claim("x");
		expect(driver.handle.snapshot().get("x")?.error).toMatchObject({ code: "INVALID_INPUT", nodes: ["x", "b"] });
	});

	test("null is an output like any other", async () => {
		const driver = new Driver([node("a"), node("x", ["a"], { input: [ref("a")] })]);
		await driver.complete("a", null);
		expect((await driver.claimed("x")).input).toEqual([null]);
	});

	test("must be to a dependency, by id or alias", async () => {
		const driver = new Driver([node("a"), node("b")]);
		const add = (input: unknown) =>
			driver.handle.mutate([{ type: "addNode", node: node("x", { al: "a" }, { input }) }]);
		await driver.unchanged(() => add(ref("b")), "INVALID_SPEC", ["x", "b"]);
		await driver.unchanged(() => add({ deep: [ref("none")] }), "INVALID_SPEC", ["x", "none"]);
		expect((await add([ref("a"), ref("al")])).ok).toBe(true);
	});

	test.each([{ $output: 1 }, { $output: "a", path: 0 }, { $output: "a", path: "x" }, { $output: "a", more: 1 }])(
		"that is none is refused: %j",
		async (input) => {
			const driver = new Driver([node("a")]);
			await driver.refuses([{ type: "addNode", node: node("x", ["a"], { input }) }], "INVALID_SPEC", ["x"]);
		},
	);

	test("may be to a dependency that comes in the same patch by an edge", async () => {
		const driver = new Driver([node("a")]);
		await driver.mutate(
			{ type: "addNode", node: node("x", [], { input: ref("a") }) },
			{ type: "addEdge", from: "a", to: "x" },
		);
		await driver.complete("a", 3);
		expect((await driver.claimed("x")).input).toBe(3);
	});

	test("keeps its edge from being taken away", async () => {
		const driver = new Driver([node("a"), node("m", ["a"]), node("x", ["m", "a"], { input: ref("m") })]);
		await driver.refuses([{ type: "removeEdge", from: "m", to: "x" }], "INVALID_SPEC", ["x", "m"]);
		await driver.refuses([{ type: "removeNode", id: "m" }], "INVALID_SPEC", ["x", "m"]);
		await driver.refuses([{ type: "removeNode", id: "m", mode: "detach" }], "INVALID_SPEC", ["x", "m"]);
		await driver.mutate({ type: "removeEdge", from: "a", to: "x" });
		await driver.mutate(
			{ type: "removeEdge", from: "m", to: "x" },
			{ type: "updateNode", id: "x", changes: { input: { now: "plain" } } },
		);
		expect((await driver.claimed("x")).input).toEqual({ now: "plain" });
	});

	test("under an alias lets the edge be put back under the same one", async () => {
		const driver = new Driver([node("a"), node("b"), node("x", { it: "a" }, { input: ref("it") })]);
		await driver.mutate(
			{ type: "removeEdge", from: "a", to: "x" },
			{ type: "addEdge", from: "b", to: "x", alias: "it" },
		);
		await driver.complete("b", "B");
		expect((await driver.claimed("x")).input).toBe("B");
	});

	test("goes on to mean the same name when its dependency is split", async () => {
		const driver = new Driver([node("m"), node("x", ["m"], { input: { all: ref("m"), one: ref("m", "/p") } })]);
		await driver.mutate({ type: "splitNode", id: "m", into: [node("p"), node("q")] });
		await driver.complete("p", 1);
		await driver.complete("q", 2);
		expect((await driver.claimed("x")).input).toEqual({ all: { p: 1, q: 2 }, one: 1 });
	});

	test("in an input that is updated is checked anew", async () => {
		const driver = new Driver([node("a"), node("x", ["a"])]);
		await driver.mutate({ type: "updateNode", id: "x", changes: { input: ref("a", "/0") } });
		await driver.complete("a", ["first"]);
		expect((await driver.claimed("x")).input).toBe("first");
	});

	test("is resolved again for each attempt", async () => {
		const driver = new Driver([node("a"), node("x", ["a"], { input: ref("a"), retry: 2 })]);
		await driver.complete("a", 1);
		await driver.fail("x");
		expect((await driver.claimed("x")).input).toBe(1);
	});

	test("named like a member of every object is just a name", async () => {
		const driver = new Driver([node("a"), node("x", { constructor: "a" }, { input: ref("constructor") })]);
		await driver.complete("a", 1);
		expect((await driver.claimed("x")).input).toBe(1);
		await driver.refuses([{ type: "addNode", node: node("y", ["a"], { input: ref("toString") }) }], "INVALID_SPEC");
	});

	test("keeps a member called __proto__ a member", async () => {
		const input = JSON.parse('{ "__proto__": { "$output": "a" }, "b": 1 }') as unknown;
		const driver = new Driver([node("a"), node("x", ["a"], { input })]);
		await driver.complete("a", 7);
		const resolved = (await driver.claimed("x")).input as object;
		expect(Object.getOwnPropertyDescriptor(resolved, "__proto__")?.value).toBe(7);
	});
});
