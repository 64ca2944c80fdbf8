import type { ErrorInfo } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import type { EndStatus } from "../outcome.js";
import type { StartSpec } from "./trigger.js";

/**
 * How far an occurrence is. `pending`: it is to start; `running`: its run goes on, or is to be brought back; `waiting`: its last
 * attempt failed, and the next one comes at `nextAt`. The others are ends. `skipped`: it never started, see `reason`.
 */
export type OccurrenceState = "pending" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "skipped";

/** Those that something is still to come of. */
export const OPEN_STATES: readonly OccurrenceState[] = ["pending", "running", "waiting"];

/** Those that do not change any more. */
export const ENDED_STATES: readonly OccurrenceState[] = ["completed", "failed", "cancelled", "skipped"];

export const OCCURRENCE_STATES: readonly OccurrenceState[] = [...OPEN_STATES, ...ENDED_STATES];

/** One start, with its idempotent key: a unique row of the store. */
export interface Occurrence {
	/** `trigger@revision:slot`; of a submission what it was given, or a fresh id. Also the id of the first attempt's run. */
	readonly key: string;
	/** The trigger's id; undefined for a submission. */
	readonly trigger?: string;
	readonly revision?: number;
	/** When it was due, by its slot; milliseconds since the Unix epoch. */
	readonly due: number;
	/** When it was put into the store. */
	readonly createdAt: number;
	readonly state: OccurrenceState;
	/** 0 before the first one starts. */
	readonly attempt: number;
	/** When the latest attempt was started, and when it ended. */
	readonly startedAt?: number;
	readonly endedAt?: number;
	/** While it waits or its start is delayed: not before this. */
	readonly nextAt?: number;
	/** What came with it: the changes of files, the body of an event, what `fire` was given. */
	readonly payload?: Plain;
	/** Of a submission: what it runs, and for how long at most, in milliseconds. */
	readonly start?: StartSpec;
	readonly deadline?: number;
	/** Its slot came while no service was there. */
	readonly missed?: boolean;
	/** It came of the end of another run, that of another one, and so on: so many. */
	readonly depth?: number;
	/** How its last run ended. */
	readonly status?: EndStatus;
	/** Why it was skipped, failed or cancelled. */
	readonly reason?: string;
	readonly error?: ErrorInfo;
	/** Somebody wants it to end: it is cancelled wherever it runs. */
	readonly cancelling?: string;
	readonly metadata?: Readonly<Record<string, Plain>>;
	/** For compare-and-set: rises with each write. */
	readonly version: number;
}

/** What a started run is told of its occurrence: the default input of a `call`. */
export interface OccurrenceInfo {
	readonly key: string;
	readonly trigger?: string;
	/** ISO 8601. */
	readonly due: string;
	readonly attempt: number;
	readonly payload?: Plain;
}

/** The id of the run of an attempt: the journal starts each once, whoever tries. */
export function runOf(key: string, attempt: number): RunId {
	return attempt <= 1 ? key : `${key}#${attempt}`;
}

/** Whether a row does not change any more. */
export function isEnded({ state }: Occurrence): boolean {
	return !OPEN_STATES.includes(state);
}
