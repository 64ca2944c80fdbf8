import type { Journal } from "../journal/journal.js";
import type { Swarm } from "../swarm.js";
import { answerRequests } from "../triggers/run-requests.js";
import { sqliteStore } from "../triggers/sqlite-store.js";
import type { Store } from "../triggers/store.js";
import type { Shared } from "./world.js";

/** The store, for a command that has runs. */
export interface OpenStore {
	readonly store: Store;
	readonly journal: Journal;
	/** Does to the runs of a swarm what other processes ask of them. @returns ends it */
	answer(swarm: Swarm): Promise<() => void>;
}

/**
 * Opens the store, which is made when it is not there, and closes it again.
 *
 * @throws SwarmError what `sqliteStore` throws
 */
export async function withStore<Result>(
	{ store: file }: Shared,
	use: (store: OpenStore) => Promise<Result>,
): Promise<Result> {
	const store = sqliteStore(file);
	try {
		return await use({ store, journal: store.journal, answer: (swarm) => answerRequests(store, swarm) });
	} finally {
		await store.close();
	}
}
