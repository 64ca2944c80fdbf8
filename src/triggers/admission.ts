import type { Occurrence } from "./occurrence.js";
import type { TriggerSpec } from "./trigger.js";
import { overlapOf } from "./trigger-check.js";

/** Why an occurrence was skipped, in words for the history. */
export const SKIPPED = {
	overlap: "an earlier occurrence was going on",
	full: "too many were waiting already",
	superseded: "a later occurrence came before it could start",
	gone: "its trigger was taken away",
	over: "its trigger has started as many as it may",
	done: "its trigger has done what it was for",
	deep: "it came of the end of a run, that of another one, and so on, too many times",
} as const;

/** One that came of a run's end that came of a run's end …: longer chains than this are taken for a circle. */
export const MAX_DEPTH = 100;

const MAX_QUEUED = 100;
const MAX_RUNNING = 100;

/** What is to become of a pending occurrence now. */
export type Admission =
	| { readonly kind: "start" }
	| { readonly kind: "skip"; readonly reason: string }
	| {
			readonly kind: "wait";
			/** Those that go on are to be cancelled for it. */
			readonly cancel: boolean;
	  };

/** How the occurrences of one trigger stand. */
export interface Standing {
	/** Those that go on, or wait for another attempt. */
	readonly going: number;
	/** Pending ones before this one, which wait for their turn. */
	readonly ahead: number;
	/** Pending ones after this one, which could start as well. */
	readonly behind: number;
	/** How many more the trigger may start over its life. */
	readonly left: number;
	/** It has done what it was for. */
	readonly isDone: boolean;
}

/**
 * Decides whether an occurrence may start: a pure function of how its trigger stands. Occurrences are asked in the order in which
 * they came.
 *
 * @param spec - undefined where the trigger is not there any more
 */
export function admit(
	occurrence: Pick<Occurrence, "missed" | "depth">,
	spec: TriggerSpec | undefined,
	{ going, ahead, behind, left, isDone }: Standing,
): Admission {
	if (spec === undefined) return { kind: "skip", reason: SKIPPED.gone };
	if (isDone) return { kind: "skip", reason: SKIPPED.done };
	if (left <= 0) return { kind: "skip", reason: SKIPPED.over };
	if ((occurrence.depth ?? 0) > MAX_DEPTH) return { kind: "skip", reason: SKIPPED.deep };
	const overlap = overlapOf(spec);
	switch (overlap) {
		case "allow":
			return going < (spec.maxRunning ?? MAX_RUNNING) ? { kind: "start" } : queued(occurrence, spec, ahead);
		case "cancelPrevious":
			if (behind > 0) return { kind: "skip", reason: SKIPPED.superseded };
			return going === 0 ? { kind: "start" } : { kind: "wait", cancel: true };
		case "skip":
			if (going + ahead === 0) return { kind: "start" };
			// Slots that are caught up with all came due before now: none of them overlaps with another one.
			return occurrence.missed === true ? { kind: "wait", cancel: false } : { kind: "skip", reason: SKIPPED.overlap };
		case "queue":
			return going + ahead === 0 ? { kind: "start" } : queued(occurrence, spec, ahead);
	}
}

/** How many slots are caught up with is for `maxMissed` to say, and has been decided. */
function queued(
	{ missed }: Pick<Occurrence, "missed">,
	{ maxQueued = MAX_QUEUED }: TriggerSpec,
	ahead: number,
): Admission {
	return missed === true || ahead < maxQueued
		? { kind: "wait", cancel: false }
		: { kind: "skip", reason: SKIPPED.full };
}
