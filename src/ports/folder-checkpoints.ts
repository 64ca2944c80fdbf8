import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NodeId, RunId } from "../core/ids.js";
import { closedStore, corruptCheckpoint } from "./checkpoint-errors.js";
import { checkpointText, readCheckpoint } from "./checkpoint-text.js";
import type { CheckpointerPort, CheckpointerStore } from "./checkpointer.js";
import { fileName, namedText } from "./file-name.js";
import type { RunInfo } from "./port.js";

const ENDING = ".checkpoint";
/** A file that was not finished. */
const UNFINISHED = ".unfinished";

/**
 * Keeps the progress of nodes in files, in a folder for each run: when `save` has resolved, it is on the disk. A file is
 * replaced whole or not at all, and has a checksum. The folder goes when its run has ended; a run that begins finds
 * nothing of an earlier one with its id.
 *
 * A run has one store at a time: when it is opened again, the one before refuses to write.
 *
 * @param options - `directory`: is made when something is saved
 *
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { folderCheckpoints } from "dagswarm";
 *
 * const directory = mkdtempSync(join(tmpdir(), "checkpoints-"));
 * const run = { run: "nightly/2026", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const before = await folderCheckpoints({ directory }).open(run);
 * await before.save("crawl", { page: 7, seen: new Uint8Array([1, 2]) });
 *
 * // In another process:
 * const after = await folderCheckpoints({ directory }).open({ ...run, resumed: true });
 * const { page } = (await after.load()).get("crawl") as { page: number };
 * page; // 7
 * await after.close?.(true);
 * ```
 */
export function folderCheckpoints(options: { readonly directory: string }): CheckpointerPort {
	const current = new Map<RunId, FolderStore>();
	return {
		async open({ run, resumed }: RunInfo): Promise<CheckpointerStore> {
			const before = current.get(run);
			const store = new FolderStore(run, join(options.directory, fileName(run)), () => {
				if (current.get(run) === store) current.delete(run);
			});
			current.set(run, store);
			await before?.fence();
			if (!resumed) await store.empty();
			return store;
		},
	};
}

class FolderStore implements CheckpointerStore {
	readonly #run: RunId;
	readonly #folder: string;
	readonly #closed: () => void;
	/** The last thing that is done for each node: one after the other, so that the latest wins. */
	readonly #doing = new Map<NodeId, Promise<void>>();
	#isOpen = true;
	#hasFolder: Promise<void> | undefined;

	constructor(run: RunId, folder: string, closed: () => void) {
		this.#run = run;
		this.#folder = folder;
		this.#closed = closed;
	}

	async load(): Promise<ReadonlyMap<NodeId, unknown>> {
		const states = new Map<NodeId, unknown>();
		for (const name of await namesIn(this.#folder)) {
			if (!name.endsWith(ENDING)) continue;
			const file = join(this.#folder, name);
			const saved = readCheckpoint(this.#run, await readFile(file, "utf8"));
			if (saved === undefined || fileName(saved.node) + ENDING !== name)
				throw corruptCheckpoint(this.#run, namedText(name.slice(0, -ENDING.length)), file);
			states.set(saved.node, saved.state);
		}
		return states;
	}

	save(node: NodeId, state: unknown): Promise<void> {
		return this.#then(node, () => {
			// At once: the state may be changed while it waits for its turn.
			const text = checkpointText(this.#run, node, state);
			return () => this.#write(node, text);
		});
	}

	clear(node: NodeId): Promise<void> {
		return this.#then(node, () => () => rm(this.#file(node), { force: true }));
	}

	async close(ended: boolean): Promise<void> {
		if (!this.#isOpen) return;
		await this.fence();
		if (ended) await this.empty();
		this.#closed();
	}

	/** Takes no more, and waits for what it has taken. */
	async fence(): Promise<void> {
		this.#isOpen = false;
		await Promise.allSettled(this.#doing.values());
	}

	/** Takes away all that was saved, and what a process has left that died while it did. */
	async empty(): Promise<void> {
		await rm(this.#folder, { recursive: true, force: true });
	}

	/** @param prepare - what is to be done, when its turn has come */
	async #then(node: NodeId, prepare: () => () => Promise<void>): Promise<void> {
		if (!this.#isOpen) throw closedStore(this.#run, node);
		const act = prepare();
		// What failed before this was told to whoever asked for it.
		const done = (this.#doing.get(node) ?? Promise.resolve()).then(act, act);
		this.#doing.set(node, done);
		try {
			await done;
		} finally {
			if (this.#doing.get(node) === done) this.#doing.delete(node);
		}
	}

	async #write(node: NodeId, text: string): Promise<void> {
		this.#hasFolder ??= this.#makeFolder();
		await this.#hasFolder;
		const file = this.#file(node);
		const unfinished = file + UNFINISHED;
		const handle = await open(unfinished, "w");
		try {
			await handle.writeFile(text, "utf8");
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(unfinished, file);
		await syncFolder(this.#folder);
	}

	async #makeFolder(): Promise<void> {
		try {
			await mkdir(this.#folder, { recursive: true });
			await syncFolder(dirname(this.#folder));
		} catch (error) {
			// The next one tries again: the disk may have room by then.
			this.#hasFolder = undefined;
			throw error;
		}
	}

	#file(node: NodeId): string {
		return join(this.#folder, fileName(node) + ENDING);
	}
}

/** The files of a folder, none when there is none. */
async function namesIn(folder: string): Promise<string[]> {
	try {
		return (await readdir(folder)).sort();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}

/** Puts the names of a folder on the disk. */
async function syncFolder(folder: string): Promise<void> {
	// There a folder cannot be opened, and names are kept with the files.
	if (process.platform === "win32") return;
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
