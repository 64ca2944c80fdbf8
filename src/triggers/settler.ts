import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { pause } from "../core/pause.js";
import { taggedText } from "../core/tagged-json.js";
import { jitterFraction } from "../graph/retry.js";
import type { Awaitable } from "../journal/journal.js";
import { arrivalsOf } from "./arrivals.js";
import type { Occurrence } from "./occurrence.js";
import type { Pen } from "./pen.js";
import { documentName } from "./remembered.js";
import { type AttemptEnd, counted, leftBy, settled } from "./settlement.js";
import type { Store } from "./store.js";
import type { TriggerRecord } from "./trigger.js";
import { untilWritten } from "./until-written.js";

/** Ends that are written together, at most. */
const MOST_TOGETHER = 500;

/** The wait after a write that failed, and its most. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** What a trigger remembers may have so many characters of JSON. */
const MOST_REMEMBERED = 1024 * 1024;

/** An attempt that is over. */
export interface EndedAttempt {
	readonly key: string;
	readonly attempt: number;
	/** How it ended; undefined when it has not, after all. Asked again after it has thrown. */
	readonly find: () => Awaitable<AttemptEnd | undefined>;
	/** It is written, or not to be written by this process. */
	readonly done: () => void;
}

/** What was written of ends. */
export interface Settlement {
	/** The occurrences that have ended, or wait for another attempt. */
	readonly rows: readonly Occurrence[];
	/** Their triggers, which have counted them. */
	readonly records: readonly TriggerRecord[];
	/** What their ends have started. */
	readonly added: readonly Occurrence[];
	/** Something is not as this process thought it was: it is to look again. */
	readonly isOdd: boolean;
}

/** What a process that leads knows as the store has it, as long as nobody else has written. */
export interface Known {
	/** By id. */
	readonly records: ReadonlyMap<string, TriggerRecord>;
	/** One that has not ended. */
	readonly row: (key: string) => Occurrence | undefined;
}

/** What a {@link Settler} works with. */
export interface SettlerOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly pen: Pen;
	/** What this process knows by itself; undefined where it may not be so any more. */
	readonly known: () => Known | undefined;
	readonly onSettled: (settlement: Settlement) => void;
	readonly onError: (error: unknown) => void;
}

/**
 * Writes down how attempts ended: those that end side by side in one write, until it is written or this process has no time left
 * for it. The attempt that a row is at says whether an end still counts, so this needs no lease.
 */
export class Settler {
	readonly #options: SettlerOptions;
	#queue: EndedAttempt[] = [];
	#writing: Promise<void> | undefined;
	readonly #closing = new AbortController();

	constructor(options: SettlerOptions) {
		this.#options = options;
	}

	add(ended: EndedAttempt): void {
		this.#queue.push(ended);
		this.#writing ??= this.#write();
	}

	/** Resolves when all that has ended is written, or cannot be. */
	async close(): Promise<void> {
		this.#closing.abort();
		await this.#writing;
	}

	async #write(): Promise<void> {
		// Others may end in the same turn of the event loop.
		await new Promise<void>((resolve) => this.#options.clock.yield(resolve));
		let wait = FIRST_WAIT_MS;
		while (this.#queue.length > 0) {
			const batch = this.#queue.splice(0, MOST_TOGETHER);
			try {
				const settlements = await this.#settleAll(batch);
				for (const { done } of batch) done();
				for (const settlement of settlements) this.#options.onSettled(settlement);
				wait = FIRST_WAIT_MS;
			} catch (error) {
				this.#options.onError(error);
				// The runs have ended in the journal: whoever takes the rows up finds them there.
				if (this.#closing.signal.aborted) for (const { done } of batch) done();
				else this.#queue.unshift(...batch);
				await pause(this.#options.clock, wait, this.#closing.signal);
				wait = Math.min(wait * 2, LONGEST_WAIT_MS);
			}
		}
		this.#writing = undefined;
	}

	/** One that the store refuses is written as failed for that, and keeps none of the others from being written. */
	async #settleAll(batch: readonly EndedAttempt[]): Promise<Settlement[]> {
		const ends: (AttemptEnd | undefined)[] = [];
		for (const { find } of batch) ends.push(await unlessDamaged(find, failedBy));
		try {
			return [await this.#settle(batch, ends)];
		} catch (error) {
			if (!isRefused(error)) throw error;
		}
		const settlements: Settlement[] = [];
		for (const [i, ended] of batch.entries()) {
			try {
				settlements.push(await this.#settle([ended], [ends[i]]));
			} catch (error) {
				if (!isRefused(error)) throw error;
				settlements.push(await this.#settle([ended], [failedBy(error)]));
			}
		}
		return settlements;
	}

	#settle(batch: readonly EndedAttempt[], ends: readonly (AttemptEnd | undefined)[]): Promise<Settlement> {
		const { pen, known } = this.#options;
		return untilWritten(`the end of "${batch[0]?.key}"`, (tries) =>
			// Whoever was ahead may have been this process itself.
			pen.turn(() => this.#tryOnce(batch, ends, tries === 0 ? known() : undefined)),
		);
	}

	/** @returns undefined when somebody else was ahead */
	async #tryOnce(
		batch: readonly EndedAttempt[],
		ends: readonly (AttemptEnd | undefined)[],
		known: Known | undefined,
	): Promise<Settlement | undefined> {
		const { store, clock, pen } = this.#options;
		const now = clock.now();
		const draft = new Draft(store, known, now);
		for (const [i, ended] of batch.entries()) await draft.take(ended, ends[i]);
		if (draft.rows.length === 0) return { rows: [], records: [], added: [], isOdd: true };
		const ended = draft.rows.filter(({ state }) => state !== "waiting");
		const all = ended.length === 0 ? [] : known === undefined ? await store.triggers() : [...known.records.values()];
		const waiting = all.filter(({ spec: { on } }) => on.kind === "event" && on.run !== undefined);
		const add = ended.flatMap((row) => arrivalsOf(waiting, row, now));
		const records = [...draft.records.values()];
		const documents = Array.from(draft.documents, ([name, body]) => ({ name, body }));
		const answer = await pen.write({ occurrences: draft.rows, triggers: records, add, documents });
		if (!answer.ok) return undefined;
		const present = new Set(answer.present);
		return {
			rows: draft.rows,
			records,
			added: add.filter(({ key }) => !present.has(key)),
			isOdd: draft.rows.length < batch.length || present.size > 0 || pen.isBehind,
		};
	}
}

/** What several ends make of rows, triggers and documents, as long as nobody else changes them. */
class Draft {
	readonly rows: Occurrence[] = [];
	readonly records = new Map<string, TriggerRecord>();
	readonly documents = new Map<string, string>();
	/** As the store has them: each is raised by one version, however many ends count. */
	readonly #stored = new Map<string, TriggerRecord | undefined>();

	constructor(
		private readonly store: Store,
		private readonly known: Known | undefined,
		private readonly now: number,
	) {}

	async take({ key, attempt }: EndedAttempt, end: AttemptEnd | undefined): Promise<void> {
		// One that is damaged is listed no more, and nothing can be said in it.
		const row = end && (this.known?.row(key) ?? (await unlessDamaged(() => this.store.occurrence(key))));
		if (end === undefined || row?.state !== "running" || row.attempt !== attempt) return;
		if (row.trigger === undefined) {
			this.rows.push(this.#settled(row, end, undefined));
			return;
		}
		const known = await this.#recordOf(row.trigger);
		const record = this.records.get(row.trigger) ?? known;
		this.rows.push(record === undefined ? this.#settled(row, end, undefined) : this.#counted(row, end, record));
	}

	#counted(row: Occurrence, given: AttemptEnd, record: TriggerRecord): Occurrence {
		const { spec } = record;
		const left = given.outputs === undefined ? undefined : leftBy(spec, given.outputs);
		const body = left?.remember === undefined ? undefined : taggedText(left.remember);
		const isTooMuch = body !== undefined && body.length > MOST_REMEMBERED;
		const end = isTooMuch ? tooMuch(body.length) : given;
		const after = this.#settled(row, end, record);
		const changed = counted(record, after, this.now, !isTooMuch && left?.isDone === true);
		if (changed !== record) {
			const { version = 0 } = this.#stored.get(spec.id) ?? {};
			this.records.set(spec.id, { ...changed, version: version + 1 });
		}
		if (spec.remember !== undefined && body !== undefined && !isTooMuch && after.state === "completed")
			this.documents.set(documentName(spec.remember.as), body);
		return after;
	}

	#settled(row: Occurrence, end: AttemptEnd, record: TriggerRecord | undefined): Occurrence {
		return settled(row, end, record?.spec, this.now, jitterFraction(0, row.key, row.attempt));
	}

	async #recordOf(id: string): Promise<TriggerRecord | undefined> {
		if (!this.#stored.has(id))
			this.#stored.set(id, this.known?.records.get(id) ?? (await unlessDamaged(() => this.store.trigger(id))));
		return this.#stored.get(id);
	}
}

function tooMuch(length: number): AttemptEnd {
	const message = `what is to be remembered has ${length} characters, more than ${MOST_REMEMBERED}`;
	return failedBy(new SwarmError("LIMIT_EXCEEDED", message));
}

/** What is not as it was written does not get better by asking again. */
async function unlessDamaged<Value>(
	ask: () => Awaitable<Value>,
	otherwise: (error: SwarmError) => Value | undefined = () => undefined,
): Promise<Value | undefined> {
	try {
		return await ask();
	} catch (error) {
		if (SwarmError.is(error) && error.code === "JOURNAL_CORRUPT") return otherwise(error);
		throw error;
	}
}

/** What is in a row or a document is more than the store takes. */
function isRefused(error: unknown): error is SwarmError {
	return SwarmError.is(error) && error.code === "INVALID_INPUT";
}

function failedBy({ code, message }: SwarmError): AttemptEnd {
	return { status: "failed", reason: message, error: { code, message, retryable: false } };
}
