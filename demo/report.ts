import type { PlanSummary } from "./plan.ts";
import { count, duration, plain, some, things } from "./text.ts";

/** What the run itself came to. */
export interface Figures {
	readonly status: string;
	readonly nodes: number;
	readonly added: number;
	readonly failed: number;
	readonly skipped: number;
	readonly wallMs: number;
	/** CPU microseconds per node when the same graph runs again with agents that do nothing. */
	readonly overhead: { readonly microseconds: number; readonly rounds: number };
}

/** The figures as lines of label and value, for the terminal and the report alike. */
export function figureRows(figures: Figures): [label: string, value: string][] {
	const { microseconds, rounds } = figures.overhead;
	return [
		["status", figures.status],
		["nodes", count(figures.nodes)],
		["added while running", count(figures.added)],
		["failed", count(figures.failed)],
		["skipped", count(figures.skipped)],
		["wall time", duration(figures.wallMs)],
		["time per node outside agents", `${microseconds.toFixed(1)} µs of CPU time`],
		["measured by", `the whole graph again with agents that do nothing, median of ${things(rounds, "round")}`],
	];
}

/** Beyond these bounds Mermaid, with its default settings, shows an error in place of the picture. */
const MAX_EDGES = 500;
const MAX_TEXT = 50_000;

export interface Picture {
	readonly mermaid: string;
	readonly edges: number;
	/** The name of the file that holds it. */
	readonly file: string;
}

/** The whole report as Markdown. */
export function reportText(summary: PlanSummary, sections: string, figures: Figures, picture: Picture): string {
	const title = summary.version === undefined ? summary.name : `${summary.name} ${summary.version}`;
	return `${[
		`# What is installed for ${plain(title)}`,
		"Written by the demo of dagswarm: a planner read the lock file and added a node per package, each node read its folder, and reducers made these sections.",
		`## Plan\n\n${list(planLines(summary))}`,
		sections.trim(),
		`## The run\n\n${list(figureRows(figures).map(([label, value]) => `${label}: ${value}`))}`,
		`## The graph as it finally was\n\n${pictureText(picture)}`,
	].join("\n\n")}\n`;
}

function list(lines: readonly string[]): string {
	return lines.map((line) => `- ${line}`).join("\n");
}

function planLines(summary: PlanSummary): string[] {
	const lines = [
		`package-lock.json (version ${summary.lockfileVersion}) lists ${things(summary.entries, "entry", "entries")}; ` +
			`${things(summary.packages, "package")} planned as ${things(summary.packageNodes, "node")} with ${things(summary.edges, "dependency edge")}`,
		`${count(summary.notInstalled)} not installed and not needed here (for other platforms, or left out)`,
	];
	for (const cycle of summary.cycles) lines.push(`these need each other and share a node: ${some(cycle, 20)}`);
	if (summary.links > 0) lines.push(`${things(summary.links, "link")} to folders of the project`);
	if (summary.unlisted.length > 0) {
		lines.push(`on disk but not in the lock file, not read: ${some(summary.unlisted, 20)}`);
	}
	if (summary.unlocked.length > 0) {
		lines.push(`required but not in the lock file: ${some(summary.unlocked, 20)}`);
	}
	return lines;
}

function pictureText({ mermaid, edges, file }: Picture): string {
	if (edges > MAX_EDGES || mermaid.length > MAX_TEXT) {
		return `Too large to be shown here (${things(edges, "edge")}): it is in \`${file}\`, for viewers with a larger maxEdges and maxTextSize.`;
	}
	return `\`\`\`mermaid\n${mermaid.trim()}\n\`\`\``;
}
