import type { Clock, Timer } from "../core/clock.js";
import type { Writer } from "../journal/journal.js";
import type { ServiceLease, Store } from "./store.js";

/** Which of several processes does what only one may do. */
export const LEADER = "leader";

/** It is renewed so many times before it would expire. */
const RENEWALS = 3;

/** The lease of the process that leads; undefined where nobody does. */
export async function leaderLease(store: Store, clock: Clock): Promise<ServiceLease | undefined> {
	const held = (await store.leases(LEADER)).find(({ name }) => name === LEADER);
	// Asked for only now: the store may have taken its time.
	return held !== undefined && held.expiresAt > clock.now() ? held : undefined;
}

/** What a {@link Leadership} works with. */
export interface LeadershipOptions {
	readonly store: Store;
	readonly holder: Writer;
	readonly clock: Clock;
	/** How long a lease holds without being renewed; milliseconds. */
	readonly ttl: number;
	/** This process leads, and every write names the fence. */
	readonly onGain: (fence: number) => void;
	/** It does not any more, or cannot know. */
	readonly onLoss: () => void;
	/** The store fails; it is asked again. */
	readonly onError: (error: unknown) => void;
}

/**
 * Has a lease of the store taken, kept and taken again: a process whose lease has run out leads no more by its own clock,
 * before anybody else can lead. A lease with a fence, as in Kleppmann, "How to do distributed locking" (2016): what a process
 * writes that was halted and does not know is refused by the store.
 */
export class Leadership {
	readonly #options: LeadershipOptions;
	#lease: ServiceLease | undefined;
	#timer: Timer | undefined;
	#asking: Promise<void> | undefined;
	#again = false;
	#closed = false;

	constructor(options: LeadershipOptions) {
		this.#options = options;
	}

	/** Of the lease that this process holds; undefined while it does not lead. */
	get fence(): number | undefined {
		return this.#isHeld() ? this.#lease?.fence : undefined;
	}

	/** Who leads, as far as this process knows. */
	get leader(): Writer | undefined {
		return this.#lease?.holder;
	}

	/** Looks who leads, and does so itself where nobody does. Resolves when it knows. */
	look(): Promise<void> {
		if (this.#closed) return Promise.resolve();
		this.#again = true;
		this.#asking ??= this.#ask();
		return this.#asking;
	}

	/** Another process has written: where the lease was given back it can be had at once. */
	async stir(): Promise<void> {
		if (this.#isHeld() || this.#closed) return;
		const { store, clock, onError } = this.#options;
		try {
			// To look is cheap, to ask for it is a write.
			if ((await leaderLease(store, clock)) === undefined) await this.look();
		} catch (error) {
			onError(error);
		}
	}

	/** Gives the lease back: the next one need not wait. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#clear();
		await this.#asking;
		const { fence } = this;
		this.#lease = undefined;
		if (fence !== undefined) await this.#options.store.release(LEADER, fence);
	}

	async #ask(): Promise<void> {
		while (this.#again && !this.#closed) {
			this.#again = false;
			try {
				await this.#take();
			} catch (error) {
				this.#lapse();
				this.#options.onError(error);
				this.#lookAt(this.#options.clock.now() + this.#options.ttl / RENEWALS);
			}
		}
		// At once, so that nobody who asks from now on is taken for answered.
		this.#asking = undefined;
	}

	async #take(): Promise<void> {
		const { store, holder, ttl, clock } = this.#options;
		const now = clock.now();
		const held = this.#isHeld();
		const lease = await store.acquire(LEADER, holder, now + ttl, now);
		if (lease.holder.id !== holder.id) {
			this.#lose();
			this.#lease = lease;
			this.#lookAt(lease.expiresAt);
			return;
		}
		const isNew = !held || lease.fence !== this.#lease?.fence;
		if (isNew) this.#lose();
		this.#lease = lease;
		this.#lookAt(now + ttl / RENEWALS);
		// It may have taken so long that it is over, or that nobody wants it any more.
		if (isNew && this.#isHeld() && !this.#closed) this.#options.onGain(lease.fence);
	}

	/** The lease may have run out while the store did not answer. */
	#lapse(): void {
		if (!this.#isHeld()) this.#lose();
	}

	#lose(): void {
		const { id } = this.#options.holder;
		if (this.#lease?.holder.id !== id) return;
		this.#lease = undefined;
		this.#options.onLoss();
	}

	#isHeld(): boolean {
		const { holder, clock } = this.#options;
		return this.#lease?.holder.id === holder.id && clock.now() < this.#lease.expiresAt;
	}

	#lookAt(due: number): void {
		this.#clear();
		if (this.#closed) return;
		this.#timer = this.#options.clock.set(due, () => void this.look());
	}

	#clear(): void {
		if (this.#timer !== undefined) this.#options.clock.clear(this.#timer);
		this.#timer = undefined;
	}
}
