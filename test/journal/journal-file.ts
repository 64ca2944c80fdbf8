import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SwarmError } from "dagswarm";
import { afterAll, beforeAll } from "vitest";
import type { Journal, JournalRecord, RunSummary } from "../../src/journal/journal.js";
import type { SqliteJournalOptions } from "../../src/journal/sqlite-file.js";
import { type SqliteJournal, sqliteJournal } from "../../src/journal/sqlite-journal.js";

/** A folder for the files of one test module, and names in it. */
export function journalFiles(): { readonly next: () => string } {
	let folder: string;
	let files = 0;
	beforeAll(() => {
		folder = mkdtempSync(join(tmpdir(), "dagswarm-journal-"));
	});
	afterAll(() => {
		rmSync(folder, { recursive: true, force: true });
	});
	return { next: () => join(folder, `${files++}.db`) };
}

/** Another connection to a file, for what a journal would never do. */
export function withDatabase<Result>(file: string, work: (db: DatabaseSync) => Result): Result {
	const db = new DatabaseSync(file);
	try {
		return work(db);
	} finally {
		db.close();
	}
}

/** What a call throws, as `CODE: message`. */
export function thrownBy(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		return SwarmError.is(error) ? `${error.code}: ${error.message}` : `no SwarmError: ${String(error)}`;
	}
	return "nothing";
}

/** For journals that answer at once. */
export const readSync = (journal: Journal, run: string, from?: number): JournalRecord[] => [
	...(journal.read(run, from) as Iterable<JournalRecord>),
];
export const findSync = (journal: Journal, run: string): RunSummary | undefined =>
	journal.find(run) as RunSummary | undefined;
export const runsOf = (journal: Journal): string[] =>
	(journal.runs() as readonly RunSummary[]).map(({ run }) => run).sort();

/** The journal of a file, which answers at once. */
export const openJournal = (file: string, options?: SqliteJournalOptions): SqliteJournal =>
	sqliteJournal(file, options) as SqliteJournal;
