import type { AnySwarm } from "../any-swarm.js";
import type { Clock } from "../core/clock.js";
import { errorInfo, SwarmError, withoutStacks } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { hasEnded } from "../core/lifecycle.js";
import { taggedText } from "../core/tagged-json.js";
import { jitterFraction } from "../graph/retry.js";
import type { Awaitable } from "../journal/journal.js";
import type { RunOutcome } from "../outcome.js";
import type { RunHandle } from "../run.js";
import { readRun } from "../run-reader.js";
import { arrivalsOf } from "./arrivals.js";
import { type Occurrence, runOf } from "./occurrence.js";
import { documentName, rememberedIn } from "./remembered.js";
import { type AttemptEnd, counted, endOf, leftBy, settled } from "./settlement.js";
import { startGraph } from "./start-graph.js";
import type { Store } from "./store.js";
import type { StartSpec, TriggerRecord } from "./trigger.js";

/** A write that somebody else got ahead of is made again so many times at most. */
const MOST_TRIES = 50;

/** The wait after a write that failed, and its most. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** What a trigger remembers may have so many characters of JSON. */
const MOST_REMEMBERED = 1024 * 1024;

/** What a {@link RunDesk} works with. */
export interface RunDeskOptions {
	readonly store: Store;
	readonly swarm: AnySwarm;
	readonly clock: Clock;
	/** An occurrence has ended, or waits for another attempt; undefined: it is not as it was thought to be. */
	readonly onSettled: (occurrence: Occurrence | undefined) => void;
	readonly onError: (error: unknown) => void;
}

/** What came of taking up an occurrence whose run may be anywhere. */
export type TakenUp = "here" | "elsewhere" | "settled";

/** What this process knows of an attempt that it sees to. */
interface Seat {
	/** Undefined as long as its graph is made, or its run is looked for. */
	handle: RunHandle | undefined;
	/** Why it is to end. */
	cancelled: string | undefined;
}

/**
 * The runs of occurrences in this process: starts them, brings them back, and writes down how they end. A process that does not
 * lead any more still settles what it has run; which attempt a row is at decides whether that still counts.
 */
export class RunDesk {
	readonly #options: RunDeskOptions;
	/** Attempts that this process sees to, from when it begins to look for their run until their end is written. */
	readonly #seats = new Map<RunId, Seat>();
	/** Ends that are being written. */
	readonly #settling = new Set<Promise<void>>();
	/** Ends waits before another try. */
	readonly #waits = new Set<() => void>();
	#closed = false;

	constructor(options: RunDeskOptions) {
		this.#options = options;
	}

	get size(): number {
		return this.#seats.size;
	}

	/** Whether this process sees to a run of an occurrence. */
	has(run: RunId): boolean {
		return this.#seats.has(run);
	}

	/** Starts the run of an attempt whose row says that it runs. Whoever else does so starts the same run, and one of them succeeds. */
	begin(occurrence: Occurrence, start: StartSpec, deadline?: number): Promise<TakenUp> {
		return this.#seated(occurrence, async (seat) => {
			const begun = await this.#begin(occurrence, seat, start, deadline);
			return begun ?? this.#recover(occurrence, seat);
		});
	}

	/** Finds the run of an attempt whose row says that it runs: here, in the journal, in another process, or nowhere. */
	takeUp(occurrence: Occurrence, start: StartSpec | undefined, deadline?: number): Promise<TakenUp> {
		const { swarm, store } = this.#options;
		const run = runOf(occurrence.key, occurrence.attempt);
		return this.#seated(occurrence, async (seat) => {
			const active = swarm.get(run);
			if (active !== undefined) return this.#follow(occurrence, seat, active);
			if ((await store.journal.find(run)) !== undefined) return this.#recover(occurrence, seat);
			if (start === undefined)
				throw new SwarmError("UNKNOWN_RUN", `the run "${run}" was never started, and its trigger is gone`);
			const begun = await this.#begin(occurrence, seat, start, deadline);
			return begun ?? this.#recover(occurrence, seat);
		});
	}

	/** @returns undefined when somebody else has begun it meanwhile */
	async #begin(
		occurrence: Occurrence,
		seat: Seat,
		start: StartSpec,
		deadline: number | undefined,
	): Promise<TakenUp | undefined> {
		const { swarm, store } = this.#options;
		const graph = await startGraph(start, occurrence, {
			graphOf: (name, input) => swarm.graphOf(name, input),
			remembered: (name) => rememberedIn(store, name),
		});
		if (seat.cancelled !== undefined) return this.#ends(occurrence, { status: "cancelled", reason: seat.cancelled });
		let handle: RunHandle;
		try {
			handle = swarm.start(graph as never, {
				runId: runOf(occurrence.key, occurrence.attempt),
				metadata: metadataOf(occurrence),
				...(deadline !== undefined && { deadline }),
			});
		} catch (error) {
			if (SwarmError.is(error) && error.code === "RUN_EXISTS") return undefined;
			throw error;
		}
		return this.#follow(occurrence, seat, handle);
	}

	async #recover(occurrence: Occurrence, seat: Seat): Promise<TakenUp> {
		const { cancelled } = seat;
		const handle = await this.#options.swarm.recover(
			runOf(occurrence.key, occurrence.attempt),
			cancelled === undefined ? {} : { signal: AbortSignal.abort(cancelled) },
		);
		return this.#follow(occurrence, seat, handle);
	}

	/** Takes a seat for a run while it is looked for; one that is not found here is not seen to any more. */
	async #seated(occurrence: Occurrence, find: (seat: Seat) => Promise<TakenUp>): Promise<TakenUp> {
		const run = runOf(occurrence.key, occurrence.attempt);
		if (this.#seats.has(run)) return "here";
		const seat: Seat = { handle: undefined, cancelled: occurrence.cancelling };
		this.#seats.set(run, seat);
		try {
			return await find(seat);
		} catch (error) {
			if (!SwarmError.is(error) || !FOR_OTHERS.has(error.code)) return this.#unbegun(occurrence, error);
			this.#seats.delete(run);
			if (error.code !== "RUN_BUSY" && error.code !== "SWARM_CLOSED") this.#options.onError(error);
			return "elsewhere";
		}
	}

	/** Cancels the run of an attempt, if it goes on here. */
	cancel({ key, attempt }: Pick<Occurrence, "key" | "attempt">, reason: string): void {
		const seat = this.#seats.get(runOf(key, attempt));
		if (seat === undefined || seat.cancelled !== undefined) return;
		seat.cancelled = reason;
		seat.handle?.cancel(reason).catch(this.#options.onError);
	}

	/** Looks whether somebody wants anything to end that goes on here: where another process leads, nobody else tells. */
	async look(): Promise<void> {
		if (this.#seats.size === 0) return;
		for (const row of await this.#options.store.occurrences({ states: ["running"] }))
			if (row.cancelling !== undefined) this.cancel(row, row.cancelling);
	}

	/** Nothing is followed any more. Resolves when all that has ended is written down, or cannot be. */
	async close(): Promise<void> {
		this.#closed = true;
		for (const end of this.#waits) end();
		await Promise.all(this.#settling);
	}

	#follow(occurrence: Occurrence, seat: Seat, handle: RunHandle): TakenUp {
		seat.handle = handle;
		// While its graph was made nobody could be told.
		if (seat.cancelled !== undefined) handle.cancel(seat.cancelled).catch(this.#options.onError);
		// What has not ended when this process leaves is not waited for: its function may never return.
		void handle.result().then((outcome) => {
			// This process has let go of it: it goes on where it is brought back.
			if (outcome.status === "suspended") this.#seats.delete(handle.id);
			else this.#note(this.#settle(occurrence, () => this.#endOf(handle.id, outcome)));
		});
		return "here";
	}

	/**
	 * How a run ended. One that has failed may only have lost its journal, or another process has it by now: what the journal
	 * says counts.
	 *
	 * @returns undefined when it has not ended
	 */
	async #endOf(run: RunId, outcome: RunOutcome): Promise<AttemptEnd | undefined> {
		if (outcome.status !== "failed") return endOf(outcome);
		const { journal } = this.#options.store;
		const stored = await journal.find(run);
		if (stored === undefined || !hasEnded(stored.status)) return undefined;
		if (stored.status === "failed") return endOf(outcome);
		const told = (await readRun(journal, run)).outcome;
		return told && endOf(told);
	}

	#unbegun(occurrence: Occurrence, error: unknown): TakenUp {
		const info = withoutStacks(errorInfo(error));
		return this.#ends(occurrence, { status: "failed", reason: info.message, error: info });
	}

	#ends(occurrence: Occurrence, end: AttemptEnd): TakenUp {
		this.#note(this.#settle(occurrence, () => end));
		return "settled";
	}

	#note(settling: Promise<void>): void {
		const noted = settling.catch(this.#options.onError).finally(() => this.#settling.delete(noted));
		this.#settling.add(noted);
	}

	/** Writes down how an attempt ended, until it is written or this process has no time left for it. */
	async #settle({ key, attempt }: Occurrence, find: () => Awaitable<AttemptEnd | undefined>): Promise<void> {
		const run = runOf(key, attempt);
		for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
			try {
				const end = await find();
				const after = end && (await this.#write(key, attempt, end));
				this.#seats.delete(run);
				this.#options.onSettled(after);
				return;
			} catch (error) {
				this.#options.onError(error);
				// The run has ended in the journal: whoever takes the row up finds it there.
				if (this.#closed) {
					this.#seats.delete(run);
					return;
				}
			}
			await this.#pause(wait);
		}
	}

	async #write(key: string, attempt: number, end: AttemptEnd): Promise<Occurrence | undefined> {
		const { store, clock } = this.#options;
		for (let tries = 0; tries < MOST_TRIES; tries++) {
			const row = await store.occurrence(key);
			if (row === undefined || row.state !== "running" || row.attempt !== attempt) return undefined;
			const record = row.trigger === undefined ? undefined : await store.trigger(row.trigger);
			const now = clock.now();
			const after = settled(row, end, record?.spec, now, jitterFraction(0, key, attempt));
			const left = record !== undefined && end.outputs !== undefined ? leftBy(record.spec, end.outputs) : undefined;
			const body = left?.remember === undefined ? undefined : taggedText(left.remember);
			if (body !== undefined && body.length > MOST_REMEMBERED) return this.#write(key, attempt, tooMuch(body.length));
			const changed: TriggerRecord | undefined = record && counted(record, after, now, left?.isDone === true);
			const isOver = after.state !== "waiting";
			const answer = await store.write({
				occurrences: [after],
				...(changed !== undefined && changed !== record && { triggers: [changed] }),
				...(body !== undefined && {
					documents: [{ name: documentName(record?.spec.remember?.as ?? ""), body }],
				}),
				...(isOver && { add: arrivalsOf(await store.triggers(), after, now) }),
			});
			if (answer.ok) return after;
		}
		throw new SwarmError("OVERLOADED", `the end of "${key}" could not be written: somebody else was always ahead`);
	}

	#pause(ms: number): Promise<void> {
		const { clock } = this.#options;
		return new Promise((resolve) => {
			const end = (): void => {
				clock.clear(timer);
				this.#waits.delete(end);
				resolve();
			};
			const timer = clock.set(clock.now() + ms, end);
			this.#waits.add(end);
		});
	}
}

/** The run is not lost: another process has it, or a person has to see to it. */
const FOR_OTHERS: ReadonlySet<string> = new Set([
	"RUN_BUSY",
	"SWARM_CLOSED",
	"VERSION_MISMATCH",
	"JOURNAL_UNAVAILABLE",
]);

function tooMuch(length: number): AttemptEnd {
	const message = `what is to be remembered has ${length} characters, more than ${MOST_REMEMBERED}`;
	return { status: "failed", reason: message, error: { code: "LIMIT_EXCEEDED", message, retryable: false } };
}

function metadataOf({ key, trigger, metadata }: Occurrence): NonNullable<Occurrence["metadata"]> {
	return {
		...metadata,
		"dagswarm.occurrence": key,
		...(trigger !== undefined && { "dagswarm.trigger": trigger }),
	};
}
