import { type ErrorInfo, withoutStacks } from "../core/errors.js";
import { atPointer } from "../core/plain.js";
import { normalRetry } from "../graph/policies.js";
import { retryDelay } from "../graph/retry.js";
import type { EndStatus, Failure } from "../outcome.js";
import type { Occurrence } from "./occurrence.js";
import type { TriggerRecord, TriggerSpec } from "./trigger.js";

/** How the run of an attempt ended, or why it could not even begin. */
export interface AttemptEnd {
	readonly status: EndStatus;
	readonly reason?: string | undefined;
	readonly error?: ErrorInfo | undefined;
	/** Of a run that has completed: of its sinks, by id. */
	readonly outputs?: Readonly<Record<string, unknown>>;
}

/** How a run ended, in the words of its first failure. */
export function endOf({
	status,
	reason,
	outputs,
	failures,
}: {
	readonly status: EndStatus;
	readonly reason?: string;
	readonly outputs: Readonly<Record<string, unknown>>;
	readonly failures: readonly Failure[];
}): AttemptEnd {
	if (status === "completed") return { status, outputs };
	const [first] = failures;
	const error = first && (first.cause ?? { code: first.code, message: first.message });
	return { status, reason: reason ?? first?.message, error: error && withoutStacks(error) };
}

/**
 * What an occurrence is after an attempt: ended, or waiting for the next one. A run's own status decides, never that its promise
 * resolved.
 *
 * @param fraction - from 0 up to 1: the draw of the retry's jitter
 */
export function settled(
	occurrence: Occurrence,
	end: AttemptEnd,
	spec: Pick<TriggerSpec, "retry"> | undefined,
	now: number,
	fraction: number,
): Occurrence {
	const { nextAt: _, error: __, reason: ___, ...kept } = occurrence;
	const after = {
		...kept,
		status: end.status,
		endedAt: now,
		version: occurrence.version + 1,
		...(end.reason !== undefined && { reason: end.reason }),
		...(end.error !== undefined && { error: end.error }),
	};
	if (end.status === "completed") return { ...after, state: "completed" };
	if (end.status === "cancelled" || occurrence.cancelling !== undefined)
		return { ...after, state: "cancelled", reason: occurrence.cancelling ?? end.reason ?? "cancelled" };
	const delay = delayOf(occurrence, end, spec, fraction);
	return delay === undefined ? { ...after, state: "failed" } : { ...after, state: "waiting", nextAt: now + delay };
}

function delayOf(
	{ attempt }: Occurrence,
	{ status, error }: AttemptEnd,
	spec: Pick<TriggerSpec, "retry"> | undefined,
	fraction: number,
): number | undefined {
	const retry = spec?.retry;
	if (retry === undefined) return undefined;
	const policy = normalRetry(retry);
	// How its last node failed is not how the run failed: what only a code says about one node does not end the occurrence.
	const { retryable, retryAfter } = error ?? {};
	const failure = {
		code: status,
		message: "",
		...(retryable !== undefined && { retryable }),
		...(retryAfter !== undefined && { retryAfter }),
	};
	return retryDelay(policy, attempt, failure, fraction);
}

/** What the output of a completed run says to its trigger. */
export interface Left {
	/** What the next run is to find. */
	readonly remember?: unknown;
	/** The trigger has done what it was for. */
	readonly isDone: boolean;
}

/** What a run has left for its trigger: of the output of its one sink, or of the outputs of several by id. */
export function leftBy(spec: TriggerSpec, outputs: Readonly<Record<string, unknown>>): Left {
	const { remember, until } = spec;
	if (remember === undefined && until === undefined) return { isDone: false };
	const [only, ...others] = Object.keys(outputs);
	const output = only !== undefined && others.length === 0 ? outputs[only] : outputs;
	const kept = remember && atPointer(output, remember.path ?? "");
	const done = until === undefined ? undefined : atPointer(output, until);
	return {
		...(kept?.found === true && kept.value !== undefined && { remember: kept.value }),
		isDone: done?.found === true && done.value === true,
	};
}

/** The trigger after an occurrence of it has ended. @returns the same record while it waits for another attempt */
export function counted(record: TriggerRecord, { state }: Occurrence, now: number, isDone: boolean): TriggerRecord {
	if (state !== "completed" && state !== "failed" && state !== "cancelled") return record;
	const { cursor, spec } = record;
	const isDelayed = spec.on.kind === "every" && spec.on.mode === "delay";
	return {
		...record,
		cursor: {
			...cursor,
			[state]: cursor[state] + 1,
			...(state === "completed" && { failures: 0 }),
			...(state === "failed" && { failures: cursor.failures + 1 }),
			...(isDelayed && { endedAt: now }),
		},
		...(isDone && { over: "until" as const }),
		version: record.version + 1,
		updatedAt: now,
	};
}
