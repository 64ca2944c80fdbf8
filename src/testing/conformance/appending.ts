import assert from "node:assert/strict";
import type { RunAppend } from "../../journal/journal.js";
import { ANNA, blobOf, entryOf, fails, type JournalScript, readAll, refusals, START } from "./samples.js";

/** What `append`, `read`, `find`, `runs` and `blobs` promise. */
export const appending: Readonly<Record<string, JournalScript>> = {
	"keeps records as they were handed over, in order": async (journal) => {
		const first = entryOf("a", { sizes: [1, 3, 2] });
		const second = entryOf("a", { from: 7, sizes: [4], at: START + 0.5 });
		assert.deepEqual(await refusals(journal, [first]), []);
		assert.deepEqual(await refusals(journal, [second]), []);
		assert.deepEqual(await readAll(journal, "a"), [...first.records, ...second.records]);
	},

	"reads from the record that holds an event": async (journal) => {
		const { records } = entryOf("a", { sizes: [2, 3, 1] });
		await journal.append([entryOf("a", { sizes: [2, 3, 1] }), entryOf("b")]);
		for (const [from, index] of [0, 0, 0, 1, 1, 1, 2].entries())
			assert.deepEqual(await readAll(journal, "a", from), records.slice(index), `from event ${from}`);
		assert.deepEqual(await readAll(journal, "a", 7), [], "from after the last event");
		assert.deepEqual(await readAll(journal, "nobody"), [], "of a run that is not there");
	},

	"reads as slowly as is asked, and other things in between": async (journal) => {
		const sizes = Array.from({ length: 700 }, () => 1);
		await journal.append([entryOf("a", { sizes })]);
		let next = 1;
		for await (const { firstSeq } of journal.read("a")) {
			assert.equal(firstSeq, next++);
			if (firstSeq % 100 === 0) await journal.append([entryOf(`other-${firstSeq}`)]);
			if (firstSeq === 350) for await (const record of journal.read("a", 600)) if (record.lastSeq > 610) break;
		}
		assert.equal(next, 701);
	},

	"takes several runs, and one run more than once, in one call": async (journal) => {
		const entries = [
			entryOf("a"),
			entryOf("b"),
			entryOf("a", { from: 3 }),
			entryOf("b", { from: 3, status: "paused" }),
		];
		assert.deepEqual(await refusals(journal, entries), []);
		assert.deepEqual(await readAll(journal, "a"), [...(entries[0]?.records ?? []), ...(entries[2]?.records ?? [])]);
		assert.equal((await journal.find("b"))?.status, "paused");
	},

	"asks for each entry once, as it goes": async (journal) => {
		let asked = 0;
		const entries: Iterable<RunAppend> = {
			*[Symbol.iterator]() {
				asked++;
				for (const run of ["a", "b"]) yield entryOf(run);
			},
		};
		await journal.append(entries);
		assert.equal(asked, 1);
		assert.equal((await journal.runs()).length, 2);
	},

	"writes nothing of what fails, and goes on": async (journal) => {
		await journal.append([entryOf("a")]);
		const broken = (function* () {
			yield entryOf("b", { blobs: [blobOf("lost")] });
			yield entryOf("a", { from: 3, checkpoints: [{ node: "n", body: "1" }] });
			throw new Error("no more entries");
		})();
		assert.ok(await fails(() => journal.append(broken)), "an error of the entries is not hidden");
		assert.equal(await journal.find("b"), undefined);
		assert.equal((await journal.find("a"))?.lastSeq, 2);
		assert.equal((await journal.blobs([blobOf("lost").hash])).size, 0);
		assert.equal((await journal.checkpoints("a")).size, 0);
		assert.deepEqual(await refusals(journal, [entryOf("a", { from: 3 })]), []);
	},

	"refuses a gap, and all that came with it": async (journal) => {
		await journal.append([entryOf("a")]);
		assert.ok(await fails(() => journal.append([entryOf("b"), entryOf("a", { from: 4 })])), "a gap after event 2");
		assert.ok(await fails(() => journal.append([entryOf("a", { from: 2, create: false })])), "event 2 again");
		assert.equal(await journal.find("b"), undefined);
		assert.equal((await journal.find("a"))?.lastSeq, 2);
	},

	"creates a run once: the second is RUN_EXISTS and leaves it alone": async (journal) => {
		await journal.append([entryOf("a")]);
		const again = entryOf("a", { sizes: [5], status: "failed", blobs: [blobOf("x")] });
		assert.deepEqual(await refusals(journal, [entryOf("b"), again, entryOf("c")]), ["a RUN_EXISTS"]);
		assert.equal((await journal.find("a"))?.lastSeq, 2);
		assert.equal((await journal.blobs([blobOf("x").hash])).size, 0);
		assert.equal((await journal.runs()).length, 3);
	},

	"says how a run stands": async (journal) => {
		assert.equal(await journal.find("a"), undefined);
		await journal.append([entryOf("a")]);
		const before = await journal.find("a");
		assert.ok(before !== undefined && before.bytes > 0, "bytes are counted");
		assert.deepEqual(before, {
			run: "a",
			status: "running",
			ended: false,
			epoch: 1,
			writer: { ...ANNA, since: START, heartbeatAt: START },
			createdAt: START,
			updatedAt: START,
			firstSeq: 1,
			lastSeq: 2,
			bytes: before.bytes,
		});
		await journal.append([entryOf("a", { from: 3, at: START + 7.5, status: "completed", ended: true })]);
		const after = await journal.find("a");
		assert.ok(after !== undefined && after.bytes > before.bytes, "bytes grow");
		const { bytes } = after;
		assert.deepEqual(after, { ...before, status: "completed", ended: true, updatedAt: START + 7.5, lastSeq: 4, bytes });
	},

	"takes entries without records": async (journal) => {
		await journal.append([entryOf("a", { sizes: [] })]);
		assert.equal((await journal.find("a"))?.lastSeq, 0);
		await journal.append([entryOf("a", { sizes: [], create: false, status: "waiting" })]);
		await journal.append([entryOf("a", { create: false, status: "running" })]);
		assert.equal((await journal.find("a"))?.lastSeq, 2);
	},

	"lists runs newest first, as many and such as are wanted": async (journal) => {
		for (const [index, run] of ["a", "b", "c", "d"].entries())
			await journal.append([entryOf(run, { at: START + index, ended: run === "b" || run === "d" })]);
		const listed = async (filter?: Parameters<typeof journal.runs>[0]) =>
			(await journal.runs(filter)).map(({ run }) => run);
		assert.deepEqual(await listed(), ["d", "c", "b", "a"]);
		assert.deepEqual(await listed({}), ["d", "c", "b", "a"]);
		assert.deepEqual(await listed({ limit: 3 }), ["d", "c", "b"]);
		assert.deepEqual(await listed({ limit: 0 }), []);
		assert.deepEqual(await listed({ ended: true }), ["d", "b"]);
		assert.deepEqual(await listed({ ended: false, limit: 1 }), ["c"]);
		assert.deepEqual((await journal.runs({ limit: 1 }))[0], await journal.find("d"));
	},

	"keeps a blob once and finds it by its hash": async (journal) => {
		const [x, y, z] = [blobOf("x"), blobOf("y"), blobOf("ä€😀")];
		await journal.append([entryOf("a", { blobs: [x, x, z] }), entryOf("b", { blobs: [x, y] })]);
		await journal.append([entryOf("a", { from: 3, blobs: [x] })]);
		const found = await journal.blobs([x.hash, y.hash, z.hash, blobOf("other").hash, x.hash]);
		assert.deepEqual(new Map(found), new Map([x, y, z].map(({ hash, body }) => [hash, body])));
		assert.equal((await journal.blobs([])).size, 0);
	},

	"keeps the progress of nodes: the latest, until it is taken away": async (journal) => {
		const node = 'n "1"/ä';
		await journal.append([
			entryOf("a", {
				checkpoints: [
					{ node, body: "1" },
					{ node: "m", body: "2" },
					{ node, body: "3" },
				],
			}),
			entryOf("b", { checkpoints: [{ node, body: "4" }] }),
		]);
		assert.deepEqual(
			new Map(await journal.checkpoints("a")),
			new Map([
				[node, "3"],
				["m", "2"],
			]),
		);
		const { bytes = 0 } = (await journal.find("a")) ?? {};
		await journal.append([
			entryOf("a", {
				from: 3,
				sizes: [],
				create: false,
				checkpoints: [
					{ node, body: undefined },
					{ node: "q", body: undefined },
				],
			}),
		]);
		assert.deepEqual(new Map(await journal.checkpoints("a")), new Map([["m", "2"]]));
		assert.ok(((await journal.find("a"))?.bytes ?? 0) < bytes, "bytes shrink");
		assert.deepEqual(new Map(await journal.checkpoints("b")), new Map([[node, "4"]]));
		assert.equal((await journal.checkpoints("nobody")).size, 0);
	},

	"keeps memos until they expire, the latest of a key": async (journal) => {
		const memo = (key: string, body: string, expiresAt?: number) => ({ key, body, expiresAt });
		await journal.append([entryOf("a", { memos: [memo("k", "1", 50), memo("l", "2")] })]);
		assert.equal(await journal.memo("k", 49.5), "1");
		assert.equal(await journal.memo("k", 50), undefined);
		assert.equal(await journal.memo("l", 1e12), "2");
		assert.equal(await journal.memo("m", 0), undefined);
		await journal.append([entryOf("b", { memos: [memo("k", "3"), memo("l", "4", 10)] })]);
		assert.equal(await journal.memo("k", 60), "3");
		assert.equal(await journal.memo("l", 10), undefined);
	},

	"takes what is to be durable later, and flushes it": async (journal) => {
		assert.deepEqual(await journal.append([entryOf("a")], { sync: false }), []);
		assert.equal((await journal.find("a"))?.lastSeq, 2);
		await journal.flush();
		await journal.flush();
		assert.equal((await journal.find("a"))?.lastSeq, 2);
	},

	"closes as often as it is asked, and is closed then": async (journal) => {
		await journal.append([entryOf("a")]);
		await journal.close();
		await journal.close();
		assert.ok(await fails(() => journal.append([entryOf("b")])), "append after close");
		assert.ok(await fails(() => journal.find("a")), "find after close");
	},
};
