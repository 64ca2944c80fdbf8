import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { Attempt } from "./attempt.js";

/** How long progress is held back after it was saved, unless the agent says otherwise. */
const DEFAULT_INTERVAL_MS = 1_000;

interface NextSave {
	state: unknown;
	readonly every: number;
	readonly saved: PromiseWithResolvers<void>;
}

/**
 * A node's own progress, for the attempt after this one. The latest wins; it is kept across a crash and
 * cleared when the node ends.
 */
export class Checkpoint {
	readonly #attempt: Attempt;
	/** When the last save that succeeded did. */
	#savedAt = Number.NEGATIVE_INFINITY;
	/** What is to be saved when the interval is over, and who waits for it. */
	#next: NextSave | undefined;
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
	 * @throws SwarmError `INVALID_INPUT` for what is not plain data, `STALE_LEASE` when the attempt is over,
	 * `JOURNAL_UNAVAILABLE`
	 */
	save(state: unknown, options: { readonly every?: Duration } = {}): Promise<void> {
		const saved = this.#take(state, options);
		// Who does not wait for it is not brought down by a journal that fails: its run ends anyway.
		saved.catch(noop);
		return saved;
	}

	async #take(state: unknown, options: { readonly every?: Duration }): Promise<void> {
		const attempt = this.#attempt;
		const { node } = attempt.lease;
		const wrong = state === undefined ? undefined : findNotPlain(state);
		if (wrong !== undefined) {
			throw new SwarmError("INVALID_INPUT", `a checkpoint holds ${wrong.found} at "${wrong.path}"`, {
				nodes: [node],
				path: wrong.path,
			});
		}
		const every = milliseconds(options.every ?? DEFAULT_INTERVAL_MS, "every");
		// The node may have ended, or another attempt saved its own.
		if (!attempt.isCurrent) throw this.#over();
		attempt.run.checkpoints.note(node, state);
		if (this.#next !== undefined) {
			this.#next.state = state;
			return this.#next.saved.promise;
		}
		if (!this.#busy && this.#savedAt + every <= attempt.run.actor.clock.now()) return this.#save(state);
		this.#next = { state, every, saved: Promise.withResolvers<void>() };
		if (!this.#busy) this.#arm(this.#next);
		return this.#next.saved.promise;
	}

	#over(): SwarmError {
		const { node, attempt } = this.#attempt.lease;
		return new SwarmError("STALE_LEASE", `attempt ${attempt} of "${node}" is over and saves nothing any more`, {
			nodes: [node],
		});
	}

	/** What waits is saved an interval after what was saved last. */
	#arm({ every }: NextSave): void {
		const { clock } = this.#attempt.run.actor;
		clock.set(Math.max(this.#savedAt + every, clock.now()), () => this.flush());
	}

	/** @internal Saves what was held back: its time has come, or the process lets go of the run. */
	flush(): void {
		const next = this.#next;
		if (next === undefined) return;
		this.#next = undefined;
		if (!this.#attempt.isCurrent) next.saved.reject(this.#over());
		else this.#save(next.state).then(next.saved.resolve, next.saved.reject);
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
			if (this.#next !== undefined) this.#arm(this.#next);
		}
	}
}

function noop(): void {}
