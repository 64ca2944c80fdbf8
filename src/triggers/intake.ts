import { SwarmError } from "../core/errors.js";
import type { Occurrence } from "./occurrence.js";
import type { StoreAnswer, StoreChange } from "./store.js";

/** Rows that are added together, at most. */
const MOST_TOGETHER = 500;

interface Batch {
	readonly rows: Map<string, Occurrence>;
	readonly written: Promise<StoreAnswer>;
}

/**
 * Has rows that several callers add side by side written at once: each write has to wait for the disk, and one that has many
 * rows waits no longer.
 */
export class Intake {
	#batch: Batch | undefined;

	/** @param write - makes a change when its turn has come, which it asks for only then */
	constructor(private readonly write: (change: () => StoreChange) => Promise<StoreAnswer>) {}

	/** @returns as if the rows had been written by themselves */
	async add(rows: readonly Occurrence[]): Promise<StoreAnswer> {
		const known = this.#batch;
		const batch = known !== undefined && known.rows.size + rows.length <= MOST_TOGETHER ? known : this.#begin();
		// Of two who bring one key, the first one has brought it.
		const second = rows.filter(({ key }) => batch.rows.has(key)).map(({ key }) => key);
		for (const row of rows) if (!batch.rows.has(row.key)) batch.rows.set(row.key, row);
		try {
			const answer = await batch.written;
			if (!answer.ok) return answer;
			const present = new Set([...second, ...answer.present]);
			return { ok: true, present: rows.map(({ key }) => key).filter((key) => present.has(key)) };
		} catch (error) {
			// What is refused of one is not refused of all.
			if (!SwarmError.is(error) || error.code !== "INVALID_INPUT") throw error;
			return this.write(() => ({ add: rows }));
		}
	}

	#begin(): Batch {
		const rows = new Map<string, Occurrence>();
		const written = this.write(() => {
			if (this.#batch?.rows === rows) this.#batch = undefined;
			return { add: [...rows.values()] };
		});
		this.#batch = { rows, written };
		return this.#batch;
	}
}
