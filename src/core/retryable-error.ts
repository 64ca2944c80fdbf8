import { systemClock } from "./clock.js";
import { type Duration, milliseconds } from "./durations.js";
import { SwarmError } from "./errors.js";
import { isPassing, retryAfterOf } from "./retry-after.js";

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
	/**
	 * What a client of HTTP threw, as one of these where its status says that it passes: 408, 425, 429, and 5xx but 501. It is
	 * looked for in `status` or `statusCode`, and for how long in the header `retry-after` of `headers`: the errors of most
	 * clients have these, and so has a `Response`.
	 *
	 * @param failure - anything
	 * @param now - milliseconds since the Unix epoch, for headers that name a date
	 * @returns undefined for any other failure: `throw RetryableError.ofHttp(error) ?? error`
	 *
	 * @example
	 * ```ts
	 * import { RetryableError } from "dagswarm";
	 *
	 * const error = Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after": "2" } });
	 * RetryableError.ofHttp(error)?.retryAfter;           // 2000
	 * RetryableError.ofHttp({ status: 404 });             // undefined
	 * ```
	 */
	static ofHttp(failure: unknown, now = systemClock.now()): RetryableError | undefined {
		const { status, message, headers } = httpFailure(failure);
		if (status === undefined || !isPassing(status)) return undefined;
		const retryAfter = retryAfterOf(headerOf(headers, "retry-after"), now);
		return new RetryableError(message ?? `status ${status}`, {
			cause: failure,
			...(retryAfter !== undefined && { retryAfter }),
		});
	}

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

interface HttpFailure {
	readonly status: number | undefined;
	readonly message: string | undefined;
	readonly headers: unknown;
}

/** A hostile getter makes it any other failure. */
function httpFailure(failure: unknown): HttpFailure {
	const none = { status: undefined, message: undefined, headers: undefined };
	if (typeof failure !== "object" || failure === null) return none;
	try {
		const { status, statusCode, message, headers } = failure as Record<string, unknown>;
		const code = typeof status === "number" ? status : statusCode;
		return {
			status: typeof code === "number" ? code : undefined,
			message: typeof message === "string" && message !== "" ? message : undefined,
			headers,
		};
	} catch {
		return none;
	}
}

function headerOf(headers: unknown, name: string): string | undefined {
	if (typeof headers !== "object" || headers === null) return undefined;
	const { get } = headers as { readonly get?: unknown };
	const value: unknown = typeof get === "function" ? get.call(headers, name) : ownHeader(headers, name);
	return typeof value === "string" ? value : undefined;
}

function ownHeader(headers: object, name: string): unknown {
	const key = Object.keys(headers).find((each) => each.toLowerCase() === name);
	return key === undefined ? undefined : (headers as Record<string, unknown>)[key];
}
