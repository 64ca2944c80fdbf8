import { rowChecksum } from "../core/checksum.js";
import type { SqliteFile } from "./sqlite-file.js";
import type { SqliteWreck } from "./sqlite-wreck.js";

/** What was saved of what a service keeps beside its runs. */
export interface SalvagedStore {
	/** How many were copied of each. */
	readonly triggers: number;
	readonly occurrences: number;
	readonly documents: number;
	/** What was not copied, as far as it can be told. */
	readonly damaged: readonly string[];
}

interface WholeRow {
	readonly no: number;
	readonly key: string;
	readonly version: number;
	readonly checksum: number;
	readonly body: string;
}

/**
 * Copies triggers, occurrences and documents that are as they were written. Requests and leases are not copied: who has
 * asked or held them is gone. Fences go on from where they were.
 *
 * @returns undefined when the file has nothing of a store
 */
export function salvageStore(wreck: SqliteWreck, target: SqliteFile): SalvagedStore | undefined {
	const damaged: string[] = [];
	const salvaged = target.transaction(false, () => ({
		triggers: copyTriggers(wreck, target, damaged),
		occurrences: copyOccurrences(wreck, target, damaged),
		documents: copyDocuments(wreck, target, damaged),
		damaged,
	}));
	copyFence(wreck, target);
	const { triggers, occurrences, documents } = salvaged;
	return triggers + occurrences + documents + damaged.length === 0 ? undefined : salvaged;
}

function copyTriggers(wreck: SqliteWreck, { db }: SqliteFile, damaged: string[]): number {
	const insert = db.prepare("INSERT OR IGNORE INTO triggers (id, version, checksum, body) VALUES (?, ?, ?, ?)");
	let copied = 0;
	for (const { key, version, checksum, body } of wholeRows(wreck, "id AS key, version", "triggers", damaged))
		copied += Number(insert.run(key, version, checksum, body).changes);
	return copied;
}

function copyDocuments(wreck: SqliteWreck, { db }: SqliteFile, damaged: string[]): number {
	const insert = db.prepare("INSERT OR IGNORE INTO documents (name, checksum, body) VALUES (?, ?, ?)");
	let copied = 0;
	for (const { key, checksum, body } of wholeRows(wreck, "name AS key, 0 AS version", "documents", damaged))
		copied += Number(insert.run(key, checksum, body).changes);
	return copied;
}

function copyOccurrences(wreck: SqliteWreck, { db }: SqliteFile, damaged: string[]): number {
	const insert = db.prepare(
		`INSERT OR IGNORE INTO occurrences (no, key, owner, state, created, version, checksum, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
	);
	let copied = 0;
	for (const { no, key, version, checksum, body } of wholeRows(wreck, "key, version", "occurrences", damaged)) {
		// The other columns say nothing that is not in the body, and have no checksum.
		const { trigger = "", state, createdAt } = JSON.parse(body) as Readonly<Record<string, string>>;
		if (state === undefined || createdAt === undefined) continue;
		copied += Number(insert.run(no, key, trigger, state, createdAt, version, checksum, body).changes);
	}
	db.exec("INSERT INTO tallies SELECT owner, state, count(*) FROM occurrences GROUP BY owner, state");
	return copied;
}

function copyFence(wreck: SqliteWreck, { db }: SqliteFile): void {
	for (const { seq } of wreck.rows("SELECT seq FROM sqlite_sequence WHERE name = 'leases'"))
		if (typeof seq === "number") db.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('leases', ?)").run(seq);
}

/** The rows of a table that are as they were written; what is wrong with the others is added to `damaged`. */
function* wholeRows(wreck: SqliteWreck, columns: string, table: string, damaged: string[]): Generator<WholeRow> {
	const problems: string[] = [];
	const bad = new Set<unknown>();
	const sql = `SELECT rowid AS no, ${columns}, checksum, body FROM ${table} NOT INDEXED ORDER BY rowid`;
	for (const row of wreck.rows(sql, problems)) {
		const { key, version, checksum, body } = row;
		const isWhole =
			typeof key === "string" &&
			typeof version === "number" &&
			typeof body === "string" &&
			rowChecksum(key, version, body) === checksum;
		if (isWhole) yield row as unknown as WholeRow;
		else bad.add(key);
	}
	for (const key of bad) damaged.push(`of the ${table}, ${JSON.stringify(key)} is not as it was written`);
	for (const problem of problems) damaged.push(`not all ${table} can be read: ${problem}`);
}
