import { clearLine, cursorTo } from "node:readline";
import type { RunEvent, StateCounts } from "dagswarm";
import type { PlanSummary } from "./plan.ts";
import { count, printable, things } from "./text.ts";

/** Shows how far a run is. It is driven by the run's events alone. */
export interface Progress {
	readonly observe: (event: RunEvent, counts: StateCounts) => void;
	readonly end: () => void;
}

/** The part of a terminal or pipe that progress is written to. */
export interface Output {
	readonly columns?: number;
	write(text: string): boolean;
}

/** At most one picture in this time: a terminal is slower than a run. */
const REDRAW_MS = 50;
const BAR = 24;

/** One line that is redrawn where the output is a terminal, plain lines elsewhere. */
export function progressOn(output: Output, terminal: boolean): Progress {
	return terminal ? statusLine(output) : plainLines(output);
}

function plainLines(output: Output): Progress {
	let tenths = 0;
	return {
		observe: (event, counts) => {
			const said = tell(event);
			if (said !== undefined) output.write(`${said}\n`);
			const { done, all } = tally(counts);
			// Nothing completes before the plan; a run that goes on may have it already.
			const now = counts.completed > 0 ? Math.floor((10 * done) / all) : 0;
			// A split adds nodes, so the share may fall; what was said once is not said again.
			if (now <= tenths) return;
			tenths = now;
			output.write(`${now * 10} %: ${count(done)} of ${things(all, "node")}\n`);
		},
		end: () => {},
	};
}

function statusLine(output: Output): Progress {
	const stream = output as Output & NodeJS.WritableStream;
	let drawnAt = Number.NEGATIVE_INFINITY;
	let later: NodeJS.Timeout | undefined;
	let line = "";
	let latest = "";
	const clear = () => {
		clearTimeout(later);
		later = undefined;
		cursorTo(stream, 0);
		clearLine(stream, 0);
	};
	const draw = () => {
		clear();
		drawnAt = performance.now();
		// A line that wraps cannot be redrawn in place. Some terminals say that they have no columns.
		output.write(line.slice(0, Math.max(10, (output.columns || 80) - 1)));
	};
	return {
		observe: (event, counts) => {
			const said = tell(event);
			if (said !== undefined) {
				clear();
				output.write(`${said}\n`);
				drawnAt = Number.NEGATIVE_INFINITY;
			}
			const { done, all } = tally(counts);
			const filled = all === 0 ? 0 : Math.floor((BAR * done) / all);
			if (event.type === "node.started") latest = `  ${printable(event.node)}`;
			const failed = counts.failed > 0 ? `, ${count(counts.failed)} failed` : "";
			const bar = "#".repeat(filled) + "-".repeat(BAR - filled);
			line = `[${bar}] ${count(done)}/${count(all)} nodes, ${counts.running} running${failed}${latest}`;
			const due = drawnAt + REDRAW_MS - performance.now();
			if (due <= 0) draw();
			// The last of a burst of events may be followed by a long silence: it is drawn too.
			else later ??= setTimeout(draw, due).unref();
		},
		end: clear,
	};
}

function tally(counts: StateCounts): { done: number; all: number } {
	// What was cancelled is not done: an interrupted run does not end at 100 %.
	const done = counts.completed + counts.failed + counts.skipped + counts.abandoned;
	const all = Object.values(counts).reduce((sum, nodes) => sum + nodes, 0);
	return { done, all };
}

/** What is worth a line of its own. */
function tell(event: RunEvent): string | undefined {
	if (event.type === "node.failed" && event.node !== "plan") {
		return printable(`failed: ${event.node}: ${event.error.message}`);
	}
	if (event.type !== "node.completed" || event.node !== "plan") return undefined;
	const { packages, packageNodes, edges, cycles, notInstalled } = event.output as PlanSummary;
	const condensed = cycles.length > 0 ? ` (${things(cycles.length, "cycle")} condensed)` : "";
	return (
		`planned ${things(packages, "package")} as ${things(packageNodes, "node")}${condensed} ` +
		`with ${things(edges, "dependency edge")}; ${count(notInstalled)} not installed here`
	);
}
