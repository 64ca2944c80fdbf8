import { existsSync } from "node:fs";
import { callerIn } from "../core/call-id.js";
import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Journal } from "../journal/journal.js";
import { sqliteJournal } from "../journal/sqlite-journal.js";
import type { Shared } from "./world.js";

/** The run that was created last, whatever its id. */
const LAST = "@last";

/**
 * Opens the store to look into it, and closes it again: nothing is written, and who writes does not notice.
 *
 * @throws SwarmError `JOURNAL_UNAVAILABLE` when the file is not there, and what `sqliteJournal` throws
 */
export async function readStore<Result>(
	{ store }: Shared,
	read: (journal: Journal) => Result | Promise<Result>,
): Promise<Result> {
	checkStore(store);
	const journal = sqliteJournal(store, { readOnly: true });
	try {
		return await read(journal);
	} finally {
		await journal.close();
	}
}

/** @throws SwarmError `JOURNAL_UNAVAILABLE` when there is no such file */
export function checkStore(store: string): void {
	if (existsSync(store)) return;
	throw new SwarmError("JOURNAL_UNAVAILABLE", `there is no store at ${store}`, {
		hint: "start something with `dagswarm run FILE`, or say where it is with --store or DAGSWARM_STORE",
	});
}

/**
 * The run that somebody means: by its id, by a beginning that no other run has, or `@last`.
 *
 * @throws SwarmError `UNKNOWN_RUN` with what to try, `INVALID_OPTION` for a beginning of several
 */
export async function findRunId(journal: Journal, text: string): Promise<RunId> {
	if (text === LAST) {
		const last = await lastRun(journal);
		if (last !== undefined) return last;
		throw new SwarmError("UNKNOWN_RUN", "there is no run in this store yet", { hint: "try `dagswarm run FILE`" });
	}
	if ((await journal.find(text)) !== undefined) return text;
	const found: RunId[] = [];
	for (const { run } of await journal.runs())
		if (text !== "" && run.startsWith(text) && isMeant(run, text)) found.push(run);
	const [only] = found;
	if (only === undefined) {
		throw new SwarmError("UNKNOWN_RUN", `there is no run "${text}"`, { hint: "`dagswarm ls` shows those there are" });
	}
	if (found.length === 1) return only;
	const some = found.slice(0, 5).join(", ");
	throw new SwarmError("INVALID_OPTION", `${found.length} runs begin with "${text}"`, {
		hint: `write more of the id: ${some}${found.length > 5 ? ", …" : ""}`,
	});
}

/** Runs that nodes have called begin with the id of the run that they belong to: only a longer beginning means them. */
function isMeant(run: RunId, text: string): boolean {
	const caller = callerIn(run);
	return caller === undefined || text.startsWith(`${caller}/`);
}

/** The newest run that nobody has called. */
async function lastRun(journal: Journal): Promise<RunId | undefined> {
	for (let limit = 16; ; limit *= 16) {
		const runs = await journal.runs({ limit });
		const last = runs.find(({ run }) => callerIn(run) === undefined);
		if (last !== undefined || runs.length < limit) return last?.run ?? runs[0]?.run;
	}
}
