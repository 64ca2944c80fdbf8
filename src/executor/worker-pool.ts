import PQueue from "p-queue";

/** Runs worker loops side by side. A port: a simulation brings its own. */
export interface WorkerPool {
	/** How many loops may run at a time. */
	readonly concurrency: number;
	/** Runs a loop as soon as there is room. A loop takes node after node and ends when nothing is ready. */
	add(loop: () => Promise<void>): void;
	/**
	 * Carries one call to a worker and its outcome back; without it the function is called in place. An
	 * outcome may come late, never, or more than once: the lease decides which one counts.
	 *
	 * @param call - calls the agent function, at most once; it may throw, or return a promise
	 * @param arrive - takes the outcome
	 */
	execute?(call: () => unknown, arrive: (ok: boolean, value: unknown) => void): void;
}

/**
 * The in-process pool: p-queue keeps the bound. It sees one entry for a worker loop, not one for a
 * node, so it costs nothing on the hot path.
 */
export class LocalPool implements WorkerPool {
	readonly #queue: PQueue;

	/** @param concurrency - loops at a time, at least 1 */
	constructor(readonly concurrency: number) {
		this.#queue = new PQueue({ concurrency });
	}

	add(loop: () => Promise<void>): void {
		void this.#queue.add(loop);
	}
}
