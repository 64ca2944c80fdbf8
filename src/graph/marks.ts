import { RowTable } from "./rows.js";

const MARK = 0;
const VIA = 1;

/**
 * What searches leave at nodes: which search came by last, and from where. Each search has a number of
 * its own, so nothing has to be wiped; the rows are there only once a search was needed.
 */
export class Marks extends RowTable {
	#last = 0;

	constructor() {
		super(2);
	}

	/**
	 * Numbers for a search that no search before it had.
	 *
	 * @param size - how many nodes there are
	 * @param count - how many marks it tells apart
	 * @returns the first of them
	 */
	fresh(size: number, count = 1): number {
		while (this.size < size) this.append();
		if (this.#last > 0x7fff_0000) {
			// Marks are 32-bit integers; starting anew costs one pass in two thousand million searches.
			for (let n = 0; n < this.size; n++) this.set(n, MARK, 0);
			this.#last = 0;
		}
		const first = this.#last + 1;
		this.#last += count;
		return first;
	}

	mark(n: number): number {
		return this.get(n, MARK);
	}

	setMark(n: number, search: number): void {
		this.set(n, MARK, search);
	}

	/** The node before it plus one. Good only while its mark is that search's. */
	via(n: number): number {
		return this.get(n, VIA);
	}

	setVia(n: number, via: number): void {
		this.set(n, VIA, via);
	}
}
