import { type Occurrence, type OccurrenceState, runOf } from "../../triggers/occurrence.js";
import { type Cell, columns } from "./columns.js";
import { oneLine } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { lengthText } from "./time-text.js";

/** How lists are shown. */
export interface ListLook {
	readonly now: number;
	readonly paint: Paint;
	/** Lines are cut to it; undefined: they are not. */
	readonly width: number | undefined;
}

/** An occurrence as a document: the row, with the run of its latest attempt. */
export function occurrenceJson(row: Occurrence): object {
	const { version: _, ...shown } = row;
	return row.attempt === 0 ? shown : { ...shown, run: runOf(row.key, row.attempt) };
}

const HEAD = ["OCCURRENCE", "STATE", "DUE", "TOOK", "ATTEMPT", "WHY"];

/** Occurrences for people, one line for each. */
export function occurrenceListText(rows: readonly Occurrence[], look: ListLook, indent = ""): string[] {
	if (rows.length === 0) return [`${indent}no occurrences`];
	const head: Cell[] = HEAD.map((text) => ({ text, format: "gray" }));
	return columns([head, ...rows.map((row) => cellsOf(row, look.now))], { ...look, indent });
}

function cellsOf(row: Occurrence, now: number): Cell[] {
	const { key, state, due, attempt } = row;
	return [
		{ text: oneLine(key) },
		stateCell(state),
		{ text: agoText(due, now) },
		{ text: tookText(row) },
		{ text: attempt === 0 ? "" : String(attempt) },
		{ text: whyText(row, now) },
	];
}

export function stateCell(state: OccurrenceState): Cell {
	const { sign, format } = lookOf(state);
	return { text: `${sign} ${state}`, format };
}

/** `3 s ago`, `in 5 m`. */
export function agoText(at: number, now: number): string {
	return at > now ? `in ${lengthText(at - now)}` : `${lengthText(now - at)} ago`;
}

/** How long its latest attempt took; empty while it goes on. */
export function tookText({ state, startedAt, endedAt, attempt }: Occurrence): string {
	if (attempt === 0 || startedAt === undefined || endedAt === undefined || state === "running") return "";
	return lengthText(endedAt - startedAt);
}

/** What an occurrence waits for, or why it did not complete. */
export function whyText({ state, reason, error, nextAt, cancelling, missed }: Occurrence, now: number): string {
	const words: string[] = [];
	const what = error === undefined ? reason : `${error.code}: ${error.message}`;
	if (state === "running" && cancelling !== undefined) words.push(`to be cancelled: ${oneLine(cancelling)}`);
	if (state !== "completed" && state !== "running" && what !== undefined) words.push(oneLine(what));
	if (state === "waiting" && nextAt !== undefined) words.push(`again ${nextAt > now ? agoText(nextAt, now) : "now"}`);
	if (state === "pending" && nextAt !== undefined && nextAt > now) words.push(`starts ${agoText(nextAt, now)}`);
	if (missed === true && state !== "skipped") words.push("missed before");
	return words.join("; ");
}
