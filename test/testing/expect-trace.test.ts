import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEvent } from "dagswarm";
import { expectGolden, expectTrace, simulate, traceLines } from "dagswarm/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let events: readonly RunEvent[];
const folder = mkdtempSync(join(tmpdir(), "dagswarm-traces-"));

beforeAll(async () => {
	({ events } = await simulate({
		seed: 3,
		graph: {
			nodes: [
				{ id: "a", agent: "work", input: [{ do: "fail", times: 1 }], retry: 2 },
				{ id: "b", agent: "work", input: [{ do: "work", ms: 5 }], dependsOn: ["a"] },
				{ id: "c", agent: "work", input: [{ do: "work", ms: 5 }], dependsOn: ["a"] },
			],
		},
	}));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("expectTrace", () => {
	test("holds what holds", () => {
		expectTrace(events)
			.toBeSound({ concurrency: 3 })
			.toHave("node.attemptFailed a", "node.completed a", "node.started b", "run.ended")
			.not.toHave("node.completed b", "node.completed a")
			.toHaveTimes("node.started a", 2)
			.not.toHaveTimes("node.started", 2)
			.toRunAtMost(2)
			.toRunAtMost(1, ["a", "b"])
			.not.toRunAtMost(1)
			.toEnd("completed")
			.not.toEnd("failed");
	});

	test.each<readonly [string, () => unknown]>([
		["an order that is not so", () => expectTrace(events).toHave("node.completed b", "node.completed a")],
		["an event that is there", () => expectTrace(events).not.toHave("node.attemptFailed")],
		["another number", () => expectTrace(events).toHaveTimes("node.started", 3)],
		["more at a time", () => expectTrace(events).toRunAtMost(1)],
		["another end", () => expectTrace(events).toEnd("stalled")],
		["more than the slots", () => expectTrace(events).toBeSound({ concurrency: 1 })],
		["a gap", () => expectTrace(events.filter(({ seq }) => seq !== 5)).toBeSound()],
	])("throws the trace for %s", (_, act) => {
		expect(act).toThrow(expect.objectContaining({ name: "AssertionError", operator: "expectTrace" }));
		expect(act).toThrow(/run\.created/);
	});
});

describe("a golden trace", () => {
	test("is missing until it is written, then equal, then different", () => {
		const file = join(folder, "deep", "first.trace");
		expect(() => expectGolden(file, events)).toThrow(/UPDATE_GOLDEN=1/);
		expectGolden(file, events, { update: true });
		expectGolden(file, events);
		expect(() => expectGolden(file, events.slice(0, -1))).toThrow(/differs .* line \d+/);
		expect(() => expectGolden(file, [...events, ...events.slice(0, 1)])).toThrow(/should \(the end\)/);
	});

	test("survives the line ends of another system", () => {
		const file = join(folder, "crlf.trace");
		expectGolden(file, events, { update: true });
		writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
		expectGolden(file, events);
	});

	test("of nothing is empty", () => {
		const file = join(folder, "empty.trace");
		expectGolden(file, [], { update: true });
		expectGolden(file, []);
		expect(() => expectGolden(file, events)).toThrow(/line 1/);
	});

	test("leaves out the stacks of errors, and nothing else that is called so", () => {
		const error = { code: "X", message: "m", stack: "s", cause: { code: "Y", message: "n", stack: "t" } };
		const facts = [
			{ type: "node.completed", node: "a", attempt: 1, output: { stack: ["web"] } },
			{ type: "node.failed", node: "b", attempt: 1, error },
			{ type: "node.speculated", node: "c", mode: "eager", outcome: { kind: "failed", error } },
		];
		const lines = traceLines(facts.map((fact, i) => ({ seq: i + 1, at: 0, ...fact })) as unknown as RunEvent[]);
		expect(lines[0]).toContain('"output":{"stack":["web"]}');
		for (const line of lines.slice(1)) {
			expect(line).not.toContain("stack");
			expect(line).toContain('"error":{"code":"X","message":"m","cause":{"code":"Y","message":"n"}}');
		}
	});

	test("leaves out what differs between machines", () => {
		const lines = traceLines(events);
		expect(lines).toHaveLength(events.length);
		expect(lines.find((line) => line.includes("node.attemptFailed"))).toContain('"message":"as told"');
		expect(lines.join("\n")).not.toContain("stack");
	});
});
