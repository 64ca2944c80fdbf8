import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { SwarmError } from "../core/errors.js";
import type { FilePatterns } from "./file-patterns.js";

/** What is there of the files that a trigger is about. */
export interface Listing {
	/** Absolute paths. */
	readonly files: ReadonlySet<string>;
	/** The folders that they are in or may come to, each with its path without links. */
	readonly folders: ReadonlyMap<string, string>;
}

/** What goes wrong on the way does not end a walk. */
export type OnUnreadable = (path: string, error: Error) => void;

/**
 * Lists the files that a trigger is about. Links are followed; a folder that can be reached in several ways counts once, and
 * under its own name rather than a link's, so that a circle of links has an end.
 *
 * @throws SwarmError `LIMIT_EXCEEDED` when there are more than `maxFiles` files, or folders
 */
export async function listFiles(
	patterns: FilePatterns,
	maxFiles: number,
	signal: AbortSignal,
	unreadable: OnUnreadable,
): Promise<Listing> {
	const walk = new Walk(patterns, maxFiles, unreadable);
	for (const base of patterns.bases) await walk.start(base);
	while (!signal.aborted && (await walk.step()));
	return walk;
}

class Walk implements Listing {
	readonly files = new Set<string>();
	readonly folders = new Map<string, string>();
	readonly #seen = new Set<string>();
	readonly #ahead: { readonly path: string; readonly real: string }[] = [];
	/** Links to folders: after all that can be reached without them. */
	readonly #links: string[] = [];

	constructor(
		private readonly patterns: FilePatterns,
		private readonly maxFiles: number,
		private readonly unreadable: OnUnreadable,
	) {}

	async start(base: string): Promise<void> {
		await this.#attempt(base, async () => {
			const stats = await stat(base);
			if (stats.isFile()) this.#addFile(base);
			else if (stats.isDirectory() && this.patterns.leadsTo(base))
				this.#ahead.push({ path: base, real: await realpath(base) });
		});
	}

	/** @returns whether there was another folder */
	async step(): Promise<boolean> {
		const next = this.#ahead.pop();
		if (next !== undefined) {
			await this.#visit(next.path, next.real);
			return true;
		}
		const link = this.#links.sort().shift();
		if (link === undefined) return false;
		await this.#attempt(link, async () => {
			this.#ahead.push({ path: link, real: await realpath(link) });
		});
		return true;
	}

	async #visit(path: string, real: string): Promise<void> {
		if (this.#seen.has(real)) return;
		this.#seen.add(real);
		this.folders.set(path, real);
		if (this.folders.size > this.maxFiles) throw tooMany("folders", this.maxFiles, path);
		await this.#attempt(path, async () => {
			const entries = await readdir(path, { withFileTypes: true });
			for (const entry of entries) await this.#meet(entry, join(path, entry.name), join(real, entry.name));
		});
	}

	async #meet(entry: Dirent, path: string, real: string): Promise<void> {
		if (entry.isFile()) this.#addFile(path);
		else if (entry.isDirectory()) {
			if (this.patterns.leadsTo(path)) this.#ahead.push({ path, real });
		} else if (entry.isSymbolicLink() && (this.patterns.wants(path) || this.patterns.leadsTo(path))) {
			await this.#attempt(path, async () => {
				const stats = await stat(path);
				if (stats.isFile()) this.#addFile(path);
				else if (stats.isDirectory() && this.patterns.leadsTo(path)) this.#links.push(path);
			});
		}
	}

	#addFile(path: string): void {
		if (!this.patterns.wants(path)) return;
		this.files.add(path);
		if (this.files.size > this.maxFiles) throw tooMany("files", this.maxFiles, path);
	}

	/** What has gone meanwhile is not there, and links to nothing or in a circle lead nowhere. */
	async #attempt(path: string, look: () => Promise<void>): Promise<void> {
		try {
			await look();
		} catch (error) {
			if (SwarmError.is(error)) throw error;
			const { code = "" } = error as NodeJS.ErrnoException;
			if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) this.unreadable(path, error as Error);
		}
	}
}

/** Watching a part of them would look as if it were all. */
export function tooMany(what: "files" | "folders", maxFiles: number, path: string): SwarmError {
	return new SwarmError("LIMIT_EXCEEDED", `the trigger is about more than ${maxFiles} ${what}, ${path} for one`, {
		hint: "narrow its paths, ignore folders such as **/node_modules/**, or raise maxFiles",
	});
}
