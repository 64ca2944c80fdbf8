import { describe, expect, test } from "vitest";
import type { NodeSpec } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

describe("the shape of a spec", () => {
	const bad: [string, Record<string, unknown>][] = [
		["an unknown field", { dependOn: ["a"] }],
		["dependsOn that is a word", { dependsOn: "a" }],
		["a dependency that is no id", { dependsOn: [1] }],
		["two aliases of one node", { dependsOn: { x: "a", y: "a" } }],
		["an unknown join", { join: "most" }],
		["a priority that is no number", { priority: "high" }],
		["a priority that is not finite", { priority: Number.NaN }],
		["a negative estimate", { estimateMs: -1 }],
		["an unknown failure policy", { onFailure: "panic" }],
		["an unknown speculative mode", { speculative: "later" }],
		["no attempts", { retry: 0 }],
		["half an attempt", { retry: 1.5 }],
		["too many attempts", { retry: 1_001 }],
		["an unknown field of retry", { retry: { maxAttempts: 2, wait: 1 } }],
		["a factor below 1", { retry: { maxAttempts: 2, factor: 0.5 } }],
		["jitter above 1", { retry: { maxAttempts: 2, jitter: 1.5 } }],
		["a delay that is no duration", { retry: { maxAttempts: 2, delay: "soon" } }],
		["a timeout that is no duration", { timeout: -1 }],
		["an unknown field of timeout", { timeout: { each: 1 } }],
		["limits that are no list", { limits: "cpu" }],
		["a limit twice", { limits: ["cpu", "cpu"] }],
		["an unknown right", { canMutate: "all" }],
		["an unknown onPatchRejected", { onPatchRejected: "ignore" }],
		["metadata that is no object", { metadata: [1] }],
		["metadata that is no plain data", { metadata: { when: new Date(0) } }],
	];

	test.each(bad)("%s is refused", async (_, fields) => {
		const driver = new Driver([node("a")]);
		const spec = { id: "x", agent: "work", ...fields } as NodeSpec;
		await driver.refuses([{ type: "addNode", node: spec }], "INVALID_SPEC", ["x"]);
	});

	test.each([
		["no agent", { id: "x" }],
		["an empty agent", { id: "x", agent: "" }],
		["an agent without a name", { id: "x", agent: {} }],
	])("%s is refused", async (_, spec) => {
		await new Driver().refuses([{ type: "addNode", node: spec as NodeSpec }], "INVALID_SPEC", ["x"]);
	});

	test.each(["", 7])("the id %j is refused", async (id) => {
		await new Driver().refuses([{ type: "addNode", node: { id, agent: "work" } as NodeSpec }], "INVALID_SPEC");
	});

	test("an agent that is not known is refused", async () => {
		const policies = { agent: (name: string) => (name === "work" ? {} : undefined), defaults: {} };
		const driver = new Driver([node("a")], { policies });
		await driver.refuses([{ type: "addNode", node: { id: "x", agent: "play" } }], "UNKNOWN_AGENT", ["x"]);
	});

	test("a limit that is not known is refused", async () => {
		const policies = { agent: () => ({}), hasLimit: (name: string) => name === "cpu", defaults: {} };
		const driver = new Driver([node("a", [], { limits: ["cpu"] })], { policies });
		await driver.refuses([{ type: "addNode", node: node("x", [], { limits: ["cpu", "gpu"] }) }], "INVALID_SPEC", ["x"]);
	});

	test("an input that is no plain data is refused with its path", async () => {
		const driver = new Driver();
		const refused = await driver.refuses(
			[{ type: "addNode", node: node("x", [], { input: { "a/b": [1, new Map()] } }) }],
			"INVALID_INPUT",
			["x"],
		);
		expect(refused.path).toBe("/a~1b/1");
	});

	test.each([() => 1, Symbol("x"), 1n, Number.NaN])("an input of another kind is refused", async (input) => {
		await new Driver().refuses([{ type: "addNode", node: node("x", [], { input }) }], "INVALID_INPUT", ["x"]);
	});

	test("an agent may be given itself, and is kept by name", async () => {
		const driver = new Driver([{ id: "a", agent: { name: "work" } }]);
		expect(driver.handle.snapshot().get("a")?.agent).toBe("work");
	});

	test("fields that are undefined are not there", async () => {
		const spec = { id: "a", agent: "work", join: undefined, dependsOn: undefined, input: undefined, retry: undefined };
		expect(new Driver([spec as unknown as NodeSpec]).handle.ready()).toEqual(["a"]);
	});
});

describe("the graph at the start", () => {
	test.each<[string, readonly NodeSpec[]]>([
		["DUPLICATE_NODE", [node("a"), node("a")]],
		["UNKNOWN_DEPENDENCY", [node("a", ["none"])]],
		["CYCLE", [node("a", ["b"]), node("b", ["a"])]],
		["CYCLE", [node("a", ["a"])]],
		["INVALID_SPEC", [node("a", [], { join: "failed" })]],
		["INVALID_INPUT", [node("a", [], { input: () => 1 })]],
		["INVALID_SPEC", [node("a"), node("b", [], { input: { $output: "a" } })]],
	])("is refused with %s", (code, nodes) => {
		expect(() => new Driver(nodes)).toThrow(expect.objectContaining({ code }));
	});

	test("is not counted against maxNodes and maxPatchSize by its caller", () => {
		const driver = new Driver([node("a"), node("b")], { maxNodes: 0 });
		expect(driver.handle.snapshot().size).toBe(2);
	});
});
