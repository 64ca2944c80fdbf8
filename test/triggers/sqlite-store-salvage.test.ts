import { readFileSync, writeFileSync } from "node:fs";
import { salvageJournal, sqliteStore } from "dagswarm";
import { expect, test } from "vitest";
import { ANNA, entryOf } from "../../src/testing/conformance/samples.js";
import {
	changed,
	fullOccurrence,
	occurrenceOf,
	requestOf,
	triggerOf,
} from "../../src/testing/conformance/store-samples.js";
import { journalFiles, withDatabase } from "../journal/journal-file.js";

const files = journalFiles();

async function filled(): Promise<{ readonly file: string; readonly fence: number }> {
	const file = files.next();
	const store = sqliteStore(file);
	const add = [occurrenceOf("a", { trigger: "t" }), fullOccurrence("b"), occurrenceOf("c", { trigger: "t" })];
	await store.write({ add, triggers: ["t", "u"].map((id) => triggerOf(id)), documents: [{ name: "d", body: "text" }] });
	await store.write({ occurrences: [changed(occurrenceOf("a", { trigger: "t" }), { state: "running" })] });
	await store.journal.append([entryOf("a")]);
	await store.ask(requestOf("r"));
	const { fence } = await store.acquire("leader", ANNA, 1, 0);
	await store.close();
	return { file, fence };
}

test("salvage copies what a service keeps, and fences go on rising", async () => {
	const { file, fence } = await filled();
	const saved = files.next();
	expect(salvageJournal(file, saved)).toMatchObject({
		copied: ["a"],
		store: { triggers: 2, occurrences: 3, documents: 1, damaged: [] },
	});
	const [before, after] = [sqliteStore(file), sqliteStore(saved)];
	expect(await after.occurrences()).toEqual(await before.occurrences());
	expect(await after.triggers()).toEqual(await before.triggers());
	expect(await after.counts()).toEqual({ pending: 1, running: 1, failed: 1 });
	expect(await after.document("d")).toBe("text");
	expect([await after.requests(), await after.leases("")]).toEqual([[], []]);
	expect((await after.acquire("leader", ANNA, 1, 0)).fence).toBeGreaterThan(fence);
	await before.close();
	await after.close();
});

test("salvage names what it leaves out, and copies the others", async () => {
	const { file } = await filled();
	withDatabase(file, (db) => {
		db.exec("UPDATE occurrences SET body = 'garbage' WHERE key = 'a'; UPDATE triggers SET version = 7 WHERE id = 'u'");
		// What an occurrence is found by is made of its body again.
		db.exec("UPDATE occurrences SET state = 'completed', owner = 'x' WHERE key = 'c'");
	});
	const saved = files.next();
	expect(salvageJournal(file, saved).store).toEqual({
		triggers: 1,
		occurrences: 2,
		documents: 1,
		damaged: ['of the triggers, "u" is not as it was written', 'of the occurrences, "a" is not as it was written'],
	});
	const store = sqliteStore(saved);
	expect(await store.counts("t")).toEqual({ pending: 1 });
	expect((await store.occurrences()).map(({ key }) => key)).toEqual(["c", "b"]);
	await store.close();
});

test("salvage finds the store of a file whose first page is lost", async () => {
	const { file } = await filled();
	const broken = files.next();
	writeFileSync(broken, readFileSync(file).fill(0x5a, 0, 4_096));
	expect(salvageJournal(broken, files.next())).toMatchObject({
		copied: ["a"],
		store: { triggers: 2, occurrences: 3, documents: 1, damaged: [] },
	});
});
