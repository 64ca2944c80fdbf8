import { SwarmError } from "../core/errors.js";
import type { DamagedRow } from "./store-rows.js";

/** So many damaged rows are told apart; beyond them one may be told of again. */
const MAX_REPORTED = 10_000;

/** Reads the rows of a list one by one: one that is damaged hides none of the others, and is told of once. */
export class DamageReports {
	readonly #reported = new Set<string>();

	constructor(private readonly onDamaged: (row: DamagedRow) => void = warn) {}

	/**
	 * @param read - gives undefined for a row that was taken away in the meantime
	 * @param idOf - asked only about one that is damaged
	 */
	whole<Place, Value>(
		table: DamagedRow["table"],
		places: readonly Place[],
		read: (place: Place) => Value | undefined,
		idOf: (place: Place) => string,
	): readonly Value[] {
		const values: Value[] = [];
		for (const place of places) {
			try {
				const value = read(place);
				if (value !== undefined) values.push(value);
			} catch (error) {
				if (!SwarmError.is(error) || error.code !== "JOURNAL_CORRUPT") throw error;
				this.#report({ table, id: idOf(place), error });
			}
		}
		return values;
	}

	#report(row: DamagedRow): void {
		const name = `${row.table} ${row.id}`;
		if (this.#reported.has(name)) return;
		if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
		this.#reported.add(name);
		this.onDamaged(row);
	}
}

function warn({ error }: DamagedRow): void {
	process.emitWarning(`${error.message}: it is left out of what the store lists`, "SwarmStoreWarning");
}
