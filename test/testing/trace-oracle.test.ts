import type { NodeSpec, RunEvent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { judgeTrace } from "../../src/testing/trace-oracle.js";

type Line = Omit<RunEvent, "seq" | "at"> & Readonly<Record<string, unknown>>;

/** Events from their facts, numbered from 1. */
function trace(...facts: Line[]): RunEvent[] {
	return facts.map((fact, i) => ({ seq: i + 1, at: 0, ...fact }) as unknown as RunEvent);
}

function added(id: string, more: Partial<NodeSpec> = {}): Line {
	return { type: "node.added", node: id, spec: { id, agent: "work", ...more } };
}

function started(node: string, attempt = 1): Line {
	return { type: "node.started", node, attempt, epoch: 1 };
}

function completed(node: string, attempt = 1): Line {
	return { type: "node.completed", node, attempt, output: 1 };
}

function ended(status: string): Line {
	return { type: "run.ended", status };
}

const failed: Line = { type: "node.attemptFailed", node: "a", attempt: 1, error: {}, retryAt: 0 };
const woken: Line = { type: "node.woken", node: "a", attempt: 1, wake: { kind: "retry" } };
const b = added("b", { dependsOn: ["a"] });

describe("the trace oracle", () => {
	test("finds nothing wrong with a run that went well", () => {
		const good = trace(added("a"), b, started("a"), failed, woken, started("a", 2), completed("a", 2), started("b"));
		expect(
			judgeTrace([...good, ...trace(completed("b"), ended("completed")).map((e, i) => ({ ...e, seq: 9 + i }))]),
		).toEqual([]);
	});

	test.each([
		["a lease before its time", [added("a"), b, started("b")], "not ready"],
		["a lease of a held node", [added("a", { speculative: "hold" }), started("a")], "not ready"],
		["a second lease", [added("a"), started("a"), started("a", 2)], "second lease"],
		["a retry that nothing woke", [added("a"), started("a"), failed, started("a", 2)], "not ready"],
		["an attempt that was left out", [added("a"), started("a", 2)], "attempt 2 and not 1"],
		["an outcome without a lease", [added("a"), completed("a")], "outcome of a node that is pending"],
		["an outcome of another attempt", [added("a"), started("a"), completed("a", 2)], "of attempt 2"],
		["a second completion", [added("a"), started("a"), completed("a"), completed("a")], "completes it again"],
		[
			"a terminal state that is left",
			[added("a"), { type: "node.cancelled", node: "a" }, started("a")],
			"is cancelled",
		],
		["a start after the end", [added("a"), ended("stalled"), started("a")], "after the end"],
		["a start in a pause", [added("a"), { type: "run.paused" }, started("a")], "paused"],
		["an end while a node runs", [added("a"), started("a"), ended("failed")], "a node runs"],
		["an end that leaves work", [added("a"), ended("completed")], "has stalled"],
		["a stall of nothing", [added("a"), started("a"), completed("a"), ended("stalled")], "has completed"],
		["a cycle", [added("a"), b, { type: "edge.added", from: "b", to: "a" }], "closes a cycle"],
		["an id used twice", [added("a"), added("a")], "second time"],
		["a node out of nowhere", [started("a")], "is not there"],
		[
			"a late dependency",
			[added("a"), added("b"), started("b"), { type: "edge.added", from: "a", to: "b" }],
			"a dependency",
		],
	] as const)("objects to %s", (_, facts, objection) => {
		expect(judgeTrace(trace(...(facts as readonly Line[]))).join()).toContain(objection);
	});

	test("objects to gaps in the numbers, and to time that runs back", () => {
		const [first, second] = trace(added("a"), added("b")) as [RunEvent, RunEvent];
		expect(judgeTrace([first, { ...second, seq: 3 }]).join()).toContain("follows event 1");
		expect(judgeTrace([first, { ...second, at: -1 }]).join()).toContain("before the one it follows");
	});
});
