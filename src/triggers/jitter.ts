import { jitterFraction } from "../graph/retry.js";

/**
 * How much later than its slot an occurrence starts: drawn from its key, so that whoever asks gets the same.
 *
 * @param maxMs - at least 0
 * @returns whole milliseconds, from 0 up to `maxMs`, that excluded unless it is 0
 */
export function jitterOf(key: string, maxMs: number): number {
	return Math.floor(jitterFraction(0, key, 0) * maxMs);
}
