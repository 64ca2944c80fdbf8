import type { Lease } from "./types.js";

/**
 * The event that a node started, which is the lease itself. It remembers the node's number where
 * nobody outside can see it, so that the outcome finds its node without a lookup by id.
 */
export class Started implements Lease {
	readonly #n: number;
	readonly type = "node.started";

	constructor(
		readonly seq: number,
		readonly at: number,
		readonly node: string,
		readonly attempt: number,
		readonly epoch: number,
		n: number,
	) {
		this.#n = n;
	}

	/** The number of the leased node, -1 for a lease that was copied or made by hand. */
	static numberOf(lease: Lease): number {
		return #n in lease ? (lease as Started).#n : -1;
	}
}
