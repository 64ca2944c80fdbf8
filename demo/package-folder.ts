import { lstat, readdir } from "node:fs/promises";
import { join, posix } from "node:path";

/** Some files of one folder: the names from `from` to before `to`, in order of name. */
export type Slice = { readonly folder: string; readonly from: number; readonly to: number };

export interface Listing {
	readonly slices: readonly Slice[];
	readonly files: number;
	/** The walk stopped at its bound: there is more. */
	readonly more: boolean;
}

export type Size = { readonly files: number; readonly bytes: number };

/** Files and folders that are looked at in one package, so that one huge folder cannot hold up the run. */
export const MAX_ENTRIES = 200_000;

/** Files that are measured at a time. */
const BATCH = 64;

export interface WalkOptions {
	readonly signal?: AbortSignal;
	/** Folders within, relative to the package, that are packages of their own. */
	readonly except?: ReadonlySet<string>;
	readonly maxEntries?: number;
}

/**
 * Lists the files of a package without measuring them. Its own `node_modules` and `.git` are left
 * out, symbolic links are not followed.
 */
export async function listFolder(root: string, options: WalkOptions = {}): Promise<Listing> {
	const { signal, except = new Set(), maxEntries = MAX_ENTRIES } = options;
	const slices: Slice[] = [];
	const open = [""];
	let files = 0;
	let seen = 0;
	while (open.length > 0) {
		signal?.throwIfAborted();
		const folder = open.pop()!;
		const entries = await readdir(join(root, folder), { withFileTypes: true });
		let here = 0;
		for (const entry of entries) {
			if (seen === maxEntries) break;
			if (entry.isDirectory()) {
				const path = posix.join(folder, entry.name);
				if (path === "node_modules" || path === ".git" || except.has(path)) continue;
				open.push(path);
			} else if (entry.isFile()) {
				here++;
			}
			seen++;
		}
		if (here > 0) slices.push({ folder, from: 0, to: here });
		files += here;
		if (seen === maxEntries) return { slices, files, more: true };
	}
	return { slices, files, more: false };
}

/** Cuts slices into parts of at most `size` files; a folder with more is cut in ranges. */
export function cut(slices: readonly Slice[], size: number): Slice[][] {
	const parts: Slice[][] = [];
	let part: Slice[] = [];
	let room = size;
	for (const { folder, from, to } of slices) {
		for (let start = from; start < to; ) {
			const end = Math.min(to, start + room);
			part.push({ folder, from: start, to: end });
			room -= end - start;
			start = end;
			if (room === 0) {
				parts.push(part);
				part = [];
				room = size;
			}
		}
	}
	if (part.length > 0) parts.push(part);
	return parts;
}

/** Measures the files of slices: how many there are and the bytes in them. */
export async function measure(root: string, slices: readonly Slice[], signal?: AbortSignal): Promise<Size> {
	let files = 0;
	let bytes = 0;
	for (const slice of slices) {
		signal?.throwIfAborted();
		const entries = await readdir(join(root, slice.folder), { withFileTypes: true });
		const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
		// Two slices of one folder are read by two nodes: only the order makes them fit together.
		const chosen = names.sort().slice(slice.from, slice.to);
		for (let start = 0; start < chosen.length; start += BATCH) {
			const batch = chosen.slice(start, start + BATCH);
			const stats = await Promise.all(batch.map((name) => lstat(join(root, slice.folder, name))));
			for (const stat of stats) bytes += stat.size;
		}
		files += chosen.length;
	}
	return { files, bytes };
}
