/**
 * A list that is filled and emptied again and again. Setting an array's length to 0 gives its memory
 * back and the next push takes new: at a million commands that is most of the garbage.
 */
export class Scratch<Item> {
	/** A list that grew beyond this gives its room back when it is emptied. */
	static readonly KEPT = 1_024;
	#items: (Item | undefined)[] = [];
	#length = 0;

	get length(): number {
		return this.#length;
	}

	push(item: Item): void {
		this.#items[this.#length++] = item;
	}

	/** @param index - from 0, below {@link length} */
	at(index: number): Item {
		return this.#items[index] as Item;
	}

	/** Forgets the items from `length` on. */
	truncate(length: number): void {
		this.#length = length;
		if (length === 0 && this.#items.length > Scratch.KEPT) this.#items = [];
	}
}
