import { realpathSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Listing } from "./file-listing.js";
import { type FilePatterns, isBelow } from "./file-patterns.js";

/** What the system tells of folders. */
export interface FolderNews {
	/** Something may have changed at a path. */
	readonly touched: (path: string) => void;
	/** A folder was taken away or moved; another one may be in its place, and nobody watches that. */
	readonly lost: (folder: string) => void;
	/** Changes may have been missed. */
	readonly failed: (error: Error) => void;
}

export interface FolderWatch {
	/** Folders that are watched with all below them. */
	readonly roots: readonly string[];
	/** Never rejects. */
	close(): Promise<void>;
}

/**
 * Has the system tell of changes below folders. The watcher says where to look and no more: its own events have a leading-edge
 * throttle and would lose the last of several quick changes, so that the system's raw ones are what counts.
 *
 * @param listing - what is there: of several ways to a folder the one in it is watched
 * @returns when all is watched
 */
export async function watchFolders(
	patterns: FilePatterns,
	listing: Listing,
	news: FolderNews,
	signal: AbortSignal,
): Promise<FolderWatch> {
	// Loaded by those alone who have file triggers.
	const { watch } = await import("chokidar");
	const roots = await rootsOf(patterns);
	const ignored = ignoring(patterns, listing, roots);
	// `atomic` would hold deletions back for a time of its own, and not tell of some editors' files.
	const watcher = watch([...roots], { ignored, ignoreInitial: true, atomic: false, ignorePermissionErrors: true });
	const known = new Set([...listing.folders.keys(), ...roots]);
	const isFolder = (path: string): boolean => known.has(path) || patterns.isAbove(path);
	watcher.on("addDir", (path) => known.add(path));
	watcher.on("all", (_, path) => news.touched(path));
	watcher.on("raw", (event, name, details) => {
		const { watchedPath: watched } = details as { readonly watchedPath: string };
		// Of a folder's own end the system tells under the folder's name.
		if (event === "rename" && name === basename(watched) && isFolder(watched)) {
			// The watchers of a process share what they have of the system. All must let go of it now, in this turn: otherwise who
			// watches the folder that comes in its place is given the dead one.
			watcher.unwatch(watched);
			news.lost(watched);
		}
		if (typeof name === "string" && name !== "") news.touched(join(watched, name));
		if (!isFolder(watched) || !name) news.touched(watched);
	});
	const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
	watcher.on("ready", isReady);
	watcher.on("error", (error) => {
		news.failed(error as Error);
		// It may never be ready then; what comes meanwhile is found by the look that follows a failure.
		isReady();
	});
	signal.addEventListener("abort", () => isReady(), { once: true });
	await ready;
	return {
		roots,
		async close() {
			const closed = watcher.close();
			// Closing takes all listeners away, and an error that nobody listens to would be thrown.
			watcher.on("error", () => {});
			await closed.catch(() => {});
		},
	};
}

/** The nearest folders that are there, so that those in them are noticed when they come; none is in another one. */
async function rootsOf(patterns: FilePatterns): Promise<readonly string[]> {
	const found = new Set<string>();
	for (const base of patterns.bases) {
		let path = base === patterns.cwd || isBelow(base, patterns.cwd) ? patterns.cwd : dirname(base);
		while (!(await isFolderThere(path)) && path !== dirname(path)) path = dirname(path);
		found.add(path);
	}
	return [...found].filter((path) => ![...found].some((other) => isBelow(path, other)));
}

export async function isFolderThere(path: string): Promise<boolean> {
	try {
		return (await stat(path)).isDirectory();
	} catch {
		return false;
	}
}

/** What need not be watched: what no pattern leads to, and second ways to the same folder. */
function ignoring(
	patterns: FilePatterns,
	listing: Listing,
	roots: readonly string[],
): (path: string, stats?: Stats) => boolean {
	const owners = new Map([...listing.folders].map(([path, real]) => [real, path]));
	const isSecondWay = (path: string): boolean => {
		if (listing.folders.has(path) || patterns.isAbove(path)) return false;
		try {
			const real = realpathSync(path);
			const owner = owners.get(real) ?? path;
			owners.set(real, owner);
			return owner !== path;
		} catch {
			// It has gone.
			return true;
		}
	};
	return (path, stats) => {
		if (roots.includes(path)) return false;
		if (stats?.isDirectory()) return !patterns.leadsTo(path) || isSecondWay(path);
		if (stats?.isFile()) return !patterns.wants(path);
		return !patterns.leadsTo(path) && !patterns.wants(path);
	};
}
