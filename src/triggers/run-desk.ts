import type { AnySwarm } from "../any-swarm.js";
import type { Clock } from "../core/clock.js";
import { errorInfo, SwarmError, withoutStacks } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { jitterFraction } from "../graph/retry.js";
import type { RunHandle } from "../run.js";
import { arrivalsOf } from "./arrivals.js";
import { type Occurrence, runOf } from "./occurrence.js";
import { type AttemptEnd, counted, endOf, settled } from "./settlement.js";
import { startGraph } from "./start-graph.js";
import type { Store } from "./store.js";
import type { StartSpec, TriggerRecord } from "./trigger.js";

/** A write that somebody else got ahead of is made again so many times at most. */
const MOST_TRIES = 50;

/** The wait after a write that failed, and its most. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

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

/**
 * The runs of occurrences in this process: starts them, brings them back, and writes down how they end. A process that does not
 * lead any more still settles what it has run; which attempt a row is at decides whether that still counts.
 */
export class RunDesk {
	readonly #options: RunDeskOptions;
	/** Attempts that go on here, by the id of their run. */
	readonly #runs = new Map<RunId, { readonly key: string; readonly handle: RunHandle }>();
	/** Those whose graphs are being made. */
	readonly #beginning = new Set<RunId>();
	/** Ends that are being written. */
	readonly #settling = new Set<Promise<void>>();
	/** Ends waits before another try. */
	readonly #waits = new Set<() => void>();
	#closed = false;

	constructor(options: RunDeskOptions) {
		this.#options = options;
	}

	get size(): number {
		return this.#runs.size;
	}

	/** Whether a run of an occurrence goes on here. */
	has(run: RunId): boolean {
		return this.#runs.has(run) || this.#beginning.has(run);
	}

	/** Starts the run of an attempt whose row says that it runs. Whoever else does so starts the same run, and one of them succeeds. */
	async begin(occurrence: Occurrence, start: StartSpec, deadline?: number): Promise<TakenUp> {
		const { swarm } = this.#options;
		const run = runOf(occurrence.key, occurrence.attempt);
		this.#beginning.add(run);
		try {
			const graph = await startGraph(start, occurrence, (name, input) => swarm.graphOf(name, input));
			const handle = swarm.start(graph as never, {
				runId: run,
				metadata: metadataOf(occurrence),
				...(deadline !== undefined && { deadline }),
			});
			this.#follow(occurrence, handle);
			return "here";
		} catch (error) {
			if (!SwarmError.is(error)) return this.#unbegun(occurrence, error);
			if (error.code === "RUN_EXISTS") return this.takeUp(occurrence, start, deadline);
			if (error.code === "SWARM_CLOSED" || error.code === "JOURNAL_UNAVAILABLE") {
				if (error.code !== "SWARM_CLOSED") this.#options.onError(error);
				return "elsewhere";
			}
			return this.#unbegun(occurrence, error);
		} finally {
			this.#beginning.delete(run);
		}
	}

	/** Finds the run of an attempt whose row says that it runs: here, in the journal, in another process, or nowhere. */
	async takeUp(occurrence: Occurrence, start: StartSpec | undefined, deadline?: number): Promise<TakenUp> {
		const { swarm, store } = this.#options;
		const run = runOf(occurrence.key, occurrence.attempt);
		if (this.#runs.has(run)) return "here";
		const active = swarm.get(run);
		if (active !== undefined) {
			this.#follow(occurrence, active);
			return "here";
		}
		try {
			if ((await store.journal.find(run)) === undefined) {
				if (start !== undefined) return await this.begin(occurrence, start, deadline);
				return this.#unbegun(
					occurrence,
					new SwarmError("UNKNOWN_RUN", `the run "${run}" was never started, and its trigger is gone`),
				);
			}
			const cancelling = occurrence.cancelling;
			const handle = await swarm.recover(
				run,
				cancelling === undefined ? {} : { signal: AbortSignal.abort(cancelling) },
			);
			this.#follow(occurrence, handle);
			return "here";
		} catch (error) {
			if (SwarmError.is(error) && FOR_OTHERS.has(error.code)) {
				if (error.code !== "RUN_BUSY" && error.code !== "SWARM_CLOSED") this.#options.onError(error);
				return "elsewhere";
			}
			return this.#unbegun(occurrence, error);
		}
	}

	/** Cancels the run of an attempt, if it goes on here. */
	cancel({ key, attempt }: Pick<Occurrence, "key" | "attempt">, reason: string): void {
		const { handle } = this.#runs.get(runOf(key, attempt)) ?? {};
		handle?.cancel(reason).catch(this.#options.onError);
	}

	/** Nothing is followed any more. Resolves when all that has ended is written down, or cannot be. */
	async close(): Promise<void> {
		this.#closed = true;
		for (const end of this.#waits) end();
		await Promise.all(this.#settling);
	}

	#follow(occurrence: Occurrence, handle: RunHandle): void {
		const { key, attempt } = occurrence;
		this.#runs.set(handle.id, { key, handle });
		const settling = handle.result().then(async (outcome) => {
			try {
				// This process has let go of it: it goes on where it is brought back.
				if (outcome.status !== "suspended") await this.#settle(key, attempt, endOf(outcome));
			} finally {
				this.#runs.delete(handle.id);
			}
		});
		this.#note(settling);
	}

	#unbegun({ key, attempt }: Occurrence, error: unknown): TakenUp {
		const info = withoutStacks(errorInfo(error));
		this.#note(this.#settle(key, attempt, { status: "failed", reason: info.message, error: info }));
		return "settled";
	}

	#note(settling: Promise<void>): void {
		const noted = settling.catch(this.#options.onError).finally(() => this.#settling.delete(noted));
		this.#settling.add(noted);
	}

	/** Writes down how an attempt ended, until it is written or this process has no time left for it. */
	async #settle(key: string, attempt: number, end: AttemptEnd): Promise<void> {
		for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
			try {
				this.#options.onSettled(await this.#write(key, attempt, end));
				return;
			} catch (error) {
				this.#options.onError(error);
				// The run has ended in the journal: whoever takes the row up finds it there.
				if (this.#closed) return;
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
			const changed: TriggerRecord | undefined = record && counted(record, after, now);
			const isOver = after.state !== "waiting";
			const answer = await store.write({
				occurrences: [after],
				...(changed !== undefined && changed !== record && { triggers: [changed] }),
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

function metadataOf({ key, trigger, metadata }: Occurrence): NonNullable<Occurrence["metadata"]> {
	return {
		...metadata,
		"dagswarm.occurrence": key,
		...(trigger !== undefined && { "dagswarm.trigger": trigger }),
	};
}
