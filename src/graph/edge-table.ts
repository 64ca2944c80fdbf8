import { CHUNK, RowTable } from "./rows.js";

const FROM = 0;
const TO = 1;
const NEXT_OUT = 2;
const PREV_OUT = 3;
const NEXT_IN = 4;
const PREV_IN = 5;
const STRIDE = 6;

/**
 * Edges, each in two doubly linked lists: those out of `from` and those into `to`, both in order of
 * insertion. Edge 0 stands for none.
 */
export class EdgeTable extends RowTable {
	#free = 0;
	/** Edges that are linked. */
	count = 0;

	constructor() {
		super(STRIDE);
	}

	from(edge: number): number {
		return this.get(edge, FROM);
	}

	to(edge: number): number {
		return this.get(edge, TO);
	}

	/** Where an edge into a node comes from, -1 where it leads to another one. */
	fromInto(edge: number, to: number): number {
		const row = this.chunk(edge);
		const at = (edge & (CHUNK - 1)) * STRIDE;
		return row[at + TO] === to ? (row[at + FROM] as number) : -1;
	}

	/** Where an edge out of a node leads to, -1 where it comes from another one. */
	toOutOf(edge: number, from: number): number {
		const row = this.chunk(edge);
		const at = (edge & (CHUNK - 1)) * STRIDE;
		return row[at + FROM] === from ? (row[at + TO] as number) : -1;
	}

	nextOut(edge: number): number {
		return this.get(edge, NEXT_OUT);
	}

	setNextOut(edge: number, next: number): void {
		this.set(edge, NEXT_OUT, next);
	}

	prevOut(edge: number): number {
		return this.get(edge, PREV_OUT);
	}

	setPrevOut(edge: number, prev: number): void {
		this.set(edge, PREV_OUT, prev);
	}

	nextIn(edge: number): number {
		return this.get(edge, NEXT_IN);
	}

	setNextIn(edge: number, next: number): void {
		this.set(edge, NEXT_IN, next);
	}

	prevIn(edge: number): number {
		return this.get(edge, PREV_IN);
	}

	setPrevIn(edge: number, prev: number): void {
		this.set(edge, PREV_IN, prev);
	}

	/** An unlinked edge, a freed one where there is one. */
	take(from: number, to: number): number {
		// The first row stands for no edge. It comes with the first edge: many graphs have none.
		if (this.size === 0) this.append();
		let edge = this.#free;
		if (edge === 0) edge = this.append();
		else this.#free = this.get(edge, NEXT_OUT);
		this.set(edge, FROM, from);
		this.set(edge, TO, to);
		return edge;
	}

	/** Gives an unlinked edge back. */
	release(edge: number): void {
		if (edge === this.size - 1) {
			this.truncate(edge);
			return;
		}
		this.set(edge, NEXT_OUT, this.#free);
		this.#free = edge;
	}
}
