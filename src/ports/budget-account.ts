import { RunningSum } from "../core/running-sum.js";

/** A window slides in so many steps: what was used is forgotten a step after the window has passed, at the latest. */
const STEPS = 60;

/** What was used within one step of a window. */
interface Step {
	readonly index: number;
	readonly used: RunningSum;
}

/** What one spender has used and reserved under one limit. */
export class Account {
	readonly #per: number | undefined;
	/** Without a window. */
	readonly #used = new RunningSum();
	/** With one, oldest first: at most one more than there are in a window. */
	readonly #steps: Step[] = [];
	#reserved = new RunningSum();
	/** Reservations that hold some of it. */
	#holders = 0;

	/** @param per - milliseconds of the window, if there is one */
	constructor(per: number | undefined) {
		this.#per = per;
	}

	used(now: number): number {
		if (this.#per === undefined) return this.#used.value;
		this.#expire(now);
		const sum = new RunningSum();
		for (const { used } of this.#steps) sum.add(used.value);
		return sum.value;
	}

	get reserved(): number {
		return this.#reserved.value;
	}

	/** What a new reservation has to fit beside. */
	counted(now: number): number {
		return this.used(now) + this.reserved;
	}

	/** Whether forgetting it forgets nothing. */
	isEmpty(now: number): boolean {
		if (this.#holders > 0 || this.#per === undefined) return false;
		this.#expire(now);
		return this.#steps.length === 0;
	}

	spend(amount: number, now: number): void {
		if (amount === 0) return;
		if (this.#per === undefined) this.#used.add(amount);
		else this.#stepAt(Math.floor(now / (this.#per / STEPS))).add(amount);
	}

	hold(amount: number): void {
		this.#holders++;
		this.#reserved.add(amount);
	}

	/** What a reservation holds has become more or less. */
	rehold(difference: number): void {
		this.#reserved.add(difference);
	}

	release(amount: number): void {
		this.#reserved.add(-amount);
		// Nobody holds anything: whatever rounding has left is nobody's.
		if (--this.#holders === 0) this.#reserved = new RunningSum();
	}

	/**
	 * When so much will have left the window.
	 *
	 * @returns milliseconds since the Unix epoch; when the first of it leaves if all of it is not enough; undefined when
	 * nothing will ever leave
	 */
	freedAt(amount: number, now: number): number | undefined {
		if (this.#per === undefined) return undefined;
		this.#expire(now);
		const freed = new RunningSum();
		for (const { index, used } of this.#steps) {
			freed.add(used.value);
			if (freed.value >= amount) return this.#end(index);
		}
		const [first] = this.#steps;
		return first === undefined ? undefined : this.#end(first.index);
	}

	/** What was used, as plain data: a sum, or with a window pairs of a step's number and what was used in it. */
	saved(now: number): SavedAmount {
		if (this.#per === undefined) return this.#used.value;
		this.#expire(now);
		return this.#steps.map(({ index, used }) => [index, used.value] as const);
	}

	restore(saved: SavedAmount): void {
		if (typeof saved === "number") this.#used.add(saved);
		else for (const [index, amount] of saved) this.#stepAt(index).add(amount);
	}

	#stepAt(index: number): RunningSum {
		const last = this.#steps.at(-1);
		// Of a clock that was put back the later time counts: nothing is forgotten too early.
		if (last !== undefined && index <= last.index) return last.used;
		const used = new RunningSum();
		this.#steps.push({ index, used });
		return used;
	}

	/** When what was used in a step is forgotten. */
	#end(index: number): number {
		const per = this.#per ?? 0;
		return (index + 1) * (per / STEPS) + per;
	}

	#expire(now: number): void {
		let gone = 0;
		for (const { index } of this.#steps) {
			if (this.#end(index) > now) break;
			gone++;
		}
		if (gone > 0) this.#steps.splice(0, gone);
	}
}

/** What an account has used, as plain data. */
export type SavedAmount = number | readonly (readonly [step: number, amount: number])[];
