import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord, parseJson } from "./json.ts";
import type { LockFile } from "./lock-file.ts";
import { ProjectError } from "./project-error.ts";

/** What the disk says about the entries of a lock file. */
export interface Installed {
	/** Entries that are not there and need not be: for another platform, or left out on purpose. */
	readonly absent: ReadonlySet<string>;
	/** Packages that are there although the lock file does not list them. */
	readonly unlisted: readonly string[];
}

/**
 * Compares a lock file with the disk. An entry that is required and missing is not `absent`: it is
 * planned, so that its node fails.
 */
export async function compareWithDisk(project: string, lock: LockFile): Promise<Installed> {
	const modules = [...lock.entries.values()].filter((entry) => entry.path.startsWith("node_modules/"));
	if (modules.length > 0 && !(await exists(join(project, "node_modules")))) {
		throw new ProjectError(`nothing is installed in ${project}: there is no node_modules; npm ci makes it`);
	}
	const installedPaths = await hiddenLock(project);
	const absent = new Set<string>();
	for (const entry of modules) {
		if (entry.linksTo !== undefined || !(entry.optional || entry.omittable)) continue;
		if (await exists(join(project, entry.path))) continue;
		// npm notes what it really installed: what is noted there and gone now is missing, not left out.
		const leftOut = installedPaths !== undefined && !installedPaths.has(entry.path);
		if (entry.optional || leftOut) absent.add(entry.path);
	}
	const unlisted: string[] = [];
	const folders = ["", ...[...lock.entries.values()].filter((e) => e.linksTo === undefined).map((e) => e.path)];
	for (const folder of folders) {
		const prefix = folder === "" ? "node_modules" : `${folder}/node_modules`;
		for (const name of await packageNames(join(project, prefix))) {
			if (!lock.entries.has(`${prefix}/${name}`)) unlisted.push(`${prefix}/${name}`);
		}
	}
	return { absent, unlisted };
}

/** Paths in `node_modules/.package-lock.json`, or undefined where npm has not written one. */
async function hiddenLock(project: string): Promise<Set<string> | undefined> {
	try {
		const lock = parseJson(await readFile(join(project, "node_modules", ".package-lock.json"), "utf8"));
		return isRecord(lock) && isRecord(lock["packages"]) ? new Set(Object.keys(lock["packages"])) : undefined;
	} catch {
		return undefined;
	}
}

async function exists(path: string): Promise<boolean> {
	try {
		await lstat(path);
		return true;
	} catch (error) {
		// Only these say that it is not there; anything else (EACCES) is for its node to report.
		const code = (error as NodeJS.ErrnoException).code;
		return code !== "ENOENT" && code !== "ENOTDIR";
	}
}

async function packageNames(folder: string): Promise<string[]> {
	const names: string[] = [];
	for (const entry of await folders(folder)) {
		if (!entry.startsWith("@")) names.push(entry);
		else for (const scoped of await folders(join(folder, entry))) names.push(`${entry}/${scoped}`);
	}
	return names;
}

async function folders(folder: string): Promise<string[]> {
	try {
		const entries = await readdir(folder, { withFileTypes: true });
		return entries.filter((e) => e.isDirectory() && !e.name.startsWith(".")).map((e) => e.name);
	} catch {
		return [];
	}
}
