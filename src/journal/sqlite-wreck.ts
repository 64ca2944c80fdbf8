import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { sha256 } from "../core/checksum.js";
import { RUN_STATES } from "../core/lifecycle.js";
import { sealedText } from "../core/sealed-text.js";
import { isWhole } from "./codec.js";
import type { Blob, JournalRecord, StoredSnapshot } from "./journal.js";
import { snapshotChecksum } from "./snapshot-chain.js";
import { isDamage } from "./sqlite-fault.js";
import { MAX_SEQ, SEQ_BITS } from "./sqlite-schema.js";
import { maybeNumber, type Row } from "./sqlite-statements.js";

const KEYS = `key BETWEEN ((? << ${SEQ_BITS}) | ?) AND ((? << ${SEQ_BITS}) | ${MAX_SEQ})`;
const LOST = "the file is damaged where it should be";

/** A run that the file lists; `row` is undefined when nothing but its name can be read. */
export interface WreckedRun {
	readonly no: number;
	readonly id: string;
	readonly row: Row | undefined;
}

/** A snapshot that is whole, as far as it can tell by itself. */
export type WholeSnapshot = Omit<StoredSnapshot, "blobs">;

/** A large value of a run: its body, or why there is none. */
export type WreckedBlob = Blob | { readonly hash: string | undefined; readonly problem: string };

/** The database of a journal of which any part may be damaged: what can be read of it, row by row. */
export class SqliteWreck {
	constructor(private readonly db: DatabaseSync) {}

	/** The runs in the order in which they were created, and how many there are of which not even the name is left. */
	runs(): { readonly listed: readonly WreckedRun[]; readonly nameless: number } {
		const found = new Map<number, WreckedRun>();
		for (const { no, id } of this.#rows("SELECT no, id FROM runs INDEXED BY sqlite_autoindex_runs_1 ORDER BY id"))
			if (typeof no === "number" && typeof id === "string") found.set(no, { no, id, row: undefined });
		for (const row of this.#rows("SELECT * FROM runs NOT INDEXED ORDER BY no")) {
			const { no, id } = row;
			const whole = isWholeRun(row) ? row : undefined;
			if (typeof no === "number" && typeof id === "string") found.set(no, { no, id, row: whole });
		}
		for (const { run } of this.#rows("SELECT run FROM doomed ORDER BY run")) found.delete(run as number);
		return { listed: [...found.values()].sort((a, b) => a.no - b.no), nameless: this.#nameless(found) };
	}

	/**
	 * Goes through the records of a run from the one that holds an event, as long as each is whole and
	 * follows the one before.
	 *
	 * @param bad - hashes that no whole record may mention
	 * @returns the last event that was reached, and why there is no more: undefined when there is none
	 */
	records(run: WreckedRun, from: number, bad: ReadonlySet<string>, take: (record: JournalRecord) => void) {
		let last = from - 1;
		try {
			const start = this.#get(
				`SELECT max(key) & ${MAX_SEQ} AS seq FROM records WHERE key BETWEEN (? << ${SEQ_BITS}) AND ((? << ${SEQ_BITS}) | ?)`,
				run.no,
				run.no,
				from,
			);
			const rows = this.db
				.prepare(`SELECT key & ${MAX_SEQ} AS seq, last_seq, at, checksum, body FROM records WHERE ${KEYS} ORDER BY key`)
				.iterate(run.no, (start?.["seq"] as number | null) ?? from, run.no);
			for (const row of rows) {
				const record = wholeRecord(run.id, row);
				if (record === undefined)
					return { last, problem: `the record from event ${last + 1} on is not as it was written` };
				if (record.lastSeq < from) continue;
				if (record.firstSeq > last + 1)
					return { last, problem: `events ${last + 1} to ${record.firstSeq - 1} are missing` };
				const missing = mentioned(record.body, bad);
				if (missing !== undefined)
					return {
						last,
						problem: `event ${record.firstSeq} or one of those after it needs the value ${missing}, which is lost`,
					};
				take(record);
				last = record.lastSeq;
			}
			return { last, problem: undefined };
		} catch (error) {
			return { last, problem: `event ${last + 1} cannot be read: ${damageOf(error)}` };
		}
	}

	/** The whole snapshots of a run by rising seq, and what is wrong with the others. */
	snapshots(run: WreckedRun, bad: ReadonlySet<string>) {
		const whole: WholeSnapshot[] = [];
		const problems: string[] = [];
		const sql = `SELECT key & ${MAX_SEQ} AS seq, base, checksum, body FROM snapshots WHERE ${KEYS} ORDER BY key`;
		for (const row of this.#rows(sql, [run.no, 0, run.no], problems)) {
			const seq = row["seq"] as number;
			const { checksum, body } = row;
			const base = maybeNumber(row, "base");
			const isWhole =
				typeof body === "string" &&
				typeof checksum === "number" &&
				snapshotChecksum(run.id, { seq, base, body }) === checksum;
			if (isWhole && mentioned(body, bad) === undefined) whole.push({ seq, base, body, checksum });
			else problems.push(`the snapshot at event ${seq} is not as it was written`);
		}
		return { whole, problems };
	}

	/** The large values that a run uses. */
	*blobs(run: WreckedRun): Generator<WreckedBlob, void, undefined> {
		const problems: string[] = [];
		const uses = this.#rows("SELECT blob FROM blob_uses WHERE run = ? ORDER BY blob", [run.no], problems);
		for (const { blob } of [...uses]) yield this.#blob(blob as number);
		if (problems.length > 0) yield { hash: undefined, problem: "the list of its large values cannot be read" };
	}

	checkpoints(run: WreckedRun) {
		const problems: string[] = [];
		const saved: { readonly node: string; readonly body: string }[] = [];
		for (const { node, body } of this.#rows("SELECT node, body FROM checkpoints WHERE run = ?", [run.no], problems))
			if (typeof node === "string" && typeof body === "string" && sealedText(body) !== undefined)
				saved.push({ node, body });
			else problems.push(`that of node ${JSON.stringify(node)} is not as it was written`);
		return { saved, problems: problems.map((problem) => `saved progress of its nodes: ${problem}`) };
	}

	#blob(no: number): WreckedBlob {
		let hash: string | undefined;
		try {
			// The index knows the hash of a value even where its row is lost.
			const named = this.#get("SELECT hash FROM blobs INDEXED BY sqlite_autoindex_blobs_1 WHERE no = ?", no);
			if (typeof named?.["hash"] === "string") hash = named["hash"];
			const row = this.#get("SELECT hash, body FROM blobs NOT INDEXED WHERE no = ?", no);
			const body = row?.["body"];
			if (typeof body !== "string") return { hash, problem: "a large value is missing" };
			hash ??= typeof row?.["hash"] === "string" ? row["hash"] : undefined;
			if (hash === undefined || sha256(body) !== hash)
				return { hash, problem: "a large value is not as it was written" };
			return { hash, body };
		} catch (error) {
			return { hash, problem: `a large value cannot be read: ${damageOf(error)}` };
		}
	}

	/** Runs that only their records tell of. */
	#nameless(found: ReadonlyMap<number, WreckedRun>): number {
		const doomed = new Set([...this.#rows("SELECT run FROM doomed")].map(({ run }) => run));
		let count = 0;
		try {
			const next = this.db.prepare(
				`SELECT key >> ${SEQ_BITS} AS no FROM records WHERE key >= ((? + 0) << ${SEQ_BITS}) ORDER BY key LIMIT 1`,
			);
			for (let row = next.get(0); row !== undefined; row = next.get((row["no"] as number) + 1)) {
				const no = row["no"] as number;
				if (!found.has(no) && !doomed.has(no)) count++;
			}
		} catch (error) {
			damageOf(error);
		}
		return count;
	}

	#get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
		return this.db.prepare(sql).get(...parameters);
	}

	/** Rows of any other table: some may come twice where it is damaged. @param problems - what could not be read */
	rows(sql: string, problems: string[] = []): Iterable<Row> {
		return this.#rows(sql, [], problems);
	}

	/** Rows from the first to the damage, if there is any, and from the last back to it. */
	*#rows(sql: string, parameters: SQLInputValue[] = [], problems: string[] = []): Generator<Row, void, undefined> {
		try {
			yield* this.db.prepare(sql).iterate(...parameters) as Iterable<Row>;
			return;
		} catch (error) {
			problems.push(damageOf(error));
		}
		if (!/ ORDER BY \w+$/.test(sql)) return;
		try {
			yield* this.db.prepare(`${sql} DESC`).iterate(...parameters) as Iterable<Row>;
		} catch (error) {
			damageOf(error);
		}
	}
}

/** How the file is damaged; any other error is not to be taken for it. */
function damageOf(error: unknown): string {
	if (isDamage(error)) return error instanceof Error && error.message !== "" ? error.message : LOST;
	throw error;
}

function wholeRecord(run: string, row: Row): JournalRecord | undefined {
	const { seq, last_seq: lastSeq, at, checksum: sum, body } = row;
	if (typeof lastSeq !== "number" || typeof at !== "number" || typeof body !== "string") return undefined;
	const record = { firstSeq: seq as number, lastSeq, at, body, checksum: sum as number };
	return isWhole(run, record) ? record : undefined;
}

function mentioned(body: string, hashes: ReadonlySet<string>): string | undefined {
	for (const hash of hashes) if (body.includes(hash)) return hash;
	return undefined;
}

function isWholeRun(row: Row): boolean {
	const numbers = ["epoch", "ended", "created", "updated", "first_seq", "last_seq"];
	const { status } = row;
	return numbers.every((column) => typeof row[column] === "number") && RUN_STATES.some((state) => state === status);
}
