/** How many nodes were in each state when it was last said that they may be seen. */
export class KeptCounts {
	readonly counts: Int32Array;

	constructor(private readonly current: Int32Array) {
		this.counts = new Int32Array(current.length);
	}

	keep(): void {
		// Ten integers: `set` would take longer to begin.
		for (let state = 0; state < this.counts.length; state++) this.counts[state] = this.current[state] as number;
	}
}
