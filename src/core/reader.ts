/** Where readers sleep: one ring wakes them all. */
export class Bell {
	readonly #sleepers = new Set<Sleeper>();

	/** Whether somebody sleeps here. */
	get isAwaited(): boolean {
		return this.#sleepers.size > 0;
	}

	ring(): void {
		if (this.#sleepers.size === 0) return;
		for (const sleeper of [...this.#sleepers]) sleeper.wake();
	}

	/** @internal */
	add(sleeper: Sleeper): void {
		this.#sleepers.add(sleeper);
	}

	/** @internal */
	remove(sleeper: Sleeper): void {
		this.#sleepers.delete(sleeper);
	}
}

/** The sleep of one reader. It leaves nothing behind at a bell: whoever stops reading while asleep is forgotten there. */
export class Sleeper {
	/** Nobody reads any more. */
	closed = false;
	#bell: Bell | undefined;
	#wake: (() => void) | undefined;

	/** @returns when the bell rings, or {@link wake} or {@link close} is called */
	sleep(bell: Bell): Promise<void> {
		if (this.closed) return Promise.resolve();
		return new Promise((resolve) => {
			this.#bell = bell;
			this.#wake = resolve;
			bell.add(this);
		});
	}

	wake(): void {
		const wake = this.#wake;
		if (wake === undefined) return;
		this.#bell?.remove(this);
		this.#bell = undefined;
		this.#wake = undefined;
		wake();
	}

	close(): void {
		this.closed = true;
		this.wake();
	}
}

/**
 * A generator that can be told to end while it sleeps. A plain one takes `return` only after what it waits for has
 * come, which may be never: each reader that is given up would be kept until then.
 */
export class Reader<Item> implements AsyncGenerator<Item, void, undefined> {
	readonly #body: AsyncGenerator<Item, void, undefined>;
	readonly #sleeper = new Sleeper();

	/** @param read - gives the items; sleeps with the sleeper, and ends once that is closed */
	constructor(read: (sleeper: Sleeper) => AsyncGenerator<Item, void, undefined>) {
		this.#body = read(this.#sleeper);
	}

	next(): Promise<IteratorResult<Item, void>> {
		return this.#body.next();
	}

	return(): Promise<IteratorResult<Item, void>> {
		this.#sleeper.close();
		return this.#body.return();
	}

	throw(error: unknown): Promise<IteratorResult<Item, void>> {
		this.#sleeper.close();
		return this.#body.throw(error);
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.return();
	}
}
