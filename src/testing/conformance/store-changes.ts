import assert from "node:assert/strict";
import { canonicalJson } from "../../core/plain.js";
import type { Store, StoreChange } from "../../triggers/store.js";
import { entryOf, fails } from "./samples.js";
import {
	changed,
	DONE,
	done,
	fullOccurrence,
	keysOf,
	occurrenceOf,
	STALE,
	type StoreScript,
	triggerOf,
} from "./store-samples.js";

/** What `write` promises. */
export const storeChanges: Readonly<Record<string, StoreScript>> = {
	"knows nothing of what is not there": async (store) => {
		assert.equal(await store.occurrence("a"), undefined);
		assert.equal(await store.trigger("a"), undefined);
		assert.deepEqual(await store.triggers(), []);
		assert.deepEqual(await store.occurrences(), []);
		assert.deepEqual(await store.counts(), {});
		assert.deepEqual(await store.write({}), DONE);
	},

	"gives back what was written, as it was": async (store) => {
		const rows = [occurrenceOf("a"), fullOccurrence("full@3:😀 '%")];
		const records = [
			triggerOf("full", {
				over: "once",
				cursor: { started: 3, completed: 1, failed: 1, cancelled: 1, failures: 1, slot: 5.5 },
			}),
		];
		await done(store, { add: rows, triggers: records });
		for (const row of rows) assert.equal(canonicalJson(await store.occurrence(row.key)), canonicalJson(row));
		assert.deepEqual(await store.trigger("full"), records[0]);
	},

	"keeps what a row was when it was written": async (store) => {
		const payload = { state: "before" };
		await done(store, { add: [occurrenceOf("a", { payload })] });
		payload.state = "after";
		assert.deepEqual((await store.occurrence("a"))?.payload, { state: "before" });
	},

	"leaves a key that is there as it is, and names it": async (store) => {
		await done(store, { add: [occurrenceOf("a", { reason: "first" })] });
		const second = [occurrenceOf("a", { reason: "second", state: "running" }), occurrenceOf("b"), occurrenceOf("b")];
		assert.deepEqual(await store.write({ add: second }), { ok: true, present: ["a", "b"] });
		assert.equal((await store.occurrence("a"))?.reason, "first");
		assert.deepEqual(await store.counts(), { pending: 2 });
	},

	"leaves a key that has ended as it is, too": async (store) => {
		const row = occurrenceOf("t@1:once", { trigger: "t" });
		await done(store, { add: [row] });
		await done(store, { occurrences: [changed(row, { state: "completed" })] });
		assert.deepEqual(await store.write({ add: [row] }), { ok: true, present: ["t@1:once"] });
		assert.equal((await store.occurrence("t@1:once"))?.state, "completed");
	},

	"changes a row for who has seen its last version": async (store) => {
		const first = occurrenceOf("a");
		await done(store, { add: [first] });
		const second = changed(first, { state: "running", attempt: 1 });
		await done(store, { occurrences: [second] });
		assert.deepEqual(await store.write({ occurrences: [changed(first, { state: "skipped" })] }), STALE);
		assert.deepEqual(await store.write({ occurrences: [{ ...second, version: 4 }] }), STALE, "a version ahead");
		assert.deepEqual(await store.occurrence("a"), second);
		await done(store, { removeOccurrences: ["a"] });
		assert.deepEqual(await store.write({ occurrences: [changed(second, {})] }), STALE, "it was taken away");
	},

	"changes a trigger for who has seen its last version": async (store) => {
		const first = triggerOf("t");
		await done(store, { triggers: [first] });
		assert.deepEqual(await store.write({ triggers: [first] }), STALE, "it is there");
		const second = triggerOf("t", { version: 2, paused: true });
		await done(store, { triggers: [second] });
		assert.deepEqual(await store.write({ triggers: [{ ...first, version: 2 }] }), STALE);
		assert.deepEqual(await store.trigger("t"), second);
		assert.deepEqual(await store.write({ triggers: [triggerOf("new", { version: 2 })] }), STALE, "it is not there");
	},

	"makes all of a change or nothing": async (store) => {
		const [row, record] = [occurrenceOf("a", { trigger: "t" }), triggerOf("t")];
		await done(store, { add: [row], triggers: [record], documents: [{ name: "d", body: "1" }] });
		const right: StoreChange = {
			add: [occurrenceOf("b")],
			occurrences: [changed(row, { state: "running" })],
			triggers: [triggerOf("t", { version: 2 }), triggerOf("u")],
			documents: [
				{ name: "d", body: undefined },
				{ name: "e", body: "2" },
			],
			removeOccurrences: ["a"],
		};
		const before = await contentOf(store);
		for (const wrong of [
			{ ...right, triggers: [triggerOf("u"), triggerOf("t", { version: 3 })] },
			{ ...right, occurrences: [changed(row, { state: "running" }), occurrenceOf("gone", { version: 2 })] },
		]) {
			assert.deepEqual(await store.write(wrong), STALE);
			assert.deepEqual(await contentOf(store), before);
		}
		await done(store, right);
		assert.deepEqual(await keysOf(store), ["b"]);
		assert.deepEqual(await store.counts(), { pending: 1 });
		assert.equal(await store.document("d"), undefined);
		assert.equal(await store.document("e"), "2");
	},

	"changes in one go what it adds": async (store) => {
		const row = occurrenceOf("a");
		const second = changed(row, { state: "running" });
		await done(store, { add: [row], occurrences: [second, changed(second, { state: "completed" })] });
		assert.deepEqual(await store.counts(), { completed: 1 });
		assert.equal((await store.occurrence("a"))?.version, 3);
	},

	"refuses what cannot be stored, and writes nothing of the rest": async (store) => {
		const wrong: StoreChange[] = [
			{ add: [occurrenceOf("")] },
			{ add: [occurrenceOf("x".repeat(1_001))] },
			{ add: [occurrenceOf("a", { createdAt: Number.NaN })] },
			{ add: [occurrenceOf("a", { state: "unknown" as never })] },
			{ add: [occurrenceOf("a", { payload: (() => {}) as never })] },
			{ documents: [{ name: "", body: "x" }] },
			{ documents: [{ name: "d", body: "€".repeat(6_000_000) }] },
		];
		for (const [index, change] of wrong.entries()) {
			const rest = { add: [...(change.add ?? []), occurrenceOf("b")], triggers: [triggerOf("t")] };
			assert.ok(await fails(() => store.write({ ...change, ...rest })), `change ${index}`);
		}
		assert.deepEqual(await contentOf(store), [[], [], {}]);
		await done(store, { add: [occurrenceOf("x".repeat(1_000))] });
	},

	"takes a trigger away with its occurrences, and no others": async (store) => {
		const rows = ["a", "b"].map((key) =>
			occurrenceOf(key, { trigger: "t", state: key === "a" ? "running" : "failed" }),
		);
		const others = [occurrenceOf("c", { trigger: "u" }), occurrenceOf("d")];
		await done(store, { add: [...rows, ...others], triggers: [triggerOf("t"), triggerOf("u")] });
		await done(store, { removeTriggers: ["t", "nobody"] });
		assert.deepEqual(await store.counts("t"), {});
		assert.deepEqual(await store.counts(), { pending: 2 });
		assert.deepEqual((await keysOf(store)).sort(), ["c", "d"]);
		assert.deepEqual(await store.triggers(), [triggerOf("u")]);
		await done(store, { triggers: [triggerOf("t")], add: [occurrenceOf("a", { trigger: "t" })] });
		assert.deepEqual(await store.counts("t"), { pending: 1 });
	},

	"does not let the journal prune a run whose occurrence has not ended": async (store) => {
		const rows = (["pending", "running", "waiting", "failed"] as const).map((state) => occurrenceOf(state, { state }));
		await done(store, { add: rows });
		const runs = ["free", "free#2", "failed", "pending", "running", "running#2", "waiting", "waiting#12"];
		for (const run of runs) await store.journal.append([entryOf(run, { at: 100, ended: true, status: "completed" })]);
		const pruned = await store.journal.prune({ maxAge: 1, maxRuns: 0, maxBytes: 0 }, 1e6);
		assert.deepEqual([...pruned.runs].sort(), ["failed", "free", "free#2"]);
		await done(store, { occurrences: [changed(occurrenceOf("running", { state: "running" }), { state: "failed" })] });
		assert.deepEqual([...(await store.journal.prune({ maxRuns: 0 }, 1e6)).runs].sort(), ["running", "running#2"]);
		assert.deepEqual(await store.counts(), { pending: 1, waiting: 1, failed: 2 });
	},
};

async function contentOf(store: Store): Promise<readonly unknown[]> {
	return [await store.occurrences(), await store.triggers(), await store.counts()];
}
