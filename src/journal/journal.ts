import type { NodeId, RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";

/** At once where the store is in the process, later where it is not. */
export type Awaitable<Value> = Value | PromiseLike<Value>;

/** Consecutive events of one run as text: what a journal keeps, and never looks into. */
export interface JournalRecord {
	readonly firstSeq: number;
	readonly lastSeq: number;
	/** When the last of its events was decided; milliseconds since the Unix epoch. */
	readonly at: number;
	readonly body: string;
	/** CRC-32 of run, numbers and body; a 32-bit integer, not negative. Checked when the record is read. */
	readonly checksum: number;
}

/** A large value of a record: it is stored once, however often it occurs. */
export interface Blob {
	/** SHA-256 of the body, 64 hexadecimal digits. */
	readonly hash: string;
	readonly body: string;
}

/** The process that writes a run. */
export interface Writer {
	/** Unique to the journal object that writes. */
	readonly id: string;
	readonly pid: number;
	readonly host: string;
}

/** Who writes a run, since when, and when it was last heard of; milliseconds since the Unix epoch. */
export interface WriterStatus extends Writer {
	readonly since: number;
	readonly heartbeatAt: number;
}

/** Saved progress of a node; `undefined` takes it away. */
export interface CheckpointChange {
	readonly node: NodeId;
	readonly body: string | undefined;
}

/** A saved outcome that may stand in for another call with the same key. */
export interface MemoEntry {
	/** SHA-256, 64 hexadecimal digits. */
	readonly key: string;
	readonly body: string;
	/** When it is no longer to be used; milliseconds since the Unix epoch. */
	readonly expiresAt: number | undefined;
}

/** What one run adds to the journal: all of it or nothing. */
export interface RunAppend {
	readonly run: RunId;
	/** Of the writer: it must be the run's, or nothing of this is written. */
	readonly epoch: number;
	/** With the first append of a run: who writes it. */
	readonly create?: { readonly writer: Writer; readonly at: number };
	/** In order; the first follows the last one that is stored. */
	readonly records: readonly JournalRecord[];
	readonly blobs: readonly Blob[];
	/** What has become of the run by the last record. */
	readonly status: RunStatus;
	readonly ended: boolean;
	readonly checkpoints: readonly CheckpointChange[];
	readonly memos: readonly MemoEntry[];
}

/** An append of which nothing was written: the others of its batch were. */
export interface AppendRefusal {
	readonly run: RunId;
	/** `FENCED`: another epoch is the run's, or the run is not there. `RUN_EXISTS`: it was to be created and is there. */
	readonly code: "FENCED" | "RUN_EXISTS";
	readonly message: string;
}

/** One run as the journal lists it. */
export interface RunSummary {
	readonly run: RunId;
	readonly status: RunStatus;
	readonly ended: boolean;
	readonly epoch: number;
	/** Undefined when its writer has let go of it. */
	readonly writer: WriterStatus | undefined;
	readonly createdAt: number;
	readonly updatedAt: number;
	/** The first event that is still kept; 1 until the run is pruned. */
	readonly firstSeq: number;
	readonly lastSeq: number;
	/** Of records, snapshots and checkpoints as text; blobs not counted, as they may be shared. */
	readonly bytes: number;
}

/** Which runs are wanted; all of them by default, the one that was created last first. */
export interface RunFilter {
	readonly ended?: boolean;
	/** At most so many. */
	readonly limit?: number;
}

/** The state of a run, or what has changed in it since an earlier snapshot. */
export interface StoredSnapshot {
	/** The last event that is in it. */
	readonly seq: number;
	/** The snapshot that it is a change of; undefined for one that stands alone. */
	readonly base: number | undefined;
	readonly body: string;
	readonly blobs: readonly Blob[];
	/** CRC-32 as in {@link JournalRecord}, of the run, the base (0 without one), the seq and the body. */
	readonly checksum: number;
}

/** What {@link Journal.prune} takes away. Without a field nothing goes because of it; runs that have not ended never go. */
export interface Retention {
	/** Ended runs whose last event is older than so many milliseconds. */
	readonly maxAge?: number;
	/** Ended runs beyond the so many that were created last. */
	readonly maxRuns?: number;
	/** The ended runs that were created first, until what is left has at most so many bytes, each blob counted once. */
	readonly maxBytes?: number;
	/**
	 * Of runs that go on, records up to the newest snapshot of an event that is older than so many milliseconds,
	 * and earlier snapshots that nothing kept builds on. Blobs stay as long as their run.
	 */
	readonly maxTailAge?: number;
}

/** What was taken away. */
export interface Pruned {
	readonly runs: readonly RunId[];
	readonly records: number;
	readonly blobs: number;
	readonly memos: number;
}

/** A record or a snapshot that is not as it was written. */
export interface Quarantined {
	readonly run: RunId;
	readonly reason: string;
}

/**
 * Where runs are kept. A port: `memoryJournal` and `sqliteJournal` are two of it, and
 * `journalConformance` of dagswarm/testing says whether another one is right.
 *
 * Bodies are text that the library encodes, checks and reads; a journal stores and finds them. Every
 * method may answer at once or by a promise. What goes wrong in the store is thrown, or rejects; the
 * library makes `JOURNAL_UNAVAILABLE` of it, unless it is a `SwarmError` already.
 */
export interface Journal {
	/** Whether what `append` has taken survives the process. */
	readonly durable: boolean;

	/**
	 * Adds to runs. Each entry is atomic; those of one call become durable together, so that many runs
	 * share one write to the disk. Entries may be made while they are taken: each is asked for once. When one
	 * of them cannot be made, or has a gap in its events, the call fails and nothing is written.
	 *
	 * @param options - `sync`: return only when it is on the disk (default true)
	 * @returns the entries that were refused; of these nothing was written, of the others everything
	 */
	append(entries: Iterable<RunAppend>, options?: { readonly sync?: boolean }): Awaitable<readonly AppendRefusal[]>;

	/** Makes durable what was appended with `sync: false`. */
	flush(): Awaitable<void>;

	/** The records of a run in order, from the one that holds `from`; none for a run that is not there. */
	read(run: RunId, from?: number): Iterable<JournalRecord> | AsyncIterable<JournalRecord>;

	/** Those of these blobs that are there, by hash. */
	blobs(hashes: readonly string[]): Awaitable<ReadonlyMap<string, string>>;

	/** Whether the run is there, and how it stands. */
	find(run: RunId): Awaitable<RunSummary | undefined>;

	runs(filter?: RunFilter): Awaitable<readonly RunSummary[]>;

	/**
	 * Makes another writer the run's and raises its epoch by one, if both are still what the caller saw:
	 * of two that try, one succeeds.
	 *
	 * @param seen - the epoch that {@link find} told
	 * @returns the new epoch; undefined when it is not as it was seen
	 */
	claim(run: RunId, seen: number, writer: Writer, at: number): Awaitable<number | undefined>;

	/**
	 * Says that a writer is alive.
	 *
	 * @returns the runs whose epoch is not the given one any more
	 */
	heartbeat(runs: readonly { readonly run: RunId; readonly epoch: number }[], at: number): Awaitable<readonly RunId[]>;

	/** The writer lets go: the next one need not wait for its heart to stop. Nothing happens with another epoch. */
	release(run: RunId, epoch: number): Awaitable<void>;

	/** Saves a snapshot. The writer's epoch must be the run's, or it is not saved. @returns whether it was */
	saveSnapshot(run: RunId, epoch: number, snapshot: StoredSnapshot): Awaitable<boolean>;

	/**
	 * The newest snapshot at or before `seq`, after those that it builds on: first the one that stands alone. One
	 * whose base is missing is passed over.
	 */
	snapshots(run: RunId, seq: number): Awaitable<readonly Omit<StoredSnapshot, "blobs">[]>;

	/** Saved progress of the nodes of a run. */
	checkpoints(run: RunId): Awaitable<ReadonlyMap<NodeId, string>>;

	/** A memo that has not expired. */
	memo(key: string, now: number): Awaitable<string | undefined>;

	/** Takes away what is not to be kept, and blobs that nothing refers to any more. */
	prune(retention: Retention, now: number): Awaitable<Pruned>;

	/**
	 * Tells those who look on that there may be more to read, or that runs were taken away, whichever process did it.
	 * Optional: without it a run of this journal cannot be watched.
	 *
	 * After every {@link append} and {@link prune} that ends when this has returned, `changed` is called at least once,
	 * when what they did can be read; once may do for several, and a call may be about nothing. When the journal is
	 * closed it is called one last time, so that whoever waits finds out. As long as somebody watches, the process
	 * may be kept alive.
	 *
	 * @param changed - throws nothing, writes nothing, and should only take note
	 * @param failed - called when the journal can tell no more, and nothing is called after that
	 * @returns ends it: afterwards neither is called
	 */
	watch?(changed: () => void, failed: (error: unknown) => void): Awaitable<() => void>;

	/** Lets go of files and connections. Harmless when it is closed. */
	close(): Awaitable<void>;
}
