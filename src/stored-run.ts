import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { apply } from "./graph/apply.js";
import { RunState } from "./graph/state.js";
import type { RunEvent } from "./graph/types.js";
import type { Journal, RunSummary } from "./journal/journal.js";
import { readEvents } from "./journal/reader.js";

/**
 * The state of a run as its journal tells it: the newest snapshot and the events after it.
 *
 * @param upTo - the last event that counts; by default the last that is there
 * @throws SwarmError `UNKNOWN_RUN`; `SEQ_PRUNED` when events that are needed are gone; `JOURNAL_CORRUPT` when what
 * is there is not as it was written
 */
export async function loadState(journal: Journal, run: RunId, upTo?: number): Promise<RunState> {
	const state = new RunState();
	await catchUp(journal, run, state, upTo);
	if (state.seq === 0) throw unknownRun(run);
	if (upTo !== undefined && state.seq < upTo) {
		throw new SwarmError("INVALID_OPTION", `run "${run}" has ${state.seq} events, so there is no event ${upTo}`);
	}
	return state;
}

/** Folds the events that came since. */
export async function catchUp(journal: Journal, run: RunId, state: RunState, upTo?: number): Promise<void> {
	try {
		await readEvents(journal, run, state.seq + 1, (event) => apply(state, event), upTo);
	} catch (error) {
		if (SwarmError.is(error) && error.code !== "INTERNAL") throw error;
		const message = `the events of run "${run}" do not follow from each other`;
		throw new SwarmError("JOURNAL_CORRUPT", message, {}, { cause: error });
	}
}

/**
 * All events of a run, from its first.
 *
 * @param upTo - the last event that counts; by default the last that is there
 */
export async function eventsOf(journal: Journal, run: RunId, upTo?: number): Promise<RunEvent[]> {
	const { firstSeq, lastSeq } = await findRun(journal, run);
	if (firstSeq > 1) {
		throw new SwarmError("SEQ_PRUNED", `the events of run "${run}" before ${firstSeq} are no longer kept`, {
			from: firstSeq,
		});
	}
	if (upTo !== undefined && upTo > lastSeq)
		throw new SwarmError("INVALID_OPTION", `run "${run}" has ${lastSeq} events, so there is no event ${upTo}`);
	const events: RunEvent[] = [];
	await readEvents(journal, run, 1, (event) => events.push(event), upTo);
	return events;
}

/** The run as the journal lists it. @throws SwarmError `UNKNOWN_RUN` */
export async function findRun(journal: Journal, run: RunId): Promise<RunSummary> {
	const summary = await journal.find(run);
	if (summary === undefined) throw unknownRun(run);
	return summary;
}

function unknownRun(run: RunId): SwarmError {
	return new SwarmError("UNKNOWN_RUN", `the journal has no run "${run}"`, {
		hint: "check the id, and that it is the right journal",
	});
}
