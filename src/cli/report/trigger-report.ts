import { dueSlots } from "../../triggers/due.js";
import type { Occurrence, OccurrenceState } from "../../triggers/occurrence.js";
import { endOf } from "../../triggers/slots.js";
import type { StartSpec, TriggerRecord } from "../../triggers/trigger.js";
import { overlapOf } from "../../triggers/trigger-check.js";
import type { Books, Leader } from "../use-books.js";
import { type Cell, columns } from "./columns.js";
import { agoText, type ListLook, occurrenceJson, occurrenceListText } from "./occurrence-list.js";
import { oneLine, valueText } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { scheduleWords } from "./schedule-words.js";
import { momentText } from "./time-text.js";

/** A trigger, and how it stands. */
export interface TriggerReport {
	readonly record: TriggerRecord;
	/** When its next slot is; undefined where none is known. One that has passed waits for a service. */
	readonly next: number | undefined;
	/** Its latest occurrence that has ended. */
	readonly last: Occurrence | undefined;
	/** Its occurrences that are kept. */
	readonly counts: Readonly<Partial<Record<OccurrenceState, number>>>;
}

/** Looks how a trigger stands. */
export async function triggerReport(record: TriggerRecord, { store }: Books, now: number): Promise<TriggerReport> {
	const trigger = record.spec.id;
	const counts = await store.counts(trigger);
	const { pending = 0, running = 0, waiting = 0 } = counts;
	const [last] = await store.occurrences({
		trigger,
		states: ["completed", "failed", "cancelled", "skipped"],
		limit: 1,
	});
	const { fire, next } = dueSlots(record, { now, pending, isOpen: pending + running + waiting > 0 });
	// Its end is a moment to look again, and no slot.
	const slot = fire[0]?.due ?? (next === endOf(record) ? undefined : next);
	return { record, next: slot, last, counts };
}

/** How a trigger stands, in a word. */
export function triggerState({ paused, over, spec }: TriggerRecord): "active" | "paused" | "disabled" | "over" {
	if (over !== undefined) return "over";
	if (paused) return "paused";
	return spec.enabled === false ? "disabled" : "active";
}

/** A trigger as a document. */
export function triggerJson({ record, next, last, counts }: TriggerReport): object {
	const { spec, revision, source, paused, over, createdAt, updatedAt, cursor } = record;
	return {
		id: spec.id,
		schedule: scheduleWords(spec.on),
		state: triggerState(record),
		next,
		last: last && occurrenceJson(last),
		counts,
		started: cursor.started,
		completed: cursor.completed,
		failed: cursor.failed,
		cancelled: cursor.cancelled,
		spec,
		revision,
		source,
		paused,
		over,
		createdAt,
		updatedAt,
	};
}

const HEAD = ["TRIGGER", "SCHEDULE", "STATE", "NEXT", "LAST", "RUNS"];

/** Triggers for people, one line for each. */
export function triggerListText(reports: readonly TriggerReport[], look: ListLook): string[] {
	if (reports.length === 0) return ["no triggers"];
	const head: Cell[] = HEAD.map((text) => ({ text, format: "gray" }));
	return columns([head, ...reports.map((report) => cellsOf(report, look.now))], { ...look, widest: 40 });
}

function cellsOf({ record, next, last, counts }: TriggerReport, now: number): Cell[] {
	const state = triggerState(record);
	return [
		{ text: oneLine(record.spec.id) },
		{ text: scheduleWords(record.spec.on) },
		{ text: stateText(record), ...(state !== "active" && { format: "gray" as const }) },
		{ text: nextText(next, now) },
		lastCell(last, now),
		{ text: runsText(record, counts) },
	];
}

function stateText(record: TriggerRecord): string {
	return record.over === undefined ? triggerState(record) : `over: ${record.over}`;
}

function nextText(next: number | undefined, now: number): string {
	if (next === undefined) return "";
	return next > now ? agoText(next, now) : "now";
}

function lastCell(last: Occurrence | undefined, now: number): Cell {
	if (last === undefined) return { text: "" };
	const { sign, format } = lookOf(last.state);
	return { text: `${sign} ${last.state} ${agoText(last.endedAt ?? last.createdAt, now)}`, format };
}

/** All that it has started over its life, and what goes on. */
function runsText({ cursor }: TriggerRecord, counts: TriggerReport["counts"]): string {
	const { completed, failed, cancelled } = cursor;
	const words = [`${completed} completed`];
	if (failed > 0) words.push(`${failed} failed`);
	if (cancelled > 0) words.push(`${cancelled} cancelled`);
	for (const state of ["running", "waiting", "pending"] as const) {
		const count = counts[state] ?? 0;
		if (count > 0) words.push(`${count} ${state}`);
	}
	return words.join(", ");
}

/** One trigger with its history. */
export interface TriggerStory extends TriggerReport {
	/** The newest first. */
	readonly history: readonly Occurrence[];
	readonly leader: Leader | undefined;
}

/** One trigger as a document, with its history. */
export function triggerStoryJson(story: TriggerStory): object {
	return { ...triggerJson(story), history: story.history.map(occurrenceJson), leader: story.leader ?? null };
}

/** One trigger for people, with its history. */
export function triggerStoryText(story: TriggerStory, look: ListLook): string[] {
	const { record, next, counts, history } = story;
	const { now, paint } = look;
	const { spec, revision, source, createdAt } = record;
	const facts: [string, string][] = [
		["Trigger", `${spec.id}${spec.description === undefined ? "" : `: ${oneLine(spec.description)}`}`],
		["Schedule", scheduleWords(spec.on)],
		["Starts", startText(spec.start)],
		["State", stateText(record)],
	];
	if (next !== undefined) facts.push(["Next", `${momentText(next)}, ${nextText(next, now)}`]);
	facts.push(
		["Overlap", overlapOf(spec)],
		["Runs", runsText(record, counts)],
		["Made", `${momentText(createdAt)}, by ${source === "code" ? "a program" : "hand"}; revision ${revision}`],
	);
	return [...factLines(facts, paint), "", ...occurrenceListText(history, look)];
}

function factLines(facts: readonly (readonly [string, string])[], paint: Paint): string[] {
	const width = Math.max(...facts.map(([name]) => name.length));
	return facts.map(([name, text]) => `${paint("bold", name.padEnd(width))}  ${text}`);
}

/** What a trigger starts, in a few words. */
function startText(start: StartSpec): string {
	if (typeof start === "string") return oneLine(start);
	if ("nodes" in start) return `a graph of ${start.nodes.length} nodes`;
	return start.input === undefined ? oneLine(start.call) : `${oneLine(start.call)} with ${valueText(start.input)}`;
}
