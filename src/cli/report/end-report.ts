import type { RunId } from "../../core/ids.js";
import type { RunOutcome } from "../../outcome.js";
import type { WaitingNode } from "../../waiting-list.js";
import type { Attended } from "../attend.js";
import { EXIT, exitCodeOf } from "../exit-code.js";
import { cutEnd } from "../live/text-width.js";
import { counted, oneLine, valueText } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { lengthText } from "./time-text.js";

/** A command as it is typed, with the store where it has to be named. */
export type CommandLine = (...words: readonly string[]) => string;

/** What is told of a run when a command is done with it. */
export interface EndReport {
	readonly run: RunId;
	readonly attended: Attended;
	/** What somebody types to do something with it, from here. */
	readonly line: CommandLine;
}

/** So many of each are shown; `dagswarm show` has all. */
const MOST = 10;

export function exitCodeAfter(attended: Attended): number {
	if (attended.type === "waiting") return EXIT.waiting;
	return attended.type === "interrupted" ? EXIT.interrupted : exitCodeOf(attended.outcome.status);
}

/** The last line of JSON Lines. */
export function endDocument({ run, attended }: EndReport): object {
	const exitCode = exitCodeAfter(attended);
	if (attended.type === "interrupted") return { type: "result", run, status: "interrupted", exitCode };
	if (attended.type === "waiting")
		return { type: "result", run, status: "waiting", exitCode, waiting: attended.waiting };
	const { status, reason, outputs, failures, blocked, stats } = attended.outcome;
	return { type: "result", run, status, exitCode, reason, outputs, failures, blocked, stats };
}

/** @param width - lines are cut to it; undefined: they are not */
export function endText(report: EndReport, paint: Paint, width = Number.POSITIVE_INFINITY): string[] {
	const { run, attended, line } = report;
	if (attended.type === "ended") return outcomeText(report, attended.outcome, paint, width);
	if (attended.type === "waiting") return waitingText(report, attended.waiting, paint, width);
	return [`${paint("yellow", "‖")} ${oneLine(run)} has not ended: ${line("resume", run)} goes on with it`];
}

function outcomeText({ run, line }: EndReport, outcome: RunOutcome, paint: Paint, width: number): string[] {
	const { status, reason, outputs, failures, blocked, stats } = outcome;
	const { sign, format } = status === "suspended" || status === "dry_run" ? lookOf("paused") : lookOf(status);
	const because = reason === undefined ? "" : `: ${oneLine(reason)}`;
	const figures = [counted(stats.nodes, "node"), counted(stats.attempts, "attempt")];
	if (stats.failed > 0) figures.push(`${stats.failed} failed`);
	if (stats.skipped > 0) figures.push(`${stats.skipped} skipped`);
	const lines = [
		`${paint(format, `${sign} ${status.replace("_", " ")}`)}${because}  ${oneLine(run)}: ${figures.join(", ")} in ${lengthText(stats.wallMs)}`,
	];
	// What failed comes first: it is what somebody looks for.
	const hints: string[] = [];
	lines.push(
		...list("failed", failures, width, ({ id, code, message, attempts }) => [
			`${oneLine(id)}${attempts > 1 ? ` after ${attempts} attempts` : ""}`,
			paint("red", oneLine(`${code}: ${message}`)),
		]),
		...list("blocked", blocked, width, ({ node, why }) => [oneLine(node), oneLine(why)]),
		...list("outputs", Object.entries(outputs), width, ([id, output]) => [oneLine(id), valueText(output, 400)]),
	);
	const [failed] = failures;
	const [stuck] = blocked;
	if (failed !== undefined) hints.push(`${line("explain", run, failed.id)}  why it failed`);
	else if (stuck !== undefined) hints.push(`${line("explain", run, stuck.node)}  what it waits for`);
	if (status === "failed" && failed !== undefined)
		hints.push(`${line("fork", run, "--reset", failed.id)}  try it again, what is done stays done`);
	if (status !== "completed") hints.push(`${line("show", run)}  all of it`);
	return [...lines, ...next(hints)];
}

function waitingText({ run, line }: EndReport, waiting: readonly WaitingNode[], paint: Paint, width: number): string[] {
	const lines = [`${paint("magenta", "◇ waiting")}  ${oneLine(run)} was let go of: it goes on when it is answered`];
	lines.push(
		...list("waits for", waiting, width, (each) => [oneLine(each.node), whatFor(each)]),
		...next([
			...waiting.slice(0, 3).map((each) => answerLine(each, line)),
			`${line("resume", run)}  stays with it${waiting.length > 3 ? ", the others can be answered alike" : ""}`,
		]),
	);
	return lines;
}

function whatFor({ kind, reason, name, to, choices }: WaitingNode): string {
	if (kind !== "approval") return `signal ${oneLine(name ?? "")}`;
	const whom = to === undefined ? "" : ` (for ${oneLine(to)})`;
	const among = choices === undefined ? "" : `; one of: ${choices.map((choice) => oneLine(choice)).join(", ")}`;
	return `approval${whom}: ${oneLine(reason ?? "")}${among}`;
}

/** The command that answers. */
export function answerLine({ run, node, kind, name, choices, schema }: WaitingNode, line: CommandLine): string {
	if (kind === "signal") return line("signal", run, name ?? "");
	const [first] = choices ?? [];
	if (first !== undefined) return line("approve", run, node, "--answer", first);
	return schema === undefined ? line("approve", run, node) : line("approve", run, node, "--data", "JSON");
}

function list<Value>(
	heading: string,
	values: readonly Value[],
	width: number,
	lineOf: (value: Value) => readonly [string, string],
): string[] {
	if (values.length === 0) return [];
	const lines = [`${heading}:`];
	for (const value of values.slice(0, MOST)) {
		const [id, text] = lineOf(value);
		lines.push(cutEnd(`  ${id}  ${text}`, width));
	}
	if (values.length > MOST) lines.push(`  … and ${counted(values.length - MOST, "more", "more")}`);
	return lines;
}

function next(hints: readonly string[]): string[] {
	return hints.length === 0 ? [] : ["next:", ...hints.map((hint) => `  ${hint}`)];
}
