import type { Journal, RunAppend } from "dagswarm";

/** A moment at which a process kills itself: the n-th time that it comes to the place. */
export interface Kill {
	readonly at: Place;
	readonly n: number;
}

/** `effect`: in an agent or a reader; the others around an append to the journal, or a snapshot. */
export type Place =
	| "effect"
	| "before append"
	| "during append"
	| "after append"
	| "before snapshot"
	| "after snapshot";

export const PLACES: readonly Place[] = [
	"effect",
	"before append",
	"during append",
	"after append",
	"before snapshot",
	"after snapshot",
];

/** Ends this process at once, as no handler can prevent. */
export function die(): never {
	process.kill(process.pid, "SIGKILL");
	// The signal may come a moment later: nothing is done until then.
	for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

/** Counts how often each place was come to, and knows when it is over. */
export class Fate {
	readonly #kill: Kill | undefined;
	readonly #spared: Set<string>;
	#unwritten = new Set<string>();
	#count = 0;

	/** @param spared - nodes which must have ended before: a third crash would fail them */
	constructor(kill: Kill | undefined, spared: readonly string[] = []) {
		this.#kill = kill;
		this.#spared = new Set(spared);
	}

	/** A node has ended; it is safe when the journal has it. */
	ended(node: string): void {
		if (this.#spared.has(node)) this.#unwritten.add(node);
	}

	/** @returns to be called when what is written now is kept */
	writing(): () => void {
		const nodes = this.#unwritten;
		this.#unwritten = new Set();
		return () => {
			for (const node of nodes) this.#spared.delete(node);
		};
	}

	pass(place: Place): void {
		if (this.#kill === undefined || this.#kill.at !== place) return;
		this.#count++;
		if (this.#count >= this.#kill.n && this.#spared.size === 0) die();
	}
}

/**
 * The same journal, in a process that may die at each append.
 *
 * @param later - it answers by promises, as one that is not in this process
 */
export function mortalJournal(journal: Journal, fate: Fate, later: boolean): Journal {
	const append = (entries: Iterable<RunAppend>, kept: () => void, options: AppendOptions) => {
		fate.pass("before append");
		const refused = journal.append(passing(entries, fate), options);
		kept();
		fate.pass("after append");
		return refused;
	};
	const saveSnapshot: Journal["saveSnapshot"] = (run, epoch, snapshot) => {
		fate.pass("before snapshot");
		const saved = journal.saveSnapshot(run, epoch, snapshot);
		fate.pass("after snapshot");
		return saved;
	};
	if (!later) {
		return delegate(journal, {
			append: (entries, options) => append(entries, fate.writing(), options),
			saveSnapshot,
		});
	}
	return delegate(journal, {
		saveSnapshot: async (run, epoch, snapshot) => {
			await turn();
			return saveSnapshot(run, epoch, snapshot);
		},
		append: async (entries, options) => {
			// Entries are made while they are taken: a store that is elsewhere takes them before it goes there.
			const kept = fate.writing();
			const taken = [...entries];
			await turn();
			const refused = await append(taken, kept, options);
			await turn();
			return refused;
		},
	});
}

type AppendOptions = Parameters<Journal["append"]>[1];

/** Half of a transaction is written when the entries after it are asked for. */
function* passing(entries: Iterable<RunAppend>, fate: Fate): Generator<RunAppend> {
	for (const entry of entries) {
		yield entry;
		fate.pass("during append");
	}
}

function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

/** A journal with some methods replaced. */
export function delegate(journal: Journal, methods: Partial<Journal>): Journal {
	return {
		durable: journal.durable,
		append: (entries, options) => journal.append(entries, options),
		flush: () => journal.flush(),
		read: (run, from) => journal.read(run, from),
		blobs: (hashes) => journal.blobs(hashes),
		find: (run) => journal.find(run),
		runs: (filter) => journal.runs(filter),
		claim: (run, seen, writer, at) => journal.claim(run, seen, writer, at),
		heartbeat: (runs, at) => journal.heartbeat(runs, at),
		release: (run, epoch) => journal.release(run, epoch),
		saveSnapshot: (run, epoch, snapshot) => journal.saveSnapshot(run, epoch, snapshot),
		snapshots: (run, seq) => journal.snapshots(run, seq),
		checkpoints: (run) => journal.checkpoints(run),
		memo: (key, now) => journal.memo(key, now),
		prune: (retention, now) => journal.prune(retention, now),
		close: () => journal.close(),
		...methods,
	};
}
