import { type ErrorInfo, withoutStacks } from "../core/errors.js";
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
}

/** How a run ended, in the words of its first failure. */
export function endOf({
	status,
	reason,
	failures,
}: {
	readonly status: EndStatus;
	readonly reason?: string;
	readonly failures: readonly Failure[];
}): AttemptEnd {
	const [first] = failures;
	if (status === "completed") return { status };
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
	const policy = normalRetry(typeof retry === "number" ? { maxAttempts: retry } : retry);
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

/** The trigger after an occurrence of it has ended: itself where nothing in it changes. */
export function counted(record: TriggerRecord, occurrence: Occurrence, now: number): TriggerRecord {
	const { cursor, spec } = record;
	const failures =
		occurrence.state === "failed" ? cursor.failures + 1 : occurrence.state === "completed" ? 0 : undefined;
	const isDelayed = spec.on.kind === "every" && spec.on.mode === "delay";
	const isCounted = failures !== undefined && failures !== cursor.failures;
	if (!isCounted && !isDelayed) return record;
	return {
		...record,
		cursor: {
			...cursor,
			...(isCounted && { failures }),
			...(isDelayed && { endedAt: now }),
		},
		version: record.version + 1,
		updatedAt: now,
	};
}
