import { basename, dirname, join } from "node:path";
import type { NodeId, RunId } from "../core/ids.js";
import { closedStore, corruptCheckpoint } from "./checkpoint-errors.js";
import { checkpointText, nodeIn, readCheckpoint } from "./checkpoint-text.js";
import type { CheckpointerPort, CheckpointerStore } from "./checkpointer.js";
import { type Disk, isMissing, replaceFile, syncFolder, systemDisk } from "./disk.js";
import { nameOfId } from "./file-names.js";
import type { RunInfo } from "./port.js";

const ENDING = ".checkpoint";

/** Where {@link folderCheckpoints} keeps them. */
export interface FolderCheckpointsOptions {
	/** Is made when something is saved. */
	readonly directory: string;
	/** What is written with; the machine's disk by default. */
	readonly disk?: Disk;
}

/**
 * Keeps the progress of nodes in files, in a folder for each run: when `save` has resolved, it is on the disk. A file is
 * replaced whole or not at all, and has a checksum. The folder goes when its run has ended; a run that begins finds
 * nothing of an earlier one with its id.
 *
 * A run has one store at a time: when it is opened again, the one before refuses to write.
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
export function folderCheckpoints({ directory, disk = systemDisk }: FolderCheckpointsOptions): CheckpointerPort {
	const current = new Map<RunId, FolderStore>();
	return {
		async open({ run, resumed }: RunInfo): Promise<CheckpointerStore> {
			const before = current.get(run);
			const store = new FolderStore(disk, run, join(directory, nameOfId(run)), () => {
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
	readonly #disk: Disk;
	readonly #run: RunId;
	readonly #folder: string;
	readonly #closed: () => void;
	/** The last thing that is done for each node: one after the other, so that the latest wins. */
	readonly #doing = new Map<NodeId, Promise<void>>();
	#isOpen = true;
	#hasFolder: Promise<void> | undefined;

	constructor(disk: Disk, run: RunId, folder: string, closed: () => void) {
		this.#disk = disk;
		this.#run = run;
		this.#folder = folder;
		this.#closed = closed;
	}

	async load(): Promise<ReadonlyMap<NodeId, unknown>> {
		const states = new Map<NodeId, unknown>();
		for (const file of await this.#files()) {
			const text = await this.#disk.readFile(file, "utf8");
			const saved = readCheckpoint(this.#run, text);
			// One that stands in another's place is none.
			if (saved === undefined || this.#file(saved.node) !== file)
				throw corruptCheckpoint(this.#run, this.#nodeOf(file, text), file);
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
		return this.#then(node, () => () => this.#disk.rm(this.#file(node), { force: true }));
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
		await this.#disk.rm(this.#folder, { recursive: true, force: true });
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
		await replaceFile(this.#disk, this.#file(node), text, "new");
	}

	async #makeFolder(): Promise<void> {
		try {
			await this.#disk.mkdir(this.#folder, { recursive: true });
			await syncFolder(this.#disk, dirname(this.#folder));
		} catch (error) {
			// The next one tries again: the disk may have room by then.
			this.#hasFolder = undefined;
			throw error;
		}
	}

	#file(node: NodeId): string {
		return join(this.#folder, nameOfId(node) + ENDING);
	}

	/** The files of nodes, none where nothing was saved; not those that were never finished. */
	async #files(): Promise<string[]> {
		try {
			const names = await this.#disk.readdir(this.#folder);
			return names
				.filter((name) => name.endsWith(ENDING))
				.sort()
				.map((name) => join(this.#folder, name));
		} catch (error) {
			if (isMissing(error)) return [];
			throw error;
		}
	}

	/** Whose a damaged file is: said by its name, or by what is left of its text if that agrees with the name. */
	#nodeOf(file: string, text: string): NodeId | undefined {
		const name = basename(file, ENDING);
		return [name, nodeIn(text)].find((node) => node !== undefined && nameOfId(node) === name);
	}
}
