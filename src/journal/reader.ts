import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { RunEvent } from "../graph/types.js";
import { blobsOf, decodeRecord } from "./codec.js";
import type { Journal, JournalRecord } from "./journal.js";

/**
 * Reads the events of a run in order, without a gap, up to the last that is written.
 *
 * @param from - the first event wanted, from 1
 * @param take - called with each event
 * @param upTo - the last event wanted
 * @returns the number of the last event that was given, `from - 1` when there is none
 * @throws SwarmError `SEQ_PRUNED` when the first event wanted is no longer kept; `JOURNAL_CORRUPT` when a record is
 * missing or not as it was written
 */
export async function readEvents(
	journal: Journal,
	run: RunId,
	from: number,
	take: (event: RunEvent) => void,
	upTo = Number.POSITIVE_INFINITY,
): Promise<number> {
	// Asked first: what is written meanwhile may be missed, what was there may not.
	const last = Math.min((await journal.find(run))?.lastSeq ?? 0, upTo);
	let next = from;
	for await (const events of batches(journal, run, from, upTo)) {
		for (const event of events) {
			if (event.seq > upTo) break;
			take(event);
			next = event.seq + 1;
		}
	}
	// A run that is gone by now was pruned as a whole.
	if (next <= last && (await journal.find(run)) !== undefined) throw await missing(journal, run, next);
	return next - 1;
}

/** The same as a loop, for those who read on while others write. */
export async function* streamEvents(journal: Journal, run: RunId, from: number): AsyncGenerator<RunEvent> {
	for await (const events of batches(journal, run, from)) yield* events;
}

/** The events of each record from one on; records behind `upTo` are not looked at. */
async function* batches(
	journal: Journal,
	run: RunId,
	from: number,
	upTo = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly RunEvent[]> {
	let next = from;
	for await (const record of journal.read(run, from)) {
		if (record.firstSeq > upTo) return;
		yield await eventsOf(journal, run, record, next);
		next = Math.max(next, record.lastSeq + 1);
	}
}

/** The events of a record from one on, which must be the next. */
async function eventsOf(
	journal: Journal,
	run: RunId,
	record: JournalRecord,
	next: number,
): Promise<readonly RunEvent[]> {
	if (record.firstSeq > next) throw await missing(journal, run, next);
	const hashes = blobsOf(record.body);
	const blobs = hashes.length === 0 ? NONE : await journal.blobs(hashes);
	const events: RunEvent[] = [];
	decodeRecord(run, record, blobs, (event) => {
		if (event.seq >= next) events.push(event);
	});
	return events;
}

/** What is wrong when an event that should be there is not. */
export async function missing(journal: Journal, run: RunId, next: number): Promise<SwarmError> {
	const summary = await journal.find(run);
	if (summary !== undefined && next < summary.firstSeq)
		return new SwarmError("SEQ_PRUNED", `event ${next} of run "${run}" is no longer kept`, { from: summary.firstSeq });
	return new SwarmError("JOURNAL_CORRUPT", `run "${run}" has no record of event ${next}`);
}

const NONE: ReadonlyMap<string, string> = new Map();
