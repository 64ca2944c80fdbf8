import { tell } from "./sqlite-bell.js";

/** Those in this process who are told that something has changed. */
export class Listeners {
	/** Each by itself, though two of them may be one function. */
	readonly #all = new Set<{ readonly changed: () => void }>();

	/** @returns takes it off again */
	add(changed: () => void): () => void {
		const listener = { changed };
		this.#all.add(listener);
		return () => {
			this.#all.delete(listener);
		};
	}

	tell(): void {
		for (const { changed } of this.#all) tell(changed);
	}

	/** One last time, so that whoever waits finds out. */
	close(): void {
		this.tell();
		this.#all.clear();
	}
}
