import { describe, expect, test } from "vitest";
import type { JournalRecord } from "../../src/journal/journal.js";
import { memoryJournal } from "../../src/journal/memory-journal.js";
import { SnapshotChains } from "../../src/journal/snapshot-chain.js";
import { entryOf, snapshotOf } from "../../src/testing/conformance/samples.js";
import { findSync, readSync, thrownBy } from "./journal-file.js";

describe("the memory journal", () => {
	test("does not say that it survives", () => {
		expect(memoryJournal().durable).toBe(false);
	});

	test("keeps what it was given, whatever happens to the objects", async () => {
		const journal = memoryJournal();
		const entry = entryOf("a");
		await journal.append([entry]);
		const before = structuredClone(readSync(journal, "a"));
		Object.assign(entry.records[0] as object, { body: "changed" });
		(entry.records as JournalRecord[]).length = 0;
		expect(readSync(journal, "a")).toEqual(before);
		const summary = findSync(journal, "a");
		await journal.append([entryOf("a", { from: 3 })]);
		expect(summary?.lastSeq).toBe(2);
	});

	test("lets a reader go on with a run that grows, and with one that is pruned", async () => {
		const journal = memoryJournal();
		await journal.append([entryOf("a", { sizes: [2, 2] })]);
		const records = journal.read("a") as Generator<JournalRecord>;
		expect(records.next().value?.firstSeq).toBe(1);
		await journal.append([entryOf("a", { from: 5 })]);
		expect(records.next().value?.firstSeq).toBe(3);
		await journal.saveSnapshot("a", 1, snapshotOf("a", 6));
		await journal.prune({ maxTailAge: 0 }, 1e9);
		expect(readSync(journal, "a")).toEqual([]);
		expect(records.next().value?.firstSeq).toBe(5);
	});

	test("is shared by nobody: each is its own", async () => {
		await memoryJournal().append([entryOf("a")]);
		expect(await memoryJournal().runs()).toEqual([]);
	});

	test("throws what a bug of its user is, at once", () => {
		const journal = memoryJournal();
		expect(() => journal.append([entryOf("a", { from: 2, create: true })])).toThrow(/cannot follow event 0/);
		expect(journal.append([entryOf("a")])).toEqual([]);
		expect(() => journal.saveSnapshot("a", 1, snapshotOf("a", 3))).toThrow(/where 2 is the last one stored/);
	});

	test("is over when it is closed", async () => {
		const journal = memoryJournal();
		await journal.close();
		for (const call of [
			() => journal.runs(),
			() => journal.flush(),
			() => readSync(journal, "a"),
			() => journal.prune({}, 1),
		])
			expect(thrownBy(call)).toBe("JOURNAL_UNAVAILABLE: the journal is closed");
	});
});

describe("chains of snapshots", () => {
	const chains = new SnapshotChains([
		{ seq: 5, base: 3 },
		{ seq: 10, base: undefined },
		{ seq: 20, base: 10 },
		{ seq: 30, base: 20 },
		{ seq: 40, base: 20 },
		{ seq: 50, base: undefined },
		{ seq: 60, base: 5 },
	]);

	test("are whole down to one that stands alone", () => {
		expect(chains.loadable).toEqual([50, 40, 30, 20, 10]);
		expect(chains.chain(40)).toEqual([10, 20, 40]);
		expect(chains.chain()).toEqual([50]);
		expect(new SnapshotChains([{ seq: 5, base: 3 }]).chain()).toEqual([]);
	});

	test("keep what later ones build on", () => {
		expect([...chains.neededFrom(30)].sort()).toEqual([10, 20, 30, 40, 50]);
		expect([...chains.neededFrom(45)]).toEqual([50]);
	});
});
