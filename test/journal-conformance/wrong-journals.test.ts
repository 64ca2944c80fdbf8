import { expect, test } from "vitest";
import type { Journal, RunAppend, RunSummary } from "../../src/journal/journal.js";
import { memoryJournal } from "../../src/journal/memory-journal.js";
import { journalConformance } from "../../src/testing/journal-conformance.js";

/** A right journal with something wrong about it. */
type Fault = (right: Journal) => Partial<Journal>;

const epochOf = (right: Journal, run: string): number => (right.find(run) as RunSummary | undefined)?.epoch ?? 1;

const faults: Readonly<Record<string, Fault>> = {
	"claim does not compare": (right) => ({
		claim: (run, _, writer, at) => right.claim(run, epochOf(right, run), writer, at),
	}),
	"claim does not raise the epoch for the second of two that read first": (right) => ({
		claim: async (run, seen, writer, at) => {
			const isThere = epochOf(right, run) === seen && right.find(run) !== undefined;
			await Promise.resolve();
			return isThere ? ((await right.claim(run, epochOf(right, run), writer, at)) ?? seen + 1) : undefined;
		},
	}),
	"append writes one entry after the other": (right) => ({
		append: async (entries) => {
			const refused = [];
			for (const entry of entries) refused.push(...(await right.append([entry])));
			return refused;
		},
	}),
	"append takes whoever writes": (right) => ({
		append: (entries) => right.append([...entries].map((entry) => ({ ...entry, epoch: epochOf(right, entry.run) }))),
	}),
	"append refuses everything when one is refused": (right) => ({
		append: async (entries) => {
			const all = [...entries];
			const foreign = all.filter((entry) => !entry.create && entry.epoch !== epochOf(right, entry.run));
			return foreign.length > 0
				? foreign.map(({ run }) => ({ run, code: "FENCED", message: "no" }))
				: right.append(all);
		},
	}),
	"append writes the blobs of what it refuses": (right) => ({
		append: async (entries) => {
			const all = [...entries];
			const refused = await right.append(all);
			const carrier = (entry: RunAppend): RunAppend => ({
				...entry,
				run: "carrier",
				create: { writer: { id: "c", pid: 1, host: "h" }, at: 1 },
				records: [],
			});
			for (const { run } of refused) await right.append(all.filter((entry) => entry.run === run).map(carrier));
			return refused;
		},
	}),
	"append takes a gap": (right) => ({
		append: async (entries) => {
			const all = [...entries];
			try {
				return await right.append(all);
			} catch (error) {
				if (error instanceof Error && error.message.includes("cannot follow")) return [];
				throw error;
			}
		},
	}),
	"append keeps an expired memo": (right) => ({
		append: (entries) =>
			right.append(
				[...entries].map((entry) => ({
					...entry,
					memos: entry.memos.map((memo) => ({ ...memo, expiresAt: undefined })),
				})),
			),
	}),
	"read gives all records, whatever is asked for": (right) => ({ read: (run) => right.read(run) }),
	"read begins after the record that holds the event": (right) => ({
		read: (run, from = 1) =>
			[...(right.read(run, from) as Iterable<{ readonly firstSeq: number }>)].filter(
				({ firstSeq }) => firstSeq >= from,
			) as never,
	}),
	"read clips what it gives": (right) => ({
		*read(run, from) {
			let count = 0;
			for (const record of right.read(run, from) as Iterable<never>) if (count++ < 500) yield record;
		},
	}),
	"runs are listed oldest first": (right) => ({
		runs: (filter) => [...(right.runs(filter) as readonly RunSummary[])].reverse(),
	}),
	"heartbeat of a run that was lost goes unnoticed": (right) => ({
		heartbeat: async (runs, at) => {
			await right.heartbeat(runs, at);
			return [];
		},
	}),
	"release asks nobody": (right) => ({ release: (run) => right.release(run, epochOf(right, run)) }),
	"snapshots of a zombie are saved": (right) => ({
		saveSnapshot: (run, _, snapshot) => right.saveSnapshot(run, epochOf(right, run), snapshot),
	}),
	"snapshots are given as they lie there": (right) => ({
		snapshots: async (run, seq) => {
			const all = new Map<number, Awaited<ReturnType<Journal["snapshots"]>>[number]>();
			for (let at = 0; at <= Math.min(seq, 60); at++)
				for (const snapshot of await right.snapshots(run, at)) all.set(snapshot.seq, snapshot);
			return [...all.values()];
		},
	}),
	"prune deletes a blob that another run uses": (right) => {
		const gone = new Set<string>();
		const blobs = new Map<string, readonly string[]>();
		return {
			append: (entries) => {
				const all = [...entries];
				for (const { run, blobs: own } of all)
					blobs.set(
						run,
						own.map(({ hash }) => hash),
					);
				return right.append(all);
			},
			prune: async (retention, now) => {
				const pruned = await right.prune(retention, now);
				for (const run of pruned.runs) for (const hash of blobs.get(run) ?? []) gone.add(hash);
				return pruned;
			},
			blobs: async (hashes) => right.blobs(hashes.filter((hash) => !gone.has(hash))),
		};
	},
	"prune leaves blobs behind": (right) => {
		const kept = new Map<string, string>();
		return {
			append: (entries) => {
				const all = [...entries];
				for (const { blobs } of all) for (const { hash, body } of blobs) kept.set(hash, body);
				return right.append(all);
			},
			blobs: (hashes) => new Map(hashes.flatMap((hash) => (kept.has(hash) ? [[hash, kept.get(hash) ?? ""]] : []))),
		};
	},
	"prune takes nothing but whole runs": (right) => ({
		prune: ({ maxTailAge: _, ...retention }, now) => right.prune(retention, now),
	}),
	"watch goes on when it was ended": (right) => ({
		watch: (changed, failed) => {
			void right.watch?.(changed, failed);
			return () => {};
		},
	}),
	"close is for good only once": (right) => {
		let closed = false;
		return {
			close: () => {
				if (closed) throw new Error("closed already");
				closed = true;
				return right.close();
			},
		};
	},
};

/** The checks that such a journal does not pass. */
async function findings(fault: Fault): Promise<readonly string[]> {
	const found: string[] = [];
	for (const check of journalConformance()) {
		const open = (): Journal => {
			const right = memoryJournal();
			const bound = Object.fromEntries(METHODS.map((name) => [name, (right[name] as () => unknown).bind(right)]));
			return { ...(bound as unknown as Journal), durable: false, ...fault(right) };
		};
		try {
			await check.run(open);
		} catch {
			found.push(check.name);
		}
	}
	return found;
}

test("a journal with nothing wrong about it passes", async () => {
	expect(await findings(() => ({}))).toEqual([]);
});

test.each(Object.entries(faults))("a journal is found out whose %s", async (_, fault) => {
	const found = await findings(fault);
	expect(found).not.toEqual([]);
	// It is the one fault that is found, not everything.
	expect(found.length).toBeLessThan(journalConformance().length / 3);
});

test("a journal that is opened again without what was written is found out", async () => {
	for (const check of journalConformance({ durable: true }).slice(-2)) {
		await expect(check.run(memoryJournal, memoryJournal)).rejects.toThrow();
		await expect(check.run(memoryJournal)).rejects.toThrow("open the journal again");
	}
});

const METHODS = [
	"append",
	"flush",
	"read",
	"blobs",
	"find",
	"runs",
	"claim",
	"heartbeat",
	"release",
	"saveSnapshot",
	"snapshots",
	"checkpoints",
	"memo",
	"prune",
	"watch",
	"close",
] as const satisfies readonly (keyof Journal)[];
