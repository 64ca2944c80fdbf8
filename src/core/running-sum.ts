/**
 * A sum that does not drift: what floating point loses of each addition is carried along and added again (Neumaier,
 * "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974). Ten times 0.1 is 1.
 */
export class RunningSum {
	#sum = 0;
	/** What the additions have lost so far. */
	#lost = 0;

	/** @param amount - finite; a negative one takes away */
	add(amount: number): void {
		const sum = this.#sum + amount;
		// The smaller of the two is the one that loses digits.
		this.#lost += Math.abs(this.#sum) >= Math.abs(amount) ? this.#sum - sum + amount : amount - sum + this.#sum;
		this.#sum = sum;
	}

	get value(): number {
		return this.#sum + this.#lost;
	}
}
