import type { Chunk, ChunkCursor } from "./core/chunk-log.js";
import type { RunId } from "./core/ids.js";
import type { Bell, Reader, Sleeper } from "./core/reader.js";
import type { RunEvent } from "./graph/types.js";

/** What is read of a run by `run.stream()`. */
export type StreamItem = Exclude<RunEvent, { readonly type: "node.emitted" }> | Chunk;

/** What is merged. */
export interface MergedSources {
	readonly run: RunId;
	readonly events: Reader<RunEvent>;
	/** The first event that {@link events} gives. */
	readonly from: number;
	/** Chunks that are wanted and are no events. */
	readonly chunks: ChunkCursor;
	/** Rings for chunks. */
	readonly bell: Bell;
	/** Which events, and chunks that are events. */
	readonly wants: (item: StreamItem) => boolean;
}

/**
 * Events and chunks in the order in which they happened. A chunk that is kept comes in the place of its event: so it
 * comes once, and in the same place whenever it is read.
 */
export async function* readMerged(
	{ run, events, from, chunks, bell, wants }: MergedSources,
	sleeper: Sleeper,
): AsyncGenerator<StreamItem, void, undefined> {
	const upcoming = new Upcoming(events, sleeper);
	let seen = from - 1;
	try {
		while (!sleeper.closed) {
			const chunk = chunks.peek();
			if (chunk !== undefined && chunk.after <= seen) {
				chunks.advance();
				yield chunk;
				continue;
			}
			const next = upcoming.peek();
			if (next === undefined) await sleeper.sleep(bell);
			// All chunks of a run that has ended come after events that have been seen.
			else if (next.done === true) return;
			else {
				upcoming.take();
				seen = next.value.seq;
				const item = asItem(run, next.value);
				if (wants(item)) yield item;
			}
		}
	} finally {
		void events.return();
	}
}

function asItem(run: RunId, event: RunEvent): StreamItem {
	if (event.type !== "node.emitted") return event;
	const { node, attempt, index, at, value, seq } = event;
	return { type: "chunk", run, node, attempt, index, at, chunk: value, after: seq, seq };
}

/** The next event of a reader: asked for once, whatever happens until it is there. */
class Upcoming {
	#asked = false;
	#next: IteratorResult<RunEvent, void> | undefined;
	#failed: { readonly error: unknown } | undefined;

	constructor(
		private readonly events: Reader<RunEvent>,
		private readonly sleeper: Sleeper,
	) {}

	/** @returns undefined while it is not there: then the sleeper is woken for it */
	peek(): IteratorResult<RunEvent, void> | undefined {
		if (this.#failed !== undefined) throw this.#failed.error;
		if (!this.#asked) {
			this.#asked = true;
			this.events.next().then(
				(next) => {
					this.#next = next;
					this.sleeper.wake();
				},
				(error: unknown) => {
					this.#failed = { error };
					this.sleeper.wake();
				},
			);
		}
		return this.#next;
	}

	take(): void {
		this.#asked = false;
		this.#next = undefined;
	}
}
