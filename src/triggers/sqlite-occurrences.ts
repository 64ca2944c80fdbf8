import type { SqliteFile } from "../journal/sqlite-file.js";
import { number, type Row, text } from "../journal/sqlite-statements.js";
import { ENDED_STATES, OCCURRENCE_STATES, type Occurrence, type OccurrenceState } from "./occurrence.js";
import { columnsOf, type StoreStatements } from "./sqlite-store-statements.js";
import type { OccurrenceFilter } from "./store.js";
import { newestFirst, occurrenceOf, oldestFirst, type Place, type StoredOccurrence } from "./store-rows.js";

/**
 * The occurrences of a file. How many of each state a trigger has is kept beside them, in the same transactions, so that
 * nobody counts. What changes something is called within a transaction, and {@link settle} at its end.
 */
export class SqliteOccurrences {
	/** What the transaction has changed of the counts, by trigger and state. */
	#changes = new Map<string, Map<string, number>>();

	constructor(
		private readonly file: SqliteFile,
		private readonly ask: StoreStatements,
	) {}

	begin(): void {
		// An earlier transaction may have failed.
		this.#changes = new Map();
	}

	/** @returns whether its key was new; otherwise nothing has changed */
	add(row: StoredOccurrence): boolean {
		if (this.ask.add.run(row.key, ...columnsOf(row)).changes === 0) return false;
		this.#count(row.owner, row.state, 1);
		return true;
	}

	/** @returns whether the version that is stored was the one before it; otherwise nothing has changed */
	put(row: StoredOccurrence): boolean {
		const stand = this.ask.stand.get(row.key);
		if (stand === undefined) return row.version === 1 && this.add(row);
		if (stand["version"] !== row.version - 1) return false;
		this.ask.change.run(...columnsOf(row), number(stand, "no"));
		if (stand["state"] === row.state && stand["owner"] === row.owner) return true;
		this.#count(text(stand, "owner"), text(stand, "state"), -1);
		this.#count(row.owner, row.state, 1);
		return true;
	}

	remove(key: string): void {
		this.#removeRow(this.ask.shelf.get(key));
	}

	/** Those of a trigger. */
	removeAll(owner: string): void {
		this.ask.removeOwned.run(owner);
		this.ask.dropTallies.run(owner);
		this.#changes.delete(owner);
	}

	/** Takes away ended ones, the oldest first, until so many are left; one transaction by itself. */
	trim(owner: string, { keep, keepAfter, most }: { keep: number; keepAfter: number; most: number }): number {
		if (this.#beyond(owner, keep) <= 0) return 0;
		// What is lost of it with the power is trimmed again.
		return this.file.transaction(false, () => {
			this.begin();
			const beyond = Math.min(this.#beyond(owner, keep), most);
			if (beyond <= 0) return 0;
			const old = ENDED_STATES.flatMap((state) =>
				this.ask.oldestOwned.all(owner, state, keepAfter, beyond).map(placeOf(state)),
			);
			const gone = oldestFirst(old, beyond);
			for (const { no, state } of gone) this.#removeRow({ no, owner, state });
			this.settle();
			return gone.length;
		});
	}

	settle(): void {
		for (const [owner, states] of this.#changes)
			for (const [state, change] of states) if (change !== 0) this.ask.tally.run(owner, state, change);
	}

	/** Where those that are wanted stand; each of them is read by itself. */
	places({ trigger, states = OCCURRENCE_STATES, limit }: OccurrenceFilter): readonly Place[] {
		const most = limit ?? -1;
		const rows = [...new Set(states)].flatMap((state) =>
			trigger === undefined
				? this.ask.newest.all(state, most).map(placeOf(state))
				: this.ask.newestOwned.all(trigger ?? "", state, most).map(placeOf(state)),
		);
		return newestFirst(rows, limit);
	}

	/** @returns undefined when it was taken away in the meantime */
	at({ no }: Place): Occurrence | undefined {
		return maybeOccurrence(this.ask.readPlace.get(no));
	}

	/** The key of one that may be damaged, or what is left to tell of it. */
	nameAt({ no }: Place): string {
		const { key } = this.file.guard(() => this.ask.keyAt.get(no)) ?? {};
		return typeof key === "string" ? key : `number ${no}`;
	}

	get(key: string): Occurrence | undefined {
		return maybeOccurrence(this.ask.readOccurrence.get(key));
	}

	counts(trigger: string | undefined): Partial<Record<OccurrenceState, number>> {
		const counts: Partial<Record<OccurrenceState, number>> = {};
		for (const row of trigger === undefined ? this.ask.counts.all() : this.ask.countsOwned.all(trigger))
			if (number(row, "count") > 0) counts[text(row, "state") as OccurrenceState] = number(row, "count");
		return counts;
	}

	#beyond(owner: string, keep: number): number {
		const counts = this.file.guard(() => this.counts(owner));
		return ENDED_STATES.reduce((sum, state) => sum + (counts[state] ?? 0), -keep);
	}

	#removeRow(row: Row | undefined): void {
		if (row === undefined) return;
		this.ask.removeOccurrence.run(number(row, "no"));
		this.#count(text(row, "owner"), text(row, "state"), -1);
	}

	#count(owner: string, state: string, change: number): void {
		const states = this.#changes.get(owner) ?? new Map<string, number>();
		this.#changes.set(owner, states);
		states.set(state, (states.get(state) ?? 0) + change);
	}
}

function placeOf(state: OccurrenceState): (row: Row) => Place & { readonly state: OccurrenceState } {
	return (row) => ({ no: number(row, "no"), created: number(row, "created"), state });
}

function maybeOccurrence(row: Row | undefined): Occurrence | undefined {
	return row && occurrenceOf(row as unknown as StoredOccurrence);
}
