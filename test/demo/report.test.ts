import { describe, expect, test } from "vitest";
import type { PlanSummary } from "../../demo/plan.ts";
import { type Figures, figureRows, reportText } from "../../demo/report.ts";
import { bytesText, duration, plain, printable } from "../../demo/text.ts";

const summary: PlanSummary = {
	name: "app",
	version: "1.0.0",
	lockfileVersion: 3,
	entries: 5,
	packages: 3,
	packageNodes: 2,
	edges: 1,
	cycles: [["a@1.0.0", "b@1.0.0"]],
	links: 0,
	notInstalled: 2,
	unlisted: ["node_modules/extra"],
	unlocked: [],
};

const figures: Figures = {
	status: "completed",
	nodes: 12,
	added: 5,
	failed: 1,
	skipped: 0,
	wallMs: 1234,
	overhead: { microseconds: 3.25, rounds: 5 },
};

describe("report", () => {
	test("holds the plan, the sections, the figures and the picture", () => {
		const text = reportText(summary, "## Largest\n\nx\n", figures, {
			mermaid: "graph TD\n a-->b\n",
			edges: 1,
			file: "g",
		});
		expect(text).toContain("# What is installed for app 1.0.0\n");
		expect(text).toContain("lists 5 entries; 3 packages planned as 2 nodes with 1 dependency edge");
		expect(text).toContain("these need each other and share a node: a@1.0.0, b@1.0.0");
		expect(text).toContain("not in the lock file, not read: node\\_modules/extra");
		expect(text).toContain("## Largest\n\nx\n\n## The run");
		expect(text).toContain("- wall time: 1.2 s");
		expect(text).toContain("```mermaid\ngraph TD\n a-->b\n```\n");
	});

	test("points to the file of a picture that Mermaid would refuse", () => {
		const picture = { mermaid: "graph TD", edges: 501, file: "demo-graph.mmd" };
		const text = reportText(summary, "", figures, picture);
		expect(text).not.toContain("```mermaid");
		expect(text).toContain("`demo-graph.mmd`");
	});

	test("gives the figures that a run ends with", () => {
		const shown = figureRows(figures).map(([label]) => label);
		expect(shown).toEqual(
			expect.arrayContaining(["nodes", "added while running", "failed", "wall time", "time per node outside agents"]),
		);
	});
});

describe("text", () => {
	test.each([
		[0, "0 bytes"],
		[999, "999 bytes"],
		[1000, "1.0 kB"],
		[999_949, "999.9 kB"],
		[999_950, "1.0 MB"],
		[126_595_440, "126.6 MB"],
	])("%i bytes is %s", (bytes, text) => {
		expect(bytesText(bytes)).toBe(text);
	});

	test("durations", () => {
		expect([duration(0.4), duration(999), duration(1000)]).toEqual(["0 ms", "999 ms", "1.0 s"]);
	});

	test("what a package says can steer neither a terminal nor Markdown", () => {
		expect(printable("a\u001b[31mb\nc\u202ed")).toBe("a?[31mb?c?d");
		expect(plain("[x](y)|<b>`_")).toBe("\\[x\\](y)\\|\\<b\\>\\`\\_");
	});
});
