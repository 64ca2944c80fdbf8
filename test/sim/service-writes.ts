import type { Store } from "dagswarm";

type Change = Parameters<Store["write"]>[0];
type Answer = Awaited<ReturnType<Store["write"]>>;

/** While a trigger is paused: from when it is told so until it is told to go on. */
export interface Pause {
	readonly trigger: string;
	/** The last slot of which a row was made before. */
	readonly slot: number;
	readonly from: number;
	to: number;
}

/** What processes write to a store, and whether they may: only who leads decides. */
export class ServiceWrites {
	readonly problems: string[] = [];
	readonly pauses: Pause[] = [];
	readonly #store: Store;
	readonly #attempts = new Map<string, number>();
	readonly #slots = new Map<string, number>();
	/** As it gives itself out for the lease, by process. */
	readonly #holders = new Map<number, string>();

	/** @param store - one in memory, which answers at once */
	constructor(store: Store) {
		this.#store = store;
	}

	asks(member: number, holder: string): void {
		this.#holders.set(member, holder);
	}

	write(member: number, change: Change): Answer {
		const leads = this.#leads(member);
		const answer = this.#store.write(change) as Answer;
		if (!answer.ok) return answer;
		const decided = this.#decided(change);
		if (decided.length > 0 && !leads) this.problems.push(`${member} does not lead, and ${decided.join(", ")}`);
		for (const { key, trigger, attempt } of change.occurrences ?? [])
			if (attempt === 1 && !this.#attempts.get(key) && trigger !== undefined && this.#pauseOf(trigger) !== undefined)
				this.problems.push(`${key} begins while ${trigger} is paused`);
		this.#note(change, new Set(answer.present));
		return answer;
	}

	#leads(member: number): boolean {
		const leases = this.#store.leases("leader") as Awaited<ReturnType<Store["leases"]>>;
		return leases.some(({ holder }) => holder.id === this.#holders.get(member));
	}

	/** What only one process at a time may do. */
	#decided({ occurrences = [], triggers = [] }: Change): string[] {
		const begun = occurrences.filter(({ key, attempt }) => attempt > (this.#attempts.get(key) ?? 0));
		const skipped = occurrences.filter(({ state }) => state === "skipped");
		const fired = triggers.filter(({ spec, cursor, paused }) => {
			const isResumed = !paused && this.#pauseOf(spec.id) !== undefined;
			return cursor.slot !== this.#slots.get(spec.id) && !isResumed;
		});
		return [
			...begun.map(({ key }) => `begins ${key}`),
			...skipped.map(({ key }) => `skips ${key}`),
			...fired.map(({ spec }) => `fires ${spec.id}`),
		];
	}

	#note({ add = [], occurrences = [], triggers = [] }: Change, present: ReadonlySet<string>): void {
		for (const { key, attempt } of add) if (!present.has(key)) this.#attempts.set(key, attempt);
		for (const { key, attempt } of occurrences) this.#attempts.set(key, attempt);
		for (const { spec, cursor, paused, updatedAt } of triggers) {
			const slot = cursor.slot ?? Number.NEGATIVE_INFINITY;
			const going = this.#pauseOf(spec.id);
			if (paused && going === undefined)
				this.pauses.push({ trigger: spec.id, slot, from: updatedAt, to: Number.POSITIVE_INFINITY });
			if (!paused && going !== undefined) going.to = updatedAt;
			if (cursor.slot !== undefined) this.#slots.set(spec.id, cursor.slot);
		}
	}

	#pauseOf(id: string): Pause | undefined {
		return this.pauses.find(({ trigger, to }) => trigger === id && to === Number.POSITIVE_INFINITY);
	}
}
