import type { Usage } from "../core/usage.js";
import { Account, type SavedAmount } from "./budget-account.js";
import { amountOf, type BudgetLimit, type CheckedLimit, isEstimated, wordsOf } from "./budget-limit.js";

/** Why an attempt may not start. */
export interface Shortage {
	readonly measure: string;
	readonly reason: string;
	/** When time will have made room, milliseconds since the Unix epoch. */
	readonly freedAt: number | undefined;
	/** It would fit if nothing were reserved but by those who wait for it. */
	readonly isHeld: boolean;
}

/** A limit and all who use it. */
export class LimitBook {
	readonly limit: BudgetLimit;
	readonly #per: number | undefined;
	readonly #tolerance: number;
	readonly #accounts = new Map<string, Account>();
	/** When accounts that are empty are looked for next. */
	#sweepAt = Number.NEGATIVE_INFINITY;

	constructor({ limit, per, tolerance }: CheckedLimit) {
		this.limit = limit;
		this.#per = per;
		this.#tolerance = tolerance;
	}

	/**
	 * Whether an account has room for an attempt.
	 *
	 * @param heldByCallers - how much of what is reserved stays so until the attempt has ended; asked where there is no room
	 */
	shortage(key: string, estimate: Usage, now: number, heldByCallers: () => number): Shortage | undefined {
		const { measure, limit } = this.limit;
		const asked = amountOf(estimate, measure);
		const isVague = !isEstimated(estimate, measure);
		if (asked === 0 && !isVague) return undefined;
		const account = this.#accounts.get(key);
		const used = account?.used(now) ?? 0;
		const reserved = account?.reserved ?? 0;
		// Who does not know how much it will be needs something to be left.
		const fits = (counted: number): boolean =>
			isVague ? counted < limit - this.#tolerance : counted + asked <= limit + this.#tolerance;
		if (fits(used + reserved)) return undefined;
		const tooMuch = used + reserved + asked - limit + (isVague ? 1.5 : -0.5) * this.#tolerance;
		return {
			measure,
			reason:
				`${wordsOf(this.limit, key)}: ${inWords(used)} used and ${inWords(reserved)} reserved of ${inWords(limit)}` +
				(isVague ? ", nothing is left" : `, ${inWords(asked)} more asked for`),
			// What does not fit into an empty account never will.
			freedAt: fits(0) ? account?.freedAt(tooMuch, now) : undefined,
			isHeld: fits(used + heldByCallers()),
		};
	}

	/**
	 * Reserves an amount, which may be 0.
	 *
	 * @returns what is left of the limit
	 */
	hold(key: string, amount: number, now: number): number {
		const account = this.#account(key, now);
		account.hold(amount);
		return this.limit.limit - account.counted(now);
	}

	/** What a reservation holds has become less; `last`: it holds nothing any more. */
	rehold(key: string, before: number, after: number, last: boolean): void {
		// Whoever holds something has an account.
		const account = this.#accounts.get(key);
		if (last) account?.release(before);
		else account?.rehold(after - before);
	}

	spend(key: string, usage: Usage, now: number): void {
		const amount = amountOf(usage, this.limit.measure);
		if (amount > 0) this.#account(key, now).spend(amount, now);
	}

	/** Whether most of the limit is gone. */
	isLow(left: number, warnAt: number): boolean {
		const { limit } = this.limit;
		return limit - left >= warnAt * limit - this.#tolerance;
	}

	forget(key: string): void {
		this.#accounts.delete(key);
	}

	/** Every account with what it has used and reserved. */
	*accounts(now: number): Generator<{ readonly key: string; readonly used: number; readonly reserved: number }> {
		for (const [key, account] of this.#accounts) {
			if (!account.isEmpty(now)) yield { key, used: account.used(now), reserved: account.reserved };
		}
	}

	*saved(now: number): Generator<{ readonly key: string; readonly used: SavedAmount }> {
		for (const [key, account] of this.#accounts) if (!account.isEmpty(now)) yield { key, used: account.saved(now) };
	}

	restore(key: string, used: SavedAmount, now: number): void {
		this.#account(key, now).restore(used);
	}

	#account(key: string, now: number): Account {
		this.#sweep(now);
		let account = this.#accounts.get(key);
		if (account === undefined) {
			account = new Account(this.#per);
			this.#accounts.set(key, account);
		}
		return account;
	}

	/** Four times a window: so there are at most those that were used in the last one and a quarter. */
	#sweep(now: number): void {
		if (this.#per === undefined || now < this.#sweepAt) return;
		this.#sweepAt = now + this.#per / 4;
		for (const [key, account] of this.#accounts) if (account.isEmpty(now)) this.#accounts.delete(key);
	}
}

/** Without the digits that are rounding. */
function inWords(amount: number): string {
	return String(Number(amount.toPrecision(12)));
}
