import { describe, expect, test, vi } from "vitest";
import { SqliteFile } from "../../src/journal/sqlite-file.js";
import { SqliteJournal } from "../../src/journal/sqlite-journal.js";
import { blobOf, entryOf, snapshotOf } from "../../src/testing/conformance/samples.js";
import { findSync, journalFiles, openJournal, readSync, runsOf, withDatabase } from "./journal-file.js";

const files = journalFiles();
const LONG = Array.from({ length: 1_000 }, () => 1);

/** A file with a long ended run, one that shares a blob with it, and a long one that goes on. */
function filled(): string {
	const path = files.next();
	const journal = openJournal(path);
	const blobs = Array.from({ length: 300 }, (_, index) => blobOf(String(index)));
	journal.append([entryOf("long", { sizes: LONG, ended: true, blobs: [...blobs, blobOf("shared")] })]);
	journal.append([entryOf("kept", { blobs: [blobOf("shared")] }), entryOf("open", { sizes: LONG })]);
	for (let seq = 100; seq <= 900; seq += 100) journal.saveSnapshot("open", 1, snapshotOf("open", seq));
	journal.close();
	return path;
}

/** Rows that belong to nothing, by table. */
function leftovers(path: string): unknown {
	return withDatabase(path, (db) =>
		db
			.prepare(
				`SELECT (SELECT count(*) FROM records WHERE key >> 36 NOT IN (SELECT no FROM runs)) AS records,
				(SELECT count(*) FROM snapshots WHERE key >> 36 NOT IN (SELECT no FROM runs)) AS snapshots,
				(SELECT count(*) FROM blob_uses WHERE run NOT IN (SELECT no FROM runs)) AS uses,
				(SELECT count(*) FROM blobs WHERE no NOT IN (SELECT blob FROM blob_uses)) AS blobs,
				(SELECT count(*) FROM doomed) AS doomed`,
			)
			.get(),
	);
}
const NOTHING = { records: 0, snapshots: 0, uses: 0, blobs: 0, doomed: 0 };

describe("pruning a file", () => {
	test("goes in short transactions, between which others write", async () => {
		const path = filled();
		const journal = openJournal(path);
		const other = openJournal(path, { busyTimeout: 0 });
		let over = false;
		const pruning = journal.prune({ maxRuns: 0, maxTailAge: 0 }, 1e9).finally(() => {
			over = true;
		});
		let written = 0;
		while (!over) {
			other.append([entryOf("kept", { from: 3 + 2 * written++ })]);
			journal.append([entryOf("other", { from: 1 + 2 * (written - 1), create: written === 1 })]);
			await new Promise(setImmediate);
		}
		expect(written).toBeGreaterThan(5);
		expect(await pruning).toEqual({ runs: ["long"], records: 1_900, blobs: 300, memos: 0 });
		expect(findSync(journal, "kept")?.lastSeq).toBe(2 + 2 * written);
		journal.close();
		other.close();
		expect(leftovers(path)).toEqual(NOTHING);
	});

	test("can be killed at any moment: the file is right then, and the next pruning ends what was begun", async () => {
		let finished = false;
		for (let steps = 0; !finished; steps++) {
			const path = filled();
			const file = SqliteFile.open(path);
			const transaction = file.transaction.bind(file);
			let left = steps;
			vi.spyOn(file, "transaction").mockImplementation((sync, write) => {
				if (left-- === 0) throw new Error("killed");
				return transaction(sync, write);
			});
			const killed = await new SqliteJournal(file).prune({ maxRuns: 0, maxTailAge: 0 }, 1e9).catch(String);
			finished = killed !== "Error: killed";
			vi.restoreAllMocks();
			file.close();

			const journal = openJournal(path);
			const open = findSync(journal, "open");
			const records = readSync(journal, "open");
			expect(records[0]?.firstSeq).toBe(open?.firstSeq);
			expect(records).toHaveLength(1_001 - (open?.firstSeq ?? 0));
			expect(open?.bytes).toBe(sizeOf(path, "open"));
			expect((journal.snapshots("open", 1_000) as readonly { seq: number }[])[0]?.seq).toBe(900);
			// The run that goes is there as a whole, or not at all.
			expect(readSync(journal, "long")).toHaveLength(runsOf(journal).includes("long") ? 1_000 : 0);
			expect((journal.blobs([blobOf("shared").hash]) as Map<string, string>).size).toBe(1);
			await journal.prune({ maxRuns: 0, maxTailAge: 0 }, 1e9);
			expect(runsOf(journal)).toEqual(["kept", "open"]);
			expect(findSync(journal, "open")).toMatchObject({ firstSeq: 901, bytes: sizeOf(path, "open") });
			journal.close();
			expect(leftovers(path)).toEqual(NOTHING);
		}
	});

	test("gives the room back to later runs", async () => {
		const path = files.next();
		const journal = openJournal(path);
		const pages = () => withDatabase(path, (db) => Number(db.prepare("PRAGMA page_count").get()?.["page_count"]));
		const sizes: number[] = [];
		for (let time = 0; time < 4; time++) {
			journal.append([entryOf("a", { sizes: LONG, ended: true, text: "x".repeat(500) })]);
			sizes.push(pages());
			await journal.prune({ maxAge: 0 }, 1e9);
		}
		expect(Math.max(...sizes)).toBeLessThan((sizes[0] ?? 0) * 1.1);
		journal.close();
	});
});

function sizeOf(path: string, run: string): number {
	return withDatabase(path, (db) => {
		const of = (table: string) =>
			`(SELECT coalesce(sum(octet_length(body)), 0) FROM ${table} WHERE key >> 36 = (SELECT no FROM runs WHERE id = ?))`;
		return Number(db.prepare(`SELECT ${of("records")} + ${of("snapshots")} AS bytes`).get(run, run)?.["bytes"]);
	});
}
