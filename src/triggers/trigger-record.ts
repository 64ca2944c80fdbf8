import { canonicalJson } from "../core/plain.js";
import type { DueSlots } from "./due.js";
import { momentOf } from "./moment.js";
import { everyOf } from "./schedule-text.js";
import type { Moment, Schedule, TriggerRecord, TriggerSpec } from "./trigger.js";

const NOTHING_YET = { started: 0, completed: 0, failed: 0, cancelled: 0, failures: 0 };

/** A trigger that is put for the first time. @param now - milliseconds since the Unix epoch: the anchor of its slots */
export function newRecord(
	spec: TriggerSpec,
	now: number,
	source: TriggerRecord["source"],
	revision = 1,
): TriggerRecord {
	return {
		spec,
		revision,
		createdAt: now,
		updatedAt: now,
		source,
		paused: false,
		cursor: NOTHING_YET,
		version: 1,
	};
}

/**
 * A trigger that is put again. What makes other slots raises the revision; slots up to now are then those of nobody, as they
 * are when its start, its end or `enabled` changes: only what comes from now on is due.
 *
 * @returns the same record when nothing changes
 */
export function changedRecord(record: TriggerRecord, spec: TriggerSpec, now: number): TriggerRecord {
	const { over, ...rest } = record;
	if (canonicalJson(spec) === canonicalJson(record.spec)) return record;
	const isOther = slotsText(spec.on) !== slotsText(record.spec.on);
	const isElsewhen = over !== undefined || isOther || windowText(spec) !== windowText(record.spec);
	const { slot, endedAt, change, ...counts } = record.cursor;
	const kept = { ...counts, ...(slot !== undefined && { slot }), ...(endedAt !== undefined && { endedAt }) };
	return {
		...rest,
		spec,
		revision: isOther ? record.revision + 1 : record.revision,
		cursor: isOther
			? passed(spec, { ...counts, failures: 0 }, now)
			: { ...(isElsewhen ? passed(spec, kept, now) : kept), ...(change !== undefined && { change }) },
		updatedAt: now,
		version: record.version + 1,
	};
}

/** Pauses a trigger or lets it go on: then what came due meanwhile is left out. @returns the same record when it is so already */
export function pausedRecord(record: TriggerRecord, paused: boolean, now: number): TriggerRecord {
	if (record.paused === paused) return record;
	const cursor = paused ? record.cursor : passed(record.spec, record.cursor, now);
	return { ...record, paused, cursor, updatedAt: now, version: record.version + 1 };
}

/** A trigger after what was due. @returns the same record when nothing was */
export function advancedRecord(record: TriggerRecord, { slot, over }: DueSlots, now: number): TriggerRecord {
	if (slot === record.cursor.slot && over === undefined) return record;
	return {
		...record,
		cursor: slot === undefined ? record.cursor : { ...record.cursor, slot },
		...(over !== undefined && { over }),
		updatedAt: now,
		version: record.version + 1,
	};
}

/** A `once` is a promise: it is kept later rather than not at all. */
function passed({ on }: TriggerSpec, cursor: TriggerRecord["cursor"], now: number): TriggerRecord["cursor"] {
	if (on.kind !== "every" && on.kind !== "cron") return cursor;
	return { ...cursor, slot: Math.max(now, cursor.slot ?? now) };
}

/** When a trigger takes occurrences at all. */
function windowText({ startAt, endAt, enabled = true }: TriggerSpec): string {
	const ms = (moment: Moment | undefined) => (moment === undefined ? undefined : momentOf(moment));
	return canonicalJson([ms(startAt) ?? null, ms(endAt) ?? null, enabled]);
}

/** What the slots of a schedule depend on: equal texts, equal slots. What is done about them may change without it. */
function slotsText(on: Schedule): string {
	switch (on.kind) {
		case "once":
			return canonicalJson({ kind: on.kind, at: on.at === undefined ? undefined : momentOf(on.at) });
		case "every":
			return canonicalJson({
				kind: on.kind,
				every: everyOf(on).ms,
				mode: on.mode ?? "rate",
				first: on.first ?? "interval",
			});
		case "cron":
			return canonicalJson({
				kind: on.kind,
				cron: on.cron.trim().split(/\s+/).join(" "),
				timeZone: on.timeZone ?? "UTC",
			});
		default:
			return canonicalJson(on);
	}
}

/** A trigger that is over or paused begins anew: as another revision, from now on, its counts as they were. */
export function restartedRecord(record: TriggerRecord, spec: TriggerSpec, now: number): TriggerRecord {
	const { over: _, ...rest } = record;
	const { started, completed, failed, cancelled } = record.cursor;
	return {
		...rest,
		spec,
		revision: record.revision + 1,
		createdAt: now,
		paused: false,
		cursor: { started, completed, failed, cancelled, failures: 0 },
		updatedAt: now,
		version: record.version + 1,
	};
}
