import assert from "node:assert/strict";
import type { OccurrenceState } from "../../triggers/occurrence.js";
import { fails } from "./samples.js";
import { changed, done, keysOf, occurrenceOf, type StoreScript, triggerOf } from "./store-samples.js";

/** What the lists, `counts` and `trim` promise. */
export const storeLists: Readonly<Record<string, StoreScript>> = {
	"lists triggers by id": async (store) => {
		const records = ["b", "a", "B", "a-1"].map((id) => triggerOf(id));
		for (const record of records) await done(store, { triggers: [record] });
		assert.deepEqual(
			(await store.triggers()).map(({ spec }) => spec.id),
			["B", "a", "a-1", "b"],
		);
	},

	"lists the newest first, then those that were added last": async (store) => {
		const times = { a: 5, b: 7, c: 5, d: 5.5, e: 1 };
		for (const [key, createdAt] of Object.entries(times))
			await done(store, { add: [occurrenceOf(key, { createdAt })] });
		const order = ["b", "d", "c", "a", "e"];
		assert.deepEqual(await keysOf(store), order);
		assert.deepEqual(await keysOf(store, { limit: 3 }), order.slice(0, 3));
		assert.deepEqual(await keysOf(store, { limit: 0 }), []);
		await done(store, { occurrences: [changed(occurrenceOf("a", { createdAt: 5 }), { state: "completed" })] });
		assert.deepEqual(await keysOf(store), order, "whatever becomes of them");
		for (const limit of [-1, 0.5, Number.NaN])
			assert.ok(await fails(() => store.occurrences({ limit })), String(limit));
	},

	"lists what is asked for": async (store) => {
		const rows = STATES.flatMap((state, index) =>
			["t", "u", undefined].map((trigger) => {
				const key = `${trigger ?? "-"} ${state}`;
				return occurrenceOf(key, { state, createdAt: 1_000 - index, ...(trigger !== undefined && { trigger }) });
			}),
		);
		await done(store, { add: rows });
		const of = (trigger: string, states: readonly string[]) => states.map((state) => `${trigger} ${state}`);
		assert.deepEqual(await keysOf(store, { trigger: "t" }), of("t", STATES));
		assert.deepEqual(await keysOf(store, { trigger: null }), of("-", STATES));
		assert.deepEqual(await keysOf(store, { trigger: "nobody" }), []);
		assert.deepEqual(
			await keysOf(store, { trigger: "u", states: ["failed", "pending"] }),
			of("u", ["pending", "failed"]),
		);
		const open = await keysOf(store, { states: ["waiting", "running", "running"] });
		assert.deepEqual(open, ["- running", "u running", "t running", "- waiting", "u waiting", "t waiting"]);
		assert.deepEqual(await keysOf(store, { states: ["waiting", "running"], limit: 2 }), open.slice(0, 2));
		assert.deepEqual(await keysOf(store, { states: [] }), []);
		assert.deepEqual(await keysOf(store, { trigger: null, states: STATES, limit: 1 }), ["- pending"]);
	},

	"counts by state, as it changes": async (store) => {
		const rows = ["a", "b", "c"].map((key) => occurrenceOf(key, { trigger: "t" }));
		await done(store, { add: [...rows, occurrenceOf("d")] });
		assert.deepEqual(await store.counts(), { pending: 4 });
		await done(store, { occurrences: rows.slice(0, 2).map((row) => changed(row, { state: "running" })) });
		assert.deepEqual(await store.counts("t"), { pending: 1, running: 2 });
		await done(store, { removeOccurrences: ["a", "c", "nobody"] });
		assert.deepEqual(await store.counts("t"), { running: 1 });
		assert.deepEqual(await store.counts(), { pending: 1, running: 1 });
		assert.deepEqual(await store.counts("nobody"), {});
	},

	"trims ended ones of one trigger beyond the newest": async (store) => {
		const rows = STATES.flatMap((state, index) =>
			["t", "u", undefined].map((trigger) =>
				occurrenceOf(`${trigger ?? "-"} ${state}`, {
					state,
					createdAt: index,
					...(trigger !== undefined && { trigger }),
				}),
			),
		);
		await done(store, { add: rows });
		assert.equal(await store.trim("t", 4, 1e9), 0, "there are no more");
		assert.equal(await store.trim("nobody", 0, 1e9), 0);
		assert.equal(await store.trim("t", 1, 1e9), 3);
		assert.deepEqual(await store.counts("t"), { pending: 1, running: 1, waiting: 1, skipped: 1 });
		assert.equal(await store.trim(null, 0, 1e9), 4);
		assert.deepEqual(await keysOf(store, { trigger: null }), ["- waiting", "- running", "- pending"]);
		assert.equal((await keysOf(store, { trigger: "u" })).length, 7);
		for (const keep of [-1, 0.5, Number.NaN]) assert.ok(await fails(() => store.trim("u", keep, 1e9)), String(keep));
	},

	"spares those that were created after a moment": async (store) => {
		const add = [1, 2, 3, 4].map((createdAt) => occurrenceOf(`${createdAt}`, { state: "completed", createdAt }));
		await done(store, { add });
		assert.equal(await store.trim(null, 1, 2), 2, "those created at it go");
		assert.deepEqual(await keysOf(store), ["4", "3"]);
		assert.equal(await store.trim(null, 0, 0), 0);
		assert.equal(await store.trim(null, 0, 3), 1);
		assert.deepEqual(await store.counts(), { completed: 1 });
	},
};

const STATES: readonly OccurrenceState[] = [
	"pending",
	"running",
	"waiting",
	"completed",
	"failed",
	"cancelled",
	"skipped",
];
