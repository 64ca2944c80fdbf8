import { SwarmError } from "../core/errors.js";

/** What somebody else is always ahead of is tried so many times at most. */
const MOST_TRIES = 100;

/**
 * Reads, decides and writes again, until nobody was ahead.
 *
 * @param what - in words, for the error
 * @param write - what it came to; undefined when somebody was ahead. It is told how often it was tried before
 * @throws SwarmError `OVERLOADED` when somebody always is
 */
export async function untilWritten<Value>(
	what: string,
	write: (tries: number) => Promise<Value | undefined>,
): Promise<Value> {
	for (let tries = 0; tries < MOST_TRIES; tries++) {
		const written = await write(tries);
		if (written !== undefined) return written;
	}
	throw new SwarmError("OVERLOADED", `${what} could not be written: somebody else was always ahead`);
}
