import { memoryJournal, memoryStore } from "dagswarm";
import { storeConformance } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { entryOf } from "../../src/testing/conformance/samples.js";
import { occurrenceOf } from "../../src/testing/conformance/store-samples.js";
import { laterStore } from "./store-fixture.js";

describe.each([
	["the memory store", memoryStore],
	["the memory store with promises", () => laterStore(memoryStore())],
])("%s", (_, open) => {
	test.each(storeConformance().map((check) => [check.name, check] as const))("%s", (_, check) =>
		check.run(() => open()),
	);
});

describe("a memory store with a journal that was given", () => {
	test("keeps its runs there, and closes it", async () => {
		const journal = memoryJournal();
		const store = memoryStore(journal);
		expect(store.journal).toBe(journal);
		await store.close();
		expect(() => journal.runs()).toThrow("closed");
	});

	test("spares the runs of occurrences that go on when that journal is pruned", async () => {
		const journal = memoryJournal();
		const store = memoryStore(journal);
		await store.write({ add: [occurrenceOf("a", { state: "running" })] });
		await journal.append(["a", "a#2", "b"].map((run) => entryOf(run, { ended: true, status: "completed" })));
		expect((await journal.prune({ maxRuns: 0 }, 1e9)).runs).toEqual(["b"]);
	});
});

test("keeps at most 10,000 requests, the newest", async () => {
	const store = memoryStore();
	for (let id = 0; id < 10_002; id++) await store.ask({ id: `${id}`, run: "r", body: "", at: id });
	const requests = await store.requests();
	expect([requests.length, requests[0]?.id, requests.at(-1)?.id]).toEqual([10_000, "2", "10001"]);
});

test("trims at most 1,000 a call", async () => {
	const store = memoryStore();
	await store.write({
		add: Array.from({ length: 1_500 }, (_, index) => occurrenceOf(`${index}`, { state: "skipped" })),
	});
	expect([await store.trim(null, 100, 1e9), await store.trim(null, 100, 1e9)]).toEqual([1_000, 400]);
	expect((await store.occurrences())[99]?.key).toBe("1400");
});
