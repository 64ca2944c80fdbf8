import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import { checkCovered, checkOrder, exists, fenced } from "./append-order.js";
import type {
	AppendRefusal,
	Blob,
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
	WriterStatus,
} from "./journal.js";
import { Listeners } from "./listeners.js";
import { checkFilter, checkRetention } from "./retention.js";
import { SnapshotChains } from "./snapshot-chain.js";

/**
 * A journal in the memory of the process, for tests and for runs that are looked at again but need not
 * survive. It does what `sqliteJournal` does, and grows until it is pruned.
 *
 * @example
 * ```ts
 * import { memoryJournal } from "dagswarm";
 *
 * const journal = memoryJournal();
 * journal.durable;      // false
 * await journal.runs(); // []
 * ```
 */
export function memoryJournal(): Journal {
	return new MemoryJournal();
}

class StoredRun {
	epoch: number;
	writer: WriterStatus | undefined;
	status: RunStatus;
	ended: boolean;
	updatedAt: number;
	firstSeq = 1;
	lastSeq = 0;
	bytes = 0;
	records: JournalRecord[] = [];
	/** By seq; in the order in which they were saved. */
	readonly snapshots = new Map<number, Omit<StoredSnapshot, "blobs">>();
	readonly checkpoints = new Map<NodeId, string>();
	readonly blobs = new Set<string>();

	constructor(
		readonly id: RunId,
		readonly createdAt: number,
		entry: RunAppend,
	) {
		this.epoch = entry.epoch;
		this.status = entry.status;
		this.ended = entry.ended;
		this.updatedAt = createdAt;
	}

	summary(): RunSummary {
		const { id: run, status, ended, epoch, writer, createdAt, updatedAt, firstSeq, lastSeq, bytes } = this;
		return { run, status, ended, epoch, writer, createdAt, updatedAt, firstSeq, lastSeq, bytes };
	}

	/** By rising seq. */
	places(upTo: number): Omit<StoredSnapshot, "blobs">[] {
		return [...this.snapshots.values()].filter(({ seq }) => seq <= upTo).sort((a, b) => a.seq - b.seq);
	}
}

/** The {@link Journal} that {@link memoryJournal} makes. */
export class MemoryJournal implements Journal {
	readonly durable = false;
	/** In the order in which they were created. */
	readonly #runs = new Map<RunId, StoredRun>();
	readonly #blobs = new Map<string, { readonly body: string; users: number }>();
	readonly #memos = new Map<string, MemoEntry>();
	readonly #listeners = new Listeners();
	readonly #needs: ((run: RunId) => boolean)[] = [];
	#closed = false;

	append(entries: Iterable<RunAppend>): readonly AppendRefusal[] {
		this.#checkOpen();
		const refused: AppendRefusal[] = [];
		const accepted: RunAppend[] = [];
		/** How the runs of this call stand after the entries before: nothing is stored until all of them are right. */
		const ahead = new Map<RunId, { readonly epoch: number; readonly last: number }>();
		for (const entry of entries) {
			const stored = this.#runs.get(entry.run);
			const stand = ahead.get(entry.run) ?? (stored && { epoch: stored.epoch, last: stored.lastSeq });
			if (entry.create !== undefined && stand !== undefined) refused.push(exists(entry));
			else if (entry.create === undefined && stand?.epoch !== entry.epoch) refused.push(fenced(entry, stand?.epoch));
			else {
				ahead.set(entry.run, { epoch: entry.epoch, last: checkOrder(entry, stand?.last ?? 0) });
				accepted.push(entry);
			}
		}
		for (const entry of accepted) this.#take(entry);
		if (accepted.length > 0) this.#listeners.tell();
		return refused;
	}

	flush(): void {
		this.#checkOpen();
	}

	*read(run: RunId, from = 1): Generator<JournalRecord, void, undefined> {
		this.#checkOpen();
		const records = this.#runs.get(run)?.records ?? [];
		let low = 0;
		for (let high = records.length; low < high; ) {
			const middle = (low + high) >> 1;
			if ((records[middle] as JournalRecord).lastSeq < from) low = middle + 1;
			else high = middle;
		}
		// By index: the run may grow while it is read.
		for (let index = low; index < records.length; index++) yield records[index] as JournalRecord;
	}

	blobs(hashes: readonly string[]): ReadonlyMap<string, string> {
		this.#checkOpen();
		const found = new Map<string, string>();
		for (const hash of hashes) {
			const blob = this.#blobs.get(hash);
			if (blob !== undefined) found.set(hash, blob.body);
		}
		return found;
	}

	find(run: RunId): RunSummary | undefined {
		this.#checkOpen();
		return this.#runs.get(run)?.summary();
	}

	runs(filter: RunFilter = {}): readonly RunSummary[] {
		this.#checkOpen();
		checkFilter(filter);
		const { ended, limit } = filter;
		const wanted = [...this.#runs.values()].reverse().filter((run) => ended === undefined || run.ended === ended);
		return wanted.slice(0, limit).map((run) => run.summary());
	}

	claim(run: RunId, seen: number, { id, pid, host }: Writer, at: number): number | undefined {
		const stored = this.#of(run, seen);
		if (stored === undefined) return undefined;
		stored.writer = { id, pid, host, since: at, heartbeatAt: at };
		return ++stored.epoch;
	}

	heartbeat(runs: readonly { readonly run: RunId; readonly epoch: number }[], at: number): readonly RunId[] {
		const lost: RunId[] = [];
		for (const { run, epoch } of runs) {
			const stored = this.#of(run, epoch);
			if (stored === undefined) lost.push(run);
			else if (stored.writer !== undefined) stored.writer = { ...stored.writer, heartbeatAt: at };
		}
		return lost;
	}

	release(run: RunId, epoch: number): void {
		const stored = this.#of(run, epoch);
		if (stored !== undefined) stored.writer = undefined;
	}

	saveSnapshot(run: RunId, epoch: number, { seq, base, body, blobs, checksum }: StoredSnapshot): boolean {
		const stored = this.#of(run, epoch);
		if (stored === undefined) return false;
		checkCovered(run, seq, stored.lastSeq);
		stored.bytes += Buffer.byteLength(body) - Buffer.byteLength(stored.snapshots.get(seq)?.body ?? "");
		stored.snapshots.set(seq, { seq, base, body, checksum });
		this.#keep(stored, blobs);
		return true;
	}

	snapshots(run: RunId, seq: number): readonly Omit<StoredSnapshot, "blobs">[] {
		this.#checkOpen();
		const stored = this.#runs.get(run);
		if (stored === undefined) return [];
		const { snapshots } = stored;
		return new SnapshotChains(stored.places(seq))
			.chain()
			.map((place) => snapshots.get(place) as Omit<StoredSnapshot, "blobs">);
	}

	checkpoints(run: RunId): ReadonlyMap<NodeId, string> {
		this.#checkOpen();
		return new Map(this.#runs.get(run)?.checkpoints);
	}

	memo(key: string, now: number): string | undefined {
		this.#checkOpen();
		const memo = this.#memos.get(key);
		return memo === undefined || isOver(memo, now) ? undefined : memo.body;
	}

	prune(retention: Retention, now: number): Pruned {
		this.#checkOpen();
		checkRetention(retention);
		const gone = this.#outdated(retention, now);
		const blobsBefore = this.#blobs.size;
		let records = 0;
		for (const run of gone) {
			records += run.records.length;
			this.#remove(run);
		}
		const { maxTailAge } = retention;
		if (maxTailAge !== undefined)
			for (const run of this.#runs.values()) if (!run.ended) records += shorten(run, now - maxTailAge);
		const expired = [...this.#memos.values()].filter((memo) => isOver(memo, now));
		for (const { key } of expired) this.#memos.delete(key);
		const blobs = blobsBefore - this.#blobs.size;
		this.#listeners.tell();
		return { runs: gone.map(({ id }) => id), records, blobs, memos: expired.length };
	}

	/** Runs for which this says so are not pruned, though they have ended. */
	spare(isNeeded: (run: RunId) => boolean): void {
		this.#needs.push(isNeeded);
	}

	watch(changed: () => void): () => void {
		this.#checkOpen();
		return this.#listeners.add(changed);
	}

	close(): void {
		this.#closed = true;
		this.#listeners.close();
	}

	#take(entry: RunAppend): void {
		let stored = this.#runs.get(entry.run);
		if (stored === undefined) {
			// An entry of a run that is not there is accepted only if it creates it.
			const { writer, at } = entry.create as NonNullable<RunAppend["create"]>;
			stored = new StoredRun(entry.run, at, entry);
			stored.writer = { id: writer.id, pid: writer.pid, host: writer.host, since: at, heartbeatAt: at };
			this.#runs.set(entry.run, stored);
		}
		stored.status = entry.status;
		stored.ended = entry.ended;
		for (const { firstSeq, lastSeq, at, body, checksum } of entry.records) {
			stored.records.push({ firstSeq, lastSeq, at, body, checksum });
			stored.lastSeq = lastSeq;
			stored.updatedAt = at;
			stored.bytes += Buffer.byteLength(body);
		}
		this.#keep(stored, entry.blobs);
		for (const { node, body } of entry.checkpoints) {
			stored.bytes += Buffer.byteLength(body ?? "") - Buffer.byteLength(stored.checkpoints.get(node) ?? "");
			if (body === undefined) stored.checkpoints.delete(node);
			else stored.checkpoints.set(node, body);
		}
		for (const { key, body, expiresAt } of entry.memos) this.#memos.set(key, { key, body, expiresAt });
	}

	#keep(stored: StoredRun, blobs: readonly Blob[]): void {
		for (const { hash, body } of blobs) {
			if (stored.blobs.has(hash)) continue;
			stored.blobs.add(hash);
			const blob = this.#blobs.get(hash);
			if (blob === undefined) this.#blobs.set(hash, { body, users: 1 });
			else blob.users++;
		}
	}

	/** The ended runs that go, the oldest first. */
	#outdated({ maxAge, maxRuns, maxBytes }: Retention, now: number): readonly StoredRun[] {
		const ended = [...this.#runs.values()].filter((run) => run.ended);
		const isSpared = (run: StoredRun): boolean => this.#needs.some((isNeeded) => isNeeded(run.id));
		const gone = new Set<StoredRun>();
		if (maxAge !== undefined)
			for (const run of ended) if (run.updatedAt < now - maxAge && !isSpared(run)) gone.add(run);
		const young = ended.filter((run) => !gone.has(run));
		if (maxRuns !== undefined)
			for (const run of young.slice(0, Math.max(young.length - maxRuns, 0))) if (!isSpared(run)) gone.add(run);
		if (maxBytes === undefined) return [...gone];
		const users = new Map([...this.#blobs].map(([hash, blob]) => [hash, blob.users]));
		let bytes = 0;
		for (const run of this.#runs.values()) bytes += run.bytes;
		for (const { body } of this.#blobs.values()) bytes += Buffer.byteLength(body);
		const count = (run: StoredRun): void => {
			bytes -= run.bytes;
			for (const hash of run.blobs) {
				const left = (users.get(hash) ?? 0) - 1;
				users.set(hash, left);
				if (left === 0) bytes -= Buffer.byteLength(this.#blobs.get(hash)?.body ?? "");
			}
		};
		for (const run of gone) count(run);
		for (const run of ended) {
			if (bytes <= maxBytes) break;
			if (gone.has(run) || isSpared(run)) continue;
			gone.add(run);
			count(run);
		}
		return [...gone];
	}

	#remove(run: StoredRun): void {
		this.#runs.delete(run.id);
		for (const hash of run.blobs) {
			const blob = this.#blobs.get(hash);
			if (blob !== undefined && --blob.users === 0) this.#blobs.delete(hash);
		}
	}

	/** The run, if this is its epoch. */
	#of(run: RunId, epoch: number): StoredRun | undefined {
		this.#checkOpen();
		const stored = this.#runs.get(run);
		return stored?.epoch === epoch ? stored : undefined;
	}

	#checkOpen(): void {
		if (this.#closed) throw new SwarmError("JOURNAL_UNAVAILABLE", "the journal is closed");
	}
}

function isOver({ expiresAt }: MemoEntry, now: number): boolean {
	return expiresAt !== undefined && expiresAt <= now;
}

/** @returns how many records went */
function shorten(run: StoredRun, before: number): number {
	const chains = new SnapshotChains(run.places(run.lastSeq));
	const cut = chains.loadable.find((seq) => {
		const holding = run.records.findLast(({ firstSeq }) => firstSeq <= seq);
		return holding !== undefined && holding.at < before;
	});
	if (cut === undefined) return 0;
	const kept = run.records.filter(({ lastSeq }) => lastSeq > cut);
	const dropped = run.records.length - kept.length;
	for (const { body, lastSeq } of run.records.slice(0, dropped)) {
		run.bytes -= Buffer.byteLength(body);
		run.firstSeq = lastSeq + 1;
	}
	// A reader keeps the list that it began with.
	run.records = kept;
	const needed = chains.neededFrom(cut);
	for (const { seq, body } of [...run.snapshots.values()]) {
		if (seq >= cut || needed.has(seq)) continue;
		run.snapshots.delete(seq);
		run.bytes -= Buffer.byteLength(body);
	}
	return dropped;
}
