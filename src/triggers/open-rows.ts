import { isEnded, type Occurrence } from "./occurrence.js";

/** Occurrences that have not ended, as the leader knows them: by key, and in the order in which they came by trigger. */
export class OpenRows {
	readonly #byKey = new Map<string, Occurrence>();
	/** `null`: submissions. */
	readonly #byTrigger = new Map<string | null, Map<string, Occurrence>>();

	get(key: string): Occurrence | undefined {
		return this.#byKey.get(key);
	}

	values(): IterableIterator<Occurrence> {
		return this.#byKey.values();
	}

	/** The triggers that have some; `null`: submissions. */
	triggers(): (string | null)[] {
		return [...this.#byTrigger.keys()];
	}

	of(trigger: string | null): Occurrence[] {
		return [...(this.#byTrigger.get(trigger)?.values() ?? [])];
	}

	/** Takes a row as it is now: one that has ended goes, an older one than is known changes nothing. */
	put(row: Occurrence): void {
		const known = this.#byKey.get(row.key);
		if (known !== undefined && known.version >= row.version) return;
		if (isEnded(row)) this.#drop(row.key);
		else this.#set(row);
	}

	#set(row: Occurrence): void {
		const trigger = row.trigger ?? null;
		this.#byKey.set(row.key, row);
		const rows = this.#byTrigger.get(trigger);
		if (rows === undefined) this.#byTrigger.set(trigger, new Map([[row.key, row]]));
		else rows.set(row.key, row);
	}

	#drop(key: string): void {
		const row = this.#byKey.get(key);
		if (row === undefined) return;
		this.#byKey.delete(key);
		const trigger = row.trigger ?? null;
		const rows = this.#byTrigger.get(trigger);
		rows?.delete(key);
		if (rows?.size === 0) this.#byTrigger.delete(trigger);
	}

	/**
	 * Takes what the store has: all that is open. What was known does not count: a key may have been forgotten and given again.
	 *
	 * @param rows - the newest first
	 */
	replace(rows: readonly Occurrence[]): void {
		this.#byKey.clear();
		this.#byTrigger.clear();
		for (const row of rows.toReversed()) this.#set(row);
	}
}
