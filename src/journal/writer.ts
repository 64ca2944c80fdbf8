import type { Clock, Timer } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import { isThenable } from "../core/thenable.js";
import type { AppendRefusal, Awaitable, Journal, RunAppend, Writer } from "./journal.js";
import { RunJournal } from "./run-journal.js";

/**
 * What is known to be on the disk before it has effects. `strict`: all of it; dependents and results are
 * released when the completion is there. `relaxed`: effects run ahead by one batch at most.
 */
export type Durability = "strict" | "relaxed";

/** A relaxed batch is written when it has so many events, or is so old. */
const RELAXED_EVENTS = 1_000;
const RELAXED_MS = 10;

/** How often a writer says that it is alive, and after how long without a word it is taken for dead. */
const HEARTBEAT_MS = 5_000;
export const TIME_TO_LIVE_MS = 15_000;

/** What a writer works with. */
export interface JournalWriterOptions {
	readonly journal: Journal;
	readonly durability: Durability;
	readonly clock: Clock;
	readonly writer: Writer;
}

/**
 * Writes the batches of many runs together. A commit takes what was decided in one turn of the event loop:
 * attempts that end side by side share one write to the disk, whatever run they belong to.
 */
export class JournalWriter {
	readonly options: JournalWriterOptions;
	readonly #runs = new Map<RunId, RunJournal>();
	/** Runs with something to write. */
	#waiting = new Set<RunJournal>();
	/** Events that were accepted and are not written; relaxed only. */
	#ahead = 0;
	#scheduled = false;
	#timer: Timer | undefined;
	#heartbeat: Timer | undefined;
	/** An append is on its way to a store that answers later. */
	#inFlight: Promise<void> | undefined;

	constructor(options: JournalWriterOptions) {
		this.options = options;
	}

	/**
	 * The sink of a run that this process writes.
	 *
	 * @param last - the last event that the journal has; 0 for a run that is created
	 */
	open(run: RunId, epoch = 1, last = 0, status: RunStatus = "created"): RunJournal {
		const sink = new RunJournal(this, run, epoch, last, status);
		this.#runs.set(run, sink);
		this.#beat();
		return sink;
	}

	/** The run has ended here. */
	forget(sink: RunJournal): void {
		if (this.#runs.get(sink.run) === sink) this.#runs.delete(sink.run);
		this.#waiting.delete(sink);
		if (this.#runs.size > 0 || this.#heartbeat === undefined) return;
		this.options.clock.clear(this.#heartbeat);
		this.#heartbeat = undefined;
	}

	/** A run has something to write; it is written with that of others when the event loop has had its turn. */
	schedule(sink: RunJournal): void {
		this.#waiting.add(sink);
		if (this.#scheduled || this.#inFlight !== undefined) return;
		this.#scheduled = true;
		this.options.clock.yield(() => {
			this.#scheduled = false;
			void this.flush();
		});
	}

	/**
	 * Events have gone out before they are written.
	 *
	 * @returns a promise when no more may go out until it resolves
	 */
	runAhead(sink: RunJournal, events: number): void | Promise<void> {
		this.#waiting.add(sink);
		this.#ahead += events;
		if (this.#ahead < RELAXED_EVENTS) {
			const { clock } = this.options;
			this.#timer ??= clock.set(clock.now() + RELAXED_MS, () => void this.flush());
			return undefined;
		}
		// What is on its way holds up what comes behind it: this bounds how much is kept.
		if (this.#inFlight !== undefined) return this.#inFlight.then(() => this.flush());
		return this.flush();
	}

	/**
	 * Writes what waits. What cannot be written stops the runs concerned; nothing is thrown.
	 *
	 * @returns a promise when the journal answers later
	 */
	flush(): void | Promise<void> {
		if (this.#inFlight !== undefined) return this.#inFlight.then(() => this.flush());
		if (this.#timer !== undefined) this.options.clock.clear(this.#timer);
		this.#timer = undefined;
		if (this.#waiting.size === 0) return undefined;
		const batch = [...this.#waiting];
		const sent = this.#ahead;
		this.#waiting = new Set();
		const unwritable = new Map<RunJournal, unknown>();
		let answer: Awaitable<readonly AppendRefusal[]>;
		try {
			answer = this.options.journal.append(entriesOf(batch, unwritable), { sync: true });
		} catch (error) {
			this.#ahead -= sent;
			for (const sink of batch) sink.lost(error);
			return undefined;
		}
		if (!isThenable(answer)) {
			this.#ahead -= sent;
			settle(batch, answer, unwritable);
			return undefined;
		}
		this.#inFlight = Promise.resolve(answer).then(
			(refusals) => this.#landed(sent, () => settle(batch, refusals, unwritable)),
			(error) =>
				this.#landed(sent, () => {
					for (const sink of batch) sink.lost(error);
				}),
		);
		return this.#inFlight;
	}

	#landed(sent: number, then: () => void): void {
		this.#inFlight = undefined;
		// What is on its way still counts: effects are ahead of it, too.
		this.#ahead -= sent;
		then();
		const [next] = this.#waiting;
		if (next !== undefined) this.schedule(next);
	}

	/** Others take a run over when its writer has said nothing for long. */
	#beat(): void {
		const { clock, journal } = this.options;
		// Nobody outside this process can see what does not survive it.
		if (this.#heartbeat !== undefined || !journal.durable) return;
		this.#heartbeat = clock.set(clock.now() + HEARTBEAT_MS, () => {
			this.#heartbeat = undefined;
			if (this.#runs.size === 0) return;
			// The journal does not know yet of one that was started a moment ago, and would call it another's.
			const stored = [...this.#runs.values()].filter(({ isStored }) => isStored);
			const runs = stored.map(({ run, epoch }) => ({ run, epoch }));
			if (runs.length > 0) void this.#ask(() => journal.heartbeat(runs, clock.now()));
			this.#beat();
		});
	}

	async #ask(beat: () => Awaitable<readonly RunId[]>): Promise<void> {
		try {
			for (const run of await beat()) this.#runs.get(run)?.lost(fencedError(run));
		} catch {
			// A journal that cannot be reached now will say so when there is something to write; until then nothing is lost.
		}
	}
}

/** What cannot be written as text, as it is too long, is its own run's fault: the others are written. */
function* entriesOf(batch: readonly RunJournal[], unwritable: Map<RunJournal, unknown>): Generator<RunAppend> {
	for (const sink of batch) {
		let entry: RunAppend;
		try {
			entry = sink.handOver();
		} catch (error) {
			unwritable.set(sink, error);
			continue;
		}
		yield entry;
	}
}

function settle(
	batch: readonly RunJournal[],
	refusals: readonly AppendRefusal[],
	unwritable: ReadonlyMap<RunJournal, unknown>,
): void {
	const refused = new Map(refusals.map((refusal) => [refusal.run, refusal]));
	for (const sink of batch) {
		const refusal = refused.get(sink.run);
		if (unwritable.has(sink)) sink.lost(unwritable.get(sink));
		else if (refusal === undefined) sink.kept();
		else sink.lost(new SwarmError(refusal.code, refusal.message));
	}
}

function fencedError(run: RunId): SwarmError {
	return new SwarmError("FENCED", `another process has taken over the run "${run}"`);
}
