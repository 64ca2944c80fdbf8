import { existsSync, type FSWatcher, realpathSync, utimesSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { systemClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";

/** Other processes are told so often at most. */
const PAUSE_MS = 5;

interface Listener {
	readonly changed: () => void;
	readonly failed: (error: unknown) => void;
}

/**
 * Tells the processes that look at a file what was committed to it. A commit is seen by others only after the last
 * byte of the write-ahead log is written, so who is woken by the log may come too early, and nothing wakes him again
 * (https://www.sqlite.org/walformat.html). Therefore each writer sets the time of the file
 * itself once its commit is to be seen, and the readers watch for that.
 */
export class SqliteBell {
	readonly #listeners = new Set<Listener>();
	#watcher: FSWatcher | undefined;
	#mute = false;
	#rungAt = Number.NEGATIVE_INFINITY;
	/** What was committed since, and is still to be told. */
	#later: (() => void) | undefined;

	constructor(private readonly path: string) {}

	/**
	 * Something was committed. Never throws: it is in the file, whoever hears of it. Commits that follow each other
	 * closely are told together, the last one always: setting the time costs as much as a node or two.
	 */
	ring(): void {
		this.#tell();
		if (this.#mute || this.#later !== undefined) return;
		const now = systemClock.now();
		if (now >= this.#rungAt + PAUSE_MS) {
			this.#touch(now);
			return;
		}
		// The process may end after this commit, but not before others know of it.
		const release = systemClock.hold();
		const timer = systemClock.set(this.#rungAt + PAUSE_MS, () => this.#later?.());
		this.#later = () => {
			this.#later = undefined;
			systemClock.clear(timer);
			release();
			this.#touch(systemClock.now());
		};
	}

	#touch(at: number): void {
		this.#rungAt = at;
		try {
			const now = at / 1_000;
			// By its name: closing a second descriptor of the file would drop the locks that SQLite holds on it
			// (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
			utimesSync(this.path, now, now);
		} catch (error) {
			this.#mute = true;
			process.emitWarning(
				`other processes cannot watch what this one writes to ${this.path}: ${(error as Error).message}`,
				"SwarmJournalWarning",
			);
		}
	}

	/** @returns ends it */
	listen(changed: () => void, failed: (error: unknown) => void): () => void {
		const listener = { changed, failed };
		this.#watcher ??= this.#watch();
		this.#listeners.add(listener);
		return () => {
			if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#rest();
		};
	}

	/** Those who listen are told, and find the journal closed. */
	close(): void {
		this.#later?.();
		this.#tell();
		this.#listeners.clear();
		this.#rest();
	}

	#tell(): void {
		for (const { changed } of this.#listeners) tell(changed);
	}

	/** The folder, as some systems would watch the file through a descriptor of it. */
	#watch(): FSWatcher {
		try {
			const path = realpathSync(this.path);
			const file = basename(path);
			const watcher = watch(dirname(path), (_, name) => {
				if (name !== null && name !== file) return;
				if (existsSync(path)) this.#tell();
				else this.#fail(watcher, new Error("it was moved or removed"));
			});
			watcher.on("error", (error) => this.#fail(watcher, error));
			return watcher;
		} catch (error) {
			throw unwatched(this.path, error);
		}
	}

	#fail(watcher: FSWatcher, error: unknown): void {
		if (watcher !== this.#watcher) return;
		const listeners = [...this.#listeners];
		this.#listeners.clear();
		this.#rest();
		for (const { failed } of listeners) failed(unwatched(this.path, error));
	}

	#rest(): void {
		this.#watcher?.close();
		this.#watcher = undefined;
	}
}

/** What is committed stays so, whatever becomes of him who hears of it. */
export function tell(listener: () => void): void {
	try {
		listener();
	} catch (error) {
		process.emitWarning(`a listener of a journal threw: ${String(error)}`, "SwarmJournalWarning");
	}
}

function unwatched(path: string, error: unknown): SwarmError {
	const why = error instanceof Error ? error.message : String(error);
	return new SwarmError("JOURNAL_UNAVAILABLE", `the journal ${path} cannot be watched: ${why}`, {}, { cause: error });
}
