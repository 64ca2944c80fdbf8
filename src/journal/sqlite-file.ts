import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { SqliteBell } from "./sqlite-bell.js";
import { damaged, isBusy, journalFault } from "./sqlite-fault.js";
import { checkOwner, MIGRATIONS, migrate, pragma, READABLE_VERSION, rollBack } from "./sqlite-schema.js";

/** Options of {@link sqliteJournal}. */
export interface SqliteJournalOptions {
	/**
	 * Only look: nothing is ever locked or written, and what would write throws `JOURNAL_UNAVAILABLE`. The
	 * file must be there. Default false.
	 */
	readonly readOnly?: boolean;
	/** How long to wait while another process writes, 0 to 10 minutes; default 5 seconds. It blocks the event loop. */
	readonly busyTimeout?: Duration;
}

const DEFAULT_BUSY_MS = 5_000;
const MAX_BUSY_MS = 600_000;

/** Larger files are not looked through when they are opened: it would take longer than a moment. */
export const MAX_CHECKED_BYTES = 64 * 1024 * 1024;

/** The write-ahead log is brought into the file when it has so many pages, 8 MiB. */
const CHECKPOINT_PAGES = 2_000;

/** How often switching a new file to the write-ahead log is tried while another process does the same. */
const SWITCH_PAUSE_MS = 10;

/**
 * A connection to the file of a journal: opened, checked and brought to the latest version. Everything
 * it does is synchronous, and every error of SQLite leaves it as a `SwarmError`.
 */
export class SqliteFile {
	#sync = false;
	/** Whether there are commits that may not be on the disk. */
	#loose = false;
	#open = true;
	#writing = false;
	readonly #bell: SqliteBell;
	readonly #begin: StatementSync;
	readonly #commit: StatementSync;
	readonly #flush: StatementSync;

	private constructor(
		readonly path: string,
		readonly db: DatabaseSync,
		readonly readOnly: boolean,
		/** Of its tables; below the latest one only where it is read only. */
		readonly version: number,
	) {
		this.#bell = new SqliteBell(path);
		// With NORMAL, the write-ahead log is written but not synced at a commit; with FULL it is. See
		// https://www.sqlite.org/pragma.html#pragma_synchronous.
		db.exec("PRAGMA synchronous = NORMAL");
		// On macOS a sync reaches the disk itself only with these; elsewhere they change nothing.
		db.exec("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
		this.#begin = db.prepare("BEGIN IMMEDIATE");
		this.#commit = db.prepare("COMMIT");
		this.#flush = db.prepare("UPDATE flushes SET count = count + 1");
	}

	/** @param migrations - other ones in tests only, and with them the first version that a reader understands */
	static open(
		file: string,
		options: SqliteJournalOptions = {},
		migrations = MIGRATIONS,
		readable = READABLE_VERSION,
	): SqliteFile {
		const { readOnly = false, busyTimeout = DEFAULT_BUSY_MS } = options;
		const busy = Math.ceil(milliseconds(busyTimeout, "busyTimeout"));
		if (busy > MAX_BUSY_MS) throw new SwarmError("INVALID_OPTION", `busyTimeout is ${busy} ms, more than 10 minutes`);
		if (file === "" || file === ":memory:" || file.includes("\0"))
			throw new SwarmError("INVALID_OPTION", `${JSON.stringify(file)} names no file`, {
				hint: "use memoryJournal() where nothing has to survive",
			});
		const path = resolve(file);
		const { DatabaseSync: Database } = builtInSqlite();
		let db: DatabaseSync | undefined;
		try {
			db = new Database(path, { readOnly });
			db.exec(`PRAGMA busy_timeout = ${busy}`);
			prepareFile(db, path, { readOnly, busy, migrations, readable });
			return new SqliteFile(path, db, readOnly, pragma(db, "user_version"));
		} catch (error) {
			db?.close();
			throw journalFault(error, path);
		}
	}

	/** What reads the file, with its errors as those of a journal. */
	guard<Result>(read: () => Result): Result {
		this.#checkOpen();
		try {
			return read();
		} catch (error) {
			throw journalFault(error, this.path);
		}
	}

	/**
	 * One transaction. Whatever is thrown in it, or by its end, leaves nothing of it in the file, and the
	 * next one may succeed.
	 *
	 * @param sync - whether it is on the disk when this returns
	 */
	transaction<Result>(sync: boolean, write: () => Result): Result {
		this.#checkOpen();
		if (this.readOnly)
			throw new SwarmError("JOURNAL_UNAVAILABLE", `the journal ${this.path} was opened only to be read`);
		if (this.#writing) throw new Error("a journal is written from within an append to it");
		this.#writing = true;
		let written = false;
		try {
			if (sync !== this.#sync) {
				this.db.exec(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
				this.#sync = sync;
			}
			this.#begin.run();
			const result = write();
			// Whether this one has changed anything is not known, and only then would it be synced.
			if (sync && this.#loose) this.#flush.run();
			this.#commit.run();
			this.#loose = !sync;
			written = true;
			return result;
		} catch (error) {
			rollBack(this.db);
			throw journalFault(error, this.path);
		} finally {
			this.#writing = false;
			// After all else: who hears of it may want to write.
			if (written) this.#bell.ring();
		}
	}

	/**
	 * Puts all earlier commits on the disk. A commit under FULL syncs the whole write-ahead log, which holds
	 * those before it, too; one that changes nothing would write nothing and sync nothing. What was moved
	 * from the log into the file in the meantime was synced with it
	 * (https://www.sqlite.org/wal.html#performance_considerations).
	 */
	flush(): void {
		this.#checkOpen();
		if (this.#loose) this.transaction(true, () => {});
	}

	/** Tells of every commit to the file, whichever process makes it. @returns ends it */
	watch(changed: () => void, failed: (error: unknown) => void): () => void {
		this.#checkOpen();
		return this.#bell.listen(changed, failed);
	}

	close(): void {
		if (!this.#open) return;
		try {
			this.flush();
		} finally {
			this.#open = false;
			this.db.close();
			this.#bell.close();
		}
	}

	#checkOpen(): void {
		if (!this.#open) throw new SwarmError("JOURNAL_UNAVAILABLE", `the journal ${this.path} is closed`);
	}
}

/** Asked for only here: a program without a journal runs where this module is missing, and is told nothing of it. */
export function builtInSqlite() {
	const sqlite = process.getBuiltinModule("node:sqlite") as typeof import("node:sqlite") | undefined;
	if (sqlite === undefined)
		throw new SwarmError("INVALID_OPTION", "sqliteJournal needs the module node:sqlite, and this Node has none", {
			hint: "use Node 22.13 or newer, without --no-experimental-sqlite",
		});
	return sqlite;
}

interface Preparation {
	readonly readOnly: boolean;
	readonly busy: number;
	readonly migrations: readonly string[];
	readonly readable: number;
}

function prepareFile(db: DatabaseSync, path: string, { readOnly, busy, migrations, readable }: Preparation): void {
	// One look: another process may be making the file at this moment.
	db.exec("BEGIN");
	const state = checkOwner(db, path, migrations.length);
	const version = pragma(db, "user_version");
	db.exec("COMMIT");
	if (readOnly && state === "new")
		throw new SwarmError("INVALID_OPTION", `${path} is empty, not a journal`, { hint: "is it the right file?" });
	if (readOnly && version < readable) throw outdated(path);
	if (!readOnly) {
		useWriteAheadLog(db, busy);
		db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
	}
	if (!readOnly && state !== "latest") migrate(db, path, migrations);
	else if (pragma(db, "page_count") * pragma(db, "page_size") <= MAX_CHECKED_BYTES) checkStructure(db, path);
}

/** A file that lacks what is to be read, and may not be changed. */
export function outdated(path: string): SwarmError {
	return new SwarmError("JOURNAL_VERSION", `the journal ${path} is older than this library`, {
		hint: "open it once for writing, which brings it to this version",
	});
}

function useWriteAheadLog(db: DatabaseSync, busy: number): void {
	// The switch of a new file does not wait by itself when another process has the same file in hand.
	for (let waited = 0; ; waited += SWITCH_PAUSE_MS) {
		try {
			db.exec("PRAGMA journal_mode = WAL");
			return;
		} catch (error) {
			if (!isBusy(error) || waited >= busy) throw error;
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SWITCH_PAUSE_MS);
		}
	}
}

function checkStructure(db: DatabaseSync, path: string): void {
	const found = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
	if (found !== "ok") throw damaged(path, String(found));
}
