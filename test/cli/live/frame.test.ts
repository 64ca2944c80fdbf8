import { createSwarm, defineAgent, type RunEvent, type RunStatus, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { frame } from "../../../src/cli/live/frame.js";
import { plainLine } from "../../../src/cli/live/plain-line.js";
import { RunProgress } from "../../../src/cli/live/run-progress.js";
import { cutEnd, cutMiddle, widthOf } from "../../../src/cli/live/text-width.js";

const plain = (_: unknown, text: string): string => text;
const size = { columns: 61, rows: 12 };

type Fact = RunEvent extends infer Event ? (Event extends RunEvent ? Omit<Event, "seq" | "at"> : never) : never;

/** Facts as events, one a second. */
function progressOf(...facts: Fact[]): RunProgress {
	const progress = new RunProgress("order-7");
	for (const [i, fact] of facts.entries()) progress.observe({ ...fact, seq: i + 1, at: i * 1_000 } as RunEvent);
	return progress;
}

const added = (node: string): Fact => ({ type: "node.added", node, spec: { id: node, agent: "a" } }) as Fact;
const started = (node: string, attempt = 1): Fact => ({ type: "node.started", node, attempt, epoch: 1 });
const completed = (node: string): Fact => ({ type: "node.completed", node, attempt: 1, output: 1 });
const ended = (status: RunStatus): Fact => ({ type: "run.ended", status });

describe("a frame", () => {
	test("shows counts, what runs, what waits and for whom, and what failed", () => {
		const progress = progressOf(
			...["a", "b", "c", "d", "e"].map(added),
			started("a"),
			completed("a"),
			started("b"),
			{ type: "node.failed", node: "b", attempt: 1, error: { code: "AGENT_ERROR", message: "no\nluck" } },
			started("c", 2),
			started("d"),
			{ type: "node.parked", node: "d", attempt: 1, wait: { kind: "approval", reason: "ship?", to: "ada" } },
		);
		expect(frame(progress, size, 12_000, plain)).toEqual([
			"order-7  ● running  12.0 s",
			"████××××▓▓▓▓◇◇◇◇░░░░░░  2/5 · 1 failed · 0.2/s · 15.0 s left",
			"● c  3.0 s  attempt 2",
			"◇ d  1.0 s  waits for approval: ship? (for ada)",
			"✗ b  AGENT_ERROR: no luck",
		]);
	});

	test("says how many do not fit, and never has more lines or columns than there are", () => {
		const nodes = Array.from({ length: 40 }, (_, i) => `a-rather-long-name-of-node-number-${i}-世界`);
		const progress = progressOf(...nodes.map(added), ...nodes.slice(0, 30).map((node) => started(node)));
		for (const columns of [1, 12, 30, 80]) {
			for (const rows of [1, 3, 6, 60]) {
				const lines = frame(progress, { columns, rows }, 100_000, plain);
				expect(lines.length).toBeLessThanOrEqual(Math.max(2, rows - 1));
				for (const line of lines) expect(widthOf(line)).toBeLessThan(Math.max(11, columns));
			}
		}
		expect(frame(progress, { columns: 50, rows: 6 }, 100_000, plain).slice(2)).toEqual([
			"● a-rather-long-…-number-0-世界  1 m",
			"● a-rather-long-…-number-1-世界  59.0 s",
			"  … and 28 more running",
		]);
	});

	test("says how long it will take only where somebody can know", () => {
		const nodes = Array.from({ length: 20 }, (_, i) => `n${i}`);
		const half = [...nodes.map(added), ...nodes.slice(0, 10).flatMap((node) => [started(node), completed(node)])];
		const at = half.length * 1_000;
		expect(progressOf(...half).left(at)).toBeCloseTo(20_000, -3);
		const grown = { type: "node.added", node: "new", addedBy: "n0", spec: { id: "new", agent: "a" } } as Fact;
		expect(progressOf(...half, grown).left(at)).toBeUndefined();
		expect(progressOf(...half, ended("cancelled")).left(at)).toBeUndefined();
	});

	test("has colours only where they are asked for, and they change nothing else", () => {
		const progress = progressOf(added("a"), started("a"), completed("a"), ended("completed"));
		const painted = frame(progress, size, 5_000, (format, text) => `<${String(format)}>${text}</>`);
		expect(painted[0]).toBe("<bold>order-7</>  <green>✓ completed  5.0 s</>");
		expect(painted.join("\n").replace(/<[^>]*>/g, "")).toBe(frame(progress, size, 5_000, plain).join("\n"));
	});
});

describe("progress", () => {
	test("by events counts as the run itself does", async () => {
		const clock = new VirtualClock();
		let left = 3;
		const flaky = defineAgent({
			name: "flaky",
			retry: { maxAttempts: 3, delay: 10 },
			run: (n: number) => {
				if (n === 1 && left-- > 1) throw new Error("not yet");
				if (n === 2) throw new Error("never");
				return n;
			},
		});
		const swarm = createSwarm({ agents: [flaky], clock });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "flaky", input: 0 },
				{ id: "b", agent: "flaky", input: 1 },
				{ id: "c", agent: "flaky", input: 2 },
				{ id: "d", agent: "flaky", dependsOn: ["c"], input: 3 },
			],
		});
		const progress = new RunProgress(run.id);
		const lines: string[] = [];
		const reading = (async () => {
			for await (const event of run.events()) {
				const line = plainLine(event, progress);
				if (line !== undefined) lines.push(line);
			}
		})();
		let over = false;
		void reading.then(() => {
			over = true;
		});
		while (!over) {
			await new Promise((resolve) => setImmediate(resolve));
			clock.step();
		}
		const { completed, failed, skipped, abandoned, cancelled } = run.snapshot().counts;
		expect(progress.ends).toEqual({ completed, failed, skipped, abandoned, cancelled });
		expect([progress.nodes, progress.done, progress.running.size, progress.waiting.size]).toEqual([4, 4, 0, 0]);
		expect(new RunProgress(run.id, run.snapshot()).ends).toEqual(progress.ends);
		expect(lines).toContain("↻ b: AGENT_ERROR: not yet; again in 10 ms");
		expect(lines.filter((line) => line.startsWith("✗"))).toEqual(["✗ c: AGENT_ERROR: never"]);
	});

	test("of a large graph is told by tenths", () => {
		const progress = new RunProgress("r");
		const lines: (string | undefined)[] = [];
		const nodes = Array.from({ length: 1_000 }, (_, i) => `n${i}`);
		let seq = 0;
		for (const fact of [...nodes.map(added), ...nodes.flatMap((node) => [started(node), completed(node)])])
			lines.push(plainLine({ ...fact, seq: ++seq, at: seq } as RunEvent, progress));
		const said = lines.filter((line) => line !== undefined);
		expect(said).toHaveLength(10);
		expect(said[0]).toBe("10 %: 100 of 1,000 nodes");
	});
});

describe("texts on a terminal", () => {
	test.each([
		["abc", 3],
		["世界", 4],
		["é", 1],
		["👩‍👩‍👧 x", 4],
		["", 0],
	])("%j takes %i columns", (text, width) => {
		expect(widthOf(text)).toBe(width);
	});

	test("are cut between letters, and never wider than asked", () => {
		expect(cutMiddle("abcdefghij", 5)).toBe("ab…ij");
		expect(cutEnd("abcdefghij", 5)).toBe("abcd…");
		expect(cutMiddle("世界世界世界", 6)).toBe("世…界");
		for (let most = 0; most < 12; most++) {
			expect(widthOf(cutMiddle("世a界b👩‍👩‍👧c世", most))).toBeLessThanOrEqual(most);
			expect(widthOf(cutEnd("世a界b👩‍👩‍👧c世", most))).toBeLessThanOrEqual(most);
		}
	});
});
