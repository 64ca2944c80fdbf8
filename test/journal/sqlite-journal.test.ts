import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { RunSummary } from "../../src/journal/journal.js";
import { SqliteFile } from "../../src/journal/sqlite-file.js";
import { SqliteJournal } from "../../src/journal/sqlite-journal.js";
import { APPLICATION_ID, MIGRATIONS } from "../../src/journal/sqlite-schema.js";
import { BERT, blobOf, entryOf, snapshotOf } from "../../src/testing/conformance/samples.js";
import { findSync, journalFiles, openJournal, readSync, runsOf, thrownBy, withDatabase } from "./journal-file.js";

const files = journalFiles();
afterEach(() => {
	vi.restoreAllMocks();
});

describe("opening", () => {
	test("makes a file in WAL mode that says whose it is", () => {
		const file = files.next();
		const journal = openJournal(file);
		withDatabase(file, (db) => {
			expect(db.prepare("PRAGMA application_id").get()).toEqual({ application_id: APPLICATION_ID });
			expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
			expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
		});
		journal.close();
	});

	test("says which folder is missing, and that no file is meant", () => {
		expect(thrownBy(() => openJournal(join(files.next(), "no-folder", "a.db")))).toMatch(
			/^JOURNAL_UNAVAILABLE: the journal .*no-folder.a\.db cannot be opened: .*check that its folder exists/,
		);
		for (const name of ["", ":memory:", "a\0b"])
			expect(thrownBy(() => openJournal(name))).toMatch(/^INVALID_OPTION: .* names no file .*memoryJournal/);
	});

	test("refuses a file of another program and leaves it as it is", () => {
		const file = files.next();
		withDatabase(file, (db) => db.exec("CREATE TABLE t (x)"));
		for (const readOnly of [true, false])
			expect(thrownBy(() => openJournal(file, { readOnly }))).toMatch(/^INVALID_OPTION: .* of another program/);
		withDatabase(file, (db) => {
			expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
			expect(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()).toEqual({ n: 1 });
		});
	});

	test("refuses a file of a newer version, and names both", () => {
		const file = files.next();
		openJournal(file).close();
		withDatabase(file, (db) => db.exec("PRAGMA user_version = 99"));
		for (const readOnly of [true, false])
			expect(thrownBy(() => openJournal(file, { readOnly }))).toMatch(
				new RegExp(`^JOURNAL_VERSION: .* has version 99, this library reads up to ${MIGRATIONS.length}`),
			);
	});

	test("refuses a busyTimeout that is none", () => {
		expect(thrownBy(() => openJournal(files.next(), { busyTimeout: "1h" }))).toMatch(/^INVALID_OPTION: busyTimeout/);
		expect(thrownBy(() => openJournal(files.next(), { busyTimeout: -1 }))).toMatch(/^INVALID_OPTION: busyTimeout/);
	});

	test("says what is missing where Node has no SQLite", () => {
		vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
		expect(thrownBy(() => openJournal(files.next()))).toMatch(/^INVALID_OPTION: .*node:sqlite.*Node 22\.13/);
	});
});

describe("migrations", () => {
	/** A file as an earlier version would have left it. */
	const FIRST = "CREATE TABLE runs (no INTEGER PRIMARY KEY, name TEXT NOT NULL)";
	const SECOND =
		"ALTER TABLE runs RENAME COLUMN name TO id; ALTER TABLE runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 7";
	const THIRD = "UPDATE runs SET epoch = epoch * 6";

	function older(): string {
		const file = files.next();
		withDatabase(file, (db) => {
			db.exec(FIRST);
			db.exec(`INSERT INTO runs VALUES (1, 'a'); PRAGMA user_version = 1; PRAGMA application_id = ${APPLICATION_ID}`);
		});
		return file;
	}

	/** The step that the constructor's statements need. */
	const FLUSHES = "CREATE TABLE flushes (no INTEGER PRIMARY KEY, count INTEGER NOT NULL)";

	test("bring an older file forward, step by step, and only once", () => {
		const file = older();
		for (let time = 0; time < 2; time++) SqliteFile.open(file, {}, [FIRST, SECOND, `${THIRD};${FLUSHES}`]).close();
		withDatabase(file, (db) => {
			expect(db.prepare("SELECT id, epoch FROM runs").all()).toEqual([{ id: "a", epoch: 42 }]);
			expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 3 });
		});
	});

	test("happen all or not at all", () => {
		const file = older();
		expect(() => SqliteFile.open(file, {}, [FIRST, SECOND, "no SQL"])).toThrow(/syntax error/);
		withDatabase(file, (db) => {
			expect(db.prepare("SELECT name FROM runs").all()).toEqual([{ name: "a" }]);
			expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
		});
	});

	test("are not for a reader", () => {
		expect(thrownBy(() => SqliteFile.open(older(), { readOnly: true }, [FIRST, SECOND], 2))).toMatch(
			/^JOURNAL_VERSION: .* is older than this library .*open it once for writing/,
		);
	});

	test("of this library bring a file of version 0 that has an owner forward", () => {
		const file = files.next();
		withDatabase(file, (db) => db.exec(`PRAGMA application_id = ${APPLICATION_ID}`));
		const journal = openJournal(file);
		journal.append([entryOf("a")]);
		expect(runsOf(journal)).toEqual(["a"]);
		journal.close();
	});
});

describe("several connections", () => {
	test("a reader sees what is committed, writes nothing and holds nobody up", () => {
		const file = files.next();
		const writer = openJournal(file, { busyTimeout: 0 });
		writer.append([entryOf("a", { sizes: Array.from({ length: 400 }, () => 1) })]);
		const reader = openJournal(file, { readOnly: true });
		const records = (reader.read("a") as Generator<{ readonly firstSeq: number }>)[Symbol.iterator]();
		expect(records.next().value?.firstSeq).toBe(1);
		writer.append([entryOf("a", { from: 401 })]);
		writer.append([entryOf("b")]);
		// A reader in the middle of a run keeps no old state alive: the whole log can go into the file.
		withDatabase(file, (db) => {
			expect(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
		});
		expect([...records].at(-1)?.firstSeq).toBe(401);
		expect(runsOf(reader)).toEqual(["a", "b"]);
		for (const write of [
			() => reader.append([entryOf("c")]),
			() => reader.claim("a", 1, BERT, 1),
			() => reader.saveSnapshot("a", 1, snapshotOf("a", 1)),
		])
			expect(thrownBy(write)).toMatch(/^JOURNAL_UNAVAILABLE: .* was opened only to be read/);
		reader.close();
		writer.close();
	});

	test("a reader of a file whose writer is gone", () => {
		const file = files.next();
		const writer = openJournal(file);
		writer.append([entryOf("a")]);
		writer.close();
		const reader = openJournal(file, { readOnly: true });
		expect(readSync(reader, "a")).toHaveLength(1);
		reader.close();
		expect(thrownBy(() => openJournal(files.next(), { readOnly: true }))).toMatch(/^JOURNAL_UNAVAILABLE/);
	});

	test("a writer waits no longer than it was told to, and can write afterwards", () => {
		const file = files.next();
		const journal = openJournal(file, { busyTimeout: 1 });
		withDatabase(file, (db) => {
			db.exec("BEGIN IMMEDIATE");
			expect(thrownBy(() => journal.append([entryOf("a")]))).toMatch(
				/^JOURNAL_UNAVAILABLE: .* is locked by another process: .*busyTimeout/,
			);
			expect(runsOf(journal)).toEqual([]);
			db.exec("ROLLBACK");
		});
		journal.append([entryOf("a")]);
		expect(runsOf(journal)).toEqual(["a"]);
		journal.close();
	});
});

describe("durability", () => {
	/** The statements that make a commit durable or not, in order. */
	function observed() {
		const file = SqliteFile.open(files.next());
		const exec = vi.spyOn(file.db, "exec");
		const journal = new SqliteJournal(file);
		const flushes = () => Number(file.db.prepare("SELECT count FROM flushes").get()?.["count"]);
		const level = () => Number(file.db.prepare("PRAGMA synchronous").get()?.["synchronous"]);
		return { journal, exec, flushes, level };
	}
	const NORMAL = 1;
	const FULL = 2;

	test("syncs with each commit unless told not to, and switches only when it has to", () => {
		const { journal, exec, level } = observed();
		journal.append([entryOf("a")]);
		expect(level()).toBe(FULL);
		journal.append([entryOf("b")]);
		expect(exec.mock.calls).toEqual([["PRAGMA synchronous = FULL"]]);
		journal.append([entryOf("c")], { sync: false });
		journal.append([entryOf("d")], { sync: false });
		expect(level()).toBe(NORMAL);
		expect(exec).toHaveBeenCalledTimes(2);
		journal.close();
	});

	test("flush syncs what was not synced, with a commit that writes", () => {
		const { journal, flushes, level } = observed();
		journal.flush();
		expect(flushes()).toBe(0);
		journal.append([entryOf("a")], { sync: false });
		journal.flush();
		expect([flushes(), level()]).toEqual([1, FULL]);
		journal.flush();
		expect(flushes()).toBe(1);
		journal.close();
	});

	test("a synced call that turns out to write nothing still syncs what came before", () => {
		const { journal, flushes } = observed();
		journal.append([entryOf("a")], { sync: false });
		expect(journal.append([entryOf("a")])).toMatchObject([{ code: "RUN_EXISTS" }]);
		expect(flushes()).toBe(1);
		journal.close();
	});
});

test("reads from the middle of a long run without going through what is before", () => {
	const file = SqliteFile.open(files.next());
	const plan = file.db.prepare(
		"EXPLAIN QUERY PLAN SELECT key FROM records WHERE key BETWEEN (1 << 36 | 5) AND (1 << 36 | 9) ORDER BY key LIMIT 9",
	);
	expect(plan.all().map(({ detail }) => detail)).toEqual([
		expect.stringMatching(/^SEARCH records USING INTEGER PRIMARY KEY/),
	]);
	const journal = new SqliteJournal(file);
	journal.append([entryOf("a", { sizes: Array.from({ length: 3_000 }, () => 3) })], { sync: false });
	expect(readSync(journal, "a", 8_998).map(({ firstSeq }) => firstSeq)).toEqual([8_998]);
	expect(readSync(journal, "a")).toHaveLength(3_000);
	journal.close();
});

test("gives long records to a slow reader in small portions", () => {
	const file = SqliteFile.open(files.next());
	const journal = new SqliteJournal(file);
	const text = "x".repeat(1 << 20);
	for (let from = 1; from < 40; from += 2) journal.append([entryOf("a", { from, text })], { sync: false });
	const records = journal.read("a");
	records.next();
	journal.append([entryOf("b")]);
	let count = 1;
	for (const { body } of records) {
		expect(body.length).toBeGreaterThan(1 << 20);
		count++;
	}
	expect(count).toBe(20);
	journal.close();
});

test("tells a reader that was overtaken by pruning", async () => {
	const journal = openJournal(files.next());
	const sizes = Array.from({ length: 300 }, () => 1);
	journal.append([entryOf("a", { sizes, ended: true })]);
	const records = journal.read("a") as Generator<unknown>;
	records.next();
	await journal.prune({ maxRuns: 0 }, 1e9);
	journal.append([entryOf("a", { sizes })]);
	expect(thrownBy(() => [...records])).toMatch(/^SEQ_PRUNED: run "a" was pruned while it was read/);
	journal.close();
});

test("refuses to be written by the entries of an append", () => {
	const journal = openJournal(files.next());
	const entries = (function* () {
		yield entryOf("a");
		expect(() => journal.append([entryOf("b")])).toThrow(/from within an append/);
		yield entryOf("c");
	})();
	journal.append(entries);
	expect(runsOf(journal)).toEqual(["a", "c"]);
	journal.close();
});

test("stores a shared blob once", () => {
	const file = SqliteFile.open(files.next());
	const journal = new SqliteJournal(file);
	const blob = blobOf("x");
	for (const run of ["a", "b", "c"]) journal.append([entryOf(run, { blobs: [blob] })]);
	journal.saveSnapshot("a", 1, snapshotOf("a", 2, undefined, [blob]));
	expect(file.db.prepare("SELECT count(*) AS n FROM blobs").get()).toEqual({ n: 1 });
	journal.close();
});

test("is right after VACUUM, which renumbers what nothing names", async () => {
	const file = files.next();
	const journal = openJournal(file);
	for (const run of ["a", "b", "c", "d"]) {
		const shared = blobOf(run < "c" ? "ab" : "cd");
		journal.append([entryOf(run, { sizes: [1, 2], blobs: [shared, blobOf(run)], ended: run !== "d" })]);
		journal.append([entryOf(run, { from: 4, checkpoints: [{ node: "n", body: run }], ended: run !== "d" })]);
		journal.saveSnapshot(run, 1, snapshotOf(run, 3));
	}
	await journal.prune({ maxRuns: 2 }, 1e9);
	withDatabase(file, (db) => db.exec("VACUUM"));
	expect(runsOf(journal)).toEqual(["b", "c", "d"]);
	await journal.prune({ maxRuns: 1 }, 1e9);
	withDatabase(file, (db) => db.exec("VACUUM"));
	for (const run of ["c", "d"]) {
		expect(readSync(journal, run).map(({ lastSeq }) => lastSeq)).toEqual([1, 3, 5]);
		expect(journal.checkpoints(run)).toEqual(new Map([["n", run]]));
		expect(journal.snapshots(run, 5)).toHaveLength(1);
		expect((journal.blobs([blobOf("cd").hash, blobOf(run).hash]) as Map<string, string>).size).toBe(2);
	}
	expect((journal.blobs([blobOf("ab").hash]) as Map<string, string>).size).toBe(0);
	journal.append([entryOf("e")]);
	expect(findSync(journal, "e")?.lastSeq).toBe(2);
	expect((journal.runs() as readonly RunSummary[])[0]?.run).toBe("e");
	journal.close();
});

test("fills a file that is there and empty", () => {
	const file = files.next();
	writeFileSync(file, "");
	const journal = openJournal(file);
	expect(runsOf(journal)).toEqual([]);
	journal.close();
});
