import assert from "node:assert/strict";
import type { Awaitable, Journal } from "../../journal/journal.js";
import { ANNA, BERT, blobOf, entryOf, readAll, refusals, snapshotOf, withoutBlobs } from "./samples.js";
import { watchesOther } from "./watching.js";

type Reopening = (journal: Journal, reopen: () => Awaitable<Journal>) => Promise<void>;

/** What is promised of a journal whose `durable` is true: it is closed and opened again. */
export const durability: Readonly<Record<string, Reopening>> = {
	"tells who watches of what another one of it appends": watchesOther,

	"has everything when it is opened again": async (journal, reopen) => {
		assert.equal(journal.durable, true);
		const blob = blobOf("x");
		const entries = [
			entryOf("a", { sizes: [3, 2], blobs: [blob], checkpoints: [{ node: "n", body: "1" }] }),
			entryOf("b", { ended: true, status: "completed", memos: [{ key: "k", body: "2", expiresAt: undefined }] }),
		];
		await journal.append(entries);
		await journal.append([entryOf("a", { from: 6 })], { sync: false });
		await journal.saveSnapshot("a", 1, snapshotOf("a", 5));
		await journal.claim("a", 1, BERT, 2_000);
		await journal.flush();
		const before = await journal.runs();
		const records = await readAll(journal, "a");
		await journal.close();

		const again = await reopen();
		try {
			assert.deepEqual(await again.runs(), before);
			assert.deepEqual(await readAll(again, "a"), records);
			assert.deepEqual(new Map(await again.blobs([blob.hash])), new Map([[blob.hash, blob.body]]));
			assert.deepEqual(await again.snapshots("a", 9), [withoutBlobs(snapshotOf("a", 5))]);
			assert.deepEqual(new Map(await again.checkpoints("a")), new Map([["n", "1"]]));
			assert.equal(await again.memo("k", 0), "2");
			assert.deepEqual(await refusals(again, [entryOf("a", { from: 8 })]), ["a FENCED"]);
			assert.deepEqual(await refusals(again, [entryOf("a", { from: 8, epoch: 2 })]), []);
		} finally {
			await again.close();
		}
	},

	"fences a writer that has it open beside the one that claims": async (journal, reopen) => {
		await journal.append([entryOf("a")]);
		const other = await reopen();
		try {
			const claims = await Promise.all([other.claim("a", 1, BERT, 2_000), journal.claim("a", 1, ANNA, 2_000)]);
			assert.deepEqual(
				claims.filter((epoch) => epoch !== undefined),
				[2],
				"exactly one has epoch 2",
			);
			assert.deepEqual(await refusals(journal, [entryOf("a", { from: 3 })]), ["a FENCED"]);
			assert.deepEqual(await refusals(other, [entryOf("a", { from: 3, epoch: 2 })]), []);
			assert.deepEqual(await refusals(journal, [entryOf("a")]), ["a RUN_EXISTS"]);
			assert.equal((await readAll(journal, "a")).length, 2);
		} finally {
			await other.close();
		}
	},
};
