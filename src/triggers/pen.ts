import type { Store, StoreAnswer, StoreChange } from "./store.js";

/**
 * The one hand with which a process writes rows and triggers: what decides and what settles take turns, so that neither has to be
 * told that the other was faster. It also knows whether anybody else has written since all was read, where the store can tell.
 */
export class Pen {
	readonly #store: Store;
	#last: Promise<unknown> = Promise.resolve();
	/** The store's version that this process has read, with all that it has written since. */
	#seen: number | undefined;
	#isWriting = false;

	constructor(store: Store) {
		this.#store = store;
	}

	/** Whether nobody else has written, as far as the store can tell: what is written at this moment is taken for its own until it is. */
	get isCurrent(): boolean {
		return this.#store.version !== undefined && (this.#isWriting || this.#store.version() === this.#seen);
	}

	/** Whether somebody else has written. */
	get isBehind(): boolean {
		return this.#store.version !== undefined && this.#store.version() !== this.#seen;
	}

	/** One at a time, in the order in which they come. */
	turn<Value>(act: () => Promise<Value>): Promise<Value> {
		const passed = this.#last.then(act);
		this.#last = passed.catch(() => {});
		return passed;
	}

	/** All is about to be read. */
	reads(): void {
		this.#seen = this.#store.version?.();
	}

	/** What was read is not to be relied on. */
	forgets(): void {
		this.#seen = undefined;
	}

	/** Within a turn. */
	async write(change: StoreChange): Promise<StoreAnswer> {
		const wasCurrent = this.isCurrent;
		const before = this.#seen;
		this.#isWriting = true;
		try {
			const answer = await this.#store.write(change);
			if (answer.ok && wasCurrent && before !== undefined) this.#seen = before + 1;
			return answer;
		} finally {
			this.#isWriting = false;
		}
	}
}
