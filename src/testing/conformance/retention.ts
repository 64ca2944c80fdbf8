import assert from "node:assert/strict";
import type { Journal } from "../../journal/journal.js";
import { blobOf, entryOf, fails, type JournalScript, readAll, snapshotOf, withoutBlobs } from "./samples.js";

/** What `saveSnapshot`, `snapshots` and `prune` promise. */
export const retention: Readonly<Record<string, JournalScript>> = {
	"finds the newest snapshot that stands alone, and what has changed since": async (journal) => {
		await journal.append([entryOf("a", { sizes: [50] }), entryOf("b", { sizes: [50] })]);
		const saved = [
			snapshotOf("a", 10),
			snapshotOf("a", 20, 10),
			snapshotOf("a", 30, 20),
			snapshotOf("a", 40),
			snapshotOf("a", 45, 40),
		];
		const { bytes = 0 } = (await journal.find("a")) ?? {};
		for (const snapshot of saved) assert.equal(await journal.saveSnapshot("a", 1, snapshot), true);
		assert.ok(((await journal.find("a"))?.bytes ?? 0) > bytes, "bytes grow");
		const expected = (...seqs: number[]) => saved.filter(({ seq }) => seqs.includes(seq)).map(withoutBlobs);
		assert.deepEqual(await journal.snapshots("a", 9), []);
		assert.deepEqual(await journal.snapshots("a", 10), expected(10));
		assert.deepEqual(await journal.snapshots("a", 35), expected(10, 20, 30));
		assert.deepEqual(await journal.snapshots("a", 44), expected(40));
		assert.deepEqual(await journal.snapshots("a", 1e6), expected(40, 45));
		assert.deepEqual(await journal.snapshots("b", 50), []);
		assert.deepEqual(await journal.snapshots("nobody", 50), []);
	},

	"passes over snapshots whose base is missing, and those that others do not build on": async (journal) => {
		await journal.append([entryOf("a", { sizes: [50] })]);
		const saved = [snapshotOf("a", 10), snapshotOf("a", 20, 10), snapshotOf("a", 30, 10), snapshotOf("a", 40, 35)];
		for (const snapshot of saved) await journal.saveSnapshot("a", 1, snapshot);
		assert.deepEqual(
			(await journal.snapshots("a", 50)).map(({ seq }) => seq),
			[10, 30],
		);
		assert.deepEqual(
			(await journal.snapshots("a", 25)).map(({ seq }) => seq),
			[10, 20],
		);
	},

	"keeps the latest snapshot at an event": async (journal) => {
		await journal.append([entryOf("a", { sizes: [50] })]);
		await journal.saveSnapshot("a", 1, snapshotOf("a", 10));
		await journal.saveSnapshot("a", 1, snapshotOf("a", 20, 10));
		const { bytes } = (await journal.find("a")) ?? {};
		await journal.saveSnapshot("a", 1, snapshotOf("a", 20));
		assert.deepEqual(await journal.snapshots("a", 50), [withoutBlobs(snapshotOf("a", 20))]);
		assert.equal((await journal.find("a"))?.bytes, bytes);
	},

	"takes away nothing that it was not told to": async (journal) => {
		await ended(journal, "a", 1);
		await journal.append([entryOf("b", { at: 1 })]);
		assert.deepEqual(await journal.prune({}, 1e9), { runs: [], records: 0, blobs: 0, memos: 0 });
		assert.equal((await journal.runs()).length, 2);
	},

	"takes away ended runs that are old, with all that is theirs": async (journal) => {
		const [own, shared] = [blobOf("own"), blobOf("shared")];
		await ended(journal, "old", 100, { sizes: [2, 2], blobs: [own, shared], checkpoints: [{ node: "n", body: "1" }] });
		await journal.saveSnapshot("old", 1, snapshotOf("old", 2, undefined, [blobOf("snapshot")]));
		await ended(journal, "young", 200, { blobs: [shared] });
		await journal.append([entryOf("open", { at: 100 })]);
		assert.deepEqual(await journal.prune({ maxAge: 100 }, 200), { runs: [], records: 0, blobs: 0, memos: 0 });
		assert.deepEqual(await journal.prune({ maxAge: 100 }, 201), { runs: ["old"], records: 2, blobs: 2, memos: 0 });
		assert.equal(await journal.find("old"), undefined);
		assert.deepEqual(await readAll(journal, "old"), []);
		assert.deepEqual(await journal.snapshots("old", 9), []);
		assert.equal((await journal.checkpoints("old")).size, 0);
		const left = await journal.blobs([own.hash, shared.hash, blobOf("snapshot").hash]);
		assert.deepEqual([...left.keys()], [shared.hash], "a blob goes with the last run that uses it");
		await ended(journal, "old", 300);
		assert.equal((await readAll(journal, "old")).length, 1, "its id is free again");
		assert.deepEqual([...(await journal.prune({ maxAge: 0 }, 1e9)).runs].sort(), ["old", "young"]);
		assert.equal((await journal.blobs([shared.hash])).size, 0);
		assert.deepEqual(
			(await journal.runs()).map(({ run }) => run),
			["open"],
		);
	},

	"takes no limit that is none": async (journal) => {
		await ended(journal, "a", 1);
		for (const wrong of [
			{ maxAge: -1 },
			{ maxRuns: 0.5 },
			{ maxRuns: Number.NaN },
			{ maxBytes: Number.NaN },
			{ maxTailAge: -1 },
		])
			assert.ok(await fails(() => journal.prune(wrong, 1e9)), JSON.stringify(wrong));
		assert.ok(await fails(() => journal.runs({ limit: -1 })), "a negative limit of runs");
		assert.equal((await journal.runs()).length, 1);
	},

	"keeps so many of the newest ended runs": async (journal) => {
		for (const [index, run] of ["a", "b", "c", "d"].entries()) await ended(journal, run, 100 + index);
		await journal.append([entryOf("open", { at: 1 })]);
		assert.deepEqual([...(await journal.prune({ maxRuns: 2 }, 1_000)).runs].sort(), ["a", "b"]);
		assert.deepEqual(
			(await journal.runs()).map(({ run }) => run),
			["open", "d", "c"],
		);
		assert.deepEqual((await journal.prune({ maxRuns: 0 }, 1_000)).records, 2);
	},

	"takes away the oldest ended runs until there is room, large values counted": async (journal) => {
		const text = "x".repeat(10_000);
		await journal.append([entryOf("open", { at: 1, text })]);
		await ended(journal, "a", 100, { text });
		await ended(journal, "b", 101, { blobs: [{ ...blobOf("b"), body: text }] });
		await ended(journal, "c", 102, { text });
		assert.deepEqual((await journal.prune({ maxBytes: 1_000_000 }, 1_000)).runs, []);
		assert.deepEqual((await journal.prune({ maxBytes: 35_000 }, 1_000)).runs, ["a"]);
		assert.deepEqual((await journal.prune({ maxBytes: 25_000 }, 1_000)).runs, ["b"]);
		assert.deepEqual((await journal.prune({ maxBytes: 0 }, 1_000)).runs, ["c"]);
		assert.deepEqual(
			(await journal.runs()).map(({ run }) => run),
			["open"],
		);
	},

	"takes the old events of a run that goes on, when a snapshot covers them": async (journal) => {
		await journal.append([entryOf("a", { sizes: [10, 10], at: 100 })]);
		await journal.append([entryOf("a", { from: 21, sizes: [10], at: 200 })]);
		await journal.append([entryOf("a", { from: 31, sizes: [10], at: 300 })]);
		const all = await readAll(journal, "a");
		assert.equal((await journal.prune({ maxTailAge: 0 }, 1e9)).records, 0, "nothing covers them");
		for (const [seq, base] of [
			[5, undefined],
			[15, 5],
			[25, 15],
			[40, 25],
		] as const)
			await journal.saveSnapshot("a", 1, snapshotOf("a", seq, base));
		const { bytes = 0 } = (await journal.find("a")) ?? {};
		// The snapshots at 5 and 15 are old: the record that holds event 15 is not covered as a whole.
		assert.deepEqual(await journal.prune({ maxTailAge: 100 }, 250), { runs: [], records: 1, blobs: 0, memos: 0 });
		assert.deepEqual(await readAll(journal, "a"), all.slice(1));
		const pruned = await journal.find("a");
		assert.deepEqual([pruned?.firstSeq, pruned?.lastSeq], [11, 40]);
		assert.ok((pruned?.bytes ?? bytes) < bytes, "bytes shrink");
		assert.deepEqual(
			(await journal.snapshots("a", 40)).map(({ seq }) => seq),
			[5, 15, 25, 40],
			"its chain is whole",
		);
		assert.deepEqual(await refusals(journal), []);
	},

	"keeps the snapshots that the kept events need, and no others": async (journal) => {
		await journal.append([entryOf("a", { sizes: [10, 10, 10], at: 100, blobs: [blobOf("x")] })]);
		for (const seq of [10, 20, 30]) await journal.saveSnapshot("a", 1, snapshotOf("a", seq));
		await journal.append([entryOf("a", { from: 31, sizes: [10], at: 500 })]);
		await journal.saveSnapshot("a", 1, snapshotOf("a", 40, 30));
		assert.equal((await journal.prune({ maxTailAge: 100 }, 550)).records, 3);
		assert.equal((await journal.find("a"))?.firstSeq, 31);
		assert.deepEqual(
			(await journal.snapshots("a", 29)).map(({ seq }) => seq),
			[],
		);
		assert.deepEqual(
			(await journal.snapshots("a", 40)).map(({ seq }) => seq),
			[30, 40],
		);
		assert.equal((await journal.blobs([blobOf("x").hash])).size, 1, "blobs stay as long as their run");
		assert.deepEqual(await journal.prune({ maxTailAge: 100 }, 550), { runs: [], records: 0, blobs: 0, memos: 0 });
	},

	"takes away memos that have expired": async (journal) => {
		const memo = (key: string, expiresAt?: number) => ({ key, body: key, expiresAt });
		await journal.append([entryOf("a", { memos: [memo("k", 50), memo("l", 60), memo("m")] })]);
		assert.equal((await journal.prune({}, 50)).memos, 1);
		assert.equal(await journal.memo("k", 0), undefined);
		assert.equal(await journal.memo("l", 0), "l");
		assert.equal(await journal.memo("m", 0), "m");
	},
};

async function ended(
	journal: Journal,
	run: string,
	at: number,
	options: Parameters<typeof entryOf>[1] = {},
): Promise<void> {
	await journal.append([entryOf(run, { at, status: "completed", ended: true, ...options })]);
}

/** The run goes on after its old events are gone. */
async function refusals(journal: Journal): Promise<readonly unknown[]> {
	return journal.append([entryOf("a", { from: 41, at: 400 })]);
}
