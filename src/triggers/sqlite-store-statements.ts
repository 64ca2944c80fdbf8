import type { DatabaseSync } from "node:sqlite";
import { MAX_REQUESTS, type StoredOccurrence } from "./store-rows.js";

const LEASE = "SELECT name, fence, holder, pid, host, expires FROM leases";
const REQUEST = "SELECT id, run, body, at, answer FROM requests";
const PLACE = "SELECT no, created FROM occurrences WHERE";

export type StoreStatements = ReturnType<typeof storeStatements>;

/** Everything that a store asks its file beside its journal, prepared once. */
export function storeStatements(db: DatabaseSync) {
	const prepare = (sql: string) => db.prepare(sql);
	return {
		lease: prepare(`${LEASE} WHERE name = ?`),
		leases: prepare(`${LEASE} WHERE substr(name, 1, length(?)) = ? ORDER BY name`),
		// The lease of before goes, and its successor has a number that none has had: that is its fence.
		takeLease: prepare(
			"INSERT OR REPLACE INTO leases (name, holder, pid, host, expires) VALUES (?, ?, ?, ?, ?) RETURNING fence",
		),
		renewLease: prepare("UPDATE leases SET expires = ? WHERE name = ? AND fence = ?"),
		releaseLease: prepare("DELETE FROM leases WHERE name = ? AND fence = ?"),

		add: prepare(
			`INSERT INTO occurrences (key, owner, state, created, version, checksum, body) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (key) DO NOTHING`,
		),
		stand: prepare("SELECT no, owner, state, version FROM occurrences WHERE key = ?"),
		// Without its version, which may be what is damaged.
		shelf: prepare("SELECT no, owner, state FROM occurrences WHERE key = ?"),
		change: prepare(
			"UPDATE occurrences SET owner = ?, state = ?, created = ?, version = ?, checksum = ?, body = ? WHERE no = ?",
		),
		removeOccurrence: prepare("DELETE FROM occurrences WHERE no = ?"),
		removeOwned: prepare("DELETE FROM occurrences WHERE owner = ?"),
		readOccurrence: prepare(
			"SELECT key, owner, state, created, version, checksum, body FROM occurrences WHERE key = ?",
		),
		readPlace: prepare("SELECT key, owner, state, created, version, checksum, body FROM occurrences WHERE no = ?"),
		keyAt: prepare("SELECT key FROM occurrences WHERE no = ?"),
		newest: prepare(`${PLACE} state = ? ORDER BY created DESC, no DESC LIMIT ?`),
		newestOwned: prepare(`${PLACE} owner = ? AND state = ? ORDER BY created DESC, no DESC LIMIT ?`),
		oldestOwned: prepare(`${PLACE} owner = ? AND state = ? AND created <= ? ORDER BY created, no LIMIT ?`),

		tally: prepare(
			`INSERT INTO tallies (owner, state, count) VALUES (?, ?, ?)
			ON CONFLICT (owner, state) DO UPDATE SET count = count + excluded.count`,
		),
		dropTallies: prepare("DELETE FROM tallies WHERE owner = ?"),
		counts: prepare("SELECT state, sum(count) AS count FROM tallies GROUP BY state"),
		countsOwned: prepare("SELECT state, count FROM tallies WHERE owner = ?"),

		triggerVersion: prepare("SELECT version FROM triggers WHERE id = ?"),
		trigger: prepare(
			`INSERT INTO triggers (id, version, checksum, body) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, checksum = excluded.checksum, body = excluded.body`,
		),
		readTrigger: prepare("SELECT id, version, checksum, body FROM triggers WHERE id = ?"),
		triggerIds: prepare("SELECT id FROM triggers ORDER BY id"),
		removeTrigger: prepare("DELETE FROM triggers WHERE id = ?"),

		document: prepare(
			`INSERT INTO documents (name, checksum, body) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, body = excluded.body`,
		),
		readDocument: prepare("SELECT 0 AS version, checksum, body FROM documents WHERE name = ?"),
		removeDocument: prepare("DELETE FROM documents WHERE name = ?"),

		ask: prepare("INSERT INTO requests (id, run, body, at, answer) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"),
		dropOldRequests: prepare(
			`DELETE FROM requests WHERE no <= (SELECT no FROM requests ORDER BY no DESC LIMIT 1 OFFSET ${MAX_REQUESTS})`,
		),
		openRequests: prepare(`${REQUEST} WHERE answer IS NULL ORDER BY no`),
		request: prepare(`${REQUEST} WHERE id = ?`),
		answer: prepare("UPDATE requests SET answer = ? WHERE id = ? AND answer IS NULL"),
		forget: prepare("DELETE FROM requests WHERE id = ?"),
	};
}

/** The columns of an occurrence that change, in the order of the statements. */
export function columnsOf({ owner, state, created, version, checksum, body }: StoredOccurrence) {
	return [owner, state, created, version, checksum, body] as const;
}
