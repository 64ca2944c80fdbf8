import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { sha256 } from "../core/checksum.js";
import { isMissing } from "../ports/disk.js";
import type { FileState } from "./file-manifest.js";

/** What stands at a path. */
export type Sight =
	| {
			readonly is: "file";
			readonly state: FileState;
			/** It was written while it was read: what was read may be half of each. */
			readonly moving: boolean;
	  }
	| { readonly is: "folder" }
	/** Nothing, or what is neither a file nor a folder. */
	| { readonly is: "nothing" }
	| { readonly is: "unreadable"; readonly error: Error };

/** How files are read. */
export interface Reading {
	/** Whether the content of a file of that path counts. */
	readonly wants: (path: string) => boolean;
	/** Larger ones are not read. */
	readonly maxFileBytes: number;
	/** Ends the reading; what was not read then is `unreadable`. */
	readonly signal: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;
/** A pipe in the place of a file would otherwise wait for somebody who writes. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Looks at a path. Never rejects.
 *
 * @param known - what is known of the file: with the same size and time it is not read again
 */
export async function lookAt(path: string, reading: Reading, known?: FileState): Promise<Sight> {
	try {
		const stats = await stat(path);
		if (stats.isDirectory()) return { is: "folder" };
		if (!stats.isFile() || !reading.wants(path)) return { is: "nothing" };
		if (known !== undefined && known.size === stats.size && known.mtimeMs === stats.mtimeMs)
			return { is: "file", state: known, moving: false };
		if (stats.size > reading.maxFileBytes) return { is: "file", state: unread(stats), moving: false };
		return await read(path, reading);
	} catch (error) {
		// A link to itself leads to nothing, and so does a path through what is a file now.
		if (isMissing(error) || ["ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? ""))
			return { is: "nothing" };
		return { is: "unreadable", error: error as Error };
	}
}

function unread({ size, mtimeMs }: Stats): FileState {
	return { hash: sha256(`${size} bytes at ${mtimeMs}`), size, mtimeMs };
}

async function read(path: string, reading: Reading): Promise<Sight> {
	const handle = await open(path, READ_ONLY);
	try {
		const before = await handle.stat();
		const { hash, size } = await hashOf(handle, reading);
		const after = await handle.stat();
		const moving = size !== after.size || before.size !== after.size || before.mtimeMs !== after.mtimeMs;
		return { is: "file", state: { hash, size, mtimeMs: after.mtimeMs }, moving };
	} finally {
		await handle.close();
	}
}

/** In pieces: however large files are, and many at a time, they take a few megabytes at most. */
async function hashOf(handle: FileHandle, { maxFileBytes, signal }: Reading): Promise<{ hash: string; size: number }> {
	const hash = createHash("sha256");
	const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
	let size = 0;
	// One that grows faster than it is read would have no end.
	while (size <= maxFileBytes) {
		signal.throwIfAborted();
		const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
		if (bytesRead === 0) break;
		hash.update(buffer.subarray(0, bytesRead));
		size += bytesRead;
	}
	return { hash: hash.digest("hex"), size };
}

/** Files that are open at a time. */
const LANES = 8;

/**
 * Looks at many paths, a few at a time. Never rejects.
 *
 * @param knownOf - see {@link lookAt}
 * @returns what stands at each, in their order
 */
export async function lookAtAll(
	paths: readonly string[],
	reading: Reading,
	knownOf?: (path: string) => FileState | undefined,
): Promise<readonly Sight[]> {
	const sights: Sight[] = [];
	const ahead = paths.entries();
	const lane = async (): Promise<void> => {
		// All lanes take from the one iterator.
		for (const [index, path] of ahead) sights[index] = await lookAt(path, reading, knownOf?.(path));
	};
	await Promise.all(Array.from({ length: LANES }, lane));
	return sights;
}
