import { readFileSync } from "node:fs";
import { type DamagedRow, type Store, sqliteJournal, sqliteStore } from "dagswarm";
import { journalConformance, storeConformance } from "dagswarm/testing";
import { describe, expect, test, vi } from "vitest";
import { APPLICATION_ID, MIGRATIONS } from "../../src/journal/sqlite-schema.js";
import { entryOf } from "../../src/testing/conformance/samples.js";
import { changed, occurrenceOf, requestOf, triggerOf } from "../../src/testing/conformance/store-samples.js";
import { journalFiles, openJournal, runsOf, thrownBy, withDatabase } from "../journal/journal-file.js";
import { laterStore } from "./store-fixture.js";

const files = journalFiles();

describe.each([
	["the SQLite store", (store: Store) => store],
	["the SQLite store with promises", laterStore],
])("%s", (_, as) => {
	test.each(storeConformance({ durable: true }).map((check) => [check.name, check] as const))("%s", (_, check) => {
		const file = files.next();
		const open = () => as(sqliteStore(file));
		return check.run(open, open);
	});
});

test.each(journalConformance().map((check) => [check.name, check] as const))("its journal %s", (_, check) =>
	check.run(() => sqliteStore(files.next()).journal),
);

describe("a file", () => {
	/** As the first version of the journal has left it: with a run, and without tables for a store. */
	function first(): string {
		const file = files.next();
		withDatabase(file, (db) => {
			db.exec(`PRAGMA journal_mode = WAL; ${MIGRATIONS[0]}`);
			db.exec(`PRAGMA user_version = 1; PRAGMA application_id = ${APPLICATION_ID}`);
			db.exec(
				`INSERT INTO runs (id, epoch, status, ended, created, updated, first_seq, last_seq, bytes)
				VALUES ('a', 1, 'running', 0, 1, 1, 1, 0, 0)`,
			);
		});
		return file;
	}

	test("of the first version keeps its runs, and gets a store", async () => {
		const file = first();
		const store = sqliteStore(file);
		await store.write({ add: [occurrenceOf("x")] });
		expect(runsOf(store.journal)).toEqual(["a"]);
		await store.close();
		withDatabase(file, (db) => expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 }));
	});

	test("of the first version can be looked at as a journal, and not as a store", () => {
		const file = first();
		const journal = openJournal(file, { readOnly: true });
		expect(runsOf(journal)).toEqual(["a"]);
		journal.close();
		expect(thrownBy(() => sqliteStore(file, { readOnly: true }))).toMatch(/^JOURNAL_VERSION: .* is older than/);
		withDatabase(file, (db) => expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 }));
	});

	test("of a new store says in its first page where everything is", () => {
		const file = files.next();
		openJournal(file).close();
		// The schema is one leaf, without pages below it: https://www.sqlite.org/fileformat.html#b_tree_pages.
		expect(readFileSync(file)[100]).toBe(0x0d);
	});

	test("that is opened only to be read shows everything and changes nothing", async () => {
		const file = files.next();
		const writer = sqliteStore(file);
		await writer.write({ add: [occurrenceOf("a")], triggers: [triggerOf("t")] });
		const reader = sqliteStore(file, { readOnly: true });
		expect(await reader.occurrences()).toEqual([occurrenceOf("a")]);
		expect(await reader.counts()).toEqual({ pending: 1 });
		for (const write of [
			() => reader.write({ add: [occurrenceOf("b")] }),
			() => reader.ask(requestOf("r")),
			() => reader.acquire("leader", { id: "a", pid: 1, host: "h" }, 2, 1),
		])
			expect(thrownBy(write)).toMatch(/^JOURNAL_UNAVAILABLE: .* opened only to be read/);
		await reader.close();
		await writer.close();
	});

	test("is the same for those who open the journal in it", async () => {
		const file = files.next();
		const store = sqliteStore(file);
		const journal = sqliteJournal(file);
		await store.write({ add: [occurrenceOf("a", { state: "running" })] });
		await journal.append(["a", "b"].map((run) => entryOf(run, { ended: true, status: "completed" })));
		expect((await journal.prune({ maxRuns: 0 }, 1e9)).runs).toEqual(["b"]);
		expect(runsOf(store.journal)).toEqual(["a"]);
		await store.close();
		await journal.close();
	});

	test("is right after VACUUM", async () => {
		const file = files.next();
		const store = sqliteStore(file);
		const add = ["a", "b", "c"].map((key) => occurrenceOf(key));
		await store.write({ add, triggers: [triggerOf("t")] });
		await store.write({ removeOccurrences: ["b"] });
		withDatabase(file, (db) => db.exec("VACUUM"));
		await store.write({ add: [occurrenceOf("d")], occurrences: [changed(occurrenceOf("a"), { state: "running" })] });
		expect((await store.occurrences()).map(({ key }) => key)).toEqual(["d", "c", "a"]);
		expect(await store.counts()).toEqual({ pending: 2, running: 1 });
		await store.close();
	});

	test("takes options as that of a journal does", () => {
		expect(thrownBy(() => sqliteStore(":memory:"))).toMatch(/^INVALID_OPTION/);
		expect(thrownBy(() => sqliteStore(files.next(), { readOnly: true }))).toMatch(/^JOURNAL_UNAVAILABLE/);
		expect(thrownBy(() => sqliteStore(files.next(), { busyTimeout: "1d" }))).toMatch(/^INVALID_OPTION/);
	});

	test("keeps at most 10,000 requests, the newest", async () => {
		const file = files.next();
		const store = sqliteStore(file);
		await store.ask(requestOf("first"));
		withDatabase(file, (db) =>
			db.exec(`WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
				INSERT INTO requests (id, run, body, at) SELECT 'r' || i, 'run', '', 1 FROM n`),
		);
		await store.ask(requestOf("last"));
		const requests = await store.requests();
		expect([requests.length, requests[0]?.id, requests.at(-1)?.id]).toEqual([10_000, "r2", "last"]);
		await store.close();
	});
});

describe("a damaged row", () => {
	async function damaged(sql: string) {
		const file = files.next();
		const before = sqliteStore(file);
		const add = ["a", "b", "c"].map((key) => occurrenceOf(key, { trigger: "t" }));
		const documents = [{ name: "d", body: "text" }];
		await before.write({ add, triggers: ["t", "u"].map((id) => triggerOf(id)), documents });
		await before.close();
		withDatabase(file, (db) => db.exec(sql));
		const reported: DamagedRow[] = [];
		const store = sqliteStore(file, { onDamaged: (row) => void reported.push(row) });
		return { file, store, reported };
	}

	test.each([
		["is no JSON", "body = 'garbage'"],
		["has another body", "body = replace(body, 'pending', 'pendong')"],
		["has no body", "body = NULL"],
		["has bytes as its body", "body = x'00ff'"],
		["has another time", "created = 5"],
		["has another owner", "owner = 'u'"],
		["says that it is to start when it is over", "state = 'running'"],
		["has a number that is none", "version = 9223372036854775807"],
	])("mistake 16: that %s hides none of the others, and is told of once", async (_, change) => {
		const { store, reported } = await damaged(`UPDATE occurrences SET ${change} WHERE key = 'b'`);
		for (let time = 0; time < 2; time++) {
			const rows = await store.occurrences();
			expect(rows.map(({ key }) => key)).toEqual(["c", "a"]);
		}
		expect(reported).toEqual([
			{ table: "occurrences", id: "b", error: expect.objectContaining({ code: "JOURNAL_CORRUPT" }) },
		]);
		expect(thrownBy(() => store.occurrence("b"))).toMatch(/^JOURNAL_CORRUPT: /);
		// It is there, and is not started once more; whoever knows better takes it away.
		expect(await store.write({ add: [occurrenceOf("b")] })).toEqual({ ok: true, present: ["b"] });
		await store.close();
	});

	test.each(["body = 'garbage'", "version = 9223372036854775807"])("can be taken away when %s", async (change) => {
		const { store, reported } = await damaged(`UPDATE occurrences SET ${change} WHERE key = 'b'`);
		await store.write({ removeOccurrences: ["b"] });
		await store.write({ add: [occurrenceOf("b", { trigger: "t" })] });
		expect((await store.occurrences()).map(({ key }) => key)).toEqual(["b", "c", "a"]);
		expect(await store.counts("t")).toEqual({ pending: 3 });
		expect(reported).toEqual([]);
		await store.close();
	});

	test("of a trigger hides none of the others", async () => {
		const { store, reported } = await damaged("UPDATE triggers SET body = substr(body, 2) WHERE id = 't'");
		expect((await store.triggers()).map(({ spec }) => spec.id)).toEqual(["u"]);
		expect(reported).toMatchObject([{ table: "triggers", id: "t" }]);
		expect(thrownBy(() => store.trigger("t"))).toMatch(/^JOURNAL_CORRUPT: the trigger "t" is not as it was written/);
		await store.close();
	});

	test("of a document is refused by its name", async () => {
		const { store } = await damaged("UPDATE documents SET body = 'tex'");
		expect(thrownBy(() => store.document("d"))).toMatch(/^JOURNAL_CORRUPT: the document "d" is not as it was written/);
		await store.close();
	});

	test("is a warning of the process when nobody else is told", async () => {
		const { file, store } = await damaged("UPDATE occurrences SET body = 'garbage' WHERE key = 'b'");
		await store.close();
		const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
		const quiet = sqliteStore(file);
		await quiet.occurrences();
		await quiet.occurrences();
		expect(warn.mock.calls).toEqual([[expect.stringMatching(/^the occurrence "b" .*left out/), "SwarmStoreWarning"]]);
		await quiet.close();
	});
});
