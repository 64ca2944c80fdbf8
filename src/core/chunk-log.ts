import type { Clock } from "./clock.js";
import { SwarmError } from "./errors.js";
import type { NodeId, RunId } from "./ids.js";
import { Bell, Reader, type Sleeper } from "./reader.js";

/** A part of an output that an agent let out with `ctx.emit`. */
export interface Chunk {
	readonly type: "chunk";
	readonly run: RunId;
	readonly node: NodeId;
	readonly attempt: number;
	/** From 0, over all chunks of the attempt. */
	readonly index: number;
	/** The clock's milliseconds when it was emitted. */
	readonly at: number;
	readonly chunk: unknown;
	/** The last event before it. */
	readonly after: number;
	/** The number of its event, where the journal keeps it. */
	readonly seq?: number;
	/** With `onLag: "skip"`: so many chunks of the run, of whatever node, were overwritten before this reader came to them. */
	readonly missed?: number;
}

/** What becomes of a reader that falls so far behind that chunks are overwritten which it has not read. */
export type LagPolicy = "fail" | "skip";

/** How many chunks are kept, unless the swarm says otherwise. */
const DEFAULT_CAPACITY = 4_096;

/**
 * The latest chunks of a run in a ring of fixed size, for readers at their own speed. Readers that sleep are woken once
 * in a turn of the event loop, however many chunks have come.
 */
export class ChunkLog {
	/** Rings once in a turn in which chunks came. */
	readonly bell = new Bell();
	readonly capacity: number;
	readonly #clock: Clock;
	readonly #ring: Chunk[] = [];
	/** Chunks that were ever appended; the place of one is its number modulo the capacity. */
	#count = 0;
	#closed: { readonly error?: unknown } | undefined;
	/** The number of the first chunk that nobody was woken for, while a wake-up is on its way. */
	#wakeFor: number | undefined;
	readonly #wake = (): void => {
		this.#wakeFor = undefined;
		this.bell.ring();
	};

	/** @param capacity - how many chunks are kept, at least 1; default 4,096 */
	constructor(clock: Clock, capacity: number | undefined) {
		this.#clock = clock;
		this.capacity = capacity ?? DEFAULT_CAPACITY;
	}

	/** How many chunks there ever were. */
	get count(): number {
		return this.#count;
	}

	/** The number of the oldest chunk that is kept; the first ever has 0. */
	get oldest(): number {
		return Math.max(0, this.#count - this.capacity);
	}

	get isClosed(): boolean {
		return this.#closed !== undefined;
	}

	/** @param number - from {@link oldest}, below {@link count} */
	at(number: number): Chunk {
		// The callers stay between the oldest and the last.
		return this.#ring[number % this.capacity] as Chunk;
	}

	/** The first chunk that is kept and came after an event. */
	firstAfter(seq: number): number {
		let number = this.oldest;
		while (number < this.#count && this.at(number).after < seq) number++;
		return number;
	}

	append(chunk: Chunk): void {
		if (this.#closed !== undefined) return;
		const number = this.#count++;
		this.#ring[number % this.capacity] = chunk;
		if (!this.bell.isAwaited) return;
		if (this.#wakeFor === undefined) {
			this.#wakeFor = number;
			this.#clock.yield(this.#wake);
		} else if (number - this.#wakeFor === this.capacity >> 1) {
			// Agents that never wait for anything but promises keep the event loop from its turn: readers are woken before
			// they lose something.
			queueMicrotask(this.#wake);
		}
	}

	/** No more chunks come: readers end when they have read the last one, or with the error. */
	close(error?: unknown): void {
		if (this.#closed !== undefined) return;
		this.#closed = error === undefined ? {} : { error };
		this.bell.ring();
	}

	/** @throws what ended the run, where that was no end of its own */
	assertSound(): void {
		if (this.#closed?.error !== undefined) throw this.#closed.error;
	}

	/**
	 * Reads chunks in order as they come, those first that are kept.
	 *
	 * @param options - `node`: of this node only
	 * @throws SwarmError in the loop: `LAGGED` when chunks were overwritten that it had not read
	 */
	read({ node, onLag }: { readonly node?: NodeId; readonly onLag?: LagPolicy }): Reader<Chunk> {
		const wants = (chunk: Chunk): boolean => node === undefined || chunk.node === node;
		const cursor = new ChunkCursor(this, this.oldest, wants, onLag);
		return new Reader((sleeper) => this.#read(cursor, sleeper));
	}

	async *#read(cursor: ChunkCursor, sleeper: Sleeper): AsyncGenerator<Chunk, void, undefined> {
		while (!sleeper.closed) {
			const chunk = cursor.peek();
			if (chunk !== undefined) {
				cursor.advance();
				yield chunk;
			} else if (this.#closed !== undefined) {
				this.assertSound();
				return;
			} else await sleeper.sleep(this.bell);
		}
	}
}

/** Where one reader stands in a {@link ChunkLog}. */
export class ChunkCursor {
	readonly #log: ChunkLog;
	#next: number;
	readonly #wants: (chunk: Chunk) => boolean;
	readonly #onLag: LagPolicy;
	/** Chunks that were overwritten since the last one that was given. */
	#missed = 0;

	/** @param next - the number of the first chunk wanted */
	constructor(log: ChunkLog, next: number, wants: (chunk: Chunk) => boolean, onLag: LagPolicy = "fail") {
		this.#log = log;
		this.#next = next;
		this.#wants = wants;
		this.#onLag = onLag;
	}

	/**
	 * The next chunk, which stays the next one until {@link advance}.
	 *
	 * @throws SwarmError `LAGGED`
	 */
	peek(): Chunk | undefined {
		const log = this.#log;
		const { oldest, count } = log;
		if (this.#next < oldest) this.#skip(oldest);
		for (; this.#next < count; this.#next++) {
			const chunk = log.at(this.#next);
			if (this.#wants(chunk)) return this.#missed === 0 ? chunk : { ...chunk, missed: this.#missed };
		}
		return undefined;
	}

	advance(): void {
		this.#next++;
		this.#missed = 0;
	}

	#skip(oldest: number): void {
		const missed = oldest - this.#next;
		if (this.#onLag === "fail") {
			throw new SwarmError(
				"LAGGED",
				`${missed} chunks are gone that were not read: the latest ${this.#log.capacity} are kept`,
				{ hint: 'read faster, keep more with chunkBuffer, or go on without them with onLag: "skip"' },
			);
		}
		this.#missed += missed;
		this.#next = oldest;
	}
}
