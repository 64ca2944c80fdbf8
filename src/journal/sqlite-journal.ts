import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import { checkCovered, checkOrder, exists, fenced } from "./append-order.js";
import type {
	AppendRefusal,
	Blob,
	Journal,
	JournalRecord,
	Pruned,
	Retention,
	RunAppend,
	RunFilter,
	RunSummary,
	StoredSnapshot,
	Writer,
} from "./journal.js";
import { checkFilter, checkRetention } from "./retention.js";
import { SnapshotChains, type SnapshotPlace } from "./snapshot-chain.js";
import { SqliteFile, type SqliteJournalOptions } from "./sqlite-file.js";
import { SqlitePruning } from "./sqlite-prune.js";
import { MAX_SEQ } from "./sqlite-schema.js";
import { maybeNumber, number, type Row, type Statements, statements, text } from "./sqlite-statements.js";

/** A reader takes so many records at a time, or fewer when they are long: in between, nothing is held. */
const PAGE_RECORDS = 256;
const PAGE_TEXT = 4 * 1024 * 1024;

/**
 * A journal in an SQLite file, through the module `node:sqlite` that Node brings. One file holds many
 * runs; several processes may use it at once.
 *
 * The file is in WAL mode: while it is in use, `-wal` and `-shm` files stand beside it and belong to it. A
 * file of up to 64 MiB is looked through when it is opened. Each commit sets the file's time, by which others that
 * watch it are woken. Space that pruning frees is used again; `VACUUM`
 * gives it back to the disk, and may be run by any SQLite tool at any time.
 *
 * @param file - its path; it is made when it is not there, its folder is not
 * @throws SwarmError `JOURNAL_UNAVAILABLE` when it cannot be opened, `JOURNAL_CORRUPT` when it is damaged or
 * no SQLite file, `JOURNAL_VERSION` when a newer version of this library wrote it, `INVALID_OPTION` when it is
 * another program's, or this Node has no `node:sqlite`
 *
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { sqliteJournal } from "dagswarm";
 *
 * const file = join(mkdtempSync(join(tmpdir(), "runs-")), "runs.db");
 * const journal = sqliteJournal(file);
 * await journal.runs(); // []
 * await journal.close();
 * ```
 */
export function sqliteJournal(file: string, options?: SqliteJournalOptions): Journal {
	return new SqliteJournal(SqliteFile.open(file, options));
}

/** A {@link Journal} on an open file. */
export class SqliteJournal implements Journal {
	readonly durable = true;
	readonly #file: SqliteFile;
	readonly #ask: Statements;

	constructor(file: SqliteFile) {
		this.#file = file;
		this.#ask = file.guard(() => statements(file.db));
	}

	append(entries: Iterable<RunAppend>, { sync = true }: { readonly sync?: boolean } = {}): readonly AppendRefusal[] {
		const refused: AppendRefusal[] = [];
		this.#file.transaction(sync, () => {
			for (const entry of entries) {
				const refusal = this.#take(entry);
				if (refusal !== undefined) refused.push(refusal);
			}
		});
		return refused;
	}

	flush(): void {
		this.#file.flush();
	}

	*read(run: RunId, from = 1): Generator<JournalRecord, void, undefined> {
		const no = this.#file.guard(() => this.#ask.stand.get(run)?.["no"]) as number | undefined;
		if (no === undefined) return;
		let next =
			this.#file.guard(() => number(this.#ask.holding.get(no, no, Math.min(from, MAX_SEQ)), "first_seq")) ?? from;
		for (let followed = false; ; followed = true) {
			const page = this.#file.guard(() => this.#page(run, no, next));
			this.#checkKept(run, no, followed ? next : 0);
			for (const record of page) {
				if (record.lastSeq >= from) yield record;
				next = record.lastSeq + 1;
			}
			if (page.length === 0) return;
		}
	}

	blobs(hashes: readonly string[]): ReadonlyMap<string, string> {
		return this.#file.guard(() => {
			const found = new Map<string, string>();
			for (const hash of hashes) {
				const body = this.#ask.readBlob.get(hash)?.["body"];
				if (typeof body === "string") found.set(hash, body);
			}
			return found;
		});
	}

	find(run: RunId): RunSummary | undefined {
		const row = this.#file.guard(() => this.#ask.find.get(run));
		return row && summary(row);
	}

	runs(filter: RunFilter = {}): readonly RunSummary[] {
		checkFilter(filter);
		const { ended, limit } = filter;
		// Negative: all of them.
		const most = limit ?? -1;
		const rows = this.#file.guard(() =>
			ended === undefined ? this.#ask.listed.all(most) : this.#ask.listedByEnd.all(Number(ended), most),
		);
		return rows.map(summary);
	}

	claim(run: RunId, seen: number, { id, pid, host }: Writer, at: number): number | undefined {
		const row = this.#file.transaction(true, () => this.#ask.claim.get(id, pid, host, at, at, run, seen));
		return row && number(row, "epoch");
	}

	heartbeat(runs: readonly { readonly run: RunId; readonly epoch: number }[], at: number): readonly RunId[] {
		// Nothing is lost with it that the next one does not say again.
		return this.#file.transaction(false, () =>
			runs.filter(({ run, epoch }) => this.#ask.beat.run(at, run, epoch).changes === 0).map(({ run }) => run),
		);
	}

	release(run: RunId, epoch: number): void {
		this.#file.transaction(false, () => this.#ask.release.run(run, epoch));
	}

	saveSnapshot(run: RunId, epoch: number, { seq, base, body, blobs, checksum }: StoredSnapshot): boolean {
		// A lost snapshot costs time at the next start, no event.
		return this.#file.transaction(false, () => {
			const row = this.#ask.stand.get(run);
			if (row === undefined || row["epoch"] !== epoch) return false;
			checkCovered(run, seq, number(row, "last_seq"));
			const no = number(row, "no");
			const before = number(this.#ask.snapshotBytes.get(no, seq), "bytes") ?? 0;
			this.#ask.snapshot.run(no, seq, base ?? null, checksum, body);
			this.#ask.addBytes.run(Buffer.byteLength(body) - before, no);
			this.#keep(no, blobs);
			return true;
		});
	}

	snapshots(run: RunId, seq: number): readonly Omit<StoredSnapshot, "blobs">[] {
		return this.#file.guard(() => {
			const no = this.#ask.stand.get(run)?.["no"] as number | undefined;
			if (no === undefined) return [];
			return new SnapshotChains(places(this.#ask, no, seq)).chain().map((place) => {
				const row: Row = this.#ask.readSnapshot.get(no, place) ?? {};
				return {
					seq: place,
					base: maybeNumber(row, "base"),
					body: checkedText(row, `the snapshot at event ${place} of run "${run}"`),
					checksum: number(row, "checksum"),
				};
			});
		});
	}

	checkpoints(run: RunId): ReadonlyMap<string, string> {
		return this.#file.guard(() => {
			const no = this.#ask.stand.get(run)?.["no"] as number | undefined;
			const rows = no === undefined ? [] : this.#ask.readCheckpoints.all(no);
			return new Map(rows.map((row) => [text(row, "node"), text(row, "body")]));
		});
	}

	memo(key: string, now: number): string | undefined {
		return this.#file.guard(() => this.#ask.readMemo.get(key, now)?.["body"]) as string | undefined;
	}

	prune(retention: Retention, now: number): Promise<Pruned> {
		checkRetention(retention);
		return new SqlitePruning(this.#file, retention, now).run();
	}

	watch(changed: () => void, failed: (error: unknown) => void): () => void {
		return this.#file.watch(changed, failed);
	}

	close(): void {
		this.#file.close();
	}

	/** Writes an entry, or says why not: what is checked and what is first written are one statement. */
	#take(entry: RunAppend): AppendRefusal | undefined {
		let bytes = 0;
		for (const record of entry.records) bytes += Buffer.byteLength(record.body);
		const no = entry.create === undefined ? this.#advance(entry, bytes) : this.#create(entry, bytes);
		if (typeof no !== "number") return no;
		for (const { firstSeq, lastSeq, at, checksum, body } of entry.records)
			this.#ask.record.run(no, firstSeq, lastSeq, at, checksum, body);
		this.#keep(no, entry.blobs);
		for (const { node, body } of entry.checkpoints) this.#checkpoint(no, node, body);
		for (const { key, expiresAt, body } of entry.memos) this.#ask.memo.run(key, expiresAt ?? null, body);
		return undefined;
	}

	#create(entry: RunAppend, bytes: number): number | AppendRefusal {
		const { writer, at } = entry.create as NonNullable<RunAppend["create"]>;
		const last = checkOrder(entry, 0);
		const row = this.#ask.create.get(
			entry.run,
			entry.epoch,
			writer.id,
			writer.pid,
			writer.host,
			at,
			at,
			entry.status,
			Number(entry.ended),
			at,
			entry.records.at(-1)?.at ?? at,
			last,
			bytes,
		);
		return row === undefined ? exists(entry) : number(row, "no");
	}

	#advance(entry: RunAppend, bytes: number): number | AppendRefusal {
		const { run, epoch, status, records } = entry;
		const ended = Number(entry.ended);
		const newest = records.at(-1);
		if (newest !== undefined) {
			const stored = (records[0]?.firstSeq ?? 0) - 1;
			checkOrder(entry, stored);
			const row = this.#ask.advance.get(status, newest.at, newest.lastSeq, bytes, run, epoch, stored, ended);
			if (row !== undefined) return number(row, "no");
		}
		const row = this.#ask.stand.get(run);
		if (row === undefined || row["epoch"] !== epoch) return fenced(entry, row && number(row, "epoch"));
		const last = checkOrder(entry, number(row, "last_seq"));
		this.#ask.change.run(status, newest?.at ?? number(row, "updated"), last, bytes, ended, number(row, "no"));
		return number(row, "no");
	}

	#keep(no: number, blobs: readonly Blob[]): void {
		for (const { hash, body } of blobs) {
			this.#ask.blob.run(hash, Buffer.byteLength(body), body);
			this.#ask.blobUse.run(no, hash);
		}
	}

	#checkpoint(no: number, node: string, body: string | undefined): void {
		const before = number(this.#ask.checkpointBytes.get(no, node), "bytes") ?? 0;
		if (body === undefined) this.#ask.dropCheckpoint.run(no, node);
		else this.#ask.checkpoint.run(no, node, body);
		this.#ask.addBytes.run((body === undefined ? 0 : Buffer.byteLength(body)) - before, no);
	}

	#page(run: RunId, no: number, from: number): JournalRecord[] {
		const page: JournalRecord[] = [];
		let length = 0;
		for (const row of this.#ask.records.iterate(no, from, no, PAGE_RECORDS)) {
			const record = recordOf(row, run);
			page.push(record);
			length += record.body.length;
			if (length >= PAGE_TEXT) break;
		}
		return page;
	}

	/** A reader that is overtaken by pruning is told so, not that the run is shorter. */
	#checkKept(run: RunId, no: number, next: number): void {
		const row = this.#file.guard(() => this.#ask.firstKept.get(no));
		if (row !== undefined && number(row, "first_seq") <= Math.max(next, 1)) return;
		if (row !== undefined && next === 0) return;
		throw new SwarmError("SEQ_PRUNED", `run "${run}" was pruned while it was read`);
	}
}

/** Where the snapshots of a run are, by rising seq, up to `seq`. */
export function* places(ask: Statements, no: number, seq: number): Generator<SnapshotPlace, void, undefined> {
	for (const row of ask.places.iterate(no, no, Math.min(seq, MAX_SEQ)))
		yield { seq: number(row, "seq"), base: maybeNumber(row, "base") };
}

function recordOf(row: Row, run: RunId): JournalRecord {
	const firstSeq = number(row, "first_seq");
	const body = checkedText(row, `the record from event ${firstSeq} of run "${run}"`);
	return { firstSeq, lastSeq: number(row, "last_seq"), at: number(row, "at"), body, checksum: number(row, "checksum") };
}

/** A damaged row may hold anything: what is no text has no checksum, and what is no number no order. */
function checkedText(row: Row, what: string): string {
	const { body, checksum, last_seq: last = 0, at = 0 } = row;
	if (typeof body === "string" && typeof checksum === "number" && typeof last === "number" && typeof at === "number")
		return body;
	throw new SwarmError("JOURNAL_CORRUPT", `${what} is not as it was written`);
}

function summary(row: Row): RunSummary {
	return {
		run: text(row, "id"),
		status: text(row, "status") as RunStatus,
		ended: row["ended"] === 1,
		epoch: number(row, "epoch"),
		writer:
			row["writer"] === null
				? undefined
				: {
						id: text(row, "writer"),
						pid: number(row, "pid"),
						host: text(row, "host"),
						since: number(row, "since"),
						heartbeatAt: number(row, "heartbeat"),
					},
		createdAt: number(row, "created"),
		updatedAt: number(row, "updated"),
		firstSeq: number(row, "first_seq"),
		lastSeq: number(row, "last_seq"),
		bytes: number(row, "bytes"),
	};
}
