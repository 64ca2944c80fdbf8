import type { ErrorInfo } from "../core/errors.js";
import type { Retry } from "./policies.js";

/** Codes that another attempt cannot mend. */
const FINAL = new Set(["CANCELLED", "INVALID_INPUT", "UNKNOWN_AGENT"]);

/**
 * Whether and when a failed attempt is tried again: exponential backoff, capped, with jitter. A pure
 * function; all arithmetic is exact on every machine (no `Math.pow`).
 *
 * @param retry - the policy; undefined for one attempt
 * @param attempt - the number of the attempt that failed, from 1
 * @param error - how it failed; `retryable: false` ends it, `retryAfter` is the least wait
 * @param fraction - from 0 up to 1, the jitter's draw
 * @param ofPatch - the patch was refused that the attempt ended with: another one may be right, whatever the code
 * @returns milliseconds to wait, or undefined when it is not tried again
 *
 * @see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: the jitter here takes a share of the wait
 */
export function retryDelay(
	retry: Retry | undefined,
	attempt: number,
	error: ErrorInfo,
	fraction: number,
	ofPatch = false,
): number | undefined {
	if (retry === undefined || attempt >= retry.maxAttempts) return undefined;
	if (error.retryable === false || (FINAL.has(error.code) && !ofPatch)) return undefined;
	let wait = retry.delay;
	for (let k = 1; k < attempt && wait < retry.maxDelay; k++) wait *= retry.factor;
	wait = Math.min(wait, retry.maxDelay);
	wait -= Math.floor(wait * retry.jitter * fraction);
	return Math.max(wait, error.retryAfter ?? 0);
}

/** A seed for a run that was given none: its id is as random as the source of ids. */
export function seedOf(run: string): number {
	return Math.floor(jitterFraction(0, run, 0) * 0x1_0000_0000);
}

/**
 * A draw for the jitter of one attempt: the same run, node and attempt always give the same, so that
 * a replay waits as long as the original did.
 *
 * @param seed - of the run, a 32-bit integer from the injected source
 * @returns from 0 up to 1
 *
 * @see FNV-1a, Fowler, Noll and Vo; finished with the mixer of MurmurHash3 (Appleby)
 */
export function jitterFraction(seed: number, node: string, attempt: number): number {
	let hash = (0x811c9dc5 ^ seed) >>> 0;
	for (let i = 0; i < node.length; i++) hash = Math.imul(hash ^ node.charCodeAt(i), 0x01000193);
	hash = Math.imul(hash ^ attempt, 0x01000193);
	hash ^= hash >>> 16;
	hash = Math.imul(hash, 0x85ebca6b);
	hash ^= hash >>> 13;
	hash = Math.imul(hash, 0xc2b2ae35);
	hash ^= hash >>> 16;
	return (hash >>> 0) / 0x1_0000_0000;
}
