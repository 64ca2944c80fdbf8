import { SwarmError } from "../core/errors.js";
import { type Occurrence, runOf } from "../triggers/occurrence.js";
import type { Store } from "../triggers/store.js";
import { findRunId } from "./read-store.js";
import { tellRun, type Wanted } from "./tell-run.js";
import { withBooks } from "./use-books.js";
import type { Shared, World } from "./world.js";

/**
 * Cancels an occurrence, if that is what was named: one that has not started never does. One that runs is ended by the process
 * that has its run; where none has, here.
 *
 * @param text - its key, or what names its run
 * @returns it as it was put down; undefined where it is none
 * @throws SwarmError `ILLEGAL_STATE` for one that has ended, and what asking for the end of its run throws
 */
export async function cancelOccurrence(
	text: string,
	reason: string,
	shared: Shared,
	world: World,
): Promise<Occurrence | undefined> {
	const row = await withBooks("write", shared, world, async ({ store, occurrences }) => {
		const key = await keyOf(text, store);
		return key === undefined ? undefined : occurrences.cancel(key, reason);
	});
	if (row?.state !== "running") return row;
	const run = runOf(row.key, row.attempt);
	const command: Wanted["command"] = async () => ({ run, command: { type: "cancel", reason } });
	await tellRun({ run, command }, shared, world).catch(unlessEnded);
	return row;
}

async function keyOf(text: string, store: Store): Promise<string | undefined> {
	if ((await store.occurrence(text)) !== undefined) return text;
	const run = await findRunId(store.journal, text).catch(() => undefined);
	const key = run?.replace(/#\d+$/, "");
	const row = key === undefined ? undefined : await store.occurrence(key);
	return row !== undefined && runOf(row.key, row.attempt) === run ? row.key : undefined;
}

/** Whoever leads may have been faster; a run that has not begun is not begun any more. */
function unlessEnded(error: unknown): void {
	if (SwarmError.is(error) && ["RUN_ENDED", "UNKNOWN_RUN", "ILLEGAL_STATE"].includes(error.code)) return;
	throw error;
}
