import { cronSlots } from "./cron-slots.js";
import { intervalSlots } from "./interval-slots.js";
import { momentOf } from "./moment.js";
import { everyOf } from "./schedule-text.js";
import type { TriggerRecord } from "./trigger.js";

/** Slots in time, in milliseconds since the Unix epoch, without an end on either side. */
export interface SlotSource {
	/** The first one later than this. */
	after(time: number): number | undefined;
	/** The last one earlier than this. */
	before(time: number): number | undefined;
	/** How many there are in (after, until], where that is known without looking at each. */
	count?(after: number, until: number): number;
}

/** Slots that lie between two moments. */
export interface SlotRange {
	/** The newest ones, oldest first. */
	readonly slots: readonly number[];
	/** Whether there are older ones beside them. */
	readonly isMore: boolean;
	/** How many there are in all; undefined where only looking at each would say. */
	readonly count?: number;
}

/**
 * When a trigger that is timed by slots is next due; `every` in both modes, `cron`, and `once` as long as that slot lies ahead.
 *
 * @param after - milliseconds since the Unix epoch; this moment itself does not count
 * @returns undefined when there is none before the trigger's end, or it is not timed
 */
export function nextSlot(record: TriggerRecord, after: number): number | undefined {
	const slot = sourceOf(record)?.after(Math.max(after, startOf(record) - 1));
	return slot === undefined || slot >= endOf(record) ? undefined : slot;
}

/**
 * The slots in (after, until] that lie between the trigger's start and its end: at most `max`, the newest. It costs what they
 * cost, not what lies between the two moments.
 *
 * @param max - at least 0
 */
export function slotsBetween(record: TriggerRecord, after: number, until: number, max: number): SlotRange {
	const source = sourceOf(record);
	const from = Math.max(after, startOf(record) - 1);
	const to = Math.min(until, endOf(record) - 1);
	if (source === undefined || to <= from) return { slots: [], isMore: false, count: 0 };
	const slots: number[] = [];
	let slot = source.before(to + 1);
	while (slot !== undefined && slot > from && slots.length < max) {
		slots.push(slot);
		slot = source.before(slot);
	}
	const isMore = slot !== undefined && slot > from;
	const count = isMore ? source.count?.(from, to) : slots.length;
	return { slots: slots.reverse(), isMore, ...(count !== undefined && { count }) };
}

/** Nothing of a trigger is due before; of a `once` its moment, which may be one that has passed. Milliseconds since the Unix epoch. */
export function startOf({ spec: { on, startAt }, createdAt }: TriggerRecord): number {
	const own = on.kind === "once" && on.at !== undefined ? (momentOf(on.at) ?? createdAt) : createdAt;
	return Math.max(own, (startAt === undefined ? undefined : momentOf(startAt)) ?? own);
}

/** Nothing of a trigger is due from then on; infinite when it has no end. */
export function endOf({ spec }: TriggerRecord): number {
	return (spec.endAt === undefined ? undefined : momentOf(spec.endAt)) ?? Number.POSITIVE_INFINITY;
}

function sourceOf(record: TriggerRecord): SlotSource | undefined {
	const { on } = record.spec;
	switch (on.kind) {
		case "every":
			return intervalSlots(record.createdAt, everyOf(on).ms, on.first === "now" ? 0 : 1);
		case "cron":
			return cronSlots(on);
		case "once": {
			const at = startOf(record);
			return { after: (time) => (time < at ? at : undefined), before: (time) => (time > at ? at : undefined) };
		}
		default:
			return undefined;
	}
}
