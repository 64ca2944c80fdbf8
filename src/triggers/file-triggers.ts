import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { pause } from "../core/pause.js";
import { arrival } from "./arrivals.js";
import { whyShut } from "./due.js";
import { type FileChange, payloadOfChange } from "./file-changes.js";
import { type Manifest, manifestName, manifestText, parseManifest } from "./file-manifest.js";
import { type FileWatch, watchFiles } from "./file-watcher.js";
import { LEADER } from "./leadership.js";
import { changeKey } from "./occurrence-key.js";
import type { Store } from "./store.js";
import type { FileSchedule, TriggerRecord } from "./trigger.js";
import { untilWritten } from "./until-written.js";

/** What {@link FileTriggers} works with. */
export interface FileTriggersOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly fence: number;
	/** What the store did not give is asked for again after so long; milliseconds. */
	readonly tryAgain: number;
	/** Where relative paths of triggers begin that say nothing else. */
	readonly cwd: string;
	/** Occurrences were added. */
	readonly onChange: () => void;
	readonly onProblem: (error: SwarmError, trigger: string) => void;
}

interface Watching {
	readonly id: string;
	readonly revision: number;
	readonly stop: AbortController;
	watch: FileWatch | undefined;
	/** Resolves when it watches, or cannot. */
	opened: Promise<void>;
}

/** The watches of the file triggers, in the process that leads. */
export class FileTriggers {
	readonly #options: FileTriggersOptions;
	/** By the id of the trigger. */
	readonly #watching = new Map<string, Watching>();
	#closed = false;

	constructor(options: FileTriggersOptions) {
		this.#options = options;
	}

	/** Watches what there is to be watched now, and nothing else. One that is paused is watched, too: its changes pass by. */
	follow(records: readonly TriggerRecord[]): void {
		if (this.#closed) return;
		const wanted = new Map<string, TriggerRecord>();
		for (const record of records)
			if (record.spec.on.kind === "file" && record.over === undefined) wanted.set(record.spec.id, record);
		for (const watching of this.#watching.values()) {
			const { id, revision } = watching;
			if (wanted.get(id)?.revision === revision) continue;
			void this.#end(watching);
			void this.#forget(manifestName(id, revision));
		}
		for (const record of wanted.values()) if (!this.#watching.has(record.spec.id)) this.#begin(record);
	}

	/** Resolves when what is to be watched is: what changes from then on counts. */
	async opened(): Promise<void> {
		await Promise.all(Array.from(this.#watching.values(), ({ opened }) => opened));
	}

	/** Resolves when no file is open. */
	async close(): Promise<void> {
		this.#closed = true;
		await Promise.all(Array.from(this.#watching.values(), (watching) => this.#end(watching)));
	}

	#begin({ spec, revision }: TriggerRecord): void {
		const watching: Watching = {
			id: spec.id,
			revision,
			stop: new AbortController(),
			watch: undefined,
			opened: Promise.resolve(),
		};
		this.#watching.set(spec.id, watching);
		// The kind was looked at by whoever asked for it.
		watching.opened = new Promise((resolve) => {
			void this.#keepOpening(watching, spec.on as FileSchedule, resolve);
		});
	}

	/**
	 * What only the store does not give for a while is tried again; what goes wrong is told once.
	 *
	 * @param tried - it is open, or was tried once
	 */
	async #keepOpening(watching: Watching, schedule: FileSchedule, tried: () => void): Promise<void> {
		const { clock, tryAgain } = this.#options;
		const { signal } = watching.stop;
		let told: string | undefined;
		while (!signal.aborted) {
			try {
				await this.#open(watching, schedule);
				return;
			} catch (error) {
				const text = String(error);
				if (!signal.aborted && text !== told) this.#problem(error, watching.id);
				told = text;
				if (SwarmError.is(error) && error.code !== "JOURNAL_UNAVAILABLE") return;
			} finally {
				tried();
			}
			await pause(clock, tryAgain, signal);
		}
	}

	async #open(watching: Watching, schedule: FileSchedule): Promise<void> {
		const { store, clock, cwd } = this.#options;
		const { id, revision, stop } = watching;
		const name = manifestName(id, revision);
		const text = await store.document(name);
		watching.watch = await watchFiles(schedule, cwd, {
			manifest: text === undefined ? undefined : parseManifest(text, name),
			clock,
			signal: stop.signal,
			onChanges: (changes, manifest) => this.#put(watching, schedule.cwd ?? cwd, changes, manifest),
			onProblem: (error) => this.#problem(error, id),
		});
		// It may have been asked to end while it was opened.
		if (stop.signal.aborted) await watching.watch.close();
	}

	/** Changes become occurrences together with what is known of the files by then. */
	async #put(watching: Watching, cwd: string, changes: readonly FileChange[], manifest: Manifest): Promise<void> {
		const { store, clock, fence, onChange } = this.#options;
		const { id, revision } = watching;
		const isPut = await untilWritten(`what has changed for trigger "${id}"`, async () => {
			const record = await store.trigger(id);
			// What it was is nobody's any more: whoever follows the triggers ends this watch.
			if (record?.revision !== revision) return false;
			const now = clock.now();
			const isShut = whyShut(record, now) !== undefined;
			const rows = changes.map((change) =>
				arrival(record, changeKey(record, change.ordinal, change.hash), now, { payload: payloadOfChange(change, cwd) }),
			);
			const answer = await store.write({
				lease: { name: LEADER, fence },
				add: isShut ? [] : rows,
				triggers: [
					{
						...record,
						cursor: { ...record.cursor, change: manifest.change },
						version: record.version + 1,
						updatedAt: now,
					},
				],
				documents: [{ name: manifestName(id, revision), body: manifestText(manifest) }],
			});
			if (!answer.ok && answer.why === "fenced") throw new SwarmError("FENCED", "another process leads by now");
			return answer.ok ? true : undefined;
		});
		if (isPut) onChange();
	}

	#end(watching: Watching): Promise<void> {
		watching.stop.abort();
		this.#watching.delete(watching.id);
		return watching.watch?.close() ?? Promise.resolve();
	}

	async #forget(name: string): Promise<void> {
		const { store, fence } = this.#options;
		try {
			await store.write({ lease: { name: LEADER, fence }, documents: [{ name, body: undefined }] });
		} catch (error) {
			this.#problem(error, name);
		}
	}

	#problem(error: unknown, trigger: string): void {
		const known = SwarmError.is(error) ? error : new SwarmError("INTERNAL", String(error), {}, { cause: error });
		if (known.code !== "FENCED" && !this.#closed) this.#options.onProblem(known, trigger);
	}
}
