import { makespanBounds } from "../scheduler/makespan-bounds.js";
import { type Axis, axisOf, durationText } from "./gantt-axis.js";
import { type Bar, barsOf } from "./gantt-bars.js";
import { checkWorkers } from "./replay.js";
import type { Schedule } from "./schedule.js";
import { type CompiledWorkflow, compileWorkflow, type Workflow, type WorkflowTask } from "./workflow.js";

/** How a picture of a schedule is drawn. */
export interface GanttOptions {
	/** What stands in the title behind the name of the workflow, the policy for instance. */
	readonly label?: string;
	/** Of the picture, in pixels; 400 to 4,000, default 1,200. */
	readonly width?: number;
}

const MARGIN = { left: 84, right: 24, top: 74, bottom: 46 };
/** All lanes together are about so high. */
const LANES_HEIGHT = 640;
const MOST_LANE = 24;
/** More workers than that share rows. */
const MOST_ROWS = 320;
const MOST_KINDS = 10;
const MOST_TIPS = 2_000;

/**
 * Draws a schedule as an SVG picture: a lane for each worker, a bar for each task, coloured by what it is, the
 * tasks of a longest path outlined, and an axis of time. Bars that are too thin to be seen are drawn
 * together, so the picture of a hundred thousand tasks stays small. It follows the light or dark scheme of the viewer.
 *
 * @returns the text of a complete SVG document
 * @throws SwarmError `INVALID_WORKFLOW`, `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { ganttSvg, replayWorkflow } from "dagswarm/bench";
 *
 * const workflow = { name: "one & two", tasks: [{ id: "one", runtimeMs: 1_500, dependsOn: [] }] };
 * const svg = ganttSvg(workflow, await replayWorkflow(workflow, { workers: 1, policy: "fifo" }), { label: "fifo" });
 * svg.includes("<title id=\"gantt-title\">one &amp; two, fifo: 1.5 s on 1 worker</title>"); // true
 * ```
 */
export function ganttSvg(workflow: Workflow, schedule: Schedule, options: GanttOptions = {}): string {
	checkWorkers(schedule.workers);
	const compiled = compileWorkflow(workflow);
	const width = Math.round(Math.max(400, Math.min(4_000, options.width ?? 1_200)));
	const lanes = Math.min(schedule.workers, MOST_ROWS);
	const laneHeight = Math.max(2, Math.min(MOST_LANE, Math.floor(LANES_HEIGHT / lanes)));
	const axis = axisOf(schedule.makespan, width - MARGIN.left - MARGIN.right);
	const kinds = kindsOf(workflow);
	const critical = criticalPathOf(workflow, compiled);
	const bars = barsOf(schedule, { lanes, scale: axis.scale, kinds, critical });
	const height = MARGIN.top + lanes * laneHeight + MARGIN.bottom;
	const [title, summary] = headings(workflow, schedule, compiled, options.label);
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="gantt-title gantt-desc">`,
		`<title id="gantt-title">${escaped(title)}</title>`,
		`<desc id="gantt-desc">${escaped(`${summary}. A lane for each worker, a bar for each task; tasks on a longest path are outlined.`)}</desc>`,
		`<style>${style}</style>`,
		`<rect class="page" width="${width}" height="${height}"/>`,
		`<text class="title" x="${MARGIN.left}" y="22">${escaped(clipped(title, width))}</text>`,
		`<text class="note" x="${MARGIN.left}" y="40">${escaped(clipped(summary, width))}</text>`,
		legend(kinds, width),
		grid(axis, lanes * laneHeight),
		laneLabels(schedule.workers, lanes, laneHeight),
		...bars.map((bar) => rectangle(bar, laneHeight, bars.length <= MOST_TIPS)),
		"</svg>",
		"",
	].join("\n");
}

function headings(
	workflow: Workflow,
	schedule: Schedule,
	{ graph }: CompiledWorkflow,
	label: string | undefined,
): [string, string] {
	const { workers, makespan } = schedule;
	const { simple, work } = makespanBounds(graph, workers);
	const name = label === undefined ? workflow.name : `${workflow.name}, ${label}`;
	const on = `on ${workers} ${workers === 1 ? "worker" : "workers"}`;
	const ratio = simple === 0 ? 1 : makespan / simple;
	const used = makespan === 0 ? 1 : work / (makespan * workers);
	return [
		`${name}: ${durationText(makespan)} ${on}`,
		`${workflow.tasks.length} ${workflow.tasks.length === 1 ? "task" : "tasks"}, makespan ${durationText(makespan)}, ${ratio.toFixed(3)} times the lower bound of ${durationText(simple)}, ${(100 * used).toFixed(1)} % of the workers' time used`,
	];
}

/** What a task is: its program, or its name without the number that tells it from its like. */
function kindOf({ id, name = id, program }: WorkflowTask): string {
	if (program !== undefined) return program;
	return name.replace(/[_.\-\s]*(ID)?\d+$/i, "") || "task";
}

/** A colour for each kind: those that take the most time get one of their own, the others share the last. */
function kindsOf({ tasks }: Workflow): {
	readonly names: readonly string[];
	readonly colour: (name: string) => number;
} {
	const time = new Map<string, number>();
	const kinds = new Map<string, string>();
	for (const task of tasks) {
		const kind = kindOf(task);
		kinds.set(task.id, kind);
		time.set(kind, (time.get(kind) ?? 0) + task.runtimeMs);
	}
	const sorted = [...time].toSorted(([, a], [, b]) => b - a).map(([kind]) => kind);
	const names = sorted.length <= MOST_KINDS ? sorted : [...sorted.slice(0, MOST_KINDS - 1), "other"];
	const colours = new Map(names.map((kind, colour) => [kind, colour]));
	return { names, colour: (id) => colours.get(kinds.get(id) ?? "") ?? names.length - 1 };
}

/** The ids along one longest path. */
function criticalPathOf({ tasks }: Workflow, { graph, order }: CompiledWorkflow): Set<string> {
	const levels = graph.bottomLevels();
	const path = new Set<string>();
	let task = 0;
	for (let i = 1; i < graph.size; i++) if ((levels[i] as number) > (levels[task] as number)) task = i;
	for (let next: number | undefined = task; next !== undefined; ) {
		const at: number = next;
		path.add(tasks[order[at] as number]?.id as string);
		next = undefined;
		for (let s = graph.firstSuccessor[at] as number; s < (graph.firstSuccessor[at + 1] as number); s++) {
			const other = graph.successors[s] as number;
			if (next === undefined || (levels[other] as number) > (levels[next] as number)) next = other;
		}
	}
	return path;
}

function legend({ names }: { readonly names: readonly string[] }, width: number): string {
	const items: string[] = [];
	let x = MARGIN.left;
	for (const [colour, name] of names.entries()) {
		const text = name.length <= 28 ? name : `${name.slice(0, 27)}…`;
		const next = x + 26 + text.length * 7.6;
		if (next > width - MARGIN.right) break;
		items.push(`<rect class="k${colour}" x="${round(x)}" y="52" width="11" height="11"/>`);
		items.push(`<text class="note" x="${round(x + 16)}" y="62">${escaped(text)}</text>`);
		x = next;
	}
	return items.join("\n");
}

function grid({ ticks, scale, unit }: Axis, height: number): string {
	const bottom = MARGIN.top + height;
	const lines = ticks.map(({ at, text }) => {
		const x = round(MARGIN.left + at * scale);
		return `<path class="grid" d="M${x} ${MARGIN.top}V${bottom + 5}"/>\n<text class="tick" x="${x}" y="${bottom + 18}">${escaped(text)}</text>`;
	});
	return `${lines.join("\n")}\n<text class="note" x="${MARGIN.left}" y="${bottom + 36}">time in ${unit}</text>`;
}

function laneLabels(workers: number, lanes: number, laneHeight: number): string {
	// One in so many, so that they do not run into each other.
	const step = Math.ceil(13 / laneHeight);
	const perLane = workers / lanes;
	const labels: string[] = [];
	for (let lane = 0; lane < lanes; lane += step) {
		const y = round(MARGIN.top + lane * laneHeight + Math.min(laneHeight, 13) / 2 + 4);
		labels.push(`<text class="lane" x="${MARGIN.left - 8}" y="${y}">worker ${Math.floor(lane * perLane) + 1}</text>`);
	}
	return labels.join("\n");
}

function rectangle({ lane, x, width, colour, critical, text }: Bar, laneHeight: number, tips: boolean): string {
	const gap = laneHeight > 6 ? 2 : laneHeight > 3 ? 1 : 0;
	const place = `x="${round(MARGIN.left + x)}" y="${MARGIN.top + lane * laneHeight}" width="${round(width)}" height="${laneHeight - gap}"`;
	const classes = `k${colour}${critical ? " critical" : ""}`;
	return tips
		? `<rect class="${classes}" ${place}><title>${escaped(text)}</title></rect>`
		: `<rect class="${classes}" ${place}/>`;
}

function round(value: number): number {
	return Math.round(value * 100) / 100;
}

function clipped(text: string, width: number): string {
	const most = Math.floor((width - MARGIN.left - MARGIN.right) / 6.4);
	return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Text as XML may hold it. */
function escaped(text: string): string {
	return text
		.toWellFormed()
		.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;");
}

/** Ten hues that can be told apart, also by most who confuse red and green, on light and on dark. */
const colours = ["4477aa", "ee8866", "228833", "ccbb44", "aa3377", "66ccee", "bb5566", "44aa99", "997700", "999999"];

const style = [
	"text{font:12px system-ui,sans-serif;fill:#333}",
	".page{fill:#fff}.title{font-size:15px;font-weight:600;fill:#111}.tick{text-anchor:middle}.lane{text-anchor:end;font-size:11px}",
	".grid{stroke:#8884;fill:none}.critical{stroke:#111;stroke-width:1.6}",
	...colours.map((colour, k) => `.k${k}{fill:#${colour}}`),
	"@media(prefers-color-scheme:dark){text{fill:#ccc}.page{fill:#161616}.title{fill:#f2f2f2}.critical{stroke:#fff}}",
].join("");
