import { type Admission, admit, type Standing } from "./admission.js";
import { isAwake } from "./due.js";
import type { Occurrence } from "./occurrence.js";
import type { TriggerRecord } from "./trigger.js";

/** Submissions that go on at a time. */
const MOST_SUBMITTED = 1_000;

const NONE: ReadonlySet<string> = new Set();

/** Why an occurrence was cancelled that made place for another one. */
export const SUPERSEDED = "a later occurrence takes its place";

/** The earliest of several moments. */
export class Wake {
	at: number | undefined;

	by(due: number | undefined): void {
		if (due !== undefined && due < Number.POSITIVE_INFINITY && (this.at === undefined || due < this.at)) this.at = due;
	}
}

/** Where what is decided in one turn is put together, to be written in one go. */
export class Decisions {
	/** Rows as they are to be: those whose next attempt begins, and others. */
	readonly begin: Occurrence[] = [];
	readonly others: Occurrence[] = [];
	readonly records = new Map<string, TriggerRecord>();
	/** Those that run, and are to end. */
	readonly cancel: Occurrence[] = [];

	/** @param wake - when something that waits can be decided */
	constructor(readonly wake: Wake) {}
}

/**
 * Decides what becomes of the open occurrences of one trigger, or of submissions, now. It changes nothing but what it adds to the
 * decisions.
 *
 * @param rows - in the order in which they came
 * @param record - `null` for submissions; undefined where the trigger is not there any more
 */
export function decide(
	rows: readonly Occurrence[],
	record: TriggerRecord | null | undefined,
	now: number,
	to: Decisions,
): void {
	const spec = record?.spec;
	const most = spec?.maxRuns ?? Number.POSITIVE_INFINITY;
	const before = record?.cursor.started ?? 0;
	let going = rows.filter(({ state }) => state !== "pending").length;
	// Those that wait for their moment are not in anybody's way.
	let behind = rows.filter(
		(row) => row.state === "pending" && row.cancelling === undefined && !isEarly(row, now),
	).length;
	let ahead = 0;
	let started = 0;
	let superseded: ReadonlySet<string> = NONE;
	const isShut = record ? !isAwake(record) : false;
	for (const row of rows) {
		if (row.state === "running" || superseded.has(row.key) || isPutOff(row, now, to)) continue;
		if (row.state === "waiting") {
			to.begin.push(begun(row, now));
			continue;
		}
		// It waits for the trigger to go on.
		if (isShut) continue;
		behind--;
		const standing = { going, ahead, behind, left: most - before - started, isDone: record?.over === "until" };
		const what = record === null ? submitted(standing) : admit(row, spec, standing);
		if (what.kind === "start") {
			going++;
			started++;
			to.begin.push(begun(row, now));
		} else if (what.kind === "skip") to.others.push(next(ended(row, "skipped", what.reason, now)));
		else {
			ahead++;
			if (what.cancel) superseded = supersede(rows, now, to);
		}
	}
	if (record && started > 0) to.records.set(record.spec.id, countedStarts(record, started, most, now));
}

/** Whether nothing is to be decided about a row but that it is cancelled, or that it waits. */
function isPutOff(row: Occurrence, now: number, to: Decisions): boolean {
	if (row.cancelling !== undefined) {
		to.others.push(next(ended(row, "cancelled", row.cancelling, now)));
		return true;
	}
	if (!isEarly(row, now)) return false;
	to.wake.by(row.nextAt);
	return true;
}

function isEarly({ nextAt = 0 }: Occurrence, now: number): boolean {
	return nextAt > now;
}

/**
 * What goes on makes place for a later one: also where another process has it, which is told by the row.
 *
 * @returns the keys of those that are decided by this
 */
function supersede(rows: readonly Occurrence[], now: number, to: Decisions): ReadonlySet<string> {
	const decided = new Set<string>();
	const begun = new Set(to.begin.map(({ key }) => key));
	for (const row of rows) {
		// One that begins in this very turn is there in the next.
		if (row.state === "pending" || row.cancelling !== undefined || begun.has(row.key)) continue;
		decided.add(row.key);
		if (row.state === "waiting") to.others.push(next(ended(row, "cancelled", SUPERSEDED, now)));
		if (row.state !== "running") continue;
		to.others.push(next({ ...row, cancelling: SUPERSEDED }));
		to.cancel.push(row);
	}
	return decided;
}

function submitted({ going }: Standing): Admission {
	return going < MOST_SUBMITTED ? { kind: "start" } : { kind: "wait", cancel: false };
}

function countedStarts(record: TriggerRecord, started: number, most: number, now: number): TriggerRecord {
	const { cursor } = record;
	const all = cursor.started + started;
	return {
		...record,
		cursor: { ...cursor, started: all },
		...(all >= most && { over: "maxRuns" as const }),
		version: record.version + 1,
		updatedAt: now,
	};
}

function begun({ nextAt: _, endedAt: __, ...row }: Occurrence, now: number): Occurrence {
	return next({ ...row, state: "running", attempt: row.attempt + 1, startedAt: now });
}

function next(row: Occurrence): Occurrence {
	return { ...row, version: row.version + 1 };
}

/** A row that ends without having run; its version is still to be raised where it is in the store. */
export function ended(row: Occurrence, state: "skipped" | "cancelled", reason: string, now: number): Occurrence {
	return { ...row, state, reason, endedAt: now };
}
