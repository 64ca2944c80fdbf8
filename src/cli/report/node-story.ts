import type { ErrorInfo } from "../../core/errors.js";
import type { NodeId } from "../../core/ids.js";
import type { Blocked, NodeView, RunEvent } from "../../graph/types.js";
import type { StoredRun } from "../../run-reader.js";
import { type Cell, columns } from "./columns.js";
import type { CommandLine } from "./end-report.js";
import { errorText, eventText } from "./event-line.js";
import { nodeNote } from "./node-note.js";
import { counted, oneLine, valueText } from "./one-line.js";
import { lookOf } from "./paint.js";
import type { ReportStyle } from "./run-report.js";
import { lengthText, momentText } from "./time-text.js";
import { isLeft } from "./writer-text.js";

/** Where a node comes from and where it stands. */
export interface NodeStory {
	readonly run: StoredRun;
	readonly node: NodeView;
	readonly blocked: Blocked;
	/** Nodes that depend on it, some of them. */
	readonly neededBy: readonly NodeView[];
	/** How many there are. */
	readonly needed: number;
	/** What has happened to it, the latest part. */
	readonly events: readonly RunEvent[];
	/** Earlier events of it. */
	readonly earlier: number;
	readonly now: number;
}

/** So many nodes and events are told one by one. */
const MAX_NODES = 20;
const MAX_EVENTS = 40;

/** Looks for all that is to be told of a node. What is kept does not grow with the run. */
export async function storyOf(run: StoredRun, node: NodeView, now: number): Promise<NodeStory> {
	const { id } = node;
	const blocked = run.explain(id);
	const neededBy: NodeView[] = [];
	let needed = 0;
	for (const other of run.snapshot().nodes()) {
		if (!other.dependsOn.includes(id)) continue;
		needed++;
		if (neededBy.length < MAX_NODES) neededBy.push(other);
	}
	const events: RunEvent[] = [];
	let earlier = 0;
	for await (const event of run.events({ from: run.summary.firstSeq })) {
		if (!("node" in event) || event.node !== id) continue;
		events.push(event);
		if (events.length <= MAX_EVENTS) continue;
		events.shift();
		earlier++;
	}
	return { run, node, blocked, neededBy, needed, events, earlier, now };
}

/** The story as a document. */
export function storyJson(
	{ run, node, blocked, neededBy, needed, events, earlier, now }: NodeStory,
	line: CommandLine,
): object {
	const snapshot = run.snapshot();
	return {
		run: run.id,
		node,
		why: blocked.why,
		through: blocked.through.map((id) => ({ id, state: snapshot.get(id)?.state })),
		dependsOn: node.dependsOn.map((id) => ({ id, state: snapshot.get(id)?.state })),
		neededBy: neededBy.map(({ id, state }) => ({ id, state })),
		needed,
		events,
		earlier,
		next: nextSteps(run, node, blocked, { now, line }),
	};
}

/** The story for people. */
export function storyText(story: NodeStory, style: ReportStyle): string[] {
	const { run, node, blocked, now } = story;
	const { paint } = style;
	const { sign, format } = lookOf(node.state);
	const snapshot = run.snapshot();
	const about = [`agent ${node.agent}`];
	if (node.attempt > 0) about.push(`attempt ${node.attempt}`);
	if (node.addedBy !== undefined) about.push(`added by ${node.addedBy}`);
	const text = [
		`${paint(format, `${sign} ${oneLine(node.id)}  ${node.state}`)}  ${oneLine(about.join(", "))}, in run ${run.id}`,
		"",
		sentence(blocked.why),
	];
	const section = (title: string, lines: readonly string[]): void => {
		if (lines.length > 0) text.push("", paint("bold", title), ...lines);
	};
	const views = (ids: readonly NodeId[]): NodeView[] => ids.flatMap((id) => snapshot.get(id) ?? []);
	const list = (nodes: readonly NodeView[], all: number): string[] => nodeLines(nodes, all, run, now, style);
	const inTheWay = blocked.through.filter((id) => !node.dependsOn.includes(id));
	section("Depends on", list(views(node.dependsOn.slice(0, MAX_NODES)), node.dependsOn.length));
	section("Behind these", list(views(inTheWay), inTheWay.length));
	section("Needed by", list(story.neededBy, story.needed));
	section("Input", node.input === undefined ? [] : [`  ${valueText(node.input, 400)}`]);
	section("Output", node.output === undefined ? [] : [`  ${valueText(node.output, 400)}`]);
	section(node.state === "failed" ? "Error" : "Last error", node.error === undefined ? [] : errorLines(node.error));
	section("What happened", historyLines(story, style));
	section(
		"What to do",
		nextSteps(run, node, blocked, { now, line: style.line }).map((step) => `  ${step}`),
	);
	return text;
}

function sentence(text: string): string {
	const line = oneLine(text, 400);
	return `${line.slice(0, 1).toUpperCase()}${line.slice(1)}${/[.?!…]$/.test(line) ? "" : "."}`;
}

function nodeLines(
	nodes: readonly NodeView[],
	all: number,
	run: StoredRun,
	now: number,
	{ paint, width }: ReportStyle,
): string[] {
	const rows = nodes.map((node): Cell[] => {
		const { sign, format } = lookOf(node.state);
		const note = nodeNote(node, { explain: (id) => run.explain(id), now });
		return [{ text: `${sign} ${oneLine(node.id, 80)}`, format }, { text: node.state, format }, { text: note }];
	});
	const lines = columns(rows, { paint, width, indent: "  " });
	if (all > nodes.length) lines.push(`  … and ${counted(all - nodes.length, "more node")}`);
	return lines;
}

function errorLines(error: ErrorInfo): string[] {
	const lines: string[] = [];
	let lead = "";
	for (let each: ErrorInfo | undefined = error; each !== undefined; each = each.cause) {
		lines.push(`  ${lead}${errorText(each)}`);
		lead = "caused by ";
	}
	return lines;
}

function historyLines({ events, earlier }: NodeStory, { paint, width }: ReportStyle): string[] {
	const rows = events.map((event): Cell[] => [
		{ text: momentText(event.at), format: "gray" },
		{ text: `#${event.seq}`, format: "gray" },
		{ text: event.type.slice(event.type.indexOf(".") + 1) },
		{ text: eventText(event) },
	]);
	const before = earlier === 0 ? [] : [`  … ${counted(earlier, "earlier event")}`];
	return [...before, ...columns(rows, { paint, width, indent: "  " })];
}

/** What somebody may do who wants the node to go on. */
export function nextSteps(
	run: StoredRun,
	node: NodeView,
	{ through }: Blocked,
	{ now, line }: { readonly now: number; readonly line: CommandLine },
): string[] {
	const { id, summary } = run;
	const steps: string[] = [];
	const isLast = run.snapshot().seq === summary.lastSeq;
	if (node.state === "completed" || !isLast) return steps;
	if (summary.ended) {
		if (node.state === "skipped" && node.skipped !== undefined)
			steps.push(`${line("explain", id, node.skipped.root)}  says why that did not complete`);
		if (node.attempt > 0) steps.push(`${line("fork", id, "--reset", node.id)}  runs it again, in a new run`);
		return steps;
	}
	const { wait } = node;
	if (wait?.kind === "approval") {
		const answer = wait.choices === undefined ? [] : ["--answer", wait.choices[0] ?? ""];
		steps.push(`${line("approve", id, node.id, ...answer)}  lets it go on`);
		steps.push(`${line("reject", id, node.id, "--reason", "why")}  does not`);
	} else if (wait?.kind === "signal") steps.push(`${line("signal", id, wait.name, "--node", node.id)}  wakes it`);
	else if (wait?.kind === "child") steps.push(`${line("show", wait.run)}  shows what it has called`);
	else if (wait?.until !== undefined && wait.until > now)
		steps.push(`wait: it goes on in ${lengthText(wait.until - now)} by itself`);
	const nearest = through.at(-1);
	if (node.state === "pending" && nearest !== undefined)
		steps.push(`${line("explain", id, nearest)}  says why that has not ended`);
	if (isLeft(summary, now)) steps.push(`${line("resume", id)}  goes on with the run: nobody has it`);
	return steps;
}
