import { stripVTControlCharacters } from "node:util";
import type { RunEvent, StateCounts } from "dagswarm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PlanSummary } from "../../demo/plan.ts";
import { progressOn } from "../../demo/progress.ts";

const none: StateCounts = {
	pending: 0,
	ready: 0,
	running: 0,
	waiting: 0,
	speculative: 0,
	completed: 0,
	failed: 0,
	skipped: 0,
	abandoned: 0,
	cancelled: 0,
};
const stamp = { seq: 1, at: 0 };
const started: RunEvent = { ...stamp, type: "node.started", node: "a@1.0.0", attempt: 1, epoch: 1 };
const failed: RunEvent = {
	...stamp,
	type: "node.failed",
	node: "b@1.0.0",
	attempt: 1,
	error: { code: "PACKAGE_UNREADABLE", message: "gone\u001b[2J" },
};
const output: Partial<PlanSummary> = { packages: 3, packageNodes: 2, edges: 1, cycles: [["a", "b"]], notInstalled: 4 };
const planned: RunEvent = { ...stamp, type: "node.completed", node: "plan", attempt: 1, output };

function screen(columns = 80) {
	const written: string[] = [];
	return { columns, write: (text: string) => written.push(text) > 0, text: () => written.join("") };
}

describe("progress in a pipe", () => {
	test("says the plan, each tenth once and failures, in plain lines", () => {
		const out = screen();
		const progress = progressOn(out, false);
		progress.observe(started, { ...none, pending: 1, running: 1 });
		progress.observe(planned, { ...none, completed: 1, pending: 9 });
		progress.observe(started, { ...none, completed: 1, pending: 8, running: 1 });
		progress.observe(failed, { ...none, completed: 4, failed: 1, pending: 5 });
		progress.observe(started, { ...none, completed: 5, pending: 8 });
		progress.end();
		expect(out.text().split("\n")).toEqual([
			"planned 3 packages as 2 nodes (1 cycle condensed) with 1 dependency edge; 4 not installed here",
			"10 %: 1 of 10 nodes",
			"failed: b@1.0.0: gone?[2J",
			"50 %: 5 of 10 nodes",
			"",
		]);
	});
});

describe("progress in a terminal", () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());

	test("redraws one line, not for every event, and never leaves the last one undrawn", () => {
		const out = screen();
		const progress = progressOn(out, true);
		for (let done = 0; done < 100; done++) progress.observe(started, { ...none, completed: done, pending: 100 - done });
		expect(out.text().match(/nodes/g)).toHaveLength(1);
		vi.advanceTimersByTime(60);
		expect(out.text().match(/nodes/g)).toHaveLength(2);
		expect(out.text()).toContain("99/100 nodes");
		expect(out.text()).not.toContain("\n");
		progress.end();
		expect(vi.getTimerCount()).toBe(0);
	});

	test("a failure gets a line of its own above", () => {
		const out = screen();
		const progress = progressOn(out, true);
		progress.observe(failed, { ...none, failed: 1, pending: 1 });
		expect(out.text()).toContain("failed: b@1.0.0: gone?[2J\n");
		expect(out.text()).toMatch(/1\/2 nodes, 0 running, 1 failed$/);
	});

	test("stays within a narrow terminal", () => {
		const out = screen(30);
		progressOn(out, true).observe(started, { ...none, pending: 1 });
		expect(stripVTControlCharacters(out.text())).toHaveLength(29);
	});
});
