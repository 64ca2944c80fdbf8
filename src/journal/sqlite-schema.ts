import type { DatabaseSync } from "node:sqlite";
import { SwarmError } from "../core/errors.js";

/** Says in the file's header whose it is: "dagj". */
export const APPLICATION_ID = 0x6461676a;

/**
 * A record and a snapshot have one integer as their key, the number of the run in its high bits and a
 * seq in its low ones: the records of a run lie side by side in the order in which they are read, and an
 * append touches one tree.
 */
export const SEQ_BITS = 36;
export const MAX_SEQ = 2 ** SEQ_BITS - 1;

/**
 * How a file of version n becomes one of version n + 1; a new file is of version 0. A step that has
 * been published is never changed.
 *
 * Whatever is referred to by number has a column for it, which VACUUM leaves as it is. The columns of
 * records and snapshots carry no constraints: what is in them is checked row by row when it is read, so
 * that damage to one of them is one run's. Tables come before indexes, as VACUUM orders them: they begin
 * at the same pages in every file of a version.
 */
export const MIGRATIONS: readonly string[] = [
	`
	CREATE TABLE runs (
		no INTEGER PRIMARY KEY AUTOINCREMENT,
		id TEXT NOT NULL UNIQUE,
		epoch INTEGER NOT NULL,
		writer TEXT, pid INTEGER, host TEXT, since REAL, heartbeat REAL,
		status TEXT NOT NULL,
		ended INTEGER NOT NULL,
		created REAL NOT NULL,
		updated REAL NOT NULL,
		first_seq INTEGER NOT NULL,
		last_seq INTEGER NOT NULL,
		bytes INTEGER NOT NULL
	);
	CREATE TABLE records (key INTEGER PRIMARY KEY, last_seq INTEGER, at REAL, checksum INTEGER, body TEXT);
	CREATE TABLE snapshots (key INTEGER PRIMARY KEY, base INTEGER, checksum INTEGER, body TEXT);
	CREATE TABLE blobs (no INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, body TEXT NOT NULL);
	CREATE TABLE blob_uses (run INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (run, blob)) WITHOUT ROWID;
	CREATE TABLE checkpoints (run INTEGER NOT NULL, node TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, node));
	CREATE TABLE memos (key TEXT PRIMARY KEY NOT NULL, expires REAL, body TEXT NOT NULL);
	CREATE TABLE doomed (run INTEGER PRIMARY KEY, id TEXT NOT NULL);
	CREATE TABLE flushes (no INTEGER PRIMARY KEY, count INTEGER NOT NULL);
	CREATE INDEX runs_by_end ON runs (ended, no);
	CREATE INDEX blobs_by_size ON blobs (bytes);
	CREATE INDEX blob_uses_by_blob ON blob_uses (blob);
	CREATE INDEX memos_by_expiry ON memos (expires) WHERE expires IS NOT NULL;
	INSERT INTO flushes VALUES (1, 0);
	`,
	// What a service keeps beside its runs. A new fence is a number that no lease has had before, whatever was taken away.
	// Together with the first step it fits into the first page: more would be lost with a second one.
	`
	CREATE TABLE triggers (id TEXT PRIMARY KEY NOT NULL, version INTEGER, checksum INTEGER, body TEXT);
	CREATE TABLE occurrences (
		no INTEGER PRIMARY KEY,
		key TEXT NOT NULL UNIQUE,
		owner TEXT NOT NULL,
		state TEXT NOT NULL,
		created REAL NOT NULL,
		version INTEGER, checksum INTEGER, body TEXT
	);
	CREATE TABLE tallies (owner TEXT, state TEXT, count INTEGER NOT NULL, PRIMARY KEY (owner, state)) WITHOUT ROWID;
	CREATE TABLE leases (
		fence INTEGER PRIMARY KEY AUTOINCREMENT,
		name TEXT NOT NULL UNIQUE,
		holder TEXT NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL,
		expires REAL NOT NULL
	);
	CREATE TABLE documents (name TEXT PRIMARY KEY NOT NULL, checksum INTEGER, body TEXT);
	CREATE TABLE requests (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run TEXT, at REAL, body TEXT, answer TEXT);
	CREATE INDEX occurrences_by_owner ON occurrences (owner, state, created);
	CREATE INDEX occurrences_by_state ON occurrences (state, created);
	CREATE INDEX requests_open ON requests (no) WHERE answer IS NULL;
	`,
];

/** The first version that has all that a journal reads: an older library's file need not be changed to be looked at. */
export const READABLE_VERSION = 1;
/** The first version that has what a store reads. */
export const STORE_VERSION = 2;

/** The number that a pragma has. */
export function pragma(db: DatabaseSync, name: string): number {
	return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/**
 * Whether there is nothing in the file yet.
 *
 * @throws SwarmError `INVALID_OPTION` for the file of another program, `JOURNAL_VERSION` for a newer one
 */
export function checkOwner(db: DatabaseSync, path: string, latest: number): "new" | "older" | "latest" {
	const owner = pragma(db, "application_id");
	if (owner === 0 && db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) return "new";
	if (owner !== APPLICATION_ID)
		throw new SwarmError("INVALID_OPTION", `${path} is an SQLite file of another program, not a journal`, {
			hint: "name a file of its own for the journal",
		});
	const version = pragma(db, "user_version");
	if (version > latest)
		throw new SwarmError(
			"JOURNAL_VERSION",
			`the journal ${path} has version ${version}, this library reads up to ${latest}`,
			{
				hint: "use the version of dagswarm that wrote it, or a newer one",
			},
		);
	return version < latest ? "older" : "latest";
}

/** Brings the file to the latest version, all steps or none. Another process may do the same at this moment. */
export function migrate(db: DatabaseSync, path: string, migrations: readonly string[]): void {
	db.exec("BEGIN IMMEDIATE");
	try {
		const state = checkOwner(db, path, migrations.length);
		if (state !== "latest") {
			const version = pragma(db, "user_version");
			for (const step of migrations.slice(version)) db.exec(step);
			db.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${APPLICATION_ID}`);
		}
		db.exec("COMMIT");
	} catch (error) {
		rollBack(db);
		throw error;
	}
}

/** Ends a transaction, if there is one: some errors of SQLite end it by themselves. */
export function rollBack(db: DatabaseSync): void {
	try {
		db.exec("ROLLBACK");
	} catch {
		// None is open, or the file cannot be read: the error that led here says why.
	}
}
