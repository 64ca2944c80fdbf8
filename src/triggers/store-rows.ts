import { rowChecksum } from "../core/checksum.js";
import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import { taggedText } from "../core/tagged-json.js";
import { parseBody } from "../journal/codec.js";
import { OCCURRENCE_STATES, type Occurrence, type OccurrenceState } from "./occurrence.js";
import type { OccurrenceFilter } from "./store.js";
import type { TriggerRecord } from "./trigger.js";

/** Longer names, keys and ids are refused. */
const MAX_KEY_LENGTH = 1_000;
/** Larger bodies are refused. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Requests beyond so many push out the oldest. */
export const MAX_REQUESTS = 10_000;
/** One call of `trim` takes away at most so many, so that nobody waits for it. */
export const TRIM_ROWS = 1_000;

/** A row that is not as it was written. */
export interface DamagedRow {
	readonly table: "triggers" | "occurrences";
	/** Its id or key. */
	readonly id: string;
	readonly error: SwarmError;
}

/** What stands in a store of a trigger or an occurrence: text, what it is found by, and what tells damage. */
export interface StoredText {
	readonly version: number;
	readonly checksum: number;
	readonly body: string;
}

export interface StoredOccurrence extends StoredText {
	readonly key: string;
	/** The trigger; `""` for a submission. */
	readonly owner: string;
	readonly state: OccurrenceState;
	readonly created: number;
}

export interface StoredTrigger extends StoredText {
	readonly id: string;
}

/** @throws SwarmError `INVALID_INPUT` for what cannot be stored */
export function storedOccurrence(occurrence: Occurrence): StoredOccurrence {
	const { key, trigger, state, createdAt, version } = occurrence;
	checkKey("the key of an occurrence", key);
	if (trigger !== undefined) checkKey("the trigger of an occurrence", trigger);
	const what = `occurrence ${JSON.stringify(key)}`;
	if (!OCCURRENCE_STATES.includes(state))
		throw refused(`${what} has the state ${JSON.stringify(state)}, which is none`);
	if (!Number.isFinite(createdAt)) throw refused(`${what} was created at ${String(createdAt)}`);
	return { key, owner: trigger ?? "", state, created: createdAt, ...storedText(what, key, version, occurrence) };
}

/** @throws SwarmError `INVALID_INPUT` for what cannot be stored */
export function storedTrigger(record: TriggerRecord): StoredTrigger {
	const { id } = record.spec;
	checkKey("the id of a trigger", id);
	return { id, ...storedText(`trigger ${JSON.stringify(id)}`, id, record.version, record) };
}

function storedText(what: string, key: string, version: number, value: object): StoredText {
	if (!Number.isSafeInteger(version) || version < 1) throw refused(`${what} has version ${String(version)}`);
	const wrong = findNotPlain(value);
	if (wrong !== undefined)
		throw new SwarmError("INVALID_INPUT", `${what} holds ${wrong.found}, which is no plain data`, { path: wrong.path });
	const body = taggedText(value);
	checkBody(what, body);
	return { version, checksum: rowChecksum(key, version, body), body };
}

/** @throws SwarmError `JOURNAL_CORRUPT` when it is not as it was written */
export function occurrenceOf(row: { readonly [Column in keyof StoredOccurrence]: unknown }): Occurrence {
	const { key, owner, state, created, version } = row;
	const occurrence = parsedRow("occurrence", key, row) as Occurrence;
	const { trigger = "", createdAt } = occurrence;
	// It is found by these columns: one that says otherwise would be started when it is over.
	if (occurrence.key === key && trigger === owner && occurrence.state === state && createdAt === created) {
		if (occurrence.version === version) return occurrence;
	}
	throw damagedRow("occurrence", key);
}

/** @throws SwarmError `JOURNAL_CORRUPT` when it is not as it was written */
export function triggerOf(row: { readonly [Column in keyof StoredTrigger]: unknown }): TriggerRecord {
	return parsedRow("trigger", row.id, row) as TriggerRecord;
}

function parsedRow(kind: string, key: unknown, row: { readonly [Column in keyof StoredText]: unknown }): unknown {
	return parseBody(`the ${kind} ${JSON.stringify(key)}`, wholeBody(kind, key, row), NO_BODIES);
}

/**
 * The body of a row.
 *
 * @throws SwarmError `JOURNAL_CORRUPT` when it is not as it was written
 */
export function wholeBody(
	kind: string,
	key: unknown,
	{ version, checksum: sum, body }: { readonly [Column in keyof StoredText]: unknown },
): string {
	if (typeof key === "string" && typeof version === "number" && typeof body === "string")
		if (rowChecksum(key, version, body) === sum) return body;
	throw damagedRow(kind, key);
}

function damagedRow(kind: string, key: unknown): SwarmError {
	return new SwarmError("JOURNAL_CORRUPT", `the ${kind} ${JSON.stringify(key)} is not as it was written`, {
		hint: "the others are right: take this one away, or restore the file from a backup",
	});
}

const NO_BODIES: ReadonlyMap<string, string> = new Map();

/** @throws SwarmError `INVALID_INPUT` for a key, a name or an id that is empty, too long or no whole text */
export function checkKey(what: string, key: string): void {
	if (typeof key !== "string" || key === "" || key.length > MAX_KEY_LENGTH || !key.isWellFormed())
		throw new SwarmError("INVALID_INPUT", `${what} is not a text of 1 to ${MAX_KEY_LENGTH} characters`, {
			hint: "use a hash of what is longer",
		});
}

/** @throws SwarmError `INVALID_INPUT` for a body that is too large or no text */
export function checkBody(what: string, body: string): void {
	if (typeof body !== "string") throw refused(`the body of ${what} is no text`);
	// A character has at most three bytes: most need not be counted.
	if (body.length * 3 <= MAX_BODY_BYTES || Buffer.byteLength(body) <= MAX_BODY_BYTES) return;
	throw new SwarmError("INVALID_INPUT", `${what} has more than ${MAX_BODY_BYTES} bytes`, {
		hint: "keep large values elsewhere, and their names here",
	});
}

/** @throws SwarmError `INVALID_INPUT` for a moment that is none */
export function checkMoment(what: string, at: number): void {
	if (!Number.isFinite(at)) throw refused(`${what} is ${String(at)}, no moment`);
}

function refused(message: string): SwarmError {
	return new SwarmError("INVALID_INPUT", message);
}

/** What an occurrence is found and put in order by. */
export interface Place {
	/** In the order in which they were added. */
	readonly no: number;
	readonly created: number;
}

/** The newest first, at most so many. */
export function newestFirst<Row extends Place>(rows: Row[], limit: OccurrenceFilter["limit"]): Row[] {
	return rows.sort((a, b) => b.created - a.created || b.no - a.no).slice(0, limit);
}

/** The oldest first, at most so many. */
export function oldestFirst<Row extends Place>(rows: Row[], limit: number): Row[] {
	return rows.sort((a, b) => a.created - b.created || a.no - b.no).slice(0, limit);
}
