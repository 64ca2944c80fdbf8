import type { Plain } from "../core/plain.js";
import { whyShut } from "./due.js";
import { type Occurrence, runOf } from "./occurrence.js";
import { givenKey, runEndKey } from "./occurrence-key.js";
import type { TriggerRecord, TriggerSpec } from "./trigger.js";

/** A new row of a trigger, which nobody has decided about yet. */
export function arrival(
	{ spec, revision }: TriggerRecord,
	key: string,
	now: number,
	more: Partial<Pick<Occurrence, "payload" | "depth" | "due" | "missed" | "nextAt">> = {},
): Occurrence {
	return {
		key,
		trigger: spec.id,
		revision,
		due: now,
		createdAt: now,
		state: "pending",
		attempt: 0,
		version: 1,
		...(spec.metadata !== undefined && { metadata: spec.metadata }),
		...more,
	};
}

/** What the end of an occurrence starts: those triggers wait for the end of a run like it. */
export function arrivalsOf(records: readonly TriggerRecord[], ended: Occurrence, now: number): Occurrence[] {
	const run = runOf(ended.key, ended.attempt);
	if (ended.state === "skipped" || ended.status === undefined) return [];
	const payload: Plain = {
		run,
		key: ended.key,
		status: ended.status,
		...(ended.trigger !== undefined && { trigger: ended.trigger }),
		...(ended.reason !== undefined && { reason: ended.reason }),
	};
	const depth = (ended.depth ?? 0) + 1;
	return records
		.filter((record) => whyShut(record, now) === undefined && awaits(record.spec, ended))
		.map((record) => arrival(record, runEndKey(record, run), now, { payload, depth }));
}

function awaits({ id, on }: TriggerSpec, { trigger, status }: Occurrence): boolean {
	if (on.kind !== "event" || on.run === undefined) return false;
	const { trigger: wanted, status: statuses } = on.run;
	// Its own end is no reason to start again, unless that is what it says.
	if (wanted === undefined ? trigger === id : trigger !== wanted) return false;
	return statuses === undefined || (status !== undefined && statuses.includes(status));
}

/** What a named event starts. */
export function eventArrivals(
	records: readonly TriggerRecord[],
	event: string,
	{ key, payload }: { readonly key: string; readonly payload: Plain | undefined },
	now: number,
): Occurrence[] {
	return records
		.filter((record) => isFor(record.spec, event) && whyShut(record, now) === undefined)
		.map((record) => arrival(record, givenKey(record, key), now, payload === undefined ? {} : { payload }));
}

function isFor({ on }: TriggerSpec, event: string): boolean {
	return on.kind === "event" && on.event === event;
}
