import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { sealed } from "../../src/core/sealed-text.js";
import { salvageJournal } from "../../src/journal/sqlite-salvage.js";
import { BERT, blobOf, entryOf, snapshotOf } from "../../src/testing/conformance/samples.js";
import { findSync, journalFiles, openJournal, readSync, runsOf, thrownBy, withDatabase } from "./journal-file.js";

const files = journalFiles();
const RUNS = ["a", "b", "c", "d", "e"];

/** Five runs of fifty records; b has ended, c has a snapshot at event 60, each has a value of its own and a shared one. */
function filled(text = "x".repeat(300)): string {
	const file = files.next();
	const journal = openJournal(file);
	for (const run of RUNS) {
		const sizes = Array.from({ length: 50 }, () => 2);
		const blobs = [blobOf(run), blobOf("shared")];
		journal.append([
			entryOf(run, {
				sizes,
				text,
				blobs,
				checkpoints: [{ node: "n", body: sealed(run) }],
				...(run === "b" && { ended: true, status: "completed" }),
			}),
		]);
	}
	journal.saveSnapshot("c", 1, snapshotOf("c", 60, undefined, [blobOf("of a snapshot")]));
	journal.close();
	return file;
}

const key = (run: string, seq: number): string => `((${RUNS.indexOf(run) + 1} << 36) | ${seq})`;
const damage = (file: string, sql: string): void => withDatabase(file, (db: DatabaseSync) => db.exec(sql));

/** That what was saved is as it was, for those of the runs that are there. */
function expectWhole(saved: string, original: string, runs: readonly string[]): void {
	const [left, right] = [openJournal(saved), openJournal(original, { readOnly: true })];
	for (const run of runs) {
		expect(readSync(left, run)).toEqual(readSync(right, run));
		expect(left.snapshots(run, 1e6)).toEqual(right.snapshots(run, 1e6));
		expect(left.checkpoints(run)).toEqual(right.checkpoints(run));
		expect(findSync(left, run)).toEqual({ ...findSync(right, run), writer: undefined });
		const hashes = [blobOf(run).hash, blobOf("shared").hash, ...(run === "c" ? [blobOf("of a snapshot").hash] : [])];
		expect((left.blobs(hashes) as Map<string, string>).size).toBe(hashes.length);
	}
	left.close();
	right.close();
}

describe("salvage", () => {
	test("copies a sound file run by run, and what is copied goes on", () => {
		const file = filled();
		const saved = files.next();
		expect(salvageJournal(file, saved)).toEqual({ copied: RUNS, incomplete: [], damaged: [], nameless: 0 });
		expectWhole(saved, file, RUNS);
		const journal = openJournal(saved);
		expect((journal.runs() as readonly { run: string }[]).map(({ run }) => run)).toEqual(RUNS.toReversed());
		expect(journal.claim("a", 1, BERT, 5)).toBe(2);
		expect(journal.append([entryOf("a", { from: 101, epoch: 2 })])).toEqual([]);
		journal.close();
	});

	test("neither changes the damaged file nor leaves anything else behind", () => {
		const file = filled();
		damage(file, `UPDATE records SET body = 'x' WHERE key = ${key("a", 51)}`);
		const before = readFileSync(file);
		const folder = `${files.next()}-folder`;
		mkdirSync(folder);
		salvageJournal(file, join(folder, "saved.db"));
		expect(readFileSync(file).equals(before)).toBe(true);
		expect(existsSync(`${file}-wal`) || existsSync(`${file}-shm`)).toBe(false);
		expect(readdirSync(folder)).toEqual(["saved.db"]);
	});

	test("takes what only the write-ahead log has", () => {
		const file = files.next();
		const journal = openJournal(file);
		journal.append([entryOf("a")]);
		const copy = files.next();
		copyFileSync(file, copy);
		copyFileSync(`${file}-wal`, `${copy}-wal`);
		journal.close();
		expect(salvageJournal(copy, files.next()).copied).toEqual(["a"]);
	});

	test("names a run with a damaged record, and copies it up to there when asked", () => {
		const file = filled();
		damage(file, `UPDATE records SET body = replace(body, 'x', 'y') WHERE key = ${key("b", 51)}`);
		const reason = "the record from event 51 on is not as it was written";
		const all = salvageJournal(file, files.next());
		expect(all).toMatchObject({ copied: ["a", "c", "d", "e"], incomplete: [], damaged: [{ run: "b", reason }] });
		const saved = files.next();
		const prefixes = salvageJournal(file, saved, { prefixes: true });
		expect(prefixes).toMatchObject({
			incomplete: [{ run: "b", reason: `cut off after event 50: ${reason}` }],
			damaged: [],
		});
		const journal = openJournal(saved);
		expect(findSync(journal, "b")).toMatchObject({ firstSeq: 1, lastSeq: 50, status: "running", ended: false });
		expect(readSync(journal, "b")).toHaveLength(25);
		expect(journal.append([entryOf("b", { from: 51 })])).toEqual([]);
		journal.close();
	});

	test.each([
		["a record is missing", `DELETE FROM records WHERE key = ${key("a", 11)}`, "events 11 to 12 are missing"],
		["the last record is missing", `DELETE FROM records WHERE key = ${key("a", 99)}`, "its last event is 98, not 100"],
		[
			"a record stands in the wrong place",
			`UPDATE records SET key = ${key("a", 12)} WHERE key = ${key("a", 11)}`,
			"event 11 on is not",
		],
		["a large value is gone", `UPDATE blobs SET body = 'x' WHERE hash = '${blobOf("a").hash}'`, "is lost"],
		["how it stands is garbage", "UPDATE runs SET status = 'x' WHERE id = 'a'", "how it stands cannot be read"],
		["a number is none", "UPDATE runs SET last_seq = 'x' WHERE id = 'a'", "how it stands cannot be read"],
		[
			"its first events were pruned without a snapshot",
			`DELETE FROM records WHERE key < ${key("a", 11)}; UPDATE runs SET first_seq = 11 WHERE id = 'a'`,
			"no whole snapshot",
		],
	])("names a run when %s", (_, sql, reason) => {
		const file = filled(`x${blobOf("a").hash}`);
		damage(file, sql);
		const { copied, damaged } = salvageJournal(file, files.next());
		const others = /large value|is lost/.test(reason) ? [] : ["b", "c", "d", "e"];
		expect(copied).toEqual(expect.arrayContaining(others));
		expect(damaged[0]).toEqual({ run: "a", reason: expect.stringContaining(reason) });
	});

	test("copies a run whose damaged part a snapshot covers", () => {
		const file = filled();
		damage(file, `UPDATE records SET body = 'x' WHERE key = ${key("c", 31)}`);
		const saved = files.next();
		const { copied, incomplete, damaged } = salvageJournal(file, saved);
		expect([copied, damaged]).toEqual([["a", "b", "d", "e"], []]);
		expect(incomplete).toEqual([
			{ run: "c", reason: expect.stringMatching(/^the events before 61 are left out.*event 31/) },
		]);
		const journal = openJournal(saved);
		expect(findSync(journal, "c")).toMatchObject({ firstSeq: 61, lastSeq: 100 });
		expect(readSync(journal, "c")).toHaveLength(20);
		expect(journal.snapshots("c", 100)).toHaveLength(1);
		journal.close();
	});

	test("leaves a damaged snapshot out and says so", () => {
		const file = filled();
		damage(file, `UPDATE snapshots SET body = 'x'`);
		const { copied, incomplete } = salvageJournal(file, files.next());
		expect(copied).toEqual(["a", "b", "d", "e"]);
		expect(incomplete).toEqual([{ run: "c", reason: "the snapshot at event 60 is not as it was written" }]);
	});

	test("gets the others out of a file with any one page damaged, and says what is lost", () => {
		const file = filled();
		const pages = statSync(file).size / 4_096;
		const original = readFileSync(file);
		let saves = 0;
		for (let page = 1; page < pages; page += 3) {
			const broken = files.next();
			const content = Buffer.from(original);
			content.fill(0x5a, page * 4_096, (page + 1) * 4_096);
			writeFileSync(broken, content);
			const saved = files.next();
			for (const prefixes of [false, true]) {
				const target = prefixes ? `${saved}-prefixes` : saved;
				const { copied, incomplete, damaged, nameless } = salvageJournal(broken, target, { prefixes });
				const named = [...copied, ...[...incomplete, ...damaged].map(({ run }) => run)];
				// Each run is copied or named; without their list, they are counted at least.
				expect(named.length === 0 ? nameless : named.toSorted()).toEqual(named.length === 0 ? RUNS.length : RUNS);
				expectWhole(target, file, copied);
				if (copied.length > 0) saves++;
			}
		}
		expect(saves).toBeGreaterThan(pages / 3);
	});

	test.each([
		["zeros", 0, ""],
		["garbage", 0x5a, ""],
		["garbage, after VACUUM", 0x5a, "VACUUM"],
	])("gets everything out of a file whose first page is %s", (_, byte, before) => {
		const file = filled();
		damage(file, before);
		const content = readFileSync(file);
		content.fill(byte, 0, 4_096);
		const broken = files.next();
		writeFileSync(broken, content);
		expect(thrownBy(() => openJournal(broken))).toMatch(/^JOURNAL_CORRUPT|^INVALID_OPTION/);
		const saved = files.next();
		// After VACUUM, nothing says where the tables of a service begin, and that there was nothing in them.
		const { store, ...salvaged } = salvageJournal(broken, saved);
		expect(salvaged).toEqual({ copied: RUNS, incomplete: [], damaged: [], nameless: 0 });
		expect(store?.damaged.length ?? 0).toBe(before === "" ? 0 : 3);
		expectWhole(saved, file, RUNS);
	});

	test("gets something out of a file that was cut off", () => {
		const file = filled();
		truncateSync(file, Math.floor((statSync(file).size * 0.6) / 4_096) * 4_096);
		const saved = files.next();
		const { incomplete, damaged } = salvageJournal(file, saved, { prefixes: true });
		// The records of a come first in the file; of b, some do; the rest is gone.
		expect(incomplete).toEqual([
			{ run: "a", reason: expect.stringMatching(/^the value .* is lost/) },
			{ run: "b", reason: expect.stringMatching(/^cut off after event \d+/) },
		]);
		expect(damaged.map(({ run }) => run)).toEqual(["c", "d", "e"]);
		const journal = openJournal(saved);
		expect(runsOf(journal)).toEqual(["a", "b"]);
		expect(readSync(journal, "a")).toHaveLength(50);
		journal.close();
	});

	test("refuses what it cannot do, and leaves no file", () => {
		const file = filled();
		expect(thrownBy(() => salvageJournal(file, file))).toMatch(/^INVALID_OPTION: .* is there already/);
		expect(thrownBy(() => salvageJournal(files.next(), files.next()))).toMatch(
			/^JOURNAL_UNAVAILABLE: there is no file/,
		);
		expect(thrownBy(() => salvageJournal(file, join(files.next(), "no-folder", "a.db")))).toMatch(
			/^JOURNAL_UNAVAILABLE/,
		);
		const garbage = files.next();
		writeFileSync(garbage, "no database".repeat(1_000));
		const target = files.next();
		expect(thrownBy(() => salvageJournal(garbage, target))).toMatch(/^JOURNAL_CORRUPT: the journal .*\.db is damaged/);
		writeFileSync(garbage, "");
		expect(thrownBy(() => salvageJournal(garbage, target))).toMatch(/^INVALID_OPTION: .* is empty/);
		damage(file, "PRAGMA user_version = 99");
		expect(thrownBy(() => salvageJournal(file, target))).toMatch(/^JOURNAL_VERSION/);
		expect(existsSync(target)).toBe(false);
		expect(readdirSync(dirname(target)).filter((name) => name.startsWith(".salvage"))).toEqual([]);
	});
});
