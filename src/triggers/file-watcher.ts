import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { pause } from "../core/pause.js";
import { changesBetween, type FileChange } from "./file-changes.js";
import { type Listing, listFiles, tooMany } from "./file-listing.js";
import { EMPTY_MANIFEST, type FileState, type Manifest } from "./file-manifest.js";
import { FilePatterns, type FileSettings, fileSettings, isBelow } from "./file-patterns.js";
import { FileProblems } from "./file-problems.js";
import { lookAtAll, type Reading, type Sight } from "./file-reading.js";
import { type FolderWatch, isFolderThere, watchFolders } from "./folder-watch.js";
import { Settling } from "./settling.js";
import type { FileSchedule } from "./trigger.js";

/** What is known, and who is told. */
export interface FileWatchOptions {
	/** What is known of the files; without it what is there now is the baseline. */
	readonly manifest: Manifest | undefined;
	readonly clock: Clock;
	/**
	 * Stores changes, and what is known then; without changes for a baseline. They count when it resolves. If it rejects, the
	 * same are offered again after a while, 100 ms and then ever longer up to 30 s; with `FENCED` it is over.
	 */
	readonly onChanges: (changes: readonly FileChange[], manifest: Manifest) => Promise<void>;
	/** Is told what goes wrong, of each file once; what it throws is ignored. */
	readonly onProblem: (error: SwarmError) => void;
	/** Ends it, while it starts, too. */
	readonly signal?: AbortSignal;
}

/** Files that are watched. */
export interface FileWatch {
	/** Nothing was known before: what was there at the start is no change. */
	readonly isBaseline: boolean;
	/** It was closed, or ended after a problem that it told. */
	readonly isOver: boolean;
	/** Resolves when all that it was told of has been looked at and stored, or it is over. */
	whenIdle(): Promise<void>;
	/** No file is open when it resolves; changes that are being stored are not waited for. Never rejects. */
	close(): Promise<void>;
}

/**
 * Watches the files of a trigger. That something may have changed is what the system says; whether it has is found by reading
 * the file once it was left alone, so that the last of several changes always counts. What is known moves on only when
 * changes are stored: those that are not are found again, by this process or the next one.
 *
 * @param schedule - which files
 * @param cwd - where relative paths begin, absolute; `schedule.cwd` goes first
 * @returns when all files were looked at, and changes since the manifest, or the baseline, are stored
 * @throws SwarmError `INVALID_OPTION` for a schedule that is none, `LIMIT_EXCEEDED` when there are more than `maxFiles` files,
 *   `CANCELLED` by the signal, `FENCED` when that is what the first changes were answered
 */
export async function watchFiles(schedule: FileSchedule, cwd: string, options: FileWatchOptions): Promise<FileWatch> {
	const settings = fileSettings(schedule);
	const watcher = new FileWatcher(new FilePatterns(schedule, schedule.cwd ?? cwd), settings, options);
	try {
		await watcher.start();
	} catch (error) {
		await watcher.close();
		throw error;
	}
	return watcher;
}

/** Paths that are looked at together. */
const BATCH = 1_000;
/** The system's queue of news is bounded, and says nothing of what did not fit. */
const MANY = 10_000;
/** Each makes every further look at a path a little dearer: then all is watched anew. */
const MANY_LOST = 100;
/** A new folder is listed before it is watched; what comes in between is found by looking again. */
const LOOK_AGAIN_MS = 1_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 30_000;

/** What was seen in one go. */
interface View {
	/** By the name in the manifest; in the order of their changes. */
	readonly seen: Map<string, FileState | undefined>;
	/** There are folders where something may have changed. */
	readonly folders: string[];
	/** Where nothing is, and nothing was known: it may have been a folder. */
	readonly gone: string[];
}

class FileWatcher implements FileWatch {
	readonly isBaseline: boolean;
	#manifest: Manifest;
	#isFirst = true;
	readonly #end = new AbortController();
	readonly #settling: Settling;
	readonly #problems: FileProblems;
	readonly #reading: Reading;
	#listing: Listing = { files: new Set(), folders: new Map() };
	#watch: FolderWatch | undefined;
	/** Folders that were taken away: one that is there again is watched by nobody. */
	readonly #lost = new Set<string>();
	#isWhole = true;
	/** Folders that are new. */
	readonly #again: Settling;
	#isBusy = false;
	/** What is waited for when it is closed. */
	#looking: Promise<unknown> | undefined;
	#opening: Promise<void> | undefined;
	#closing: Promise<void> | undefined;
	readonly #idle: (() => void)[] = [];

	constructor(
		private readonly patterns: FilePatterns,
		private readonly settings: FileSettings,
		private readonly options: FileWatchOptions,
	) {
		this.isBaseline = options.manifest === undefined;
		this.#manifest = options.manifest ?? EMPTY_MANIFEST;
		this.#problems = new FileProblems(options.onProblem);
		this.#settling = new Settling(options.clock, settings.settle, () => void this.#run());
		this.#again = new Settling(options.clock, LOOK_AGAIN_MS, () => {
			for (const folder of this.#again.take(MANY)) this.#touch(folder);
		});
		const wants = (path: string): boolean => patterns.wants(path);
		this.#reading = { wants, maxFileBytes: settings.maxFileBytes, signal: this.#end.signal };
	}

	get isOver(): boolean {
		return this.#end.signal.aborted;
	}

	async start(): Promise<void> {
		const { signal } = this.options;
		const end = (): void => void this.close();
		signal?.addEventListener("abort", end, { once: true });
		this.#end.signal.addEventListener("abort", () => signal?.removeEventListener("abort", end));
		if (signal?.aborted) end();
		this.#isBusy = true;
		try {
			await this.#reopen();
			await this.#turn([]);
		} finally {
			this.#isBusy = false;
		}
		if (this.isOver) throw new SwarmError("CANCELLED", "the watching was called off");
		void this.#run();
	}

	whenIdle(): Promise<void> {
		if (this.isOver || (!this.#isBusy && this.#settling.size === 0)) return Promise.resolve();
		return new Promise((resolve) => this.#idle.push(resolve));
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		this.#end.abort();
		this.#settling.clear();
		this.#again.clear();
		this.#tellIdle();
		await Promise.allSettled([this.#watch?.close(), this.#looking, this.#opening]);
	}

	#tellIdle(): void {
		for (const resolve of this.#idle.splice(0)) resolve();
	}

	#reopen(): Promise<void> {
		this.#opening = this.#open();
		return this.#opening;
	}

	/** Lists and watches. What is there before all is watched is looked at afterwards. */
	async #open(): Promise<void> {
		this.#lost.clear();
		this.#isWhole = true;
		this.#listing = await this.#list();
		if (this.isOver) return;
		const news = {
			touched: (path: string) => this.#touch(path),
			lost: (folder: string) => {
				this.#lost.add(folder);
				this.#touch(folder);
			},
			failed: (error: Error) => {
				this.#problems.ofWatching(error);
				this.#touchAll();
			},
		};
		this.#watch = await watchFolders(this.patterns, this.#listing, news, this.#end.signal);
		if (this.isOver) await this.#watch.close();
	}

	#list(): Promise<Listing> {
		const unreadable = (path: string, error: Error): void => this.#problems.ofPath(path, error);
		return listFiles(this.patterns, this.settings.maxFiles, this.#end.signal, unreadable);
	}

	#touch(path: string): void {
		if (this.isOver || !(this.patterns.wants(path) || this.patterns.leadsTo(path))) return;
		if (this.#settling.size >= MANY) {
			this.#settling.clear();
			this.#isWhole = true;
		}
		this.#settling.touch(path);
	}

	#touchAll(): void {
		this.#isWhole = true;
		if (!this.isOver) this.#settling.touch(this.patterns.cwd);
	}

	async #run(): Promise<void> {
		if (this.#isBusy || this.isOver) return;
		this.#isBusy = true;
		try {
			for (;;) {
				const touched = this.#settling.take(BATCH);
				if (touched.length === 0) break;
				if (touched.length === BATCH) this.#touchAll();
				await this.#turn(touched);
				if (this.isOver) return;
			}
		} catch (error) {
			if (this.isOver) return;
			this.#problems.ofAll(error);
			void this.close();
		} finally {
			this.#isBusy = false;
			if (this.#settling.size === 0) this.#tellIdle();
		}
	}

	/** Looks at what was touched, and has the changes stored. */
	async #turn(touched: readonly string[]): Promise<void> {
		if (await this.#isUnwatched()) {
			await this.#watch?.close();
			await this.#reopen();
		}
		const view: View = { seen: new Map(), folders: [], gone: [] };
		await this.#look(touched, view);
		if (this.#isWhole || view.folders.length + view.gone.length > 0) await this.#lookBelow(view);
		if (this.isOver) return;
		await this.#keepUnknown(view.seen);
		const { changes, manifest } = this.#compare(view.seen);
		if (manifest.files.size > this.settings.maxFiles) {
			throw tooMany("files", this.settings.maxFiles, this.patterns.pathOf([...manifest.files.keys()].at(-1) ?? ""));
		}
		if (changes.length > 0 || (this.#isFirst && this.isBaseline)) await this.#store(changes, manifest);
		if (this.isOver) return;
		this.#isFirst = false;
		this.#manifest = manifest;
	}

	#compare(seen: View["seen"]): ReturnType<typeof changesBetween> {
		const result = changesBetween(this.#manifest, seen);
		if (!this.#isFirst || !this.isBaseline) return result;
		return { changes: [], manifest: { change: 0, files: result.manifest.files } };
	}

	/** Whether a folder is there that the system tells nothing of any more. */
	async #isUnwatched(): Promise<boolean> {
		if (this.#lost.size >= MANY_LOST) return true;
		for (const folder of this.#lost)
			if (this.#watch?.roots.includes(folder) || (await isFolderThere(folder))) return true;
		return false;
	}

	async #look(paths: readonly string[], view: View, knownOf?: (path: string) => FileState | undefined): Promise<void> {
		const looking = lookAtAll(paths, this.#reading, knownOf);
		this.#looking = looking;
		const sights = await looking;
		if (this.isOver) return;
		for (const [index, path] of paths.entries()) {
			// As many as there are paths.
			this.#meet(path, sights[index] as Sight, view);
		}
	}

	#meet(path: string, sight: Sight, { seen, folders, gone }: View): void {
		if (sight.is === "unreadable") return this.#problems.ofPath(path, sight.error);
		this.#problems.forget(path);
		if (sight.is === "file" && sight.moving) this.#settling.touch(path);
		// It was not left alone meanwhile: its turn comes, and what is seen then counts.
		if (this.#settling.has(path) && !(this.#isFirst && this.isBaseline)) return;
		const key = this.patterns.keyOf(path);
		if (sight.is === "file") seen.set(key, sight.state);
		else if (this.#manifest.files.has(key)) seen.set(key, undefined);
		else if (sight.is === "nothing") gone.push(path);
		if (sight.is === "folder") folders.push(path);
	}

	/** Files that came or went with a folder, or all. Those with the size and the time that is known are not read again. */
	async #lookBelow(view: View): Promise<void> {
		const isWhole = this.#isWhole;
		this.#isWhole = false;
		const before = this.#listing;
		this.#listing = await this.#list();
		const places = [...view.folders, ...view.gone];
		const paths = new Set<string>();
		for (const key of this.#manifest.files.keys()) {
			const path = this.patterns.pathOf(key);
			if (isWhole || places.some((place) => isBelow(path, place))) paths.add(path);
		}
		for (const path of this.#listing.files) if (!this.#manifest.files.has(this.patterns.keyOf(path))) paths.add(path);
		const open = [...paths].filter((path) => !view.seen.has(this.patterns.keyOf(path))).sort();
		// What was written while nobody looked may have kept both.
		const knownOf = (path: string) => this.#manifest.files.get(this.patterns.keyOf(path));
		await this.#look(open, view, this.#isFirst ? undefined : knownOf);
		if (this.isOver) return;
		for (const folder of this.#listing.folders.keys()) if (!before.folders.has(folder)) this.#again.touch(folder);
	}

	/** With its folder everything is gone, a disk that is not mounted for instance: that says nothing of single files. */
	async #keepUnknown(seen: View["seen"]): Promise<void> {
		const missing = [...seen].filter(([, state]) => state === undefined);
		const { cwd } = this.patterns;
		if (missing.length === 0) return;
		if (await isFolderThere(cwd)) return this.#problems.forget(cwd);
		for (const [key] of missing) seen.delete(key);
		this.#problems.ofMissing(cwd);
	}

	async #store(changes: readonly FileChange[], manifest: Manifest): Promise<void> {
		for (let wait = FIRST_WAIT_MS; !this.isOver; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
			try {
				await this.options.onChanges(changes, manifest);
				return this.#problems.stored();
			} catch (error) {
				if (SwarmError.is(error) && error.code === "FENCED") throw error;
				if (!this.isOver) this.#problems.ofStore(error);
			}
			await pause(this.options.clock, wait, this.#end.signal);
		}
	}
}
