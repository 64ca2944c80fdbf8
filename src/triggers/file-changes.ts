import { resolve } from "node:path";
import type { FileState, Manifest } from "./file-manifest.js";

/** A file has another content, has come or has gone. */
export interface FileChange {
	/** Which change of the trigger it is, from 1. */
	readonly ordinal: number;
	/** Below the trigger's `cwd`, with `/` on every system. */
	readonly path: string;
	readonly kind: "added" | "changed" | "deleted";
	/** Of the new content, see {@link FileState}; unless it is deleted. */
	readonly hash?: string;
	readonly size?: number;
}

/**
 * What has changed since. Only content counts: a file that was written anew with the same bytes, or was touched, has not
 * changed. Each change has a number of its own, so that A → B → A are three.
 *
 * @param manifest - what was known
 * @param seen - what files are like now, in the order in which their changes are numbered; `undefined`: not there. Files
 *   that were not looked at are not in it.
 * @returns the changes, and what is known then
 */
export function changesBetween(
	manifest: Manifest,
	seen: ReadonlyMap<string, FileState | undefined>,
): { readonly changes: readonly FileChange[]; readonly manifest: Manifest } {
	let { change } = manifest;
	const changes: FileChange[] = [];
	const files = new Map(manifest.files);
	for (const [path, state] of seen) {
		const known = files.get(path);
		if (state === undefined) {
			if (files.delete(path)) changes.push({ ordinal: ++change, path, kind: "deleted" });
			continue;
		}
		files.set(path, state);
		if (known?.hash === state.hash) continue;
		const kind = known === undefined ? "added" : "changed";
		changes.push({ ordinal: ++change, path, kind, hash: state.hash, size: state.size });
	}
	return { changes, manifest: { change, files } };
}

/** The slot of a change in the key of its occurrence: its number and the beginning of the content's hash. */
export function slotOfChange({ ordinal, hash }: FileChange): string {
	return hash === undefined ? `${ordinal}-deleted` : `${ordinal}-${hash.slice(0, 12)}`;
}

/** What an occurrence says of the change that it stands for. */
export type FilePayload = Omit<FileChange, "path"> & {
	/** Absolute. */
	readonly path: string;
	/** Below the trigger's `cwd`, with `/` on every system. */
	readonly relative: string;
};

/** @param cwd - that of the trigger, absolute */
export function payloadOfChange(change: FileChange, cwd: string): FilePayload {
	return { ...change, path: resolve(cwd, change.path), relative: change.path };
}
