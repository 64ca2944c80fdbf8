import { sha256 } from "../core/checksum.js";
import type { Clock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { type ErrorInfo, errorInfo, SwarmError } from "../core/errors.js";
import { pause } from "../core/pause.js";
import { checkWhole } from "../core/whole.js";
import type { Delivery, DeliveryPort } from "./delivery.js";

/** How often and when a delivery is tried again. */
export interface DeliveryRetry {
	/** Tries in all; 1 to 1,000, default 8. */
	readonly maxAttempts?: number;
	/** Wait before the second try; later waits grow by `factor`. Default 1 second. */
	readonly delay?: Duration;
	/** Growth of the wait from try to try, 1 to 100; default 2. */
	readonly factor?: number;
	/** The longest wait; default 5 minutes. */
	readonly maxDelay?: Duration;
	/** The share of the wait that is random, 0 to 1; default 0.2. */
	readonly jitter?: number;
	/** The longest wait that a receiver may ask for; default 1 hour. */
	readonly maxRetryAfter?: Duration;
}

/** What is delivered to whom. */
export interface DeliveryTask {
	readonly port: DeliveryPort;
	/** Its `attempt` is that of the first try. */
	readonly delivery: Delivery;
	readonly clock: Clock;
	/** How long a try may take; default 30 seconds. */
	readonly deadline?: Duration;
	readonly retry?: DeliveryRetry;
	/** Ends it: the current try is aborted, and no other comes. */
	readonly signal?: AbortSignal;
	/** Called after each try that failed; what it throws is ignored. `wait`: milliseconds until the next one, if there is one. */
	readonly onFailure?: (failure: {
		readonly attempt: number;
		readonly error: ErrorInfo;
		readonly wait?: number;
	}) => void;
}

/** How it went. */
export interface DeliveryResult {
	/** How often it was tried. */
	readonly attempts: number;
	/** It was taken. */
	readonly ok: boolean;
	/** Otherwise: how the last try failed. */
	readonly error?: ErrorInfo;
}

type Limits = Readonly<
	Record<"maxAttempts" | "delay" | "factor" | "maxDelay" | "jitter" | "maxRetryAfter" | "deadline", number>
>;

/**
 * Checks how a delivery is to be retried, before there is one.
 *
 * @throws SwarmError `INVALID_OPTION`
 */
export function checkDeliveryRetry(retry: DeliveryRetry = {}, deadline: Duration = "30s"): Limits {
	const { maxAttempts = 8, delay = "1s", factor = 2, maxDelay = "5m", jitter = 0.2, maxRetryAfter = "1h" } = retry;
	checkWhole(maxAttempts, "retry.maxAttempts", 1, 1_000);
	if (!(factor >= 1 && factor <= 100))
		throw new SwarmError("INVALID_OPTION", `retry.factor is ${String(factor)}, not a number from 1 to 100`);
	if (!(jitter >= 0 && jitter <= 1))
		throw new SwarmError("INVALID_OPTION", `retry.jitter is ${String(jitter)}, not a number from 0 to 1`);
	return {
		maxAttempts,
		delay: milliseconds(delay, "retry.delay"),
		factor,
		maxDelay: milliseconds(maxDelay, "retry.maxDelay"),
		jitter,
		maxRetryAfter: milliseconds(maxRetryAfter, "retry.maxRetryAfter"),
		deadline: milliseconds(deadline, "deadline"),
	};
}

/**
 * Delivers at least once: tries until the port takes it, says that it never will (`retryable: false`), or has had all its
 * tries. A port that answers when its time is over counts as one that failed, and what it says then is ignored. The process
 * is kept alive meanwhile.
 *
 * @returns how it went; it never rejects, whatever the port does
 */
export async function deliverUntilTaken(task: DeliveryTask): Promise<DeliveryResult> {
	const first = task.delivery.attempt;
	let attempt = first;
	const result = (error?: ErrorInfo): DeliveryResult => {
		return { attempts: attempt - first, ok: error === undefined, ...(error !== undefined && { error }) };
	};
	let limits: Limits;
	try {
		limits = checkDeliveryRetry(task.retry, task.deadline);
	} catch (error) {
		return result(errorInfo(error));
	}
	const release = task.clock.hold();
	try {
		for (;;) {
			if (task.signal?.aborted) return result(cancelled());
			const error = await tryOnce(task, attempt, limits.deadline);
			attempt++;
			if (error === undefined) return result();
			const wait = waitAfter(error, attempt - first, task.delivery.key, limits);
			const isOver = wait === undefined || task.signal?.aborted === true;
			tell(task, { attempt: attempt - 1, error, ...(!isOver && { wait }) });
			if (isOver) return result(error);
			// Whoever was told of the failure may have called it off.
			await pause(task.clock, wait, task.signal);
		}
	} finally {
		release();
	}
}

/** Milliseconds until the next try, or undefined when there is none. */
function waitAfter(error: ErrorInfo, tries: number, key: string, limits: Limits): number | undefined {
	if (error.retryable === false || tries >= limits.maxAttempts) return undefined;
	let wait = limits.delay;
	for (let k = 1; k < tries && wait < limits.maxDelay; k++) wait *= limits.factor;
	wait = Math.min(wait, limits.maxDelay);
	// Drawn from the key, so that many that failed together come back apart, and each always in the same way.
	const draw = Number.parseInt(sha256(`${key}\n${tries}`).slice(0, 8), 16) / 0x1_0000_0000;
	wait -= Math.floor(wait * limits.jitter * draw);
	return Math.max(wait, Math.min(error.retryAfter ?? 0, limits.maxRetryAfter));
}

/** @returns how it failed, or undefined when it was taken in time */
function tryOnce(task: DeliveryTask, attempt: number, deadline: number): Promise<ErrorInfo | undefined> {
	const { port, delivery, clock, signal } = task;
	return new Promise((resolve) => {
		const controller = new AbortController();
		const end = (error?: ErrorInfo): void => {
			clock.clear(timer);
			signal?.removeEventListener("abort", stop);
			resolve(error);
		};
		const abort = (reason: SwarmError): void => {
			end(errorInfo(reason));
			controller.abort(reason);
		};
		const stop = (): void => abort(new SwarmError("CANCELLED", "the delivery was called off"));
		const timer = clock.set(clock.now() + deadline, () =>
			abort(new SwarmError("TIMEOUT", `the delivery took longer than ${deadline} ms`)),
		);
		signal?.addEventListener("abort", stop);
		// The first answer counts: what comes when the time is over finds the promise resolved.
		call(port, { ...delivery, attempt }, controller.signal).then(
			() => end(),
			(error: unknown) => end(errorInfo(error)),
		);
	});
}

/** An own function, so that what a port throws is a rejection like any other. */
async function call(port: DeliveryPort, delivery: Delivery, signal: AbortSignal): Promise<void> {
	await port.deliver(delivery, signal);
}

function cancelled(): ErrorInfo {
	return errorInfo(new SwarmError("CANCELLED", "the delivery was called off"));
}

function tell(task: DeliveryTask, failure: Parameters<NonNullable<DeliveryTask["onFailure"]>>[0]): void {
	try {
		task.onFailure?.(failure);
	} catch {
		// It is there to be told, and has no say.
	}
}
