import type { Clock } from "../core/clock.js";
import type { ErrorInfo } from "../core/errors.js";
import { isOfProvider } from "./circuit-breaker.js";
import type { Ask } from "./limit-ask.js";
import type { LimitKey } from "./limit-key.js";
import type { WindowSlot } from "./sliding-window.js";

/** What an attempt has taken of one key, beside a unit. */
interface Share {
	readonly key: LimitKey;
	/** What the breaker is told of the outcome with. */
	readonly generation: number | undefined;
	/** Whether it may be one of the breaker's probes. */
	probes: boolean;
	request: WindowSlot | undefined;
	tokens: WindowSlot | undefined;
}

/**
 * What one attempt has taken of its limits, from its first lease until it has ended and its function has returned. It
 * keeps the keys themselves: what is given back is what was taken, whatever the node or its input says by then.
 */
export class LimitGrant {
	readonly #keys: readonly LimitKey[];
	readonly #shares: Share[] = [];
	/** Tokens that are kept for it. */
	readonly #reserved: number;
	#spent = 0;
	#reported = false;
	/** Its function was called. */
	#called = false;
	#attempt = 0;
	#ended = false;
	/** Leases under which it holds a unit of each key: none while it is parked, two where it goes on before its slot was seen to be free. */
	#leases = 0;

	constructor(
		keys: readonly LimitKey[],
		ask: Ask,
		private readonly clock: Clock,
		now: number,
	) {
		this.#keys = keys;
		this.#reserved = ask.tokens;
		for (const key of keys) {
			key.attempts++;
			if (!key.isMetered) continue;
			this.#shares.push({
				key,
				generation: key.breaker?.begin(),
				probes: key.breaker !== undefined,
				request: key.requests?.add(now, 1),
				tokens: ask.tokens === 0 ? undefined : key.tokens?.add(now, ask.tokens),
			});
		}
	}

	/** The names of its limits. */
	get names(): readonly string[] {
		return this.#keys.map(({ name }) => name);
	}

	/** Whether its function was called: until then it may be taken back as if nothing had happened. */
	get isCalled(): boolean {
		return this.#called;
	}

	/** Whether its attempt has ended: the next lease of its node is another one's. */
	get ended(): boolean {
		return this.#ended;
	}

	/** Whether nothing is left to be given back. */
	get isOver(): boolean {
		return this.#ended && this.#leases === 0;
	}

	/** A lease was granted: it holds a unit of each key. */
	hold(): void {
		this.#leases++;
		for (const key of this.#keys) key.used++;
	}

	/** The slot of a lease is free. */
	release(): void {
		if (this.#leases === 0) return;
		this.#leases--;
		for (const key of this.#keys) key.used--;
		// Parked before its function was called, for its budget: its call is still to come, and asks anew for what it takes.
		if (this.#leases === 0 && !this.#called && !this.#ended) return this.end(undefined);
		// Parked: it may wait for a person, and nobody else is to wait for that.
		if (this.#leases === 0) for (const share of this.#shares) leaveProbe(share);
		for (const key of this.#keys) key.settle();
	}

	/**
	 * The function is called now, which may be later than it was decided: a journal came between.
	 *
	 * @param attempt - its number
	 */
	called(attempt: number): void {
		if (this.#called) return;
		this.#called = true;
		this.#attempt = attempt;
		const now = this.clock.now();
		for (const share of this.#shares) {
			const { key, request, tokens } = share;
			if (request !== undefined && request.latest !== now) {
				key.requests?.giveBack(request, 1);
				share.request = key.requests?.add(now, 1);
			}
			if (tokens !== undefined && tokens.latest !== now) {
				key.tokens?.giveBack(tokens, this.#reserved);
				share.tokens = key.tokens?.add(now, this.#reserved);
			}
		}
	}

	/** The attempt reports tokens: what goes beyond its reserve counts from now on. One that was given up may still do so. */
	used(attempt: number, tokens: number): void {
		if (this.#ended || attempt !== this.#attempt) return;
		const before = Math.max(this.#reserved, this.#spent);
		this.#reported = true;
		this.#spent += tokens;
		const more = this.#spent - before;
		if (more > 0) for (const { key } of this.#shares) key.tokens?.add(this.clock.now(), more);
	}

	/**
	 * The attempt has ended. One whose function was never called gives everything back; one that reported less than its
	 * reserve gives back the rest.
	 *
	 * @param error - how it failed; undefined when it did not
	 */
	end(error: ErrorInfo | undefined): void {
		if (this.#ended) return;
		this.#ended = true;
		const now = this.clock.now();
		for (const share of this.#shares) this.#endShare(share, error, now);
		// What a called agent was asked for is for its own limits.
		const patience = this.#called && error !== undefined && isOfProvider(error) ? error.retryAfter : undefined;
		for (const key of this.#keys) {
			if (patience !== undefined && key.settings.gate) key.closedUntil = Math.max(key.closedUntil, now + patience);
			key.attempts--;
		}
		for (const key of this.#keys) key.settle();
	}

	#endShare(share: Share, error: ErrorInfo | undefined, now: number): void {
		const { key, generation, request, tokens } = share;
		if (!this.#called && request !== undefined) key.requests?.giveBack(request, 1);
		const rest = this.#called ? (this.#reported ? this.#reserved - this.#spent : 0) : this.#reserved;
		if (tokens !== undefined && rest > 0) key.tokens?.giveBack(tokens, rest);
		leaveProbe(share);
		if (generation !== undefined && this.#called) key.breaker?.end(generation, error, now);
	}
}

function leaveProbe(share: Share): void {
	if (!share.probes) return;
	share.probes = false;
	if (share.generation !== undefined) share.key.breaker?.leave(share.generation);
}
