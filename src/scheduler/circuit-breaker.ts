import type { ErrorInfo } from "../core/errors.js";

/** How a circuit breaker goes by failures, times in milliseconds. */
export interface BreakerPolicy {
	/** Consecutive failures that open it, at least 1. */
	readonly failures: number;
	/** How long it stays open. */
	readonly coolDown: number;
	/** Attempts at a time while it is half open, at least 1. */
	readonly probes: number;
	/** Which errors count, of those that are not plainly about something else. */
	readonly counts?: ((error: ErrorInfo) => boolean) | undefined;
}

/** Whether attempts may start: all, none until the cool-down is over, or a few to see how it goes. */
export type BreakerState = "closed" | "open" | "half-open";

/** A streak is remembered for so many cool-downs where nobody uses the key. */
const REMEMBERED = 10;

/**
 * Keeps attempts from what fails again and again. It never lets anybody try in a loop: it says when it opens, and
 * whoever waits is woken then.
 *
 * @see M. Nygard, "Release It!", 2007, chapter 5: Circuit Breaker
 */
export class CircuitBreaker {
	/** Until when it is open; undefined while closed. */
	#openUntil: number | undefined;
	#streak = 0;
	#probing = 0;
	#lastFailure = Number.NEGATIVE_INFINITY;
	/** Outcomes of attempts from before it opened or closed last say nothing about now. */
	#generation = 0;

	constructor(readonly policy: BreakerPolicy) {}

	state(now: number): BreakerState {
		if (this.#openUntil === undefined) return "closed";
		return now < this.#openUntil ? "open" : "half-open";
	}

	/** How many failures came one after the other. */
	get failures(): number {
		return this.#streak;
	}

	/** Until when nothing starts; undefined where time makes no difference. */
	openUntil(now: number): number | undefined {
		return this.#openUntil !== undefined && now < this.#openUntil ? this.#openUntil : undefined;
	}

	/**
	 * Whether an attempt may start.
	 *
	 * @param promised - how many others may start first
	 */
	admits(now: number, promised: number): boolean {
		if (this.#openUntil === undefined) return true;
		return now >= this.#openUntil && this.#probing + promised < this.policy.probes;
	}

	/** An attempt starts; it is a probe until {@link leave}. @returns what its outcome is to be reported with */
	begin(): number {
		if (this.#openUntil !== undefined) this.#probing++;
		return this.#generation;
	}

	/**
	 * An attempt has ended.
	 *
	 * @param generation - what {@link begin} gave
	 * @param error - how it failed; undefined when it did not
	 */
	end(generation: number, error: ErrorInfo | undefined, now: number): void {
		if (generation !== this.#generation) return;
		if (error === undefined) {
			this.#streak = 0;
			if (this.#openUntil !== undefined) this.#turn(undefined);
			return;
		}
		if (!this.#counts(error)) return;
		this.#lastFailure = now;
		this.#streak++;
		if (this.#openUntil !== undefined || this.#streak >= this.policy.failures) this.#turn(now + this.policy.coolDown);
	}

	/** An attempt is no probe any more: it has ended, or waits for something else, and another one may try. Once only. */
	leave(generation: number): void {
		if (generation === this.#generation && this.#openUntil !== undefined) this.#probing--;
	}

	/** From when on it need not be remembered, if nobody uses it. */
	restsAt(): number {
		if (this.#streak === 0 && this.#openUntil === undefined) return Number.NEGATIVE_INFINITY;
		return this.#lastFailure + REMEMBERED * this.policy.coolDown;
	}

	#turn(openUntil: number | undefined): void {
		this.#openUntil = openUntil;
		this.#probing = 0;
		this.#generation++;
	}

	#counts(error: ErrorInfo): boolean {
		if (!isOfProvider(error)) return false;
		const { counts } = this.policy;
		if (counts === undefined) return true;
		try {
			return counts(error) === true;
		} catch {
			// A predicate that cannot tell does not make a failure good.
			return true;
		}
	}
}

/** Failures that say nothing about whom the attempt asked, whoever threw them. */
const OWN = new Set(["CANCELLED", "INVALID_INPUT", "INVALID_OUTPUT", "INVALID_SPEC"]);

/** Codes of this library that stand for a failure of the work itself. */
const OF_THE_WORK = new Set(["AGENT_ERROR", "RETRYABLE"]);

/** Whether a failure says something about whom the attempt asked, and not about what it waited for or called. */
export function isOfProvider({ code, name }: ErrorInfo): boolean {
	if (OWN.has(code)) return false;
	// What `ctx` threw: a wait that was over, a request that was refused, an answer that was no.
	return name !== "SwarmError" || OF_THE_WORK.has(code);
}
