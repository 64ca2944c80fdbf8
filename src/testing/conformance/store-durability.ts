import assert from "node:assert/strict";
import type { Awaitable } from "../../journal/journal.js";
import type { Store } from "../../triggers/store.js";
import { ANNA, BERT, entryOf } from "./samples.js";
import { changed, done, FENCED, fenceOf, fullOccurrence, occurrenceOf, requestOf, triggerOf } from "./store-samples.js";
import { told } from "./watching.js";

type Reopening = (store: Store, reopen: () => Awaitable<Store>) => Promise<void>;

/** What is promised of a durable store: it is closed and opened again, or open twice. */
export const storeDurability: Readonly<Record<string, Reopening>> = {
	"has everything when it is opened again": async (store, reopen) => {
		const documents = [{ name: "d", body: "ä" }];
		await done(store, { add: [occurrenceOf("a"), fullOccurrence("b")], triggers: [triggerOf("t")], documents });
		await store.ask(requestOf("r"));
		await store.answer("r", "1");
		await store.ask(requestOf("s"));
		await store.journal.append([entryOf("a")]);
		const lease = await store.acquire("leader", ANNA, 2_000, 1_000);
		const look = async (one: Store) => [
			await one.occurrences(),
			await one.counts(),
			await one.triggers(),
			await one.document("d"),
			await one.request("r"),
			await one.requests(),
			await one.leases(""),
			await one.journal.runs(),
		];
		const before = await look(store);
		await store.close();
		await beside(reopen, async (again) => {
			assert.deepEqual(await look(again), before);
			assert.deepEqual(await again.write({ add: [occurrenceOf("a")] }), { ok: true, present: ["a"] });
			assert.deepEqual(await again.acquire("leader", ANNA, 2_500, 1_500), { ...lease, expiresAt: 2_500 });
		});
	},

	"never gives out a fence twice, whoever was closed in between": async (store, reopen) => {
		const fences = [await fenceOf(store, "leader")];
		await store.release("leader", fences[0] as number);
		await store.close();
		for (let time = 0; time < 3; time++)
			await beside(reopen, async (again) => {
				const fence = await fenceOf(again, "leader");
				fences.push(fence);
				await again.release("leader", fence);
			});
		assert.deepEqual(
			fences,
			[...new Set(fences)].sort((a, b) => a - b),
		);
	},

	"lets one of two win that write the same": (store, reopen) =>
		beside(reopen, async (other) => {
			const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
			const answers = await Promise.all(
				keys.flatMap((key) => [store, other].map((one) => one.write({ add: [occurrenceOf(key)] }))),
			);
			const present = answers.flatMap((answer) => (answer.ok ? answer.present : []));
			assert.deepEqual([...present].sort(), [...keys].sort(), "each key was there for one of the two");
			const change = { occurrences: [changed(occurrenceOf("key-0"), { state: "running" })] };
			const changes = await Promise.all([store.write(change), other.write(change)]);
			assert.deepEqual(changes.map(({ ok }) => ok).sort(), [false, true]);
			assert.deepEqual(await other.counts(), { pending: 19, running: 1 });
			assert.deepEqual(await store.counts(), await other.counts());
		}),

	"fences who lost a lease to another one of it": (store, reopen) =>
		beside(reopen, async (other) => {
			const [first, second] = await Promise.all([
				store.acquire("leader", ANNA, 2_000, 1_000),
				other.acquire("leader", BERT, 2_000, 1_000),
			]);
			assert.deepEqual(first, second, "both know who has it");
			const next = await (first.holder.id === ANNA.id ? other : store).acquire(
				"leader",
				{ ...BERT, id: "c" },
				4_000,
				3_000,
			);
			for (const one of [store, other]) {
				assert.deepEqual(await one.write({ lease: first, add: [occurrenceOf("late")] }), FENCED);
				assert.deepEqual(await one.leases("leader"), [next]);
			}
			await done(store, { lease: next, add: [occurrenceOf("a")] });
			assert.equal(await other.occurrence("late"), undefined);
		}),

	"takes one answer of two": (store, reopen) =>
		beside(reopen, async (other) => {
			await store.ask(requestOf("a"));
			assert.deepEqual(await other.requests(), [requestOf("a")]);
			const answers = await Promise.all([store.answer("a", "1"), other.answer("a", "2")]);
			assert.deepEqual([...answers].sort(), [false, true]);
			assert.equal((await store.request("a"))?.answer, answers[0] ? "1" : "2");
		}),

	"tells who watches of what another one of it does": (store, reopen) =>
		beside(reopen, async (other) => {
			for (let round = 0; round < 5; round++) {
				const key = `key-${round}`;
				await told(
					store,
					async () => (await store.occurrence(key)) !== undefined,
					() => other.write({ add: [occurrenceOf(key)] }),
				);
				await told(
					store,
					async () => (await store.requests()).length === round + 1,
					() => other.ask(requestOf(key)),
				);
			}
		}),
};

/** With a second one of the store, which is closed in the end. */
async function beside(reopen: () => Awaitable<Store>, work: (other: Store) => Promise<void>): Promise<void> {
	const other = await reopen();
	try {
		await work(other);
	} finally {
		await other.close();
	}
}
