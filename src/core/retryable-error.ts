import { type Duration, milliseconds } from "./durations.js";
import { SwarmError } from "./errors.js";

/** What a {@link RetryableError} says beside its message. */
export interface RetryableOptions {
	/** Nothing is worth trying before: at least so long after the failure. */
	readonly retryAfter?: Duration;
	/** The error underneath. */
	readonly cause?: unknown;
}

/**
 * A failure that is worth another attempt, for agents to throw: a provider is busy, or has asked for patience. With
 * `retryAfter` the next attempt waits at least so long, and so does everybody else who takes the same limits: see
 * `createSwarm({ limits })`. How many attempts there are is up to the `retry` of the node.
 *
 * @example
 * ```ts
 * import { defineAgent, RetryableError } from "dagswarm";
 *
 * const ask = defineAgent({
 *   name: "ask",
 *   retry: 3,
 *   limits: ["provider"],
 *   run: async (question: string) => {
 *     const status = question === "" ? 429 : 200;
 *     if (status === 429) throw new RetryableError("too many requests", { retryAfter: "30s" });
 *     return `an answer to ${question}`;
 *   },
 * });
 * const error = new RetryableError("busy", { retryAfter: "2s" });
 * error.code;       // "RETRYABLE"
 * error.retryable;  // true
 * error.retryAfter; // 2000
 * ```
 */
export class RetryableError extends SwarmError {
	readonly retryable = true;
	/** Milliseconds from the failure. */
	declare readonly retryAfter?: number;

	/**
	 * @param message - what went wrong
	 * @throws SwarmError `INVALID_OPTION` for a `retryAfter` that is no duration
	 */
	constructor(message: string, options: RetryableOptions = {}) {
		super("RETRYABLE", message, {}, "cause" in options ? { cause: options.cause } : undefined);
		if (options.retryAfter !== undefined) this.retryAfter = milliseconds(options.retryAfter, "retryAfter");
	}
}
