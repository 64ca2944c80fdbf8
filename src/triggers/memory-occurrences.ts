import { ENDED_STATES, OCCURRENCE_STATES, type Occurrence, type OccurrenceState, OPEN_STATES } from "./occurrence.js";
import type { OccurrenceFilter } from "./store.js";
import { newestFirst, occurrenceOf, oldestFirst, type Place, type StoredOccurrence } from "./store-rows.js";

type Row = StoredOccurrence & Place;
type Shelf = Map<OccurrenceState, Set<Row>>;

/** The occurrences of a store in memory: by key, and by trigger and state, so that nobody goes through all of them. */
export class MemoryOccurrences {
	readonly #rows = new Map<string, Row>();
	readonly #shelves = new Map<string, Shelf>();
	#no = 0;

	/** @returns whether its key was new; otherwise nothing has changed */
	add(stored: StoredOccurrence): boolean {
		if (this.#rows.has(stored.key)) return false;
		this.#keep({ ...stored, no: ++this.#no });
		return true;
	}

	put(stored: StoredOccurrence): void {
		const no = this.#rows.get(stored.key)?.no ?? ++this.#no;
		this.remove(stored.key);
		this.#keep({ ...stored, no });
	}

	remove(key: string): void {
		const row = this.#rows.get(key);
		if (row === undefined) return;
		this.#rows.delete(key);
		this.#shelves.get(row.owner)?.get(row.state)?.delete(row);
	}

	/** Those of a trigger. */
	removeAll(owner: string): void {
		for (const set of this.#shelves.get(owner)?.values() ?? []) for (const { key } of set) this.#rows.delete(key);
		this.#shelves.delete(owner);
	}

	get(key: string): Occurrence | undefined {
		const row = this.#rows.get(key);
		return row && occurrenceOf(row);
	}

	version(key: string): number | undefined {
		return this.#rows.get(key)?.version;
	}

	isOpen(key: string): boolean {
		const row = this.#rows.get(key);
		return row !== undefined && OPEN_STATES.includes(row.state);
	}

	list({ trigger, states = OCCURRENCE_STATES, limit }: OccurrenceFilter): readonly Occurrence[] {
		const shelves = trigger === undefined ? [...this.#shelves.values()] : [this.#shelves.get(trigger ?? "")];
		const wanted = new Set(states);
		const rows = shelves.flatMap((shelf) => [...wanted].flatMap((state) => [...(shelf?.get(state) ?? [])]));
		return newestFirst(rows, limit).map(occurrenceOf);
	}

	counts(trigger: string | undefined): Partial<Record<OccurrenceState, number>> {
		const shelves = trigger === undefined ? [...this.#shelves.values()] : [this.#shelves.get(trigger)];
		const counts: Partial<Record<OccurrenceState, number>> = {};
		for (const shelf of shelves)
			for (const [state, { size }] of shelf ?? []) if (size > 0) counts[state] = (counts[state] ?? 0) + size;
		return counts;
	}

	trim(owner: string, { keep, keepAfter, most }: { keep: number; keepAfter: number; most: number }): number {
		const shelf = this.#shelves.get(owner);
		const sets = ENDED_STATES.map((state) => shelf?.get(state) ?? new Set<Row>());
		const beyond = Math.min(
			sets.reduce((sum, { size }) => sum + size, -keep),
			most,
		);
		if (beyond <= 0) return 0;
		const old = sets.flatMap((set) => [...set].filter(({ created }) => created <= keepAfter));
		const gone = oldestFirst(old, beyond);
		for (const { key } of gone) this.remove(key);
		return gone.length;
	}

	#keep(row: Row): void {
		this.#rows.set(row.key, row);
		const shelf: Shelf = this.#shelves.get(row.owner) ?? new Map();
		this.#shelves.set(row.owner, shelf);
		const set = shelf.get(row.state);
		if (set === undefined) shelf.set(row.state, new Set([row]));
		else set.add(row);
	}
}
