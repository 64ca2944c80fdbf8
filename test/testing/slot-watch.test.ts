import type { RunEvent } from "dagswarm";
import { judgeTrace } from "dagswarm/testing";
import { expect, test } from "vitest";

function trace(limits: readonly string[]): RunEvent[] {
	const facts = [
		...["a", "b"].map((node) => ({ type: "node.added", node, spec: { id: node, agent: "work", limits } })),
		...["a", "b"].map((node) => ({ type: "node.started", node, attempt: 1, epoch: 1 })),
		...["a", "b"].map((node) => ({ type: "node.completed", node, attempt: 1, output: 1 })),
	];
	return facts.map((fact, i) => ({ seq: i + 1, at: 0, ...fact })) as unknown as RunEvent[];
}

test("what agents take is counted, and what one run may", () => {
	const agentLimits = { work: ["api"] };
	expect(judgeTrace(trace([]), { concurrency: 2, limits: { api: 2 }, agentLimits })).toEqual([]);
	expect(judgeTrace(trace([]), { concurrency: 2, limits: { api: 1 }, agentLimits })).toEqual([
		"2 nodes hold the limit api of 1, b the last",
	]);
	expect(judgeTrace(trace([]), { concurrency: 2, perRun: { "": 1 } })).toEqual([
		"2 nodes of  run, which may run 1, b the last",
	]);
});

test("more nodes than slots are seen, and more than a limit allows", () => {
	expect(judgeTrace(trace([]), { concurrency: 2 })).toEqual([]);
	expect(judgeTrace(trace([]), { concurrency: 1 })).toEqual(["2 nodes run on 1 slots, b the last"]);
	expect(judgeTrace(trace(["x"]), { concurrency: 2, limits: { x: 2 } })).toEqual([]);
	expect(judgeTrace(trace(["x"]), { concurrency: 2, limits: { x: 1 } })).toEqual([
		"2 nodes hold the limit x of 1, b the last",
	]);
});
