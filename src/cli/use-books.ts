import { leaderLease } from "../triggers/leadership.js";
import { OccurrenceBook } from "../triggers/occurrence-book.js";
import { sqliteStore } from "../triggers/sqlite-store.js";
import type { Store } from "../triggers/store.js";
import { TriggerBook } from "../triggers/trigger-book.js";
import { checkStore } from "./read-store.js";
import { commandLine } from "./stay.js";
import type { Shared, World } from "./world.js";

/** What a store has for a service, whether or not one runs. */
export interface Books {
	readonly store: Store;
	readonly triggers: TriggerBook;
	readonly occurrences: OccurrenceBook;
}

/**
 * Opens the store of a service, and closes it again.
 *
 * @param how - `read`: nothing is written. `write`: the file must be there. `create`: it is made where it is not
 * @throws SwarmError `JOURNAL_UNAVAILABLE` when it is not there, and what `sqliteStore` throws
 */
export async function withBooks<Result>(
	how: "read" | "write" | "create",
	shared: Shared,
	world: World,
	use: (books: Books) => Promise<Result>,
): Promise<Result> {
	if (how !== "create") checkStore(shared.store);
	const store = sqliteStore(shared.store, { readOnly: how === "read" });
	try {
		return await use(booksOf(store, world));
	} finally {
		await store.close();
	}
}

/** The books of a store that is open. */
function booksOf(store: Store, { wall, ids }: World): Books {
	const triggers = new TriggerBook(store, wall);
	return { store, triggers, occurrences: new OccurrenceBook(store, triggers, wall, ids) };
}

/** The process that starts what is due. */
export interface Leader {
	readonly pid: number;
	readonly host: string;
}

/** Who leads the service of a store; undefined where nobody does. */
export async function leaderOf({ store }: Books, { wall }: World): Promise<Leader | undefined> {
	const lease = await leaderLease(store, wall);
	return lease && { pid: lease.holder.pid, host: lease.holder.host };
}

/** What is put into a store where nobody leads stays there until somebody does: it is better to say so. */
export async function tellWhereNobodyLeads(books: Books, shared: Shared, world: World): Promise<void> {
	if (shared.json || (await leaderOf(books, world)) !== undefined) return;
	world.error(`No service leads this store: \`${commandLine(shared, world)("serve", "FILE")}\` starts what is due.`);
}
