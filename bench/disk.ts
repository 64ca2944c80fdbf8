import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * What a commit takes that waits for the disk and does nothing else: a row like those of a journal, in a file
 * like a journal's, by hand.
 *
 * @param commits - how many
 * @param characters - in the text of the row
 * @returns microseconds, one for each commit
 */
export function syncTimes(commits: number, characters: number): number[] {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-bench-"));
	const db = new DatabaseSync(join(folder, "sync.db"));
	try {
		db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000");
		db.exec("CREATE TABLE records (key INTEGER PRIMARY KEY, last_seq INTEGER, at REAL, checksum INTEGER, body TEXT)");
		const begin = db.prepare("BEGIN IMMEDIATE");
		const insert = db.prepare("INSERT INTO records VALUES (?, ?, ?, ?, ?)");
		const commit = db.prepare("COMMIT");
		const body = "x".repeat(characters);
		const times: number[] = [];
		for (let key = 1; key <= commits; key++) {
			const started = performance.now();
			begin.run();
			insert.run(key, key, 1_700_000_000_000.5, 1_234_567_890, body);
			commit.run();
			times.push((performance.now() - started) * 1000);
		}
		return times;
	} finally {
		db.close();
		rmSync(folder, { recursive: true, force: true });
	}
}
