import type { Attempt } from "./attempt.js";

/** What is called when a promise settles: kept and used again, so that a node costs no closure. */
export class Callbacks {
	attempt: Attempt | undefined;
	readonly fulfilled: (value: unknown) => void;
	readonly rejected: (error: unknown) => void;

	constructor(settled: (callbacks: Callbacks, ok: boolean, value: unknown) => void) {
		this.fulfilled = (value) => settled(this, true, value);
		this.rejected = (error) => settled(this, false, error);
	}
}
