/** A part of a window: what was taken at about the same time, and goes out of it together. */
export interface WindowSlot {
	/** The clock's milliseconds. */
	readonly first: number;
	latest: number;
	amount: number;
	/** Whether it has gone out of the window. */
	gone: boolean;
}

/** Entries within this share of the window's length may be kept as one. */
const COALESCED = 1 / 100;

/**
 * Counts what was taken in the time that has just passed, so that no stretch of time of a given length, wherever it
 * begins, sees more than a limit. Entries that are close together are kept as one that goes when the latest of them
 * does: it takes at most 101 records, sparse use is counted exactly, and dense use never comes to too little.
 */
export class SlidingWindow {
	#slots: WindowSlot[] = [];
	/** Where the window begins: what is before has gone. */
	#start = 0;
	#total = 0;

	/**
	 * @param limit - at most so much in any stretch of the length, above 0
	 * @param per - the length, milliseconds above 0
	 */
	constructor(
		readonly limit: number,
		readonly per: number,
	) {}

	/** How much was taken within the window that ends now. */
	total(now: number): number {
		const slots = this.#slots;
		while (this.#start < slots.length) {
			const slot = slots[this.#start] as WindowSlot;
			if (slot.amount > 0 && slot.latest + this.per > now) break;
			this.#total -= slot.amount;
			slot.gone = true;
			this.#start++;
		}
		if (this.#start === slots.length) {
			this.#slots = [];
			this.#start = 0;
			// Sums of fractions leave a rest.
			this.#total = 0;
		} else if (this.#start > 64) {
			this.#slots = slots.slice(this.#start);
			this.#start = 0;
		}
		return this.#total;
	}

	/** Takes an amount, whether there is room or not. @returns where it is kept, to give it back */
	add(now: number, amount: number): WindowSlot {
		this.total(now);
		this.#total += amount;
		const last = this.#slots.at(-1);
		if (last !== undefined && now - last.first <= this.per * COALESCED) {
			last.latest = Math.max(last.latest, now);
			last.amount += amount;
			return last;
		}
		const slot: WindowSlot = { first: now, latest: now, amount, gone: false };
		this.#slots.push(slot);
		return slot;
	}

	/** Gives back what was taken and not used. */
	giveBack(slot: WindowSlot, amount: number): void {
		if (slot.gone) return;
		const given = Math.min(slot.amount, amount);
		slot.amount -= given;
		this.#total -= given;
	}

	/**
	 * Whether so much more may be taken.
	 *
	 * @param promised - what others may take first
	 */
	hasRoom(now: number, amount: number, promised: number): boolean {
		const taken = this.total(now) + promised;
		// More than the whole limit goes when nothing else does: otherwise it would wait for ever.
		return taken + amount <= this.limit || (taken === 0 && amount > this.limit);
	}

	/** When there is room for so much more, unless something is given back before. */
	roomAt(now: number, amount: number): number {
		let left = this.total(now);
		const most = Math.max(this.limit - amount, 0);
		let at = now;
		for (let i = this.#start; i < this.#slots.length && left > most; i++) {
			const slot = this.#slots[i] as WindowSlot;
			left -= slot.amount;
			at = slot.latest + this.per;
		}
		return at;
	}

	/** When the last of what was taken has gone. */
	emptyAt(now: number): number {
		this.total(now);
		const last = this.#slots.at(-1);
		return last === undefined ? now : last.latest + this.per;
	}
}
