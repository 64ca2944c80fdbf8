import { waitNote } from "../report/node-note.js";
import { oneLine } from "../report/one-line.js";
import { lookOf, type Paint } from "../report/paint.js";
import { lengthText } from "../report/time-text.js";
import type { RunProgress } from "./run-progress.js";
import { cutEnd, cutMiddle, widthOf } from "./text-width.js";

/** What a frame is made for. */
export interface FrameSize {
	readonly columns: number;
	readonly rows: number;
}

/** More rows move too much for the eye. */
const MOST_ROWS = 24;
const WIDEST_BAR = 40;
const MOST_FAILURES = 3;
const WIDEST_ID = 48;

/**
 * A picture of a run: what fits, however much there is. It costs its rows.
 *
 * @param now - milliseconds of the clock that the events are stamped by
 * @returns lines without colours that would be wider than the terminal
 */
export function frame(progress: RunProgress, { columns, rows }: FrameSize, now: number, paint: Paint): string[] {
	// A line that fills the last column wraps on some terminals.
	const width = Math.max(10, columns - 1);
	const most = Math.max(2, Math.min(rows - 1, MOST_ROWS));
	const lines = [headLine(progress, width, now, paint), barLine(progress, width, now, paint)];
	const failures = progress.failures.slice(-Math.min(MOST_FAILURES, most - lines.length));
	const room = most - lines.length - failures.length;
	const waiting = shareOf(progress.waiting.size, progress.running.size, room);
	lines.push(
		...entries(
			progress.running,
			room - waiting,
			(id, { since, attempt }) =>
				entryLine("running", id, since, now, attempt > 1 ? `attempt ${attempt}` : "", width, paint),
			"running",
			width,
		),
	);
	lines.push(
		...entries(
			progress.waiting,
			waiting,
			(id, { wait, since }) => entryLine("waiting", id, since, now, waitText(wait, now), width, paint),
			"waiting",
			width,
		),
	);
	for (const { node, code, message } of failures) {
		const id = cutMiddle(oneLine(node), idWidth(width));
		const said = cutEnd(oneLine(`${code}: ${message}`, width), width - widthOf(id) - 4);
		lines.push(`${paint("red", lookOf("failed").sign)} ${id}  ${paint("red", said)}`);
	}
	return lines.slice(0, most);
}

function headLine({ run, status, startedAt }: RunProgress, width: number, now: number, paint: Paint): string {
	const { sign, format } = lookOf(status);
	const took = startedAt === undefined ? "" : `  ${lengthText(now - startedAt)}`;
	const tail = `${sign} ${status.replace("_", " ")}${took}`;
	const id = cutMiddle(oneLine(run), Math.max(4, width - widthOf(tail) - 2));
	return `${paint("bold", id)}  ${paint(format, cutEnd(tail, width - widthOf(id) - 2))}`;
}

function barLine(progress: RunProgress, width: number, now: number, paint: Paint): string {
	const { nodes, done, ends } = progress;
	const parts = [`${count(done)}/${count(nodes)}`];
	if (ends.failed > 0) parts.push(`${count(ends.failed)} failed`);
	const gone = ends.skipped + ends.abandoned + ends.cancelled;
	if (gone > 0) parts.push(`${count(gone)} left out`);
	const rate = progress.rate(now);
	if (rate > 0 && progress.running.size > 0) parts.push(`${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s`);
	const left = progress.left(now);
	if (left !== undefined) parts.push(`${lengthText(left)} left`);
	const room = width - widthOf(parts.join(" · ")) - 2;
	if (room < 5) return cutEnd(parts.join(" · "), width);
	return `${bar(progress, Math.min(WIDEST_BAR, room), paint)}  ${parts.join(" · ")}`;
}

/** A bar of counts by state. What has happened at all has a cell at least, as far as there are any. */
function bar({ nodes, ends, running, waiting }: RunProgress, cells: number, paint: Paint): string {
	const kinds = [
		["█", "green", ends.completed],
		["×", "red", ends.failed],
		["▒", "gray", ends.skipped + ends.abandoned + ends.cancelled],
		["▓", "yellow", running.size],
		["◇", "magenta", waiting.size],
	] as const;
	let text = "";
	let left = cells;
	for (const [sign, format, amount] of kinds) {
		if (amount === 0) continue;
		const share = Math.min(left, Math.max(1, Math.floor((amount / Math.max(nodes, 1)) * cells)));
		if (share > 0) text += paint(format, sign.repeat(share));
		left -= share;
	}
	return text + paint("gray", "░".repeat(left));
}

/** Rows for what waits: half at most, where there is enough of the other. */
function shareOf(waiting: number, running: number, room: number): number {
	const half = Math.floor(room / 2);
	return Math.min(waiting, Math.max(half, room - running));
}

/** As many as fit; the last row says how many do not. */
function entries<Entry>(
	all: ReadonlyMap<string, Entry>,
	room: number,
	lineOf: (id: string, entry: Entry) => string,
	what: string,
	width: number,
): string[] {
	const lines: string[] = [];
	if (room <= 0) return lines;
	const shown = all.size <= room ? all.size : room - 1;
	for (const [id, entry] of all) {
		if (lines.length >= shown) break;
		lines.push(lineOf(id, entry));
	}
	if (shown < all.size) {
		const left = `${count(all.size - shown)} ${shown === 0 ? what : `more ${what}`}`;
		lines.push(cutEnd(`  … ${shown === 0 ? left : `and ${left}`}`, width));
	}
	return lines;
}

function entryLine(
	state: "running" | "waiting",
	id: string,
	since: number,
	now: number,
	note: string,
	width: number,
	paint: Paint,
): string {
	const { sign, format } = lookOf(state);
	const took = Number.isNaN(since) ? "" : lengthText(now - since);
	const name = cutMiddle(oneLine(id), idWidth(width));
	const rest = [took, note].filter((part) => part !== "").join("  ");
	const shown = cutEnd(rest, Math.max(0, width - widthOf(name) - 4));
	return `${paint(format, sign)} ${name}${shown === "" ? "" : `  ${paint("gray", shown)}`}`;
}

function waitText(wait: Parameters<typeof waitNote>[0], now: number): string {
	const whom = wait.kind === "approval" && wait.to !== undefined ? ` (for ${oneLine(wait.to, 40)})` : "";
	return `${waitNote(wait, now)}${whom}`;
}

function idWidth(width: number): number {
	return Math.min(WIDEST_ID, Math.max(8, Math.floor(width * 0.6)));
}

function count(amount: number): string {
	return amount.toLocaleString("en");
}
