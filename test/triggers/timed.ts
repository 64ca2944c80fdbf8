import fc from "fast-check";
import type { Schedule, TriggerRecord, TriggerSpec } from "../../src/triggers/trigger.js";
import { newRecord } from "../../src/triggers/trigger-record.js";
import { runsOf, SEED } from "../random.js";

/** When the triggers of these tests are made: 2026-11-25T20:00:00Z. */
export const START = Date.UTC(2026, 10, 25, 20);

export function at(text: string): number {
	return Date.parse(text);
}

export function iso(time: number): string {
	return new Date(time).toISOString();
}

/** The record of a trigger "t" that was made at START. */
export function triggerOf(on: Schedule, spec: Partial<TriggerSpec> = {}, createdAt = START): TriggerRecord {
	return newRecord({ id: "t", start: "work", ...spec, on }, createdAt, "store");
}

/** The same as it would be after some slot, some starts. */
export function withCursor(record: TriggerRecord, cursor: Partial<TriggerRecord["cursor"]>): TriggerRecord {
	return { ...record, cursor: { ...record.cursor, ...cursor } };
}

export function holds<Values extends [unknown, ...unknown[]]>(property: fc.IProperty<Values>, runs: number): void {
	fc.assert(property, { seed: SEED, numRuns: runsOf(runs) });
}
