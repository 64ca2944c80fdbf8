import type { Journal } from "../journal/journal.js";
import { sqliteJournal } from "../journal/sqlite-journal.js";
import type { Swarm } from "../swarm.js";
import type { Shared } from "./world.js";

/** The store, for a command that has runs. */
export interface OpenStore {
	readonly journal: Journal;
	/** Does to the runs of a swarm what other processes ask of them. @returns ends it */
	answer(swarm: Swarm): Promise<() => void>;
}

/**
 * Opens the store, which is made when it is not there, and closes it again.
 *
 * @throws SwarmError what `sqliteJournal` throws
 */
export async function withStore<Result>(
	{ store }: Shared,
	use: (store: OpenStore) => Promise<Result>,
): Promise<Result> {
	const journal = sqliteJournal(store);
	try {
		return await use({ journal, answer: async () => () => {} });
	} finally {
		await journal.close();
	}
}
