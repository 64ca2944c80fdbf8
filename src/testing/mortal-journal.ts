import type { RunId } from "../core/ids.js";
import type { RunEvent } from "../graph/types.js";
import { blobsOf, decodeRecord } from "../journal/codec.js";
import type {
	AppendRefusal,
	Journal,
	JournalRecord,
	MemoEntry,
	Pruned,
	Retention,
	RunAppend,
	RunFilter,
	RunSummary,
	StoredSnapshot,
	Writer,
} from "../journal/journal.js";

/** When a process dies in the middle of a write: nothing of it is there, or all of it and nobody was told. */
export type Death = "before" | "after";

/** What one write adds to a run. */
export interface WrittenEvents {
	readonly run: RunId;
	readonly events: readonly RunEvent[];
}

/**
 * A journal as one process sees it: when the process dies, nothing reaches the store any more. What is
 * written is shown as it will be read, event by event.
 */
export class MortalJournal implements Journal {
	readonly durable = false;
	dead = false;
	/** How often something was written. */
	writes = 0;

	/**
	 * @param store - answers at once; it outlives the process
	 * @param written - is shown what is on the disk
	 * @param strike - whether the process dies in this write
	 */
	constructor(
		private readonly store: Journal,
		private readonly written: (batch: readonly WrittenEvents[]) => void,
		private readonly strike: () => Death | undefined,
	) {}

	append(entries: Iterable<RunAppend>): readonly AppendRefusal[] {
		this.writes++;
		const death = this.#live().strike();
		if (death === "before") this.#die();
		const taken = [...entries];
		const refusals = this.store.append(taken) as readonly AppendRefusal[];
		const refused = new Set(refusals.map(({ run }) => run));
		const batch: WrittenEvents[] = [];
		for (const { run, records, blobs } of taken) {
			if (refused.has(run)) continue;
			const events: RunEvent[] = [];
			const bodies = new Map(blobs.map(({ hash, body }) => [hash, body]));
			for (const record of records)
				decodeRecord(run, record, this.#known(record, bodies), (event) => events.push(event));
			batch.push({ run, events });
		}
		this.written(batch);
		if (death === "after") this.#die();
		return refusals;
	}

	/** Large values that come with the record, or were there. */
	#known({ body }: JournalRecord, fresh: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
		const hashes = blobsOf(body);
		if (hashes.every((hash) => fresh.has(hash))) return fresh;
		return this.store.blobs(hashes) as ReadonlyMap<string, string>;
	}

	#die(): never {
		this.dead = true;
		throw new Error("the process is dead");
	}

	#live(): this {
		if (this.dead) this.#die();
		return this;
	}

	get #store(): Journal {
		return this.#live().store;
	}

	flush(): ReturnType<Journal["flush"]> {
		return this.#store.flush();
	}
	read(run: RunId, from?: number): ReturnType<Journal["read"]> {
		return this.#store.read(run, from);
	}
	blobs(hashes: readonly string[]): ReturnType<Journal["blobs"]> {
		return this.#store.blobs(hashes);
	}
	find(run: RunId): RunSummary | undefined {
		return this.#store.find(run) as RunSummary | undefined;
	}
	runs(filter?: RunFilter): ReturnType<Journal["runs"]> {
		return this.#store.runs(filter);
	}
	claim(run: RunId, seen: number, writer: Writer, at: number): ReturnType<Journal["claim"]> {
		return this.#store.claim(run, seen, writer, at);
	}
	heartbeat(runs: readonly { readonly run: RunId; readonly epoch: number }[], at: number): readonly RunId[] {
		return this.#store.heartbeat(runs, at) as readonly RunId[];
	}
	release(run: RunId, epoch: number): ReturnType<Journal["release"]> {
		return this.#store.release(run, epoch);
	}
	saveSnapshot(run: RunId, epoch: number, snapshot: StoredSnapshot): ReturnType<Journal["saveSnapshot"]> {
		return this.#store.saveSnapshot(run, epoch, snapshot);
	}
	snapshots(run: RunId, seq: number): ReturnType<Journal["snapshots"]> {
		return this.#store.snapshots(run, seq);
	}
	checkpoints(run: RunId): ReturnType<Journal["checkpoints"]> {
		return this.#store.checkpoints(run);
	}
	memo(key: MemoEntry["key"], now: number): ReturnType<Journal["memo"]> {
		return this.#store.memo(key, now);
	}
	prune(retention: Retention, now: number): Pruned {
		return this.#store.prune(retention, now) as Pruned;
	}
	close(): void {}
}
