import { milliseconds } from "../core/durations.js";
import { everyOf } from "./schedule-text.js";
import { startOf } from "./slots.js";
import type { IntervalSchedule, TriggerRecord } from "./trigger.js";

/** What the growth of a delay stops at where `backoff.max` says nothing; milliseconds. */
const DEFAULT_BACKOFF_MAX_MS = 3_600_000;

/**
 * When a trigger of `mode: "delay"` is due, and by which slot: that of its grid in which the moment lies. Two of them are at
 * least an interval apart, so that no slot comes twice.
 */
export function delayedSlot(record: TriggerRecord): { readonly due: number; readonly slot: number } {
	const on = record.spec.on as IntervalSchedule;
	const { createdAt, cursor } = record;
	const every = everyOf(on).ms;
	const gridOf = (time: number): number => createdAt + Math.floor((time - createdAt) / every) * every;
	let due =
		cursor.endedAt === undefined
			? startOf(record) + (on.first === "now" ? 0 : every)
			: Math.max(cursor.endedAt + delayOf(on, every, cursor.failures), startOf(record));
	// It was skipped, or the clock has been put back, or it comes from a pause: the slot before is not to come again.
	if (cursor.slot !== undefined && (due <= cursor.slot || gridOf(due) === cursor.slot)) due = cursor.slot + every;
	return { due, slot: gridOf(due) };
}

/** One interval, grown by the failures since the last success. */
function delayOf({ backoff }: IntervalSchedule, every: number, failures: number): number {
	if (backoff === undefined) return every;
	const { factor = 2 } = backoff;
	const max = Math.max(every, backoff.max === undefined ? DEFAULT_BACKOFF_MAX_MS : milliseconds(backoff.max));
	let delay = every;
	// By products, which are the same on every machine; a factor of 1 would go on for ever.
	for (let k = 0; k < Math.min(failures, 1_000) && delay < max; k++) delay *= factor;
	return Math.round(Math.min(delay, max));
}
