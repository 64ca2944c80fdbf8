import type { RunAppend } from "./journal.js";

/**
 * Checks that the records of an entry follow each other, and the first one what is stored. They do
 * unless the library has a bug, and then nothing of it may be written.
 *
 * @param stored - the last event that the journal has of the run
 * @returns the last event that it will have
 */
export function checkOrder(entry: RunAppend, stored: number): number {
	let last = stored;
	for (const { firstSeq, lastSeq } of entry.records) {
		if (firstSeq !== last + 1 || lastSeq < firstSeq)
			throw new Error(`run "${entry.run}": a record of events ${firstSeq} to ${lastSeq} cannot follow event ${last}`);
		last = lastSeq;
	}
	return last;
}

/** Checks that a snapshot is of events that are stored. */
export function checkCovered(run: string, seq: number, stored: number): void {
	if (seq > stored) throw new Error(`run "${run}": a snapshot at event ${seq}, where ${stored} is the last one stored`);
}

/** Refusals, worded once for every journal of this library. */
export const fenced = (entry: RunAppend, epoch: number | undefined) =>
	({
		run: entry.run,
		code: "FENCED",
		message:
			epoch === undefined
				? `run "${entry.run}" is not in the journal any more`
				: `run "${entry.run}" has another writer: its epoch is ${epoch}, not ${entry.epoch}`,
	}) as const;

export const exists = (entry: RunAppend) =>
	({ run: entry.run, code: "RUN_EXISTS", message: `run "${entry.run}" is in the journal already` }) as const;
