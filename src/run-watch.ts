import { SwarmError } from "./core/errors.js";
import { wantedTypes } from "./core/event-log.js";
import type { RunId } from "./core/ids.js";
import { Bell, Reader, type Sleeper } from "./core/reader.js";
import { checkWhole } from "./core/whole.js";
import type { RunEvent, RunEventType } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import { fromJournal } from "./recovery.js";
import { type EventsOf, findAgain, storedEvents } from "./run-reader.js";
import { findRun } from "./stored-run.js";

/** Which events {@link watchRun} gives, and for how long. */
export interface WatchOptions<Type extends RunEventType = RunEventType> {
	/** The first event wanted; default 1, the run's first. */
	readonly from?: number;
	/** Only events of these types. */
	readonly types?: readonly Type[];
	/** Ends it, without an error. */
	readonly signal?: AbortSignal;
}

/**
 * Reads the events of a run from its journal as they are written, by whatever process, until the run has ended or the
 * signal aborts. Like `readRun` it writes and locks nothing; and it does not ask again and again, but is woken.
 *
 * It is about the journal: a run whose process has died is waited for, as it may be recovered; only the signal ends
 * that. With `durability: "relaxed"` an event may be seen here, and be lost when the machine fails.
 *
 * @param options - `from`: the first event wanted, the run's first by default; `types`; `signal`
 * @throws SwarmError `INVALID_OPTION`, for a journal that cannot be watched, too; in the loop: `UNKNOWN_RUN`;
 * `SEQ_PRUNED` when an event that is wanted, or the whole run, is no longer kept; `JOURNAL_CORRUPT`;
 * `JOURNAL_UNAVAILABLE`, also when the journal is closed meanwhile
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, memoryJournal, watchRun } from "dagswarm";
 *
 * const journal = memoryJournal();
 * const swarm = createSwarm({ agents: [defineAgent({ name: "work", run: async () => "done" })], journal });
 * const run = swarm.start({ nodes: [{ id: "a", agent: "work" }, { id: "b", agent: "work", dependsOn: ["a"] }] });
 *
 * await run.result();
 *
 * const completed: string[] = [];
 * // On a file this may be another process, while the run goes on.
 * for await (const event of watchRun(journal, run.id, { types: ["node.completed"] })) completed.push(event.node);
 * completed; // ["a", "b"]
 * ```
 */
export function watchRun<Type extends RunEventType = RunEventType>(
	journal: Journal,
	run: RunId,
	options: WatchOptions<Type> = {},
): EventsOf<Type> {
	const { from = 1, signal } = options;
	checkWhole(from, "from", 1, Number.MAX_SAFE_INTEGER);
	if (journal.watch === undefined) {
		throw new SwarmError("INVALID_OPTION", "this journal cannot be watched: it has no method `watch`", {
			hint: "use sqliteJournal or memoryJournal, or look with readRun",
		});
	}
	const wanted = wantedTypes(options);
	const reader = new Reader((sleeper) => follow(journal, run, from, wanted, signal, sleeper));
	return reader as AsyncGenerator<RunEvent> as EventsOf<Type>;
}

async function* follow(
	journal: Journal,
	run: RunId,
	from: number,
	wanted: ReadonlySet<string> | undefined,
	signal: AbortSignal | undefined,
	sleeper: Sleeper,
): AsyncGenerator<RunEvent, void, undefined> {
	const over = (): boolean => signal?.aborted === true || sleeper.closed;
	if (over()) return;
	const wake = new Wake(sleeper);
	const ring = (): void => wake.ring();
	signal?.addEventListener("abort", ring);
	let stop: (() => void) | undefined;
	try {
		// Before anything is read: what is written from now on rings.
		stop = await fromJournal(() => journal.watch?.(ring, (error) => wake.fail(error)));
		let known = false;
		for (let next = from; !over(); await wake.rung()) {
			// Asked first: of a run that has ended, everything is there to be read.
			const summary = await (known ? findAgain(journal, run) : fromJournal(() => findRun(journal, run)));
			known = true;
			let { ended } = summary;
			for await (const event of storedEvents(journal, run, next, summary.lastSeq)) {
				next = event.seq + 1;
				ended ||= event.type === "run.ended";
				if (wanted === undefined || wanted.has(event.type)) yield event;
				if (over()) return;
			}
			if (ended) return;
		}
	} finally {
		signal?.removeEventListener("abort", ring);
		stop?.();
	}
}

/** Remembers one ring until somebody waits for it: none is lost while he is busy, and many are one. */
class Wake {
	#due = false;
	#failure: (() => never) | undefined;
	readonly #bell = new Bell();

	constructor(private readonly sleeper: Sleeper) {}

	ring(): void {
		this.#due = true;
		this.#bell.ring();
	}

	fail(error: unknown): void {
		this.#failure = () => {
			throw error;
		};
		this.ring();
	}

	async rung(): Promise<void> {
		if (!this.#due) await this.sleeper.sleep(this.#bell);
		this.#due = false;
		if (this.#failure !== undefined) await fromJournal(this.#failure);
	}
}
