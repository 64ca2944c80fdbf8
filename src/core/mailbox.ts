/**
 * A first-in first-out queue that is bounded for those outside and open for the runtime's own:
 * only external senders can be refused, an outcome or a timer never is.
 */
export class Mailbox<Item> {
	#items: (Item | undefined)[] = [];
	#head = 0;

	/** @param bound - how many items may wait before an external one is refused, at least 1 */
	constructor(readonly bound: number) {}

	get size(): number {
		return this.#items.length - this.#head;
	}

	/** @returns false when the mailbox is full and the item was not taken */
	offer(item: Item): boolean {
		if (this.size >= this.bound) return false;
		this.#items.push(item);
		return true;
	}

	/** Takes an item whatever the bound says. */
	push(item: Item): void {
		this.#items.push(item);
	}

	shift(): Item | undefined {
		const item = this.#items[this.#head];
		if (this.#head === this.#items.length) return undefined;
		this.#items[this.#head++] = undefined;
		if (this.#head === this.#items.length) {
			this.#items.length = 0;
			this.#head = 0;
		} else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
			// Amortised: each item is moved at most once for every time it could have been taken.
			this.#items = this.#items.slice(this.#head);
			this.#head = 0;
		}
		return item;
	}
}
