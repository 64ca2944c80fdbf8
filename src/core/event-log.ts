import { SwarmError } from "./errors.js";

interface Numbered {
	readonly seq: number;
}

/** Options of a reader. */
export interface ReadOptions<Type extends string = string> {
	/** The first event wanted; by default the next one. */
	readonly from?: number;
	/** Only events of these types. */
	readonly types?: readonly Type[];
}

/**
 * The latest events in a ring of fixed size, for readers at their own speed. Readers pull: a slow one
 * costs the writer nothing, and is told when what it wants is gone.
 */
export class EventLog<Event extends Numbered & { readonly type: string }> {
	readonly #ring: (Event | undefined)[] = [];
	readonly #capacity: number;
	#last = 0;
	#closed: { readonly error?: unknown } | undefined;
	#changed: Promise<void> | undefined;
	#wake: (() => void) | undefined;
	/** What the first readers get before the ring: all of it, however much. */
	#opening: (() => Event[]) | undefined;

	/** @param capacity - how many events are kept, at least 1 */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	get last(): number {
		return this.#last;
	}

	/** The oldest event that is kept. */
	get first(): number {
		return Math.max(1, this.#last - this.#capacity + 1);
	}

	get capacity(): number {
		return this.#capacity;
	}

	append(event: Event): void {
		this.#last = event.seq;
		this.#ring[event.seq % this.#capacity] = event;
	}

	/** Gives readers that are opened from now until {@link closeOpening} everything from the first event on. */
	setOpening(events: () => Event[]): void {
		this.#opening = events;
	}

	closeOpening(): void {
		this.#opening = undefined;
	}

	/** Lets waiting readers go on. */
	wake(): void {
		const wake = this.#wake;
		if (wake === undefined) return;
		this.#changed = undefined;
		this.#wake = undefined;
		wake();
	}

	/** No more events come; readers end when they have read the last one, or with the error. */
	close(error?: unknown): void {
		this.#closed ??= error === undefined ? {} : { error };
		this.wake();
	}

	/**
	 * Reads events in order, without a gap, as they come.
	 *
	 * @throws SwarmError `LAGGED` with `from`, when the next event is no longer kept
	 */
	read<Type extends Event["type"]>(
		options: ReadOptions<Type> = {},
	): AsyncGenerator<Extract<Event, { type: Type }>, void, undefined> {
		const opening = this.#opening?.();
		const from = options.from ?? (opening === undefined ? this.#last + 1 : 1);
		const wanted = options.types === undefined ? undefined : new Set<string>(options.types);
		const events = this.#read(from, opening?.filter((event) => event.seq >= from) ?? [], wanted);
		return events as AsyncGenerator<Extract<Event, { type: Type }>, void, undefined>;
	}

	async *#read(
		from: number,
		opening: readonly Event[],
		wanted: ReadonlySet<string> | undefined,
	): AsyncGenerator<Event, void, undefined> {
		let next = from;
		for (const event of opening) {
			next = event.seq + 1;
			if (wanted === undefined || wanted.has(event.type)) yield event;
		}
		for (;;) {
			while (next <= this.#last) {
				if (next < this.first) throw this.#lagged(next);
				const event = this.#ring[next % this.#capacity] as Event;
				next++;
				if (wanted === undefined || wanted.has(event.type)) yield event;
			}
			if (this.#closed !== undefined) {
				if (this.#closed.error !== undefined) throw this.#closed.error;
				return;
			}
			this.#changed ??= new Promise((resolve) => {
				this.#wake = resolve;
			});
			await this.#changed;
		}
	}

	#lagged(from: number): SwarmError {
		return new SwarmError(
			"LAGGED",
			`event ${from} is gone: the latest ${this.#capacity} are kept, up to ${this.#last}`,
			{
				from,
				hint: "read faster, or keep more with eventBuffer",
			},
		);
	}
}
