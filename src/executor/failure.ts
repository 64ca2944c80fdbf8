import { type ErrorInfo, errorInfo } from "../core/errors.js";
import type { Attempt } from "./attempt.js";

/** How an attempt ends whose time is over, as limits hear of it. */
export const OVERDUE: ErrorInfo = Object.freeze({ code: "TIMEOUT", message: "the time of the attempt is over" });

/** How an attempt ends that is not wanted any more, likewise. */
export const STOPPED: ErrorInfo = Object.freeze({ code: "CANCELLED", message: "the attempt is not wanted any more" });

/** What an attempt threw, and whether its agent finds that worth another one. */
export function failureOf({ agent: { retryable } }: Attempt, thrown: unknown): ErrorInfo {
	const error = errorInfo(thrown);
	if (retryable === undefined || error.retryable !== undefined) return error;
	try {
		return { ...error, retryable: retryable(error) === true };
	} catch (broken) {
		return { ...error, retryable: false, cause: errorInfo(broken) };
	}
}
