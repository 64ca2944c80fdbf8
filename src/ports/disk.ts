import * as promises from "node:fs/promises";
import { dirname } from "node:path";

/** The calls of `node:fs/promises` that files are written with: tests put a disk that is full in their place. */
export type Disk = Pick<typeof promises, "mkdir" | "open" | "readdir" | "readFile" | "rename" | "rm" | "stat">;

/** The disk of the machine. */
export const systemDisk: Disk = promises;

/** Whether there is nothing at a path. Anything else that is wrong is thrown again. */
export function isMissing(error: unknown): boolean {
	return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/**
 * Puts a file in the place of another one, so that whoever looks finds the old or the new, whole.
 *
 * @param lasting - `whole`: so does who looks when the machine has died meanwhile; `new`: and it is the new one
 */
export async function replaceFile(
	disk: Disk,
	path: string,
	content: string,
	lasting: "whole" | "new" | undefined,
): Promise<void> {
	const beside = `${path}.new`;
	await writeNew(disk, beside, content, lasting !== undefined, "w");
	await disk.rename(beside, path);
	if (lasting === "new") await syncFolder(disk, dirname(path));
}

/** Writes a file; with `wx` it must not be there. */
export async function writeNew(
	disk: Disk,
	path: string,
	content: string | Uint8Array,
	sync: boolean,
	flags: "w" | "wx",
): Promise<void> {
	const file = await disk.open(path, flags);
	try {
		await file.writeFile(content);
		if (sync) await file.sync();
	} finally {
		await file.close();
	}
}

/** The names in a folder are on the disk when this resolves, where the system can do that. */
export async function syncFolder(disk: Disk, path: string): Promise<void> {
	let folder: promises.FileHandle | undefined;
	try {
		folder = await disk.open(path, "r");
		await folder.sync();
	} catch (error) {
		// Some systems open no folders, or do not flush them: a real fault of the disk has another code.
		if (!["EISDIR", "EPERM", "EINVAL", "EACCES", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? ""))
			throw error;
	} finally {
		await folder?.close();
	}
}
