import { SwarmError } from "./core/errors.js";
import type { EventLog } from "./core/event-log.js";
import type { RunId } from "./core/ids.js";
import type { Sleeper } from "./core/reader.js";
import type { RunEvent } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import { streamEvents } from "./journal/reader.js";

/**
 * Reads a live run: what the memory keeps, and from the journal what it does not keep any more, as often as the
 * reader falls behind.
 *
 * @param live - a reader of the memory, from `first` or the oldest event that is kept
 * @param sleeper - what it sleeps with
 * @param flushed - resolves when the journal has all that the memory had when it was called
 */
export async function* readBoth(
	journal: Journal,
	run: RunId,
	log: EventLog<RunEvent>,
	live: AsyncGenerator<RunEvent, void, undefined>,
	sleeper: Sleeper,
	first: number,
	wanted: ReadonlySet<string> | undefined,
	flushed: () => Promise<void>,
): AsyncGenerator<RunEvent, void, undefined> {
	let next = first;
	let reader = live;
	for (;;) {
		if (next < log.first) {
			// Effects may run ahead of the journal: what the memory has lost already may still be on its way there.
			await flushed();
			for await (const event of streamEvents(journal, run, next)) {
				next = event.seq + 1;
				if (wanted === undefined || wanted.has(event.type)) yield event;
			}
			reader = log.reading({ from: next })(sleeper);
		}
		try {
			for await (const event of reader) {
				if (event.seq < next) continue;
				next = event.seq + 1;
				if (wanted === undefined || wanted.has(event.type)) yield event;
			}
			return;
		} catch (error) {
			if (!SwarmError.is(error) || error.code !== "LAGGED") throw error;
			// The oldest event in memory may just have been overwritten: the journal has it.
			next = Math.max(next, 1);
			if (next >= log.first) reader = log.reading({ from: next })(sleeper);
		}
	}
}
