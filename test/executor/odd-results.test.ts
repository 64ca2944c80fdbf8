import {
	type AnyAgent,
	createSwarm,
	defineAgent,
	type NodeSpec,
	type ResultPatch,
	result,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

/** What an agent that trusts a model too much may hand back as its plan. */
const plans: [string, unknown, string][] = [
	["nodes that are no list", { nodes: { id: "x", agent: "noop" } }, "INVALID_SPEC"],
	["nodes that are text", { nodes: "x, y" }, "INVALID_SPEC"],
	["nodes that are a number", { nodes: 5 }, "INVALID_SPEC"],
	["a node that is null", { nodes: [null] }, "INVALID_SPEC"],
	["a node that is text", { nodes: ["x"] }, "INVALID_SPEC"],
	["a node without an agent", { nodes: [{ input: 1 }] }, "INVALID_SPEC"],
	["an agent that is nobody", { nodes: [{ agent: "nobody" }] }, "UNKNOWN_AGENT"],
	["an input with a bigint and no id", { nodes: [{ agent: "noop", input: { n: 1n } }] }, "INVALID_INPUT"],
	["an input that is cyclic and no id", { nodes: [{ agent: "noop", input: cyclic }] }, "INVALID_INPUT"],
	["an input that is cyclic", { nodes: [{ id: "x", agent: "noop", input: cyclic }] }, "INVALID_INPUT"],
	["metadata that is cyclic and no id", { nodes: [{ agent: "noop", metadata: cyclic }] }, "INVALID_SPEC"],
	["a mutation that is null", { mutations: [null] }, "INVALID_SPEC"],
	["mutations that are text", { mutations: "x" }, "INVALID_SPEC"],
	["parts without an agent and id", { mutations: [{ type: "splitNode", id: "plan", into: [{}] }] }, "INVALID_SPEC"],
	["an expectation of nobody", { expect: { nobody: "ready" } }, "UNKNOWN_NODE"],
];

describe("a plan that is none", () => {
	test.each(plans)("fails its attempt: %s", async (_, patch, code) => {
		const agents: AnyAgent[] = [
			defineAgent({ name: "plan", run: () => result(1, patch as ResultPatch) }),
			defineAgent({ name: "noop", run: () => undefined }),
		];
		const swarm = createSwarm<AnyAgent>({ agents, clock: new VirtualClock(), check: "full" });
		const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
		expect(outcome.failures).toMatchObject([{ id: "plan", code }]);
		expect(outcome.stats.nodes).toBe(1);
	});

	test.each(plans)("fails its attempt when it is staged: %s", async (_, patch, code) => {
		const { nodes = [] } = patch as { nodes?: unknown };
		if (!Array.isArray(nodes) || nodes.length === 0) return;
		const agents: AnyAgent[] = [
			defineAgent({
				name: "plan",
				run: (_input: unknown, ctx) => void nodes.forEach((node: NodeSpec) => void ctx.graph.addNode(node)),
			}),
			defineAgent({ name: "noop", run: () => undefined }),
		];
		const swarm = createSwarm<AnyAgent>({ agents, clock: new VirtualClock(), check: "full" });
		const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
		// Where the id cannot be made the call itself throws, which is the agent's own error then.
		expect([code, "AGENT_ERROR"]).toContain(outcome.failures[0]?.code);
		expect(outcome.stats.nodes).toBe(1);
	});

	test("made by another copy of the package is looked at as closely", async () => {
		for (const patch of [undefined, null, 5, {}, { mutations: 5 }, { mutations: null }]) {
			const foreign = Object.defineProperty({ output: 1, patch }, Symbol.for("dagswarm.result"), { value: true });
			const agents: AnyAgent[] = [defineAgent({ name: "plan", run: (): unknown => foreign })];
			const swarm = createSwarm<AnyAgent>({ agents, clock: new VirtualClock(), check: "full" });
			const outcome = await swarm.start({ nodes: [{ id: "plan", agent: "plan" }] }).result();
			expect(outcome.stats.failed + outcome.stats.completed).toBe(1);
		}
	});
});
