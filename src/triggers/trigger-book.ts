import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { LEADER } from "./leadership.js";
import type { Store, StoreAnswer } from "./store.js";
import type { TriggerRecord, TriggerSpec } from "./trigger.js";
import { changedRecord, newRecord, pausedRecord } from "./trigger-record.js";

/** What somebody else is always ahead of is tried so many times at most. */
const MOST_TRIES = 100;

/** The triggers of a store, as any process may read and change them. */
export class TriggerBook {
	readonly #store: Store;
	readonly #clock: Clock;

	constructor(store: Store, clock: Clock) {
		this.#store = store;
		this.#clock = clock;
	}

	/** @throws SwarmError `UNKNOWN_TRIGGER` */
	async get(id: string): Promise<TriggerRecord> {
		const record = await this.#store.trigger(id);
		if (record !== undefined) return record;
		const known = (await this.#store.triggers()).map(({ spec }) => spec.id);
		throw new SwarmError("UNKNOWN_TRIGGER", `there is no trigger ${JSON.stringify(id)}`, {
			hint: known.length === 0 ? "there are none" : `there are: ${known.slice(0, 16).join(", ")}`,
		});
	}

	all(): Promise<readonly TriggerRecord[]> {
		return Promise.resolve(this.#store.triggers());
	}

	/** @param spec - checked */
	put(spec: TriggerSpec): Promise<TriggerRecord> {
		return this.#retried(spec.id, async () => {
			const known = await this.#store.trigger(spec.id);
			const record =
				known === undefined
					? newRecord(spec, this.#clock.now(), "store")
					: changedRecord(known, spec, this.#clock.now());
			return this.#write(record, known);
		});
	}

	/** @throws SwarmError `UNKNOWN_TRIGGER` */
	pause(id: string, paused: boolean): Promise<TriggerRecord> {
		return this.#retried(id, async () => {
			const known = await this.get(id);
			return this.#write(pausedRecord(known, paused, this.#clock.now()), known);
		});
	}

	/** @returns whether it was there */
	async remove(id: string): Promise<boolean> {
		if ((await this.#store.trigger(id)) === undefined) return false;
		await this.#store.write({ removeTriggers: [id] });
		return true;
	}

	/**
	 * Brings the store in line with a program: its triggers are put, and those that an earlier version of it had are taken away.
	 *
	 * @returns false when another process leads by now
	 */
	sync(specs: readonly TriggerSpec[], fence: number): Promise<boolean> {
		return this.#retried("of the program", async () => {
			const now = this.#clock.now();
			const records = await this.#store.triggers();
			const known = new Map(records.map((record) => [record.spec.id, record]));
			const wanted = new Set(specs.map(({ id }) => id));
			const triggers = specs.map((spec): [TriggerRecord | undefined, TriggerRecord] => {
				const before = known.get(spec.id);
				return [before, before === undefined ? newRecord(spec, now, "code") : changedRecord(before, spec, now)];
			});
			const gone = records.filter(({ source, spec }) => source === "code" && !wanted.has(spec.id));
			const changed = triggers.filter(([before, after]) => before !== after).map(([, after]) => after);
			if (changed.length + gone.length === 0) return true;
			const answer = await this.#store.write({
				lease: { name: LEADER, fence },
				triggers: changed,
				removeTriggers: gone.map(({ spec }) => spec.id),
			});
			return isWritten(answer) ? true : answer.why === "fenced" ? false : undefined;
		});
	}

	async #write(record: TriggerRecord, known: TriggerRecord | undefined): Promise<TriggerRecord | undefined> {
		if (record === known) return record;
		return isWritten(await this.#store.write({ triggers: [record] })) ? record : undefined;
	}

	async #retried<Value>(id: string, write: () => Promise<Value | undefined>): Promise<Value> {
		for (let tries = 0; tries < MOST_TRIES; tries++) {
			const written = await write();
			if (written !== undefined) return written;
		}
		throw new SwarmError(
			"OVERLOADED",
			`trigger ${JSON.stringify(id)} could not be written: somebody else was always ahead`,
		);
	}
}

function isWritten(answer: StoreAnswer): answer is Extract<StoreAnswer, { readonly ok: true }> {
	return answer.ok;
}
