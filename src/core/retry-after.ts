import { MAX_DURATION_MS } from "./durations.js";

/**
 * Milliseconds of a `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date.
 *
 * @param now - milliseconds since the Unix epoch
 * @returns undefined where there is none, or none that can be read
 */
export function retryAfterOf(header: string | null | undefined, now: number): number | undefined {
	if (header === null || header === undefined) return undefined;
	const ms = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
	return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.ceil(ms), 0), MAX_DURATION_MS);
}

/** Statuses of HTTP that pass: a time-out, too early, too many requests, and what the server could not do just now. */
export function isPassing(status: number): boolean {
	return status === 408 || status === 425 || status === 429 || (status >= 500 && status < 600 && status !== 501);
}
