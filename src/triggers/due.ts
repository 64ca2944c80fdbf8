import { milliseconds } from "../core/durations.js";
import { delayedSlot } from "./delay-slots.js";
import { jitterOf } from "./jitter.js";
import { onceKey, slotKey } from "./occurrence-key.js";
import { endOf, nextSlot, slotsBetween, startOf } from "./slots.js";
import type { TriggerRecord } from "./trigger.js";

/** A slot that is found no later than this is on time, whatever kept it; milliseconds. */
export const ON_TIME_MS = 30_000;

/** Slots that are on time and start together, at most; and those that are caught up with where `maxMissed` says nothing. */
export const DEFAULT_MAX_MISSED = 100;

/** An occurrence that is due. */
export interface DueSlot {
	readonly key: string;
	/** By its slot; milliseconds since the Unix epoch. */
	readonly due: number;
	/** With `jitter`: it does not start before. */
	readonly nextAt?: number;
}

/** Slots that nobody will start, all told by the newest of them. */
export interface MissedSlots extends DueSlot {
	/** How many, the newest included; where `isMore`, at least. */
	readonly count: number;
	readonly isMore: boolean;
	/** All of it in words. */
	readonly reason: string;
}

/** What is to be done about a trigger now. */
export interface DueSlots {
	/** To be put into the store, in this order, together with the cursor. */
	readonly fire: readonly DueSlot[];
	readonly missed?: MissedSlots;
	/** What `cursor.slot` is to be; undefined as long as there was no slot. */
	readonly slot: number | undefined;
	/** When to look again, unless the trigger changes before; undefined: not at all. */
	readonly next: number | undefined;
	/** Nothing comes any more after what is fired here. */
	readonly over?: "maxRuns" | "endAt" | "once";
}

/** What a trigger's record does not say. */
export interface DueOptions {
	/** Milliseconds since the Unix epoch. */
	readonly now: number;
	/** Occurrences of the trigger that are in the store and have not started yet: they count for `maxRuns`. Default 0. */
	readonly pending?: number;
	/** Whether one has not ended, pending and waiting ones included: with `mode: "delay"` nothing is due meanwhile. */
	readonly isOpen?: boolean;
	/** A slot that is found no later than this is on time; milliseconds, default {@link ON_TIME_MS}. */
	readonly tolerance?: number;
}

/**
 * Which slots of a trigger are due. A pure function: whoever asks with the same record gets the same keys, and who stores what is
 * fired and the cursor in one write starts each slot once, however often and whenever it is asked.
 *
 * A slot that is found at most `tolerance` late is on time and starts. With `missed: "skip"` older ones are left out; with `one`
 * the newest starts when none is on time; with `all` the newest `maxMissed` start.
 */
export function dueSlots(record: TriggerRecord, options: DueOptions): DueSlots {
	const { now, pending = 0 } = options;
	const { on, maxRuns = Number.POSITIVE_INFINITY } = record.spec;
	const { started, slot } = record.cursor;
	if (record.over !== undefined) return { fire: [], slot, next: undefined };
	if (started >= maxRuns) return { fire: [], slot, next: undefined, over: "maxRuns" };
	const room = maxRuns - started - pending;
	// What is pending may yet be skipped: then there is room again.
	if (!isAwake(record) || room <= 0) return waiting(record, now, undefined);
	if (on.kind === "once") return dueOnce(record, now);
	if (on.kind === "every" && on.mode === "delay") return dueAfterDelay(record, options);
	return dueOnTheGrid(record, options, room);
}

/**
 * Why a trigger takes no occurrence now, in words: for those that come by hand, by an event or by a file. Undefined when it does.
 *
 * @param pending - occurrences of it that have not started yet
 */
export function whyShut(record: TriggerRecord, now: number, pending = 0): string | undefined {
	const { id, enabled, on, startAt, maxRuns } = record.spec;
	if (record.over !== undefined) return `the trigger "${id}" is over: ${record.over}`;
	if (enabled === false) return `the trigger "${id}" is not enabled`;
	if (record.paused) return `the trigger "${id}" is paused`;
	if (now >= endOf(record)) return `the trigger "${id}" is over: endAt`;
	// By hand, a `once` may start before its moment.
	const start = on.kind === "once" && startAt === undefined ? now : startOf(record);
	if (now < start) return `the trigger "${id}" begins at ${new Date(start).toISOString()}`;
	if (maxRuns !== undefined && record.cursor.started + pending >= maxRuns)
		return `the trigger "${id}" has had its ${maxRuns} runs`;
	return undefined;
}

/** Whether anything of a trigger starts. */
export function isAwake(record: TriggerRecord): boolean {
	return record.spec.enabled !== false && !record.paused;
}

/** Nothing is due: until `next`, or until the trigger ends. */
function waiting(record: TriggerRecord, now: number, next: number | undefined): DueSlots {
	const { slot } = record.cursor;
	const end = endOf(record);
	if (next !== undefined && next < end) return { fire: [], slot, next };
	if (now >= end) return { fire: [], slot, next: undefined, over: "endAt" };
	return { fire: [], slot, next: Number.isFinite(end) ? end : undefined };
}

function dueOnce(record: TriggerRecord, now: number): DueSlots {
	if (record.cursor.slot !== undefined) return { fire: [], slot: record.cursor.slot, next: undefined, over: "once" };
	const at = startOf(record);
	if (at > now || at >= endOf(record)) return waiting(record, now, at);
	return { fire: [dueSlot(record, onceKey(record), at)], slot: at, next: undefined, over: "once" };
}

function dueAfterDelay(record: TriggerRecord, { now, isOpen }: DueOptions): DueSlots {
	if (isOpen) return waiting(record, now, undefined);
	const { due, slot } = delayedSlot(record);
	if (due > now || due >= endOf(record)) return waiting(record, now, due);
	return { ...waiting(record, now, undefined), fire: [dueSlot(record, slotKey(record, slot), slot)], slot };
}

function dueOnTheGrid(record: TriggerRecord, { now, tolerance = ON_TIME_MS }: DueOptions, room: number): DueSlots {
	const after = record.cursor.slot ?? Number.NEGATIVE_INFINITY;
	const first = nextSlot(record, after);
	if (first === undefined || first > now) return waiting(record, now, first);
	const rest = waiting(record, now, nextSlot(record, Math.max(now, after)));
	const found = pick(record, after, now, tolerance);
	const newest = found.slots.at(-1) ?? found.passed?.due;
	if (newest === undefined) return rest;
	const isBackwards = "catchUp" in record.spec.on && record.spec.on.catchUp === "newest";
	const order = isBackwards ? found.slots.toReversed() : found.slots;
	const fire = order.slice(0, room).map((slot) => dueSlot(record, slotKey(record, slot), slot));
	return { ...rest, fire, slot: newest, ...(found.passed !== undefined && { missed: found.passed }) };
}

interface Picked {
	/** Those that start, oldest first. */
	readonly slots: readonly number[];
	readonly passed: MissedSlots | undefined;
}

function pick(record: TriggerRecord, after: number, now: number, tolerance: number): Picked {
	const { on } = record.spec;
	const { missed = "skip", maxMissed = DEFAULT_MAX_MISSED } = on.kind === "every" || on.kind === "cron" ? on : {};
	const isAll = missed === "all";
	const late = isAll ? Number.NEGATIVE_INFINITY : now - tolerance - 1;
	const onTime = slotsBetween(record, Math.max(after, late), now, isAll ? maxMissed : DEFAULT_MAX_MISSED);
	const oldest = onTime.slots[0];
	if (oldest === undefined && missed === "one") {
		const [newest] = slotsBetween(record, after, now, 1).slots;
		return newest === undefined
			? { slots: [], passed: undefined }
			: { slots: [newest], passed: passedBy(record, after, newest - 1) };
	}
	return { slots: onTime.slots, passed: passedBy(record, after, oldest === undefined ? now : oldest - 1) };
}

/** What is left out of (after, until]. */
function passedBy(record: TriggerRecord, after: number, until: number): MissedSlots | undefined {
	const range = slotsBetween(record, after, until, DEFAULT_MAX_MISSED);
	const newest = range.slots.at(-1);
	const oldest = range.slots[0];
	if (newest === undefined || oldest === undefined) return undefined;
	const count = range.count ?? range.slots.length;
	const isMore = range.isMore && range.count === undefined;
	const since = range.isMore ? "" : ` from ${new Date(oldest).toISOString()}`;
	const reason =
		count === 1
			? "missed: nobody was there to start it"
			: `missed: nobody was there to start ${isMore ? "more than " : ""}${count} slots${since} to ${new Date(newest).toISOString()}`;
	return { key: slotKey(record, newest), due: newest, count, isMore, reason };
}

function dueSlot(record: TriggerRecord, key: string, due: number): DueSlot {
	const { jitter } = record.spec;
	return jitter === undefined
		? { key, due }
		: { key, due, nextAt: due + jitterOf(key, milliseconds(jitter, "jitter")) };
}
