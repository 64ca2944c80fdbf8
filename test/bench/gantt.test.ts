import { ganttSvg, replayWorkflow, type Workflow } from "dagswarm/bench";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axisOf, durationText } from "../../src/bench/gantt-axis.js";
import { workflowOf, workflows } from "./workflows.js";

/** The elements of a document, or what is wrong with it: tags match, names and attributes are plain, text is escaped. */
function elementsOf(svg: string): { readonly name: string; readonly attributes: ReadonlyMap<string, string> }[] {
	const elements: { name: string; attributes: Map<string, string> }[] = [];
	const open: string[] = [];
	let at = 0;
	for (const tag of svg.matchAll(/<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<]*")*)(\/?)>/g)) {
		const between = svg.slice(at, tag.index);
		if (/[<>]|&(?!(amp|lt|gt|quot);)/.test(between)) throw new Error(`this is no text: ${between}`);
		at = tag.index + tag[0].length;
		const [, closing, name = "", attributes = "", empty] = tag;
		if (closing === "/") {
			if (open.pop() !== name) throw new Error(`</${name}> closes something else`);
		} else {
			elements.push({
				name,
				attributes: new Map(
					[...attributes.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
				),
			});
			if (empty !== "/") open.push(name);
		}
	}
	expect(open).toEqual([]);
	expect(svg.slice(at).trim()).toBe("");
	return elements;
}

async function draw(workflow: Workflow, workers: number): Promise<string> {
	return ganttSvg(workflow, await replayWorkflow(workflow, { workers, policy: "critical-path" }), {
		label: "critical-path",
	});
}

/** The rectangles that are bars, with their places. */
function barsOf(svg: string) {
	return elementsOf(svg)
		.filter(({ name, attributes }) => name === "rect" && /^k\d/.test(attributes.get("class") ?? ""))
		.map(({ attributes }) => ({
			kind: attributes.get("class") ?? "",
			...{ x: Number(attributes.get("x")), y: Number(attributes.get("y")) },
			...{ width: Number(attributes.get("width")), height: Number(attributes.get("height")) },
		}))
		.filter(({ y }) => y >= 70);
}

describe("a Gantt picture", () => {
	test("is well-formed, whatever tasks are called", async () => {
		const character = fc.constantFrom(
			"a",
			"7",
			" ",
			"<",
			">",
			"&",
			'"',
			"'",
			"]]>",
			"\0",
			"\u001b",
			"\n",
			"ü",
			"🐝",
			"\ud83d",
			"\udc1d",
			"\ufffe",
		);
		const names = fc.string({ unit: character, minLength: 1, maxLength: 12 });
		await fc.assert(
			fc.asyncProperty(workflows({ most: 12 }), names, names, async (workflow, name, task) => {
				const tasks = workflow.tasks.map((one, i) => (i === 0 ? { ...one, name: task } : one));
				const svg = await draw({ name, tasks }, 2);
				expect(elementsOf(svg)[0]?.attributes.get("role")).toBe("img");
				// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them
				expect(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(svg)).toBe(false);
				expect(svg.isWellFormed()).toBe(true);
			}),
			{ numRuns: 60 },
		);
		const svg = await draw({ name: `<a> & "b"`, tasks: workflowOf("a:1").tasks }, 1);
		expect(svg).toContain(
			'<title id="gantt-title">&lt;a&gt; &amp; &quot;b&quot;, critical-path: 1 ms on 1 worker</title>',
		);
		expect(svg).toContain("1.000 times the lower bound");
	});

	test("has a bar for each task, where it ran, and outlines the longest path", async () => {
		const bars = barsOf(await draw(workflowOf("load1:10 parse1:20<load1 parse2:30<load1 end:40<parse1,parse2"), 2));
		const [load, parse2, parse1, end] = bars.toSorted((a, b) => a.x - b.x || a.y - b.y);
		expect(bars).toHaveLength(4);
		expect([load, parse2, parse1, end].map((bar) => bar?.kind.includes("critical"))).toEqual([true, true, false, true]);
		expect(parse1?.kind).toBe(parse2?.kind.replace(" critical", ""));
		expect(parse1?.y).toBeGreaterThan(parse2?.y ?? 0);
		const perMs = (1200 - 84 - 24) / 80;
		expect(load?.x).toBe(84);
		expect(end?.x).toBeCloseTo(84 + 40 * perMs, 1);
		expect((end?.x ?? 0) + (end?.width ?? 0)).toBeCloseTo(1200 - 24 - 0.6, 1);
	});

	test("tells kinds apart by the program where it is known", async () => {
		const tasks = ["map s1 x", "map s2 y", "sort 7"].map((id, i) => ({
			...{ id, runtimeMs: 10, dependsOn: [] },
			...(i < 2 && { program: "map" }),
		}));
		const svg = await draw({ name: "programs", tasks }, 1);
		expect(svg).toContain(">map</text>");
		expect(svg).toContain(">sort</text>");
		const [one, two, three] = barsOf(svg).map(({ kind }) => kind.replace(" critical", ""));
		expect(one).toBe(two);
		expect(three).not.toBe(one);
	});

	test("stays small and inside its frame with very many tasks", async () => {
		const tasks = Array.from({ length: 12_000 }, (_, i) => ({ id: `t${i}`, runtimeMs: 1 + (i % 5), dependsOn: [] }));
		for (const workers of [3, 500]) {
			const svg = await draw({ name: "many", tasks }, workers);
			const bars = barsOf(svg);
			expect(bars.length).toBeLessThanOrEqual(16_000);
			expect(svg.length).toBeLessThan(1_500_000);
			const height = Number(elementsOf(svg)[0]?.attributes.get("height"));
			expect(height).toBeLessThan(900);
			expect(Math.min(...bars.map(({ x }) => x))).toBe(84);
			expect(Math.max(...bars.map(({ x, width }) => x + width))).toBeLessThanOrEqual(1200 - 24 + 1);
			expect(Math.max(...bars.map(({ y, height: high }) => y + high))).toBeLessThanOrEqual(height - 46);
		}
	});

	test("bars of one lane do not lie over each other", async () => {
		await fc.assert(
			fc.asyncProperty(workflows({ most: 30 }), async (workflow) => {
				const bars = barsOf(await draw(workflow, 3)).toSorted((a, b) => a.y - b.y || a.x - b.x);
				for (const [i, bar] of bars.slice(1).entries()) {
					const before = bars[i];
					if (before?.y === bar.y) expect(before.x + before.width).toBeLessThanOrEqual(bar.x + 0.7);
				}
			}),
			{ numRuns: 40 },
		);
	});
});

describe("an axis", () => {
	test.each([
		[0, "milliseconds", ["0"]],
		[900, "milliseconds", ["0", "100", "200", "300", "400", "500", "600", "700", "800", "900"]],
		[52_000, "seconds", ["0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50"]],
		[200_000, "seconds", ["0", "20", "40", "60", "80", "100", "120", "140", "160", "180", "200"]],
		[4 * 3_600_000, "hours", ["0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4"]],
		[60 * 3_600_000, "hours", ["0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60"]],
	])("of %i ms counts in what people count in", (makespan, unit, ticks) => {
		const axis = axisOf(makespan, 1100);
		expect(axis.unit).toBe(unit);
		expect(axis.ticks.map(({ text }) => text)).toEqual(ticks);
	});

	test("never has more ticks than there is room for", () => {
		fc.assert(
			fc.property(
				fc.double({ min: 0.001, max: 1e12, noNaN: true }),
				fc.integer({ min: 300, max: 4000 }),
				(makespan, width) => {
					const { ticks, scale } = axisOf(makespan, width);
					expect(ticks.length).toBeGreaterThanOrEqual(1);
					expect(ticks.length).toBeLessThanOrEqual(width / 80 + 2);
					for (const { at } of ticks) expect(at * scale).toBeLessThanOrEqual(width + 1);
				},
			),
		);
	});

	test("durations are written with their unit", () => {
		expect([0, 1.5, 1500, 90_000, 5_400_000, 129_600_000].map(durationText)).toEqual([
			"0 ms",
			"1.5 ms",
			"1.5 s",
			"1.5 min",
			"1.5 h",
			"1.5 d",
		]);
	});
});
