import type { AnySwarm } from "../any-swarm.js";
import { errorInfo, SwarmError, withoutStacks } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { hasEnded } from "../core/lifecycle.js";
import type { RunOutcome } from "../outcome.js";
import { fromJournal } from "../recovery.js";
import type { RunHandle } from "../run.js";
import { readRun } from "../run-reader.js";
import { type Occurrence, runOf } from "./occurrence.js";
import { type AttemptEnd, endOf } from "./settlement.js";
import { type EndedAttempt, Settler, type SettlerOptions } from "./settler.js";
import { graphSource, startGraph } from "./start-graph.js";
import type { StartSpec } from "./trigger.js";

/** What a {@link RunDesk} works with. */
export interface RunDeskOptions extends SettlerOptions {
	readonly swarm: AnySwarm;
	/** What every run has in its metadata. */
	readonly metadata: Occurrence["metadata"];
	/** A run goes on here from now on. */
	readonly onRun: (run: RunHandle, occurrence: Occurrence) => void;
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
	readonly #settler: Settler;

	constructor(options: RunDeskOptions) {
		this.#options = options;
		this.#settler = new Settler(options);
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
		return this.#seated(occurrence, (seat) => this.#begin(occurrence, seat, start, deadline));
	}

	/** Finds the run of an attempt whose row says that it runs: here, in the journal, in another process, or nowhere. */
	takeUp(occurrence: Occurrence, start: StartSpec | undefined, deadline?: number): Promise<TakenUp> {
		const { swarm, store } = this.#options;
		const run = runOf(occurrence.key, occurrence.attempt);
		return this.#seated(occurrence, async (seat) => {
			const active = swarm.get(run);
			if (active !== undefined) return this.#follow(occurrence, seat, active);
			if ((await fromJournal(() => store.journal.find(run))) !== undefined) return this.#recover(occurrence, seat);
			if (start === undefined)
				throw new SwarmError("UNKNOWN_RUN", `the run "${run}" was never started, and its trigger is gone`);
			return this.#begin(occurrence, seat, start, deadline);
		});
	}

	async #begin(occurrence: Occurrence, seat: Seat, start: StartSpec, deadline: number | undefined): Promise<TakenUp> {
		const { swarm, store } = this.#options;
		const graph = await startGraph(start, occurrence, graphSource(swarm, store));
		if (seat.cancelled !== undefined) return this.#ends(occurrence, { status: "cancelled", reason: seat.cancelled });
		let handle: RunHandle;
		try {
			handle = swarm.start(graph as never, {
				runId: runOf(occurrence.key, occurrence.attempt),
				metadata: { ...this.#options.metadata, ...metadataOf(occurrence) },
				...(deadline !== undefined && { deadline }),
			});
		} catch (error) {
			// Somebody else has begun it meanwhile.
			if (SwarmError.is(error) && error.code === "RUN_EXISTS") return this.#recover(occurrence, seat);
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
			if (error.code !== "RUN_BUSY") this.#options.onError(error);
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

	/** Resolves when all that has ended is written down, or cannot be. */
	close(): Promise<void> {
		return this.#settler.close();
	}

	#follow(occurrence: Occurrence, seat: Seat, handle: RunHandle): TakenUp {
		seat.handle = handle;
		this.#options.onRun(handle, occurrence);
		// While its graph was made nobody could be told.
		if (seat.cancelled !== undefined) handle.cancel(seat.cancelled).catch(this.#options.onError);
		// What has not ended when this process leaves is not waited for: its function may never return.
		void handle.result().then((outcome) => {
			// This process has let go of it: it goes on where it is brought back.
			if (outcome.status === "suspended") this.#seats.delete(handle.id);
			else this.#end(occurrence, () => this.#endOf(handle.id, outcome));
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
		this.#end(occurrence, () => end);
		return "settled";
	}

	#end({ key, attempt }: Occurrence, find: EndedAttempt["find"]): void {
		this.#settler.add({ key, attempt, find, done: () => this.#seats.delete(runOf(key, attempt)) });
	}
}

/** The run is not lost: another process has it, or a person has to see to it. */
const FOR_OTHERS: ReadonlySet<string> = new Set([
	"RUN_BUSY",
	"SWARM_CLOSED",
	"VERSION_MISMATCH",
	"JOURNAL_UNAVAILABLE",
]);

function metadataOf({ key, trigger, metadata }: Occurrence): NonNullable<Occurrence["metadata"]> {
	return {
		...metadata,
		"dagswarm.occurrence": key,
		...(trigger !== undefined && { "dagswarm.trigger": trigger }),
	};
}
