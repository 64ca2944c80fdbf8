import type { RunId } from "../../core/ids.js";
import type { StateCounts } from "../../graph/types.js";
import type { RunSummary } from "../../journal/journal.js";
import type { WaitingNode } from "../../waiting-list.js";
import { type Cell, columns } from "./columns.js";
import { counted, oneLine } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { lengthText } from "./time-text.js";
import { type WriterState, writerState, writerText } from "./writer-text.js";

/** One run of the list. */
export interface ListedRun {
	readonly summary: RunSummary;
	/** The run that has called it. */
	readonly calledBy: RunId | undefined;
	/** Unknown where the run was too long to be looked into. */
	readonly nodes?: StateCounts | undefined;
	readonly waiting?: readonly WaitingNode[] | undefined;
}

/** What `ls` shows. */
export interface RunList {
	readonly runs: readonly ListedRun[];
	/** Whether there are more that fit. */
	readonly more: boolean;
}

/** The list as a document. */
export function runListJson({ runs, more }: RunList, now: number): object {
	return {
		runs: runs.map(({ summary, calledBy, nodes, waiting }) => {
			const { run, status, ended, createdAt, updatedAt, lastSeq, bytes } = summary;
			const writer = writerJson(summary, now);
			return { run, status, ended, createdAt, updatedAt, events: lastSeq, bytes, calledBy, writer, nodes, waiting };
		}),
		more,
	};
}

/** Who writes a run, as a document. */
export function writerJson(
	summary: RunSummary,
	now: number,
): { readonly pid: number; readonly host: string; readonly state: WriterState } | undefined {
	const state = writerState(summary, now);
	if (summary.writer === undefined || state === undefined || summary.ended) return undefined;
	const { pid, host } = summary.writer;
	return { pid, host, state };
}

const HEAD = ["RUN", "STATUS", "AGE", "TOOK", "NODES", "WRITTEN BY", "WAITS FOR"];

/** The list for people, one line for each run. */
export function runListText(
	{ runs, more }: RunList,
	{ now, paint, width }: { readonly now: number; readonly paint: Paint; readonly width: number | undefined },
): string[] {
	if (runs.length === 0) return ["no runs"];
	const head: Cell[] = HEAD.map((text) => ({ text, format: "gray" }));
	const rows = runs.map((run) => rowOf(run, now));
	const lines = columns([head, ...rows], { paint, width });
	if (more) lines.push(paint("gray", `… there are older ones: --limit ${runs.length * 10}`));
	return lines;
}

function rowOf({ summary, calledBy, nodes, waiting }: ListedRun, now: number): Cell[] {
	const { run, status, ended, createdAt, updatedAt } = summary;
	const writer = writerText(summary, now);
	return [
		{ text: `${calledBy === undefined ? "" : "  "}${oneLine(run)}` },
		{ text: `${lookOf(status).sign} ${status}`, format: lookOf(status).format },
		{ text: lengthText(now - createdAt) },
		{ text: ended ? lengthText(updatedAt - createdAt) : "" },
		{ text: nodes === undefined ? `${counted(summary.lastSeq, "event")}` : progressText(nodes) },
		{ text: writer, ...(/gone|nobody|silent/.test(writer) && { format: "yellow" as const }) },
		{ text: waiting === undefined ? "" : waitingText(waiting) },
	];
}

/** How many nodes have ended, of how many; and how many of them failed. */
export function progressText(nodes: StateCounts): string {
	let all = 0;
	for (const count of Object.values(nodes)) all += count;
	const open = nodes.pending + nodes.ready + nodes.running + nodes.waiting + nodes.speculative;
	const failed = nodes.failed === 0 ? "" : `, ${nodes.failed} failed`;
	return `${all - open}/${all}${failed}`;
}

function waitingText(waiting: readonly WaitingNode[]): string {
	const [first] = waiting;
	if (first === undefined) return "";
	const more = waiting.length === 1 ? "" : ` (and ${waiting.length - 1} more)`;
	return `${waitText(first)}${more}`;
}

/** What a node waits for, for people. */
export function waitText({ node, kind, reason, name, to }: WaitingNode): string {
	const id = oneLine(node, 40);
	switch (kind) {
		case "approval":
			return `approval of ${id}${to === undefined ? "" : ` by ${oneLine(to, 40)}`}: ${oneLine(reason ?? "", 80)}`;
		case "signal":
			return `signal ${oneLine(name ?? "", 40)} for ${id}`;
		case "child":
			return `${oneLine(name ?? "", 40)}, called by ${id}`;
		default:
			return name === undefined ? `${id}, which sleeps` : `${oneLine(name, 40)}, for ${id}`;
	}
}
