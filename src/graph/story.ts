import { type ErrorCode, type ErrorDetails, SwarmError } from "../core/errors.js";
import { type EventLog, EventRange } from "../core/event-log.js";
import { AddedNodes, type Batch } from "./batch.js";
import type { RunEvent } from "./types.js";

const MAX_EVENTS = 16;

/** What stops a run when its actor is wrong: the cause, and the story of the node that it is about. */
export function bugError(cause: unknown, log: EventLog<RunEvent>, batch: Batch): SwarmError {
	const message = String((cause as Error)?.message ?? cause);
	return new SwarmError("INTERNAL", `a bug stopped the run: ${message}`, storyOf(cause, log, batch), { cause });
}

/**
 * What a bug's error is told with: the last events of the node that it is about, those that were not
 * committed included; of all nodes, where it is about none.
 */
function storyOf(cause: unknown, log: EventLog<RunEvent>, batch: Batch): ErrorDetails {
	const node = nodeOf(cause);
	const story = [
		...lastLines(log.kept(), node),
		...lastLines(batch.entries(), node).map((line) => `${line}, not committed`),
	].slice(-MAX_EVENTS);
	const whose = node === undefined ? "" : ` of "${node}"`;
	return {
		...(node !== undefined && { nodes: [node] }),
		hint: `please report it; last events${whose}: ${story.join("; ") || "none are kept"}`,
	};
}

/** The node that an error is about: the one it says, or the first that it quotes. */
function nodeOf(cause: unknown): string | undefined {
	if (SwarmError.is(cause) && cause.nodes.length > 0) return cause.nodes[0];
	const message = cause instanceof Error ? cause.message : String(cause);
	return /"([^"]+)"/.exec(message)?.[1];
}

function lastLines(entries: Iterable<RunEvent | EventRange<RunEvent>>, node: string | undefined): string[] {
	const lines: string[] = [];
	for (const entry of entries) {
		const event = eventIn(entry, node);
		if (event === undefined || !isAbout(event, node)) continue;
		lines.push(tell(event, node));
		if (lines.length > MAX_EVENTS) lines.shift();
	}
	return lines;
}

function eventIn(entry: RunEvent | EventRange<RunEvent>, node: string | undefined): RunEvent | undefined {
	if (!(entry instanceof EventRange)) return entry;
	return entry instanceof AddedNodes ? entry.of(node) : undefined;
}

function isAbout(event: RunEvent, node: string | undefined): boolean {
	if (node === undefined || ("node" in event && event.node === node)) return true;
	return (event.type === "edge.added" || event.type === "edge.removed") && (event.from === node || event.to === node);
}

function tell(event: RunEvent, node: string | undefined): string {
	const words = [`${event.seq} ${event.type}`];
	if (event.type === "edge.added" || event.type === "edge.removed") words.push(`"${event.from}" → "${event.to}"`);
	else if (node === undefined && "node" in event) words.push(`"${event.node}"`);
	if ("attempt" in event) words.push(`(attempt ${event.attempt})`);
	return words.join(" ");
}

const ENDS_A_RUN = new Set<ErrorCode>(["FENCED", "RUN_EXISTS", "SUSPENDED"]);

/** Why the journal takes no more; it may say so itself. */
export function lostError(error: unknown): SwarmError {
	if (SwarmError.is(error) && ENDS_A_RUN.has(error.code)) return error;
	if (SwarmError.is(error) && error.code.startsWith("JOURNAL_")) return error;
	return new SwarmError("JOURNAL_UNAVAILABLE", "the journal did not take the events", {}, { cause: error });
}
