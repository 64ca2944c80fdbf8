import type { NodeId, RunId } from "../../core/ids.js";
import { NODE_STATES } from "../../core/lifecycle.js";
import type { Plain } from "../../core/plain.js";
import type { NodeView, StateCounts } from "../../graph/types.js";
import type { StoredRun } from "../../run-reader.js";
import type { WaitingNode } from "../../waiting-list.js";
import { type Cell, columns } from "./columns.js";
import { answerLine, type CommandLine } from "./end-report.js";
import { nodeNote } from "./node-note.js";
import type { NodeTimes } from "./node-times.js";
import type { TreeLine } from "./node-tree.js";
import { counted, oneLine } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { waitText, writerJson } from "./run-list.js";
import { lengthText, momentText } from "./time-text.js";
import { isLeft, writerText } from "./writer-text.js";

/** Where a run comes from, as its first event says. */
export interface RunOrigin {
	readonly metadata?: Readonly<Record<string, Plain>>;
	readonly forkedFrom?: { readonly run: RunId; readonly seq: number };
}

/** What `show` shows of a run. */
export interface RunReport {
	readonly run: StoredRun;
	/** Undefined where the first event is no longer kept. */
	readonly origin: RunOrigin | undefined;
	readonly calledBy: RunId | undefined;
	/** What it waits for, in the runs that it has called, too. */
	readonly awaited: readonly WaitingNode[];
	readonly lines: readonly TreeLine[];
	/** Nodes that fit, but for which there was no room. */
	readonly omitted: number;
	readonly times: ReadonlyMap<NodeId, NodeTimes>;
	readonly now: number;
	/** The time at the event that is looked at: of a run that is looked at as it is, now. */
	readonly seenAt: number;
}

/** What is worth to be known of how it is shown. */
export interface ReportStyle {
	readonly paint: Paint;
	readonly width: number | undefined;
	/** Commands as somebody types them here. */
	readonly line: CommandLine;
}

/** The report as a document: each node as a snapshot has it, with its times. */
export function runReportJson({ run, origin, calledBy, awaited, lines, omitted, times, now }: RunReport): object {
	const { seq, status, reason, counts } = run.snapshot();
	const { createdAt, updatedAt, ended, lastSeq } = run.summary;
	return {
		run: run.id,
		status,
		reason,
		ended,
		createdAt,
		updatedAt,
		seq,
		events: lastSeq,
		...origin,
		calledBy,
		writer: writerJson(run.summary, now),
		counts,
		waiting: awaited,
		nodes: lines.map(({ node }) => {
			const blocked = node.state === "pending" ? run.explain(node.id) : undefined;
			return { ...node, ...times.get(node.id), why: blocked?.why, through: blocked?.through };
		}),
		omitted,
	};
}

/** The report for people: how the run stands, what it waits for, and its nodes as a tree. */
export function runReportText(report: RunReport, style: ReportStyle): string[] {
	const { lines, omitted } = report;
	const text = headText(report, style);
	// Where not all is shown, what went wrong is.
	if (omitted > 0) text.push(...failedText(report, style));
	if (lines.length > 0) text.push("", ...nodeLines(report, style));
	if (omitted > 0) {
		const more = counted(omitted, "more node");
		text.push(style.paint("gray", `… and ${more}: use --state failed, --limit or --json`));
	}
	return text;
}

function headText(report: RunReport, style: ReportStyle): string[] {
	const { paint, width } = style;
	const { run, origin, calledBy, now } = report;
	const { seq, status, reason, size, counts } = run.snapshot();
	const { createdAt, updatedAt, lastSeq, ended } = run.summary;
	const { sign, format } = lookOf(status);
	const rows: [string, string, Cell["format"]?][] = [
		["Run", run.id],
		["Status", `${sign} ${status}${reason === undefined ? "" : `: ${oneLine(reason)}`}`, format],
		["Started", `${momentText(createdAt)}, ${lengthText(now - createdAt)} ago`],
	];
	if (seq < lastSeq) rows.push(["Seen at", `event ${seq} of ${lastSeq}`]);
	else if (ended) rows.push(["Ended", `${momentText(updatedAt)}, after ${lengthText(updatedAt - createdAt)}`]);
	if (!ended && seq === lastSeq) rows.push(["Written by", writerText(run.summary, now)]);
	const project = origin?.metadata?.["dagswarm.project"];
	if (typeof project === "string") rows.push(["Project", project]);
	if (origin?.forkedFrom) rows.push(["Fork of", `${origin.forkedFrom.run} at event ${origin.forkedFrom.seq}`]);
	if (calledBy !== undefined) rows.push(["Called by", calledBy]);
	rows.push(["Nodes", `${size}${size === 0 ? "" : `: ${countsText(counts)}`}`], ["Events", String(seq)]);
	const cells = rows.map(([name, value, look]) => [
		{ text: name, format: "bold" as const },
		{ text: oneLine(value, 300), ...(look !== undefined && { format: look }) },
	]);
	return [...columns(cells, { paint, width }), ...waitingText(report, style), ...leftText(report, style)];
}

/** `3 completed, 1 failed`: those that there are. */
export function countsText(counts: StateCounts): string {
	return NODE_STATES.filter((state) => counts[state] > 0)
		.map((state) => `${counts[state]} ${state}`)
		.join(", ");
}

const MAX_WAITING = 10;

function waitingText({ run, awaited: waiting, seenAt: now }: RunReport, { line }: ReportStyle): string[] {
	const shown = waiting.slice(0, MAX_WAITING).map((each) => {
		const isAsked = each.kind === "approval" || each.kind === "signal";
		const answer = isAsked ? `: ${answerLine(each, line)}` : "";
		const where = each.run === run.id ? "" : ` in ${oneLine(each.run)}`;
		return `  ${waitText(each)}${where}, since ${lengthText(now - each.since)}${answer}`;
	});
	if (waiting.length > MAX_WAITING) shown.push(`  … and ${waiting.length - MAX_WAITING} more`);
	return shown.length === 0 ? [] : ["", "Waits for", ...shown];
}

const MAX_FAILED = 5;

function failedText({ run, seenAt: now }: RunReport, { paint, width }: ReportStyle): string[] {
	const rows: Cell[][] = [];
	for (const node of run.snapshot().nodes({ state: "failed" })) {
		if (rows.length === MAX_FAILED) break;
		const { sign, format } = lookOf(node.state);
		const note = nodeNote(node, { explain: (id) => run.explain(id), now });
		rows.push([{ text: `${sign} ${oneLine(node.id, 80)}`, format }, { text: note }]);
	}
	if (rows.length === 0) return [];
	const lines = columns(rows, { paint, width, indent: "  " });
	const more = run.snapshot().counts.failed - rows.length;
	if (more > 0) lines.push(`  … and ${more} more`);
	return ["", "Failed", ...lines];
}

function leftText({ run, now }: RunReport, { paint, line }: ReportStyle): string[] {
	if (!isLeft(run.summary, now) || run.snapshot().seq < run.summary.lastSeq) return [];
	return ["", paint("yellow", `Nobody has this run: ${line("resume", run.id)} goes on with it`)];
}

function nodeLines({ run, lines, times, seenAt: now }: RunReport, { paint, width }: ReportStyle): string[] {
	const rows = lines.map(({ node, lead, also }): Cell[] => {
		const { sign, format } = lookOf(node.state);
		return [
			{ text: `${lead}${sign} ${oneLine(node.id, 80)}`, format, lead: lead.length },
			{ text: node.state, format },
			{ text: timeText(node, times.get(node.id), now) },
			{ text: nodeNote(node, { also, explain: (id) => run.explain(id), now }) },
		];
	});
	return columns(rows, { paint, width });
}

/** How long a node has taken, or has been at it. */
export function timeText(node: NodeView, times: NodeTimes | undefined, now: number): string {
	if (times?.startedAt === undefined) return "";
	if (times.endedAt !== undefined) return lengthText(times.endedAt - times.startedAt);
	return node.state === "running" ? `for ${lengthText(now - (times.attemptAt ?? times.startedAt))}` : "";
}
