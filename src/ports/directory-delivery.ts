import { join } from "node:path";
import { SwarmError } from "../core/errors.js";
import type { Delivery, DeliveryPort } from "./delivery.js";
import { DeliveryError } from "./delivery-error.js";
import { deliveryText, fileEntry, parseDelivery } from "./delivery-text.js";
import { type Disk, isMissing, syncFolder, systemDisk, writeNew } from "./disk.js";
import { FolderNames, nameOfId } from "./file-names.js";

/** Where outcomes are delivered. */
export interface DirectoryDeliveryOptions {
	/** Each run gets a folder in it. It is made when it is needed. */
	readonly directory: string;
	/** What files are written with; default `node:fs/promises`. */
	readonly disk?: Disk;
}

/**
 * Delivers into folders, one for each run: `outcome.json` with its status, outputs or error, and a file for each artifact
 * in `artifacts/`. `outcome.json` lists them with their files: names that are unsafe, or the same where case does not
 * count, are changed.
 *
 * A folder is there whole, on the disk, or not at all. The same delivery once more (its key) changes nothing; another one
 * of the same run replaces the folder, which is missing for a moment. One process at a time may deliver a run's outcome.
 *
 * @throws SwarmError `INVALID_OPTION`; deliveries reject with what the file system says
 *
 * @example
 * ```ts
 * import { mkdtemp, readFile, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { directoryDelivery, parseDelivery } from "dagswarm";
 *
 * const directory = await mkdtemp(join(tmpdir(), "outcomes-"));
 * const content = "# Done";
 * await directoryDelivery({ directory }).deliver(
 *   {
 *     key: "daily/1", run: "daily", attempt: 1, status: "completed", outputs: { a: 1 }, metadata: {}, at: 0,
 *     artifacts: [{ node: "a", name: "../report.md", contentType: "text/markdown", content }],
 *   },
 *   new AbortController().signal,
 * );
 * const outcome = parseDelivery(await readFile(join(directory, "daily", "outcome.json")));
 * outcome.artifacts[0]; // { node: "a", name: "../report.md", file: "artifacts/report.md", … }
 * await rm(directory, { recursive: true });
 * ```
 */
export function directoryDelivery(options: DirectoryDeliveryOptions): DeliveryPort {
	const { directory, disk = systemDisk } = options;
	if (typeof directory !== "string" || directory === "")
		throw new SwarmError("INVALID_OPTION", "directoryDelivery needs a directory");
	/** What is being delivered, by folder: a try that comes while an earlier one is still at it has to wait. */
	const turns = new Map<string, Promise<void>>();

	return {
		async deliver(delivery, signal) {
			const name = nameOfId(delivery.run);
			const before = turns.get(name) ?? Promise.resolve();
			const turn = before.then(() => deliverInto(disk, directory, name, delivery, signal));
			const over = turn.catch(() => {});
			turns.set(name, over);
			try {
				await turn;
			} finally {
				if (turns.get(name) === over) turns.delete(name);
			}
		},
	};
}

async function deliverInto(
	disk: Disk,
	directory: string,
	name: string,
	delivery: Delivery,
	signal: AbortSignal,
): Promise<void> {
	signal.throwIfAborted();
	const folder = join(directory, name);
	const there = await keyOf(disk, folder);
	if (there === delivery.key) return;
	// Names of runs begin with no dot.
	const fresh = join(directory, `.${name}.new`);
	const old = join(directory, `.${name}.old`);
	for (const left of [fresh, old]) await disk.rm(left, { recursive: true, force: true });
	await writeFolder(disk, fresh, delivery, signal);
	signal.throwIfAborted();
	if (there !== undefined) await disk.rename(folder, old);
	try {
		await disk.rename(fresh, folder);
	} catch (error) {
		if (there !== undefined) await disk.rename(old, folder).catch(() => {});
		throw error;
	}
	await syncFolder(disk, directory);
	if (there !== undefined) await disk.rm(old, { recursive: true, force: true });
}

/** The key of what was delivered into a folder; empty when that cannot be read, and undefined when there is none. */
async function keyOf(disk: Disk, folder: string): Promise<string | undefined> {
	try {
		await disk.stat(folder);
	} catch (error) {
		if (isMissing(error)) return undefined;
		throw error;
	}
	let text: Uint8Array;
	try {
		text = await disk.readFile(join(folder, "outcome.json"));
	} catch (error) {
		if (!isMissing(error)) throw error;
		// To replace it would be to delete what somebody keeps there.
		throw new DeliveryError("the run's folder is there and no outcome is in it", {
			retryable: false,
			hint: "give outcomes a directory of their own",
		});
	}
	try {
		return parseDelivery(text).key;
	} catch {
		return "";
	}
}

async function writeFolder(disk: Disk, folder: string, delivery: Delivery, signal: AbortSignal): Promise<void> {
	const inner = join(folder, "artifacts");
	await disk.mkdir(inner, { recursive: true });
	const names = new FolderNames();
	const entries: object[] = [];
	for (const artifact of delivery.artifacts) {
		signal.throwIfAborted();
		const name = names.take(artifact.name);
		await writeNew(disk, join(inner, name), artifact.content, true, "wx");
		entries.push(fileEntry(artifact, `artifacts/${name}`));
	}
	await writeNew(disk, join(folder, "outcome.json"), `${deliveryText(delivery, entries)}\n`, true, "wx");
	for (const path of [inner, folder]) await syncFolder(disk, path);
}
