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
const created: Line = { type: "run.created", run: "r", epoch: 1, open: false };
const recovered: Line = { type: "run.recovered", epoch: 2 };
const interrupted: Line = { ...failed, interrupted: "crash" };
const slept: Line = { type: "node.parked", node: "a", attempt: 1, wait: { kind: "sleep", until: 0 } };
const asked: Line = {
	type: "node.parked",
	node: "a",
	attempt: 1,
	wait: { kind: "approval", reason: "?", resume: "crash" },
};
const timer: Line = { ...woken, wake: { kind: "timer" } };
const approved: Line = { ...woken, wake: { kind: "approved" } };
const stepped: Line = { type: "node.stepped", node: "a", attempt: 1, name: "s", value: 1 };
const again: Line = { type: "node.started", node: "a", attempt: 2, epoch: 2 };

describe("the trace oracle", () => {
	test("finds nothing wrong with a run that went well", () => {
		const good = trace(added("a"), b, started("a"), failed, woken, started("a", 2), completed("a", 2), started("b"));
		expect(
			judgeTrace([...good, ...trace(completed("b"), ended("completed")).map((e, i) => ({ ...e, seq: 9 + i }))]),
		).toEqual([]);
	});

	test.each([
		["is tried again", [created, added("a"), started("a"), recovered, interrupted, woken, again, completed("a", 2)]],
		["is asked about", [created, added("a"), started("a"), recovered, asked, approved, again, completed("a", 2)]],
		["fails", [created, added("a"), started("a"), recovered, { type: "node.failed", node: "a", attempt: 1 }]],
		["slept", [created, added("a"), started("a"), slept, recovered, timer, again, completed("a", 2)]],
		["woke", [created, added("a"), started("a"), slept, timer, recovered, again, completed("a", 2)]],
		["had done a step", [created, added("a"), started("a"), stepped, recovered, interrupted, woken, again]],
	] as const)("knows that a node whose process died %s", (_, facts) => {
		expect(judgeTrace(trace(...(facts as readonly Line[])))).toEqual([]);
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
			"an attempt that outlives its process",
			[created, added("a"), started("a"), recovered, completed("a")],
			"process died",
		],
		[
			"a node that is forgotten when its process dies",
			[created, added("a"), added("c"), started("a"), recovered, { ...again, node: "c", attempt: 1 }],
			"what became of a",
		],
		["a crash without a death", [created, added("a"), started("a"), interrupted], "a crash that was none"],
		[
			"a wait that another process goes on with",
			[created, added("a"), started("a"), slept, recovered, timer, { ...again, attempt: 1 }],
			"attempt 1 and not 2",
		],
		...(
			[
				["a retry for a sleep", { kind: "sleep", until: 0 }, { kind: "retry" }],
				["the end of a sleep that is not over", { kind: "sleep", until: 99 }, { kind: "timer" }],
				["a time-out where there is none", { kind: "signal", name: "s" }, { kind: "expired" }],
				["a signal for an approval", { kind: "approval", reason: "?" }, { kind: "signal" }],
				["an approval for a signal", { kind: "signal", name: "s" }, { kind: "approved" }],
				["a no for a called run", { kind: "child", run: "r", name: "c" }, { kind: "rejected" }],
				["what is no choice", { kind: "approval", reason: "?", choices: ["x"] }, { kind: "approved", data: "y" }],
			] as const
		).map(([what, wait, wake]): [string, Line[], string] => [
			what,
			[added("a"), started("a"), { ...slept, wait }, { ...woken, wake }],
			"ends a wait by what it was not for",
		]),
		["an epoch that does not rise", [created, { ...recovered, epoch: 1 }], "epoch 1 after 1"],
		["a lease of an old epoch", [created, recovered, added("a"), started("a")], "epoch 1, and the run 2"],
		["a step that is done again", [added("a"), started("a"), stepped, stepped], "records the step s again"],
		["a step of nobody", [added("a"), stepped], "outcome of a node that is pending"],
		[
			"a key that counts twice",
			[added("a"), { type: "patch.applied", key: "k" }, { type: "patch.applied", key: "k" }],
			"the key k again",
		],
		["an end of what is kept open", [{ ...created, open: true }, ended("completed")], "kept open"],
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
