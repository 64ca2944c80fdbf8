import {
	closeSync,
	copyFileSync,
	existsSync,
	mkdtempSync,
	openSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Blob, JournalRecord, Quarantined } from "./journal.js";
import { SnapshotChains } from "./snapshot-chain.js";
import { journalFault } from "./sqlite-fault.js";
import { builtInSqlite, SqliteFile } from "./sqlite-file.js";
import { type SalvagedStore, salvageStore } from "./sqlite-salvage-store.js";
import { checkOwner, MIGRATIONS, migrate } from "./sqlite-schema.js";
import { number, type Row, statements } from "./sqlite-statements.js";
import { SqliteWreck, type WholeSnapshot, type WreckedRun } from "./sqlite-wreck.js";

/** Options of {@link salvageJournal}. */
export interface SalvageOptions {
	/** Copy a run that is damaged up to the last whole record before the damage, as one that has not ended. Default false. */
	readonly prefixes?: boolean;
}

/** What was saved, and what was not. */
export interface Salvaged {
	/** Runs that were copied whole. */
	readonly copied: readonly RunId[];
	/** Runs that were copied without something: what, and why. */
	readonly incomplete: readonly Quarantined[];
	/** Runs that were not copied, and why. */
	readonly damaged: readonly Quarantined[];
	/** How many more there are, of which not even the name can be read. */
	readonly nameless: number;
	/** What a service keeps in the file beside its runs; undefined when there is nothing of it. */
	readonly store?: SalvagedStore;
}

/**
 * Copies what can be read of a damaged journal into a new file. A run is copied when all its records and
 * large values are there as they were written, or when those that are not are covered by a snapshot. What
 * is damaged is named. Memos are not copied: they only save time. Of a service, triggers, occurrences and documents are copied
 * that are whole, requests and leases are not.
 *
 * The damaged file is only copied, with the `-wal` file beside it, and all is done on the copy; no process
 * may write it meanwhile. The folder of the new file needs room for both.
 *
 * @param from - the damaged file
 * @param to - the new file; it must not be there
 * @throws SwarmError `JOURNAL_UNAVAILABLE` when a file cannot be read or written, `JOURNAL_CORRUPT` when nothing
 * at all can be read, `INVALID_OPTION` when the new file is there or the old one is no journal
 *
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { salvageJournal, sqliteJournal } from "dagswarm";
 *
 * const folder = mkdtempSync(join(tmpdir(), "runs-"));
 * await sqliteJournal(join(folder, "runs.db")).close();
 * const { copied, damaged } = salvageJournal(join(folder, "runs.db"), join(folder, "saved.db"));
 * copied;  // []
 * damaged; // []
 * ```
 */
export function salvageJournal(from: string, to: string, options: SalvageOptions = {}): Salvaged {
	const source = resolve(from);
	const target = resolve(to);
	if (!existsSync(source)) throw new SwarmError("JOURNAL_UNAVAILABLE", `there is no file ${source}`);
	checkFree(target);
	const folder = workFolder(target);
	try {
		const copy = join(folder, "damaged.db");
		copyFiles(source, copy);
		const partial = join(folder, "saved.db");
		const salvaged = salvage(copy, source, partial, options.prefixes ?? false);
		checkFree(target);
		renameSync(partial, target);
		return salvaged;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function checkFree(target: string): void {
	if (existsSync(target))
		throw new SwarmError("INVALID_OPTION", `the file ${target} is there already`, { hint: "name one that is not" });
}

function workFolder(target: string): string {
	try {
		return mkdtempSync(join(dirname(target), ".salvage-"));
	} catch (error) {
		throw new SwarmError("JOURNAL_UNAVAILABLE", `cannot write in ${dirname(target)}`, {}, { cause: error });
	}
}

function copyFiles(source: string, copy: string): void {
	try {
		copyFileSync(source, copy);
		// What was committed last may stand only there.
		if (existsSync(`${source}-wal`)) copyFileSync(`${source}-wal`, `${copy}-wal`);
	} catch (error) {
		throw new SwarmError("JOURNAL_UNAVAILABLE", `${source} cannot be copied`, {}, { cause: error });
	}
}

function salvage(copy: string, source: string, partial: string, prefixes: boolean): Salvaged {
	// Made first and closed: its first page is that of any journal.
	SqliteFile.open(partial).close();
	let damage: unknown;
	let db: DatabaseSync;
	try {
		db = openWreck(copy, source);
	} catch (error) {
		if (!SwarmError.is(error) || error.code !== "JOURNAL_CORRUPT") throw error;
		damage = error;
		graftFirstPage(copy, partial);
		db = openWreck(copy, source);
	}
	try {
		const target = SqliteFile.open(partial);
		try {
			const salvaged = new Salvage(new SqliteWreck(db), target, prefixes).all();
			const { copied, incomplete, damaged, nameless } = salvaged;
			// With a first page that is not its own, even garbage looks like an empty journal.
			if (damage !== undefined && copied.length + incomplete.length + damaged.length + nameless === 0) throw damage;
			return salvaged;
		} finally {
			target.close();
		}
	} catch (error) {
		throw journalFault(error, source);
	} finally {
		db.close();
	}
}

/**
 * Where a file has no first page that can be read, puts that of a new journal in its place: it says where
 * the tables begin, which is the same in all of them. Whether what is found there is right, the checksums tell.
 */
function graftFirstPage(copy: string, sound: string): void {
	const page = readFileSync(sound).subarray(0, PAGE_BYTES);
	const file = openSync(copy, "r+");
	try {
		// How many pages there are, and no list of free ones: https://www.sqlite.org/fileformat.html#the_database_header.
		page.writeUInt32BE(Math.ceil(statSync(copy).size / PAGE_BYTES), 28);
		page.fill(0, 32, 40);
		writeSync(file, page, 0, PAGE_BYTES, 0);
	} finally {
		closeSync(file);
	}
}

const PAGE_BYTES = 4_096;

function openWreck(copy: string, source: string): DatabaseSync {
	const { DatabaseSync: Database } = builtInSqlite();
	const db = new Database(copy);
	try {
		// SQLite opens a file that is shorter than its header says only for who may repair its schema; some
		// versions of Node forbid that unless asked.
		(db as { enableDefensive?: (on: boolean) => void }).enableDefensive?.(false);
		db.exec("PRAGMA writable_schema = ON");
		const state = checkOwner(db, source, MIGRATIONS.length);
		if (state === "new") throw new SwarmError("INVALID_OPTION", `${source} is empty, not a journal`);
		if (state === "older") migrate(db, source, MIGRATIONS);
		return db;
	} catch (error) {
		db.close();
		throw journalFault(error, source);
	}
}

/** The part of a run that is copied. */
interface Part {
	readonly first: number;
	readonly last: number;
	/** Whether it is the run as it stood at last, or as it stood before. */
	readonly current: boolean;
	readonly snapshots: readonly WholeSnapshot[];
	readonly problems: readonly string[];
}

class Salvage {
	readonly #copied: RunId[] = [];
	readonly #incomplete: Quarantined[] = [];
	readonly #damaged: Quarantined[] = [];
	readonly #insert: StatementSync;
	readonly #ask: ReturnType<typeof statements>;

	constructor(
		private readonly wreck: SqliteWreck,
		private readonly target: SqliteFile,
		private readonly prefixes: boolean,
	) {
		this.#ask = statements(target.db);
		this.#insert = target.db.prepare(
			`INSERT INTO runs (id, epoch, status, ended, created, updated, first_seq, last_seq, bytes)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING no`,
		);
	}

	all(): Salvaged {
		const { listed, nameless } = this.wreck.runs();
		for (const run of listed) this.#one(run);
		const store = salvageStore(this.wreck, this.target);
		const runs = { copied: this.#copied, incomplete: this.#incomplete, damaged: this.#damaged, nameless };
		return store === undefined ? runs : { ...runs, store };
	}

	#one(run: WreckedRun): void {
		const { row } = run;
		if (row === undefined) {
			this.#damaged.push({ run: run.id, reason: "how it stands cannot be read" });
			return;
		}
		const bad = new Set<string>();
		for (const blob of this.wreck.blobs(run)) {
			if (!("problem" in blob)) continue;
			if (blob.hash === undefined) {
				this.#damaged.push({ run: run.id, reason: blob.problem });
				return;
			}
			bad.add(blob.hash);
		}
		const part = this.#part(run, row, bad);
		if (typeof part === "string") {
			this.#damaged.push({ run: run.id, reason: part });
			return;
		}
		// None of what is copied mentions them; that they are lost is said all the same.
		const lost = [...bad].map((hash) => `the value ${hash} is lost`);
		const problems = [...part.problems, ...lost, ...this.#copy(run, row, part, bad)];
		if (problems.length === 0) this.#copied.push(run.id);
		else this.#incomplete.push({ run: run.id, reason: problems.join("; ") });
	}

	/** What of a run can be copied, or why nothing. */
	#part(run: WreckedRun, row: Row, bad: ReadonlySet<string>): Part | string {
		const first = number(row, "first_seq");
		const last = number(row, "last_seq");
		const { whole, problems } = this.wreck.snapshots(run, bad);
		const { loadable } = new SnapshotChains(whole);
		const read = this.wreck.records(run, first, bad, () => {});
		const problem = read.problem ?? (read.last === last ? undefined : `its last event is ${read.last}, not ${last}`);
		const isLoadable = first === 1 || loadable.some((seq) => seq >= first - 1 && seq <= read.last);
		if (problem === undefined && isLoadable) return { first, last, current: true, snapshots: whole, problems };
		const why = problem ?? "no whole snapshot says how it stood before its first event that is kept";

		for (const seq of loadable) {
			if (seq > last) continue;
			let start = last + 1;
			const after = this.wreck.records(run, seq + 1, bad, ({ firstSeq }) => {
				start = Math.min(start, firstSeq);
			});
			if (after.problem !== undefined || after.last !== last) continue;
			const reason = `the events before ${start} are left out, as a snapshot covers them: ${why}`;
			return { first: start, last, current: true, snapshots: whole, problems: [reason, ...problems] };
		}
		if (!this.prefixes || !isLoadable || read.last < first) return why;
		return {
			first,
			last: read.last,
			current: false,
			snapshots: whole,
			problems: [`cut off after event ${read.last}: ${why}`, ...problems],
		};
	}

	/** @returns what could not be copied */
	#copy(run: WreckedRun, row: Row, part: Part, bad: ReadonlySet<string>): readonly string[] {
		const { first, last, current } = part;
		const no = this.target.transaction(false, () => {
			const status = current ? row["status"] : "running";
			const ended = current ? number(row, "ended") : 0;
			const { id } = run;
			const { epoch, created, updated } = row as { epoch: number; created: number; updated: number };
			return number(this.#insert.get(id, epoch, status as string, ended, created, updated, first, last), "no");
		});
		const size = this.#copyRecords(run, no, part, bad);
		const snapshots = part.snapshots.filter(({ seq }) => seq <= last);
		const { saved, problems } = this.wreck.checkpoints(run);
		this.target.transaction(false, () => {
			let bytes = size;
			for (const { seq, base, body, checksum } of snapshots) {
				this.#ask.snapshot.run(no, seq, base ?? null, checksum, body);
				bytes += Buffer.byteLength(body);
			}
			// Progress of a run that is cut off may be ahead of it.
			for (const { node, body } of current ? saved : []) {
				this.#ask.checkpoint.run(no, node, body);
				bytes += Buffer.byteLength(body);
			}
			this.#ask.addBytes.run(bytes, no);
		});
		for (const blob of this.wreck.blobs(run)) if (!("problem" in blob)) this.#copyBlob(no, blob);
		return problems;
	}

	#copyBlob(no: number, { hash, body }: Blob): void {
		this.target.transaction(false, () => {
			this.#ask.blob.run(hash, Buffer.byteLength(body), body);
			this.#ask.blobUse.run(no, hash);
		});
	}

	#copyRecords(run: WreckedRun, no: number, { first, last }: Part, bad: ReadonlySet<string>): number {
		let bytes = 0;
		let page: JournalRecord[] = [];
		const write = (): void => {
			this.target.transaction(false, () => {
				for (const { firstSeq, lastSeq, at, checksum, body } of page)
					this.#ask.record.run(no, firstSeq, lastSeq, at, checksum, body);
			});
			page = [];
		};
		if (first <= last)
			this.wreck.records(run, first, bad, (record) => {
				bytes += Buffer.byteLength(record.body);
				if (page.push(record) >= PAGE_RECORDS) write();
			});
		write();
		return bytes;
	}
}

const PAGE_RECORDS = 64;
