import assert from "node:assert/strict";
import type { Store } from "../../triggers/store.js";
import { entryOf, fails } from "./samples.js";
import { done, occurrenceOf, requestOf, type StoreScript } from "./store-samples.js";
import { told } from "./watching.js";

/** What documents, requests, `watch` and `close` promise. */
export const storeRequests: Readonly<Record<string, StoreScript>> = {
	"keeps documents by name": async (store) => {
		const text = 'ä€😀"\\';
		const documents = [
			{ name: "empty", body: "" },
			{ name: "😀/1", body: text },
			{ name: "large", body: "x".repeat(16 * 1024 * 1024) },
		];
		await done(store, { documents });
		for (const { name, body } of documents) assert.ok((await store.document(name)) === body, name);
		assert.equal(await store.document("nobody's"), undefined);
		await done(store, { documents: [{ name: "😀/1", body: "2" }] });
		assert.equal(await store.document("😀/1"), "2");
		const body = undefined;
		await done(store, {
			documents: [
				{ name: "😀/1", body },
				{ name: "nobody's", body },
			],
		});
		assert.equal(await store.document("😀/1"), undefined);
		assert.equal(await store.document("empty"), "");
	},

	"keeps requests until they are forgotten, and lists those that wait": async (store) => {
		const requests = ["b", "a", "c"].map((id, index) => requestOf(id, { at: 9 - index }));
		for (const request of requests) await store.ask(request);
		assert.deepEqual(await store.requests(), requests, "in the order in which they were left");
		await store.ask(requestOf("a", { body: "other" }));
		assert.deepEqual(await store.request("a"), requests[1], "one that is there is left as it is");
		assert.equal(await store.answer("a", '{"ok":true}'), true);
		assert.deepEqual(await store.requests(), [requests[0], requests[2]]);
		assert.deepEqual(await store.request("a"), { ...requests[1], answer: '{"ok":true}' });
		await store.forget("a");
		await store.forget("nobody's");
		assert.equal(await store.request("a"), undefined);
		assert.equal((await store.requests()).length, 2);
	},

	"takes the first answer": async (store) => {
		await store.ask(requestOf("a"));
		assert.equal(await store.answer("nobody's", "0"), false);
		const answers = await Promise.all(["1", "2", "3"].map((answer) => store.answer("a", answer)));
		assert.equal(answers.filter((isFirst) => isFirst).length, 1);
		assert.equal((await store.request("a"))?.answer, String(answers.indexOf(true) + 1));
	},

	"tells who watches of what is written, asked and answered, when it can be read": async (store) => {
		const steps: [() => Promise<boolean>, () => unknown][] = [
			[async () => (await store.occurrence("a")) !== undefined, () => store.write({ add: [occurrenceOf("a")] })],
			[async () => (await store.requests()).length === 1, () => store.ask(requestOf("r"))],
			[async () => (await store.request("r"))?.answer === "1", () => store.answer("r", "1")],
		];
		for (const [isDone, work] of steps) await told(store, isDone, work);
	},

	"tells nobody who watches no more": async (store) => {
		let calls = 0;
		const end = await store.watch(() => {
			calls++;
		}, assert.ifError);
		end();
		end();
		const before = calls;
		await told(
			store,
			async () => (await store.occurrence("a")) !== undefined,
			() => store.write({ add: [occurrenceOf("a")] }),
		);
		assert.equal(calls, before);
	},

	"tells who watches when it is closed, and does nothing after that": async (store) => {
		await done(store, { add: [occurrenceOf("a")] });
		await told(
			store,
			() => true,
			() => store.close(),
		);
		await store.close();
		for (const [name, call] of Object.entries(calls(store))) assert.ok(await fails(call), name);
	},
};

function calls(store: Store): Readonly<Record<string, () => unknown>> {
	return {
		journal: () => store.journal.append([entryOf("a")]),
		write: () => store.write({}),
		occurrence: () => store.occurrence("a"),
		occurrences: () => store.occurrences(),
		counts: () => store.counts(),
		triggers: () => store.triggers(),
		leases: () => store.leases(""),
		requests: () => store.requests(),
		watch: () => store.watch(() => {}, assert.ifError),
	};
}
