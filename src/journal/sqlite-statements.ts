import type { DatabaseSync } from "node:sqlite";
import { MAX_SEQ, SEQ_BITS } from "./sqlite-schema.js";

/**
 * The keys of a run's records and snapshots. The seq is not added: numbers arrive as doubles, which would not be exact. Parameters have
 * no numbers: Node 22 takes one that does (`?1`) for one with a name.
 */
const KEY = (seq: string): string => `((? << ${SEQ_BITS}) | ${seq})`;
const SEQ = `key & ${MAX_SEQ}`;
const FIRST = KEY("0");
const LAST = KEY(String(MAX_SEQ));
const SUMMARY =
	"no, id, epoch, writer, pid, host, since, heartbeat, status, ended, created, updated, first_seq, last_seq, bytes";

export type Statements = ReturnType<typeof statements>;

/** Everything that a journal asks its file, prepared once. */
export function statements(db: DatabaseSync) {
	const prepare = (sql: string) => db.prepare(sql);
	return {
		// The usual append: a writer whose epoch is the run's, records that follow, and the run goes on as before.
		advance: prepare(
			"UPDATE runs SET status = ?, updated = ?, last_seq = ?, bytes = bytes + ? WHERE id = ? AND epoch = ? AND last_seq = ? AND ended = ? RETURNING no",
		),
		stand: prepare("SELECT no, epoch, last_seq, updated FROM runs WHERE id = ?"),
		change: prepare("UPDATE runs SET status = ?, updated = ?, last_seq = ?, bytes = bytes + ?, ended = ? WHERE no = ?"),
		create: prepare(
			`INSERT INTO runs (id, epoch, writer, pid, host, since, heartbeat, status, ended, created, updated, first_seq, last_seq, bytes)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING no`,
		),
		record: prepare(`INSERT INTO records (key, last_seq, at, checksum, body) VALUES (${KEY("?")}, ?, ?, ?, ?)`),
		blob: prepare("INSERT INTO blobs (hash, bytes, body) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING"),
		blobUse: prepare("INSERT OR IGNORE INTO blob_uses (run, blob) SELECT ?, no FROM blobs WHERE hash = ?"),
		readBlob: prepare("SELECT body FROM blobs WHERE hash = ?"),
		addBytes: prepare("UPDATE runs SET bytes = bytes + ? WHERE no = ?"),

		find: prepare(`SELECT ${SUMMARY} FROM runs WHERE id = ?`),
		listed: prepare(`SELECT ${SUMMARY} FROM runs ORDER BY no DESC LIMIT ?`),
		listedByEnd: prepare(`SELECT ${SUMMARY} FROM runs WHERE ended = ? ORDER BY no DESC LIMIT ?`),
		firstKept: prepare("SELECT first_seq FROM runs WHERE no = ?"),
		holding: prepare(
			`SELECT ${SEQ} AS first_seq FROM records WHERE key BETWEEN ${FIRST} AND ${KEY("?")} ORDER BY key DESC LIMIT 1`,
		),
		records: prepare(
			`SELECT ${SEQ} AS first_seq, last_seq, at, checksum, body FROM records WHERE key BETWEEN ${KEY("?")} AND ${LAST} ORDER BY key LIMIT ?`,
		),

		claim: prepare(
			`UPDATE runs SET epoch = epoch + 1, writer = ?, pid = ?, host = ?, since = ?, heartbeat = ?
			WHERE id = ? AND epoch = ? RETURNING epoch`,
		),
		beat: prepare("UPDATE runs SET heartbeat = iif(writer IS NULL, NULL, ?) WHERE id = ? AND epoch = ?"),
		release: prepare(
			"UPDATE runs SET writer = NULL, pid = NULL, host = NULL, since = NULL, heartbeat = NULL WHERE id = ? AND epoch = ?",
		),

		snapshot: prepare(`INSERT OR REPLACE INTO snapshots (key, base, checksum, body) VALUES (${KEY("?")}, ?, ?, ?)`),
		snapshotBytes: prepare(`SELECT octet_length(body) AS bytes FROM snapshots WHERE key = ${KEY("?")}`),
		places: prepare(
			`SELECT ${SEQ} AS seq, base FROM snapshots WHERE key BETWEEN ${FIRST} AND ${KEY("?")} ORDER BY key`,
		),
		readSnapshot: prepare(`SELECT base, checksum, body FROM snapshots WHERE key = ${KEY("?")}`),

		checkpoint: prepare(
			"INSERT INTO checkpoints (run, node, body) VALUES (?, ?, ?) ON CONFLICT (run, node) DO UPDATE SET body = excluded.body",
		),
		checkpointBytes: prepare("SELECT octet_length(body) AS bytes FROM checkpoints WHERE run = ? AND node = ?"),
		dropCheckpoint: prepare("DELETE FROM checkpoints WHERE run = ? AND node = ?"),
		readCheckpoints: prepare("SELECT node, body FROM checkpoints WHERE run = ?"),

		memo: prepare(
			"INSERT INTO memos (key, expires, body) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET expires = excluded.expires, body = excluded.body",
		),
		readMemo: prepare("SELECT body FROM memos WHERE key = ? AND (expires IS NULL OR expires > ?)"),
	};
}

/** A row as the statements of {@link statements} give it. */
export type Row = Record<string, unknown>;

export const number = (row: Row | undefined, column: string): number => row?.[column] as number;
export const text = (row: Row | undefined, column: string): string => row?.[column] as string;
export const maybeNumber = (row: Row, column: string): number | undefined =>
	(row[column] as number | null) ?? undefined;
