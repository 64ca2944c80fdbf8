import { type Chunk, ChunkCursor, ChunkLog, type LagPolicy } from "./core/chunk-log.js";
import { SwarmError } from "./core/errors.js";
import { type ReadOptions, wantedTypes } from "./core/event-log.js";
import type { NodeId } from "./core/ids.js";
import { Reader } from "./core/reader.js";
import { checkWhole } from "./core/whole.js";
import { readBoth } from "./event-reader.js";
import type { GraphActor } from "./graph/actor.js";
import { show } from "./graph/spec.js";
import type { RunEvent } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import { readMerged, type StreamItem } from "./merged-reader.js";

/** Which chunks of a run are read. */
export interface ChunkOptions {
	/** Those of this node only. */
	readonly node?: NodeId;
	/**
	 * Those from this event on: the ones that the journal keeps, and of the others those that the memory still has. By
	 * default those that the memory has, and what comes.
	 */
	readonly from?: number;
	/** What becomes of a reader that falls too far behind: it ends with `LAGGED` (default), or skips what it missed. */
	readonly onLag?: LagPolicy;
}

/** Which events and chunks are read together. */
export interface StreamOptions<Type extends StreamItem["type"] = StreamItem["type"]> extends ChunkOptions {
	/** Only events of these types; `"chunk"` for chunks. */
	readonly types?: readonly Type[];
}

/** The items of these types. */
export type StreamOf<Type extends StreamItem["type"]> = AsyncGenerator<
	Extract<StreamItem, { readonly type: Type }>,
	void,
	undefined
>;

/** @throws SwarmError `INVALID_OPTION` */
export function checkStream({ from, onLag }: ChunkOptions): void {
	checkWhole(from, "from", 1, Number.MAX_SAFE_INTEGER);
	if (onLag === undefined || onLag === "fail" || onLag === "skip") return;
	throw new SwarmError("INVALID_OPTION", `onLag is ${show(onLag)}: use fail or skip`);
}

/** Everything that can be read of a run while it goes on: its events, its chunks, and both in the order in which they happened. */
export class RunReaders {
	readonly #actor: GraphActor;
	readonly #journal: Journal | undefined;
	readonly #flushed: () => Promise<void>;
	readonly #chunkBuffer: number | undefined;
	#chunks: ChunkLog | undefined;

	/**
	 * @param sink - what writes the run: `flushed` resolves when the journal has all that the memory had when it was called
	 * @param chunkBuffer - how many chunks are kept
	 */
	constructor(
		actor: GraphActor,
		journal: Journal | undefined,
		sink?: { readonly flushed: () => Promise<void> },
		chunkBuffer?: number,
	) {
		this.#actor = actor;
		this.#journal = journal;
		this.#chunkBuffer = chunkBuffer;
		this.#flushed = async () => {
			try {
				await sink?.flushed();
			} catch (error) {
				throw actor.poison ?? error;
			}
		};
	}

	/** Made for the first chunk, or the first reader. */
	get log(): ChunkLog {
		if (this.#chunks === undefined) {
			this.#chunks = new ChunkLog(this.#actor.clock, this.#chunkBuffer);
			this.close();
		}
		return this.#chunks;
	}

	/** The chunks, if somebody has touched them. */
	get madeLog(): ChunkLog | undefined {
		return this.#chunks;
	}

	/** Ends readers of chunks if the run is over. */
	close(): void {
		if (this.#chunks !== undefined && this.#actor.isOver) this.#chunks.close(this.#actor.poison);
	}

	events(options: ReadOptions): Reader<RunEvent> {
		const { log } = this.#actor;
		const journal = this.#journal;
		if (journal === undefined) return new Reader(log.reading(options));
		const wanted = wantedTypes(options);
		// Opened now, and not when the loop begins: what happens until then belongs to the reader.
		const first = options.from ?? log.next;
		const live = log.reading({ from: Math.max(first, log.first) });
		const run = this.#actor.state.run;
		return new Reader((sleeper) => readBoth(journal, run, log, live(sleeper), sleeper, first, wanted, this.#flushed));
	}

	chunks(options: ChunkOptions): Reader<Chunk> {
		if (options.from === undefined) return this.log.read(options);
		return this.stream({ ...options, types: ["chunk"] }) as Reader<StreamItem> as Reader<Chunk>;
	}

	stream({ from = this.#actor.log.next, node, onLag, types }: StreamOptions): Reader<StreamItem> {
		const { log } = this;
		const wanted = types === undefined ? undefined : new Set<string>(types);
		const wants = (item: StreamItem): boolean =>
			(wanted === undefined || wanted.has(item.type)) && (node === undefined || ("node" in item && item.node === node));
		const unkept = (chunk: Chunk): boolean => chunk.seq === undefined && wants(chunk);
		// Who wants no chunks does not fall behind with them.
		const lag = wanted?.has("chunk") === false ? "skip" : onLag;
		const sources = {
			run: this.#actor.state.run,
			events: this.events({ from }),
			from,
			chunks: new ChunkCursor(log, log.firstAfter(from - 1), unkept, lag),
			bell: log.bell,
			wants,
		};
		return new Reader((sleeper) => readMerged(sources, sleeper));
	}
}
