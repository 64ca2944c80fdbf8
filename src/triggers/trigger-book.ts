import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { LEADER } from "./leadership.js";
import type { Store, StoreAnswer } from "./store.js";
import type { TriggerRecord, TriggerSpec } from "./trigger.js";
import { changedRecord, newRecord, pausedRecord } from "./trigger-record.js";
import { untilWritten } from "./until-written.js";

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
		return this.change(spec.id, (known, revision) =>
			known === undefined
				? newRecord(spec, this.#clock.now(), "store", revision)
				: changedRecord(known, spec, this.#clock.now()),
		);
	}

	/** @throws SwarmError `UNKNOWN_TRIGGER` */
	async pause(id: string, paused: boolean): Promise<TriggerRecord> {
		await this.get(id);
		return this.change(id, (known) => {
			if (known === undefined) throw new SwarmError("UNKNOWN_TRIGGER", `the trigger "${id}" was taken away just now`);
			return pausedRecord(known, paused, this.#clock.now());
		});
	}

	/**
	 * @param to - what a record, or none, is to become, with the revision that a new one has; asked again where somebody was ahead.
	 * What it throws is thrown
	 */
	change(
		id: string,
		to: (known: TriggerRecord | undefined, revision: number) => TriggerRecord,
	): Promise<TriggerRecord> {
		return untilWritten(`trigger ${JSON.stringify(id)}`, async () => {
			const known = await this.#store.trigger(id);
			return this.#write(to(known, known?.revision ?? (await this.#revisionOf(id))), known);
		});
	}

	/** @returns whether it was there */
	remove(id: string): Promise<boolean> {
		return untilWritten(`trigger ${JSON.stringify(id)}`, async () => {
			const known = await this.#store.trigger(id);
			if (known === undefined) return false;
			return isWritten(await this.#store.write(removal([known]))) ? true : undefined;
		});
	}

	/**
	 * Brings the store in line with a program: its triggers are put, and those that an earlier version of it had are taken away.
	 *
	 * @param onDamaged - told of those that are not as they were written: they are left as they are, and the others are put
	 * @returns false when another process leads by now
	 */
	sync(specs: readonly TriggerSpec[], fence: number, onDamaged: (error: unknown) => void): Promise<boolean> {
		return untilWritten("the triggers of the program", async () => {
			const now = this.#clock.now();
			const records = await this.#store.triggers();
			const known = new Map(records.map((record) => [record.spec.id, record]));
			const wanted = new Set(specs.map(({ id }) => id));
			const triggers: [TriggerRecord | undefined, TriggerRecord][] = [];
			for (const spec of specs) {
				const before = known.get(spec.id);
				if (before === undefined && (await this.#isDamaged(spec.id, onDamaged))) continue;
				const after =
					before === undefined
						? newRecord(spec, now, "code", await this.#revisionOf(spec.id))
						: changedRecord(before, spec, now);
				triggers.push([before, after]);
			}
			const gone = records.filter(({ source, spec }) => source === "code" && !wanted.has(spec.id));
			const changed = triggers.filter(([before, after]) => before !== after).map(([, after]) => after);
			if (changed.length + gone.length === 0) return true;
			const { triggers: last, ...removed } = removal(gone);
			const answer = await this.#store.write({
				lease: { name: LEADER, fence },
				triggers: [...changed, ...last],
				...removed,
			});
			return isWritten(answer) ? true : answer.why === "fenced" ? false : undefined;
		});
	}

	/** One that lists leave out may be there, and damaged. */
	async #isDamaged(id: string, onDamaged: (error: unknown) => void): Promise<boolean> {
		try {
			await this.#store.trigger(id);
			return false;
		} catch (error) {
			if (!SwarmError.is(error) || error.code !== "JOURNAL_CORRUPT") throw error;
			onDamaged(error);
			return true;
		}
	}

	/** One that is put after it was taken away: its runs are in the journal still, and its keys are not to be theirs. */
	async #revisionOf(id: string): Promise<number> {
		const last = await this.#store.document(revisionName(id));
		return last === undefined ? 1 : Number(last) + 1;
	}

	async #write(record: TriggerRecord, known: TriggerRecord | undefined): Promise<TriggerRecord | undefined> {
		if (record === known) return record;
		return isWritten(await this.#store.write({ triggers: [record] })) ? record : undefined;
	}
}

/** It is raised by a version before it goes: who changes it at that moment is not overwritten. */
function removal(gone: readonly TriggerRecord[]) {
	return {
		triggers: gone.map((record) => ({ ...record, version: record.version + 1 })),
		removeTriggers: gone.map(({ spec }) => spec.id),
		documents: gone.map(lastRevision),
	};
}

function lastRevision({ spec, revision }: TriggerRecord): { readonly name: string; readonly body: string } {
	return { name: revisionName(spec.id), body: String(revision) };
}

function revisionName(id: string): string {
	return `trigger-revision/${id}`;
}

function isWritten(answer: StoreAnswer): answer is Extract<StoreAnswer, { readonly ok: true }> {
	return answer.ok;
}
