import {
	closeSync,
	copyFileSync,
	openSync,
	readFileSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { SwarmError } from "dagswarm";
import { describe, expect, test, vi } from "vitest";
import { isWhole } from "../../src/journal/codec.js";
import { SqliteFile } from "../../src/journal/sqlite-file.js";
import { SqliteJournal } from "../../src/journal/sqlite-journal.js";
import { BERT, blobOf, entryOf, snapshotOf } from "../../src/testing/conformance/samples.js";
import { findSync, journalFiles, openJournal, readSync, runsOf, thrownBy, withDatabase } from "./journal-file.js";

const files = journalFiles();

/** A file with runs a, b, … of 100 events each, all of it in the file itself. */
function filled(runs = 5): string {
	const file = files.next();
	const journal = openJournal(file);
	for (let run = 0; run < runs; run++)
		journal.append([
			entryOf(String.fromCharCode(97 + run), { sizes: Array.from({ length: 50 }, () => 2), text: "x".repeat(300) }),
		]);
	journal.close();
	return file;
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
	const handle = openSync(file, "r+");
	writeSync(handle, bytes, 0, bytes.length, at);
	closeSync(handle);
}

describe("a damaged file", () => {
	test("of garbage is refused by name, with what to do", () => {
		const file = files.next();
		writeFileSync(file, "this is no database at all, but it is long enough to be taken for one".repeat(100));
		expect(thrownBy(() => openJournal(file))).toMatch(/^JOURNAL_CORRUPT: the journal .*\.db .*dagswarm salvage/);
		expect(thrownBy(() => openJournal(file, { readOnly: true }))).toMatch(/^JOURNAL_CORRUPT/);
	});

	test("that was truncated is refused", () => {
		const file = filled();
		const { size } = statSync(file);
		for (const kept of [size - 4_096, Math.floor(size / 2), 4_096 + 100, 512, 50]) {
			truncateSync(file, kept);
			expect(thrownBy(() => openJournal(file))).toMatch(/^JOURNAL_CORRUPT/);
		}
	});

	test("with a page of another file in its middle is refused", () => {
		const file = filled();
		overwrite(file, 4_096 * 10, new Uint8Array(4_096).fill(0x5a));
		expect(thrownBy(() => openJournal(file))).toMatch(/^JOURNAL_CORRUPT/);
	});

	test("is refused when the damage is met, if it was not there when it was opened", () => {
		const file = filled();
		const connection = SqliteFile.open(file);
		const journal = new SqliteJournal(connection);
		const page = Math.floor(readFileSync(file).indexOf('["c",51,') / 4_096);
		overwrite(file, page * 4_096, new Uint8Array(4_096).fill(0x5a));
		// What is in the cache of the connection is still well.
		connection.db.exec("PRAGMA shrink_memory");
		expect(runsOf(journal)).toEqual(["a", "b", "c", "d", "e"]);
		expect(readSync(journal, "a")).toHaveLength(50);
		expect(thrownBy(() => readSync(journal, "c"))).toMatch(/^JOURNAL_CORRUPT: .* is damaged/);
		journal.close();
	});

	test("with a flipped bit in a record opens: that record says so by its checksum, the other runs are well", () => {
		const file = filled();
		const content = readFileSync(file);
		const at = content.indexOf('["c",51,');
		expect(at).toBeGreaterThan(0);
		overwrite(file, at + 40, Uint8Array.of((content[at + 40] ?? 0) ^ 1));
		const journal = openJournal(file);
		for (const run of ["a", "b", "c", "d", "e"]) {
			const broken = readSync(journal, run).filter((record) => !isWhole(run, record));
			expect(broken.map(({ firstSeq }) => firstSeq)).toEqual(run === "c" ? [51] : []);
		}
		journal.close();
	});

	test("with a row that holds something else opens, and only that run cannot be read", () => {
		const file = filled();
		withDatabase(file, (db) => {
			db.exec("UPDATE records SET body = NULL WHERE key = ((2 << 36) | 51)");
			db.exec("UPDATE records SET last_seq = 'x' WHERE key = ((3 << 36) | 51)");
			db.exec("UPDATE records SET checksum = 9223372036854775807 WHERE key = ((4 << 36) | 51)");
		});
		const journal = openJournal(file);
		expect(readSync(journal, "a")).toHaveLength(50);
		expect(thrownBy(() => readSync(journal, "b"))).toBe(
			'JOURNAL_CORRUPT: the record from event 51 of run "b" is not as it was written',
		);
		expect(thrownBy(() => readSync(journal, "c"))).toMatch(/^JOURNAL_CORRUPT/);
		expect(thrownBy(() => readSync(journal, "d"))).toMatch(/^JOURNAL_CORRUPT/);
		expect(readSync(journal, "e")).toHaveLength(50);
		journal.close();
	});

	test("whose newest snapshot is damaged keeps the events that it covers", async () => {
		const file = filled();
		const journal = openJournal(file);
		journal.saveSnapshot("a", 1, snapshotOf("a", 50));
		journal.saveSnapshot("b", 1, snapshotOf("b", 50));
		withDatabase(file, (db) => db.exec("UPDATE snapshots SET body = body || ' ' WHERE key = ((1 << 36) | 50)"));
		const { records } = await journal.prune({ maxTailAge: 0 }, 1e9);
		expect([records, findSync(journal, "a")?.firstSeq, findSync(journal, "b")?.firstSeq]).toEqual([25, 1, 51]);
		journal.close();
	});
});

describe("the write-ahead log of a process that died", () => {
	/** The file and its log as they are while a writer has committed runs a to f, one after the other. */
	function interrupted() {
		const file = files.next();
		const journal = openJournal(file);
		const ends: number[] = [];
		for (const run of ["a", "b", "c", "d", "e", "f"]) {
			journal.append([entryOf(run, { text: "x".repeat(5_000) })]);
			ends.push(statSync(`${file}-wal`).size);
		}
		const copy = files.next();
		copyFileSync(file, copy);
		copyFileSync(`${file}-wal`, `${copy}-wal`);
		journal.close();
		return { file: copy, log: `${copy}-wal`, ends };
	}

	test("gives back every commit", () => {
		const { file } = interrupted();
		const journal = openJournal(file);
		expect(runsOf(journal)).toEqual(["a", "b", "c", "d", "e", "f"]);
		journal.close();
	});

	test("with a torn end gives back every commit before it", () => {
		const { file, log, ends } = interrupted();
		truncateSync(log, (ends[5] ?? 0) - 1_000);
		const journal = openJournal(file);
		expect(runsOf(journal)).toEqual(["a", "b", "c", "d", "e"]);
		expect(readSync(journal, "e")).toEqual(entryOf("e", { text: "x".repeat(5_000) }).records);
		journal.append([entryOf("g")]);
		journal.close();
	});

	test("with garbage in its last page gives back every commit before it", () => {
		const { file, log, ends } = interrupted();
		overwrite(log, (ends[4] ?? 0) + 2_000, new Uint8Array(500).fill(0xaa));
		const journal = openJournal(file, { readOnly: true });
		expect(runsOf(journal)).toEqual(["a", "b", "c", "d", "e"]);
		journal.close();
	});
});

describe("a disk", () => {
	test("that is full refuses an append as a whole; with room again, the journal goes on", () => {
		const path = files.next();
		const file = SqliteFile.open(path);
		const journal = new SqliteJournal(file);
		journal.append([entryOf("a")]);
		const limit = (pages: number) => file.db.exec(`PRAGMA max_page_count = ${pages}`);
		limit(1);
		const large = entryOf("a", {
			from: 3,
			text: "x".repeat(100_000),
			blobs: [blobOf("x")],
			memos: [{ key: "k", body: "1", expiresAt: undefined }],
		});
		for (const sync of [true, false, true])
			expect(thrownBy(() => journal.append([entryOf("b"), large], { sync }))).toMatch(
				/^JOURNAL_UNAVAILABLE: the journal .* has no room: .*free some space/,
			);
		expect(runsOf(journal)).toEqual(["a"]);
		expect(findSync(journal, "a")?.lastSeq).toBe(2);
		expect(journal.blobs([blobOf("x").hash])).toEqual(new Map());
		expect(journal.memo("k", 0)).toBeUndefined();
		limit(1_000_000);
		expect(journal.append([entryOf("b"), large])).toEqual([]);
		expect(findSync(journal, "a")?.lastSeq).toBe(4);
		journal.close();
		const again = openJournal(path);
		expect(runsOf(again)).toEqual(["a", "b"]);
		again.close();
	});

	test.each([
		[1_034, "could not be read or written"], // SQLITE_IOERR_FSYNC
		[778, "could not be read or written"], // SQLITE_IOERR_WRITE
		[13, "has no room"],
		[1_544, "cannot be written"], // SQLITE_READONLY_DBMOVED, a kind of SQLITE_READONLY
		[7, "needs more memory"],
	])("that fails a commit with code %i leaves nothing of it", (errcode, what) => {
		const file = SqliteFile.open(files.next());
		const journal = new SqliteJournal(file);
		journal.append([entryOf("a")]);
		// The prototype is the one of all statements; COMMIT is the only one that fails.
		const failure = Object.assign(new Error("it failed"), { code: "ERR_SQLITE_ERROR", errcode });
		const prototype = Object.getPrototypeOf(file.db.prepare("SELECT 1")) as {
			run: (this: { sourceSQL: string }) => unknown;
		};
		const { run } = prototype;
		const spy = vi.spyOn(prototype, "run").mockImplementation(function (
			this: { sourceSQL: string },
			...parameters: []
		) {
			if (this.sourceSQL === "COMMIT") throw failure;
			return run.apply(this, parameters);
		});
		let thrown: unknown;
		try {
			journal.append([entryOf("b"), entryOf("a", { from: 3 })]);
		} catch (error) {
			thrown = error;
		}
		expect(thrownBy(() => journal.claim("a", 1, BERT, 5))).toMatch(/^JOURNAL_UNAVAILABLE/);
		spy.mockRestore();
		expect(SwarmError.is(thrown) && [thrown.code, thrown.cause]).toEqual(["JOURNAL_UNAVAILABLE", failure]);
		expect(String(thrown)).toContain(what);
		expect(runsOf(journal)).toEqual(["a"]);
		expect(findSync(journal, "a")).toMatchObject({ lastSeq: 2, epoch: 1 });
		expect(journal.append([entryOf("b"), entryOf("a", { from: 3 })])).toEqual([]);
		expect(findSync(journal, "a")?.lastSeq).toBe(4);
		journal.close();
	});

	test("error that is no fault of the disk stays what it is", () => {
		const file = SqliteFile.open(files.next());
		expect(() => file.guard(() => file.db.exec("SELECT * FROM nowhere"))).toThrow(/^no such table/);
		file.close();
		expect(thrownBy(() => file.guard(() => 1))).toMatch(/^JOURNAL_UNAVAILABLE: .* is closed$/);
	});
});
