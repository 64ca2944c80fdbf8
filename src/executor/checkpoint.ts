import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { Attempt } from "./attempt.js";

/** How long progress is held back after it was saved, unless the agent says otherwise. */
const DEFAULT_INTERVAL_MS = 1_000;

/**
 * A node's own progress, for the attempt after this one. The latest wins; it is kept across a crash and
 * cleared when the node ends.
 */
export class Checkpoint {
	readonly #attempt: Attempt;
	/** When the last save that succeeded did. */
	#savedAt = Number.NEGATIVE_INFINITY;
	/** What is to be saved when the interval is over, and who waits for it. */
	#next: { state: unknown; readonly saved: PromiseWithResolvers<void> } | undefined;
	#busy = false;

	constructor(attempt: Attempt) {
		this.#attempt = attempt;
	}

	/**
	 * What was saved last, by this attempt or one before it.
	 *
	 * @returns undefined when nothing was
	 */
	load<State = unknown>(): State | undefined {
		return this.#attempt.run.checkpoints.load(this.#attempt.lease.node) as State | undefined;
	}

	/**
	 * Saves progress. Saves that follow each other closely are held back, and the latest of them is saved when the
	 * interval is over.
	 *
	 * @param state - plain data
	 * @param options - `every`: the least time between two saves; default 1 second
	 * @returns when this, or what was saved later, is kept; rejects when it is not
	 * @throws SwarmError `INVALID_INPUT` for what is not plain data, `JOURNAL_UNAVAILABLE`
	 */
	async save(state: unknown, options: { readonly every?: Duration } = {}): Promise<void> {
		const wrong = state === undefined ? undefined : findNotPlain(state);
		if (wrong !== undefined) {
			throw new SwarmError("INVALID_INPUT", `a checkpoint holds ${wrong.found} at "${wrong.path}"`, {
				nodes: [this.#attempt.lease.node],
				path: wrong.path,
			});
		}
		this.#attempt.run.checkpoints.note(this.#attempt.lease.node, state);
		const every = milliseconds(options.every ?? DEFAULT_INTERVAL_MS, "every");
		if (this.#next !== undefined) {
			this.#next.state = state;
			return this.#next.saved.promise;
		}
		const { clock } = this.#attempt.run.actor;
		const due = this.#savedAt + every;
		if (!this.#busy && due <= clock.now()) return this.#save(state);
		const next = { state, saved: Promise.withResolvers<void>() };
		this.#next = next;
		clock.set(Math.max(due, clock.now()), () => this.#flush());
		return next.saved.promise;
	}

	#flush(): void {
		const next = this.#next;
		// Who is over has nothing to say any more: the node may have ended, or another attempt saved its own.
		if (next === undefined) return;
		this.#next = undefined;
		if (this.#attempt.over !== undefined || !this.#attempt.isLive) {
			next.saved.resolve();
			return;
		}
		this.#save(next.state).then(next.saved.resolve, next.saved.reject);
	}

	async #save(state: unknown): Promise<void> {
		const { run, lease } = this.#attempt;
		this.#busy = true;
		try {
			await run.checkpoints.save(lease.node, state);
			// Only now: a save that failed is tried again at once.
			this.#savedAt = run.actor.clock.now();
		} finally {
			this.#busy = false;
		}
	}
}
