import assert from "node:assert/strict";
import { ANNA, BERT } from "./samples.js";
import { DONE, FENCED, occurrenceOf, STALE, type StoreScript } from "./store-samples.js";

/** What `acquire`, `release` and `leases` promise. */
export const storeLeases: Readonly<Record<string, StoreScript>> = {
	"gives a lease to one at a time": async (store) => {
		const first = await store.acquire("leader", ANNA, 2_000.5, 1_000);
		assert.deepEqual(first, { name: "leader", fence: first.fence, holder: ANNA, expiresAt: 2_000.5 });
		assert.ok(Number.isSafeInteger(first.fence) && first.fence > 0, "a fence is a whole number");
		assert.deepEqual(await store.acquire("leader", BERT, 9_000, 2_000), first, "another one is told who has it");
		assert.deepEqual((await store.acquire("other", BERT, 9_000, 1_000)).holder, BERT, "by its name");
	},

	"gives a lease that has expired to the next one, with a higher fence": async (store) => {
		const first = await store.acquire("leader", ANNA, 2_000, 1_000);
		const second = await store.acquire("leader", BERT, 3_000, 2_000);
		assert.deepEqual(second.holder, BERT);
		assert.ok(second.fence > first.fence, "the fence rises");
		const third = await store.acquire("leader", BERT, 5_000, 3_500);
		assert.ok(third.fence > second.fence, "the fence rises even if it was its own");
	},

	"lets the holder take its own lease again, with the same fence": async (store) => {
		const first = await store.acquire("leader", ANNA, 2_000, 1_000);
		const again = await store.acquire("leader", ANNA, 3_000, 1_500);
		assert.deepEqual(again, { ...first, expiresAt: 3_000 });
		assert.deepEqual(await store.leases("leader"), [again]);
		assert.deepEqual((await store.acquire("leader", BERT, 9_000, 2_500)).holder, ANNA);
	},

	"forgets no fence when a lease is released": async (store) => {
		const { fence } = await store.acquire("leader", ANNA, 2_000, 1_000);
		await store.release("leader", fence + 1);
		assert.equal((await store.leases("leader")).length, 1, "nothing happens with another fence");
		await store.release("leader", fence);
		assert.deepEqual(await store.leases("leader"), []);
		const next = await store.acquire("leader", BERT, 2_000, 1_000);
		assert.deepEqual(next.holder, BERT);
		assert.ok(next.fence > fence, "the fence rises");
		await store.release("leader", fence);
		assert.equal((await store.leases("leader")).length, 1, "an old holder releases nothing");
	},

	"lists the leases that are held by how they begin, expired ones too": async (store) => {
		await store.acquire("member/b", BERT, 1_500, 1_000);
		await store.acquire("member/a", ANNA, 2_000, 1_000);
		await store.acquire("leader", ANNA, 2_000, 1_000);
		await store.acquire("memb%r/c", ANNA, 2_000, 1_000);
		const names = async (prefix: string) => (await store.leases(prefix)).map(({ name }) => name).sort();
		assert.deepEqual(await names("member/"), ["member/a", "member/b"]);
		assert.deepEqual(await names("memb%"), ["memb%r/c"]);
		assert.equal((await names("")).length, 4);
	},

	"writes nothing for who does not hold the lease": async (store) => {
		const write = (fence: number, key: string) =>
			store.write({
				lease: { name: "leader", fence },
				add: [occurrenceOf(key)],
				documents: [{ name: key, body: "x" }],
			});
		assert.deepEqual(await write(1, "before"), FENCED, "nobody has it");
		const { fence } = await store.acquire("leader", ANNA, 2_000, 1_000);
		assert.deepEqual(await write(fence, "a"), DONE);
		assert.deepEqual(await write(fence - 1, "older"), FENCED);
		assert.deepEqual(await write(fence + 1, "newer"), FENCED);
		const next = await store.acquire("leader", BERT, 4_000, 3_000);
		assert.deepEqual(await write(fence, "late"), FENCED, "it was taken over");
		const stale = { lease: { name: "leader", fence: next.fence }, occurrences: [occurrenceOf("late", { version: 2 })] };
		assert.deepEqual(await store.write(stale), STALE);
		assert.deepEqual(await write(next.fence, "b"), DONE);
		await store.release("leader", next.fence);
		assert.deepEqual(await write(next.fence, "released"), FENCED);
		for (const key of ["before", "older", "newer", "late", "released"]) {
			assert.equal(await store.occurrence(key), undefined, key);
			assert.equal(await store.document(key), undefined, key);
		}
		assert.deepEqual(await store.counts(), { pending: 2 });
	},
};
