import assert from "node:assert/strict";
import {
	ANNA,
	BERT,
	blobOf,
	entryOf,
	type JournalScript,
	readAll,
	refusals,
	START,
	snapshotOf,
	withoutBlobs,
} from "./samples.js";

/** What is promised of writers: `claim`, `heartbeat`, `release` and the fence of all that is written. */
export const ownership: Readonly<Record<string, JournalScript>> = {
	"gives a run to the first of two that claim it": async (journal) => {
		await journal.append([entryOf("a"), entryOf("b")]);
		const [one, other] = await Promise.all([journal.claim("a", 1, BERT, 2_000.5), journal.claim("a", 1, ANNA, 3_000)]);
		assert.deepEqual(
			[one, other].filter((epoch) => epoch !== undefined),
			[2],
			"exactly one has epoch 2",
		);
		const { epoch, writer } = (await journal.find("a")) ?? {};
		assert.equal(epoch, 2);
		const winner =
			one === 2 ? { ...BERT, since: 2_000.5, heartbeatAt: 2_000.5 } : { ...ANNA, since: 3_000, heartbeatAt: 3_000 };
		assert.deepEqual(writer, winner);
		assert.equal(await journal.claim("a", 1, ANNA, 4_000), undefined, "with an epoch that is over");
		assert.equal(await journal.claim("a", 3, ANNA, 4_000), undefined, "with an epoch to come");
		assert.equal(await journal.claim("nobody", 1, ANNA, 4_000), undefined, "a run that is not there");
		assert.equal(await journal.claim("a", 2, ANNA, 5_000), 3);
		assert.equal((await journal.find("b"))?.epoch, 1, "other runs are left alone");
	},

	"writes nothing of a writer that has lost its run, and all of the others": async (journal) => {
		await journal.append([entryOf("a", { checkpoints: [{ node: "n", body: "1" }] }), entryOf("b")]);
		await journal.claim("a", 1, BERT, 2_000);
		const lost = blobOf("lost");
		const stale = entryOf("a", {
			from: 3,
			status: "completed",
			ended: true,
			blobs: [lost],
			checkpoints: [{ node: "n", body: undefined }],
			memos: [{ key: "k", body: "1", expiresAt: undefined }],
		});
		assert.deepEqual(await refusals(journal, [stale, entryOf("b", { from: 3 })]), ["a FENCED"]);
		assert.deepEqual(await refusals(journal, [entryOf("b", { from: 5 }), stale]), ["a FENCED"]);
		const { status, ended, lastSeq } = (await journal.find("a")) ?? {};
		assert.deepEqual([status, ended, lastSeq], ["running", false, 2]);
		assert.equal((await readAll(journal, "a")).length, 1);
		assert.equal((await journal.blobs([lost.hash])).size, 0);
		assert.deepEqual(new Map(await journal.checkpoints("a")), new Map([["n", "1"]]));
		assert.equal(await journal.memo("k", 0), undefined);
		assert.equal((await journal.find("b"))?.lastSeq, 6);
		assert.deepEqual(await refusals(journal, [entryOf("a", { from: 3, epoch: 2 })]), []);
		assert.deepEqual(await refusals(journal, [entryOf("a", { from: 5, epoch: 3 })]), ["a FENCED"], "an epoch to come");
	},

	"refuses a writer whose run is not there any more": async (journal) => {
		assert.deepEqual(await refusals(journal, [entryOf("a", { from: 3 }), entryOf("b")]), ["a FENCED"]);
		assert.equal(await journal.find("a"), undefined);
		assert.equal((await journal.find("b"))?.lastSeq, 2);
	},

	"hears who is alive, and says which runs are lost": async (journal) => {
		await journal.append([entryOf("a"), entryOf("b"), entryOf("c")]);
		await journal.claim("b", 1, BERT, 2_000);
		const runs = ["a", "b", "nobody"].map((run) => ({ run, epoch: 1 }));
		assert.deepEqual([...(await journal.heartbeat(runs, 3_000.5))].sort(), ["b", "nobody"]);
		assert.deepEqual((await journal.find("a"))?.writer, { ...ANNA, since: START, heartbeatAt: 3_000.5 });
		assert.deepEqual((await journal.find("b"))?.writer, { ...BERT, since: 2_000, heartbeatAt: 2_000 });
		assert.equal((await journal.find("c"))?.writer?.heartbeatAt, START);
		assert.deepEqual(await journal.heartbeat([], 4_000), []);
	},

	"lets go of a run when its writer says so, and only then": async (journal) => {
		await journal.append([entryOf("a")]);
		await journal.release("a", 2);
		assert.equal((await journal.find("a"))?.writer?.id, ANNA.id);
		await journal.release("nobody", 1);
		await journal.release("a", 1);
		const { writer, epoch } = (await journal.find("a")) ?? {};
		assert.deepEqual([writer, epoch], [undefined, 1]);
		assert.deepEqual(await journal.heartbeat([{ run: "a", epoch: 1 }], 3_000), []);
		assert.equal((await journal.find("a"))?.writer, undefined, "a late heartbeat does not take it back");
		assert.equal(await journal.claim("a", 1, BERT, 4_000), 2);
	},

	"saves no snapshot of a writer that has lost its run": async (journal) => {
		await journal.append([entryOf("a")]);
		assert.equal(await journal.saveSnapshot("a", 1, snapshotOf("a", 1)), true);
		await journal.claim("a", 1, BERT, 2_000);
		const lost = blobOf("lost");
		assert.equal(await journal.saveSnapshot("a", 1, snapshotOf("a", 2, undefined, [lost])), false);
		assert.equal(await journal.saveSnapshot("nobody", 1, snapshotOf("nobody", 1)), false);
		assert.deepEqual(await journal.snapshots("a", 9), [withoutBlobs(snapshotOf("a", 1))]);
		assert.equal((await journal.blobs([lost.hash])).size, 0);
		assert.equal(await journal.saveSnapshot("a", 2, snapshotOf("a", 2)), true);
	},
};
