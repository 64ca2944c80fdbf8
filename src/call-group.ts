import type { ChildWake } from "./call-end.js";
import type { RefusedCall } from "./graph/types.js";

/** Calls that were made together: their caller wakes once, when the last of them is over. */
export class CallGroup {
	readonly #ends: (ChildWake | undefined)[];
	#open: number;
	readonly #done: (wake: ChildWake) => void;

	/**
	 * @param size - how many calls, at least 1
	 * @param done - called once, with how each of them ended
	 */
	constructor(size: number, done: (wake: ChildWake) => void) {
		this.#ends = Array.from({ length: size }, () => undefined);
		this.#open = size;
		this.#done = done;
	}

	/** One of them never began. */
	refuse({ index, error }: RefusedCall): void {
		this.take(index, { kind: "child", status: "refused", error });
	}

	/** One of them is over. */
	take(index: number, end: ChildWake): void {
		if (this.#ends[index] !== undefined) return;
		this.#ends[index] = end;
		if (--this.#open > 0) return;
		// What is not there at all is called again, with the others as they ended.
		const isLost = this.#ends.some((each) => each?.status === "lost");
		this.#done({ kind: "child", ...(isLost ? { status: "lost" } : { status: "completed", output: this.#ends }) });
	}
}
