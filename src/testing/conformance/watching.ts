import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.js";
import type { Awaitable, Journal } from "../../journal/journal.js";
import { entryOf, type JournalScript, readAll } from "./samples.js";

/** What `watch` promises, of journals that have it. */
export const watching: Readonly<Record<string, JournalScript>> = {
	"tells who watches of what is appended, when it can be read": async (journal) => {
		if (journal.watch === undefined) return;
		const records = async (run: string): Promise<number> => (await readAll(journal, run)).length;
		await told(
			journal,
			async () => (await records("a")) === 1,
			() => journal.append([entryOf("a")]),
		);
		await told(
			journal,
			async () => (await records("a")) === 2 && (await records("b")) === 3,
			async () => {
				await journal.append([entryOf("a", { from: 3 }), entryOf("b", { sizes: [1, 1] })]);
				await journal.append([entryOf("b", { from: 3 })], { sync: false });
			},
		);
	},

	"tells who watches that runs were taken away": async (journal) => {
		if (journal.watch === undefined) return;
		await journal.append([entryOf("a", { ended: true, status: "completed" })]);
		await told(
			journal,
			async () => (await journal.find("a")) === undefined,
			() => journal.prune({ maxRuns: 0 }, 2_000),
		);
	},

	"tells everybody who watches, and nobody who does no more": async (journal) => {
		if (journal.watch === undefined) return;
		const calls = [0, 0, 0];
		const count = (index: number) => () => {
			calls[index] = (calls[index] ?? 0) + 1;
		};
		const ends = await Promise.all(calls.map((_, index) => journal.watch?.(count(index), assert.ifError)));
		await told(
			journal,
			() => calls.every((count) => count > 0),
			() => journal.append([entryOf("a")]),
		);
		const [end, ...others] = ends;
		end?.();
		end?.();
		const before = [...calls];
		await told(
			journal,
			() => calls.every((count, index) => index === 0 || count > (before[index] ?? 0)),
			() => journal.append([entryOf("b")]),
		);
		assert.equal(calls[0], before[0], "calls after the end");
		for (const each of others) each?.();
	},

	"tells who watches when it is closed": async (journal) => {
		if (journal.watch === undefined) return;
		await told(
			journal,
			() => true,
			() => journal.close(),
		);
	},
};

/** The same across two of a store. */
export async function watchesOther(journal: Journal, reopen: () => Awaitable<Journal>): Promise<void> {
	if (journal.watch === undefined) return;
	await journal.append([entryOf("a")]);
	const other = await reopen();
	try {
		// The last one counts: nothing comes after it that would make up for one that was not heard of.
		for (let from = 3; from < 43; from += 2)
			await told(
				journal,
				async () => (await journal.find("a"))?.lastSeq === from + 1,
				() => other.append([entryOf("a", { from })]),
			);
	} finally {
		await other.close();
	}
}

/** More than any store takes; a check that passes does not wait for it. */
const PATIENCE_MS = 10_000;

/** Does something, and waits until a call of `changed` finds that it is done. */
export async function told(
	journal: Pick<Journal, "watch">,
	isDone: () => Awaitable<boolean>,
	work: () => unknown,
): Promise<void> {
	const heard = Promise.withResolvers<void>();
	const look = async (): Promise<void> => {
		if (await isDone()) heard.resolve();
	};
	const end = await journal.watch?.(() => {
		void look().catch(heard.reject);
	}, heard.reject);
	const release = systemClock.hold();
	const timer = systemClock.set(systemClock.now() + PATIENCE_MS, () =>
		heard.reject(new assert.AssertionError({ message: "who watched was not told" })),
	);
	try {
		await Promise.all([work(), heard.promise]);
	} finally {
		systemClock.clear(timer);
		release();
		end?.();
	}
}
