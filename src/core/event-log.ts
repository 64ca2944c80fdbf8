import { SwarmError } from "./errors.js";
import { Bell, Reader, type Sleeper } from "./reader.js";

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

/** The types that a reader wants; undefined for all. */
export function wantedTypes({ types }: ReadOptions): ReadonlySet<string> | undefined {
	return types === undefined ? undefined : new Set(types);
}

/** Events that follow each other and are made when somebody reads them: however many, they take one place in the log. */
export abstract class EventRange<Event> {
	abstract readonly firstSeq: number;
	/** At least 1. */
	abstract readonly count: number;
	/** @param index - from 0, below {@link count} */
	abstract event(index: number): Event;
}

/**
 * The latest events in a ring of fixed size, for readers at their own speed. Readers pull: a slow one
 * costs the writer nothing, and is told when what it wants is gone.
 */
export class EventLog<Event extends Numbered & { readonly type: string }> {
	readonly #ring: (Event | EventRange<Event>)[] = [];
	readonly #capacity: number;
	/** Entries that were ever appended; the place of one is its number modulo the capacity. */
	#entries = 0;
	#last: number;
	readonly #start: number;
	#closed: { readonly error?: unknown } | undefined;
	readonly #bell = new Bell();
	#opening = true;

	/**
	 * @param capacity - how many events are kept, at least 1; a range counts as one
	 * @param last - the number of the event before the first that will be appended
	 */
	constructor(capacity: number, last = 0) {
		this.#capacity = capacity;
		this.#start = last + 1;
		this.#last = last;
	}

	/** The event that a reader which is opened now begins with. */
	get next(): number {
		return this.#opening ? this.#start : this.#last + 1;
	}

	get last(): number {
		return this.#last;
	}

	/** The oldest event that is kept. */
	get first(): number {
		return this.#entries === 0 ? this.#start : this.#firstOf(this.#oldest);
	}

	append(event: Event): void {
		this.#last = event.seq;
		this.#ring[this.#entries++ % this.#capacity] = event;
	}

	appendRange(range: EventRange<Event>): void {
		this.#last = range.firstSeq + range.count - 1;
		this.#ring[this.#entries++ % this.#capacity] = range;
	}

	/** What is kept, oldest first: single events, and ranges as they were appended. */
	*kept(): Generator<Event | EventRange<Event>> {
		for (let entry = this.#oldest; entry < this.#entries; entry++) yield this.#at(entry);
	}

	/** Readers that are opened from now on start with the next event; until then they start with the first. */
	closeOpening(): void {
		this.#opening = false;
	}

	get #oldest(): number {
		return Math.max(0, this.#entries - this.#capacity);
	}

	#at(entry: number): Event | EventRange<Event> {
		// The callers stay between the oldest entry and the last.
		return this.#ring[entry % this.#capacity] as Event | EventRange<Event>;
	}

	#firstOf(entry: number): number {
		return firstSeqOf(this.#at(entry));
	}

	/** The entry that an event is in, by binary search; the oldest for one that is gone. */
	#entryOf(seq: number): number {
		let low = this.#oldest;
		let high = this.#entries - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (this.#firstOf(middle) <= seq) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** Lets waiting readers go on. */
	wake(): void {
		this.#bell.ring();
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
		const reader = new Reader(this.reading(options));
		return reader as AsyncGenerator<Event> as AsyncGenerator<Extract<Event, { type: Type }>, void, undefined>;
	}

	/** @internal For readers that are part of another one: where it begins is settled now, its sleep is the other's. */
	reading(options: ReadOptions): (sleeper: Sleeper) => AsyncGenerator<Event, void, undefined> {
		const from = options.from ?? this.next;
		const wanted = wantedTypes(options);
		// Who is there from the start keeps what there is: a few entries, as a graph is one range.
		const kept = this.#opening ? this.#ring.slice() : [];
		return (sleeper) => this.#read(from, kept, wanted, sleeper);
	}

	async *#read(
		from: number,
		kept: readonly (Event | EventRange<Event>)[],
		wanted: ReadonlySet<string> | undefined,
		sleeper: Sleeper,
	): AsyncGenerator<Event, void, undefined> {
		let next = from;
		for (const entry of kept) {
			if (firstSeqOf(entry) > next) throw this.#lagged(next);
			for (const event of eventsOf(entry, next)) {
				next = event.seq + 1;
				if (wanted === undefined || wanted.has(event.type)) yield event;
			}
		}
		for (let entry = -1; !sleeper.closed; ) {
			if (next < this.first) throw this.#lagged(next);
			if (next <= this.#last && entry < 0) entry = this.#entryOf(next);
			while (next <= this.#last) {
				if (entry < this.#oldest || next < this.first) throw this.#lagged(next);
				// A reader that has begun a range keeps it: it can finish it however long it takes.
				for (const event of eventsOf(this.#at(entry++), next)) {
					next = event.seq + 1;
					if (wanted === undefined || wanted.has(event.type)) yield event;
				}
			}
			if (this.#closed !== undefined) {
				if (this.#closed.error !== undefined) throw this.#closed.error;
				return;
			}
			await sleeper.sleep(this.#bell);
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

function firstSeqOf(entry: Numbered | EventRange<Numbered>): number {
	return entry instanceof EventRange ? entry.firstSeq : entry.seq;
}

/** The events of an entry, from one on. */
function* eventsOf<Event extends Numbered>(entry: Event | EventRange<Event>, from: number): Generator<Event> {
	if (!(entry instanceof EventRange)) {
		if (entry.seq >= from) yield entry;
		return;
	}
	for (let index = Math.max(0, from - entry.firstSeq); index < entry.count; index++) yield entry.event(index);
}
