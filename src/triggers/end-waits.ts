import type { Clock } from "../core/clock.js";
import { isEnded, type Occurrence } from "./occurrence.js";
import type { Store } from "./store.js";

/** Between two looks there is so many times as long as one takes: however many wait, most of the time is for other things. */
const LOOK_SHARE = 4;

interface Waiter {
	readonly key: string;
	resolve(row: Occurrence): void;
	reject(error: unknown): void;
}

/** Who waits for occurrences to end: they listen to the store together, and what is written side by side is looked at once. */
export class EndWaits {
	readonly #waiters = new Set<Waiter>();
	#listening: Promise<() => void> | undefined;
	#willLook = false;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#lookMs = 0;

	/** @param get - an occurrence as it is now; throws where there is none */
	constructor(
		private readonly store: Store,
		private readonly clock: Clock,
		private readonly get: (key: string) => Promise<Occurrence>,
	) {}

	/** Resolves when an occurrence has ended. Rejects with what `get` throws, and with the signal's reason. */
	async wait(key: string, signal?: AbortSignal): Promise<Occurrence> {
		signal?.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<Occurrence>();
		// It may be told before anybody waits for it.
		promise.catch(() => {});
		const waiter = { key, resolve, reject };
		const give = (): void => reject(signal?.reason);
		this.#waiters.add(waiter);
		const release = this.clock.hold();
		signal?.addEventListener("abort", give, { once: true });
		try {
			this.#listening ??= this.#listen();
			await Promise.race([this.#listening, promise]);
			await this.#look(waiter);
			return await promise;
		} finally {
			signal?.removeEventListener("abort", give);
			release();
			this.#waiters.delete(waiter);
			if (this.#waiters.size === 0) this.#rest();
		}
	}

	async #listen(): Promise<() => void> {
		return this.store.watch(
			() => this.#changed(),
			(error) => {
				for (const { reject } of this.#waiters) reject(error);
				this.#rest();
			},
		);
	}

	/** Nobody waits any more. */
	#rest(): void {
		const listening = this.#listening;
		this.#listening = undefined;
		// Where it could not be listened to, who waited has been told.
		listening?.then(
			(stop) => stop(),
			() => {},
		);
	}

	#changed(): void {
		if (this.#willLook) return;
		this.#willLook = true;
		const look = (): void => {
			this.#willLook = false;
			void this.#lookAtAll();
		};
		const soon = this.#lookedAt + LOOK_SHARE * this.#lookMs;
		if (this.clock.now() >= soon) this.clock.yield(look);
		else this.clock.set(soon, look);
	}

	async #lookAtAll(): Promise<void> {
		const from = this.clock.now();
		for (const waiter of [...this.#waiters]) await this.#look(waiter);
		this.#lookedAt = this.clock.now();
		this.#lookMs = this.#lookedAt - from;
	}

	async #look({ key, resolve, reject }: Waiter): Promise<void> {
		try {
			const row = await this.get(key);
			if (isEnded(row)) resolve(row);
		} catch (error) {
			reject(error);
		}
	}
}
