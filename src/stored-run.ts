import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { isThenable } from "./core/thenable.js";
import { apply } from "./graph/apply.js";
import { restoreState } from "./graph/image-restore.js";
import { RunState } from "./graph/state.js";
import { lostError } from "./graph/story.js";
import type { RunEvent, RunSettings } from "./graph/types.js";
import type { Journal, RunSummary } from "./journal/journal.js";
import { readEvents, streamEvents } from "./journal/reader.js";
import { decodeSnapshots, snapshotBlobs } from "./journal/snapshot-codec.js";
import { historyOf } from "./state-history.js";
import { goesWith } from "./whole-patch.js";

/**
 * The state of a run as its journal tells it: the newest snapshot and the events after it.
 *
 * @param upTo - the last event that counts; by default the last that is there
 * @throws SwarmError `UNKNOWN_RUN`; `SEQ_PRUNED` when events that are needed are gone; `JOURNAL_CORRUPT` when what
 * is there is not as it was written
 */
export async function loadState(journal: Journal, run: RunId, upTo?: number): Promise<RunState> {
	return (await load(journal, run, upTo)).state;
}

/** The state with the last event that was in a snapshot, 0 where there was none. */
export async function load(
	journal: Journal,
	run: RunId,
	upTo?: number,
): Promise<{ readonly state: RunState; readonly snapshotSeq: number }> {
	const state = (await fromSnapshots(journal, run, upTo)) ?? new RunState();
	const snapshotSeq = state.seq;
	await catchUp(journal, run, state, upTo);
	if (state.seq === 0) throw unknownRun(run);
	if (upTo !== undefined && state.seq < upTo) {
		throw new SwarmError("INVALID_OPTION", `run "${run}" has ${state.seq} events, so there is no event ${upTo}`);
	}
	return { state, snapshotSeq };
}

async function fromSnapshots(
	journal: Journal,
	run: RunId,
	upTo = Number.MAX_SAFE_INTEGER,
): Promise<RunState | undefined> {
	const stored = await journal.snapshots(run, upTo);
	if (stored.length === 0) return undefined;
	const blobs = await journal.blobs(snapshotBlobs(stored));
	try {
		return restoreState(decodeSnapshots(run, stored, blobs));
	} catch (error) {
		// Where all events are there, they say the same: nothing is lost but time.
		const { firstSeq } = await findRun(journal, run);
		if (firstSeq > 1) throw error;
		return undefined;
	}
}

/** Folds the events that came since. */
export async function catchUp(journal: Journal, run: RunId, state: RunState, upTo?: number): Promise<void> {
	const take = (event: RunEvent): void => {
		try {
			apply(state, event);
		} catch (error) {
			const message = `the events of run "${run}" do not follow from each other`;
			throw new SwarmError("JOURNAL_CORRUPT", message, {}, { cause: error });
		}
	};
	await readEvents(journal, run, state.seq + 1, take, upTo);
}

/** What has happened in a run, as far as it is known. */
export interface History {
	readonly events: readonly RunEvent[];
	/** The last event that is only known by what it led to; 0 where all are kept. */
	readonly known: number;
	/** The last event that counts. */
	readonly last: number;
	/** What the run was started with. */
	readonly settings: RunSettings;
	/** Whether it was to be kept open by then. */
	readonly open: boolean;
}

/**
 * The events of a run from its first; where the first ones are no longer kept, events that lead to the same state.
 *
 * @param upTo - the last event that counts, with the rest of the patch that it belongs to; by default the last that
 * is there
 */
export async function historyUpTo(journal: Journal, run: RunId, upTo?: number): Promise<History> {
	const { firstSeq, lastSeq } = await findRun(journal, run);
	const last = upTo ?? lastSeq;
	if (last > lastSeq)
		throw new SwarmError("INVALID_OPTION", `run "${run}" has ${lastSeq} events, so there is no event ${last}`);
	const known = firstSeq - 1;
	if (last < known) {
		throw new SwarmError("SEQ_PRUNED", `the events of run "${run}" before ${firstSeq} are no longer kept`, {
			from: firstSeq,
		});
	}
	const events = known === 0 ? [] : historyOf(await loadState(journal, run, known));
	let more = 0;
	if (last > known) {
		await readEvents(journal, run, known + 1, (event) => events.push(event), last);
		more = await readOn(journal, run, events);
	}
	return { events, known, last: last + more, ...startOf(run, events) };
}

/** What the first event says, and whether a later one has closed the run. */
function startOf(run: RunId, events: readonly RunEvent[]): Pick<History, "settings" | "open"> {
	const [created] = events;
	if (created?.type !== "run.created")
		throw new SwarmError("JOURNAL_CORRUPT", `the events of run "${run}" do not begin with its creation`);
	const closed = events.some(({ type }) => type === "run.closed");
	return { settings: created.settings ?? {}, open: created.open && !closed };
}

/** What was decided as one counts as one: the rest of the patch that the last event belongs to. @returns how many events */
async function readOn(journal: Journal, run: RunId, events: RunEvent[]): Promise<number> {
	let before = events.at(-1);
	let more = 0;
	if (before === undefined) return more;
	for await (const event of streamEvents(journal, run, before.seq + 1)) {
		if (!goesWith(before, event)) break;
		events.push(event);
		before = event;
		more++;
	}
	return more;
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

/** Whether a journal that answers at once has the run. @throws SwarmError `JOURNAL_UNAVAILABLE` */
export function hasNow(journal: Journal, run: RunId): boolean {
	try {
		const found = journal.find(run);
		return found !== undefined && !isThenable(found);
	} catch (error) {
		throw lostError(error);
	}
}
