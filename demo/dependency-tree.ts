import { posix } from "node:path";
import type { LockEntry, LockFile } from "./lock-file.ts";

/** A package that is planned: it is on disk, or ought to be. */
export interface TreePackage {
	/** Name, version and, unless it is at the top, where it is. */
	readonly id: string;
	readonly name: string;
	readonly version?: string;
	/** The folder, relative to the project. */
	readonly path: string;
	/** Ids of the packages that it depends on. */
	readonly needs: readonly string[];
}

export interface DependencyTree {
	readonly packages: readonly TreePackage[];
	/** Entries that only point to another one. */
	readonly links: number;
	/** Required by a package, yet not in the lock file. */
	readonly unlocked: readonly { readonly from: string; readonly name: string }[];
}

/**
 * The packages of a lock file with the edges that Node's resolution gives them.
 *
 * @param absent - paths of entries that are left out because they are rightly not installed
 */
export function dependencyTree(lock: LockFile, absent: ReadonlySet<string>): DependencyTree {
	const packages: TreePackage[] = [];
	const unlocked: { from: string; name: string }[] = [];
	let links = 0;
	for (const entry of lock.entries.values()) {
		if (entry.linksTo !== undefined) links++;
		if (entry.linksTo !== undefined || absent.has(entry.path)) continue;
		const id = idOf(entry);
		const needs = new Set<string>();
		for (const need of entry.needs) {
			const found = resolve(lock.entries, entry.path, need.name);
			if (found === undefined) {
				if (need.kind === "required") unlocked.push({ from: id, name: need.name });
			} else if (found !== "project" && found !== entry && !absent.has(found.path)) {
				needs.add(idOf(found));
			}
		}
		packages.push({
			id,
			name: entry.name,
			...(entry.version !== undefined && { version: entry.version }),
			path: entry.path,
			needs: [...needs],
		});
	}
	return { packages, links, unlocked };
}

/** What `require(name)` finds from a folder: the nearest `node_modules` upwards, links followed. */
function resolve(
	entries: ReadonlyMap<string, LockEntry>,
	from: string,
	name: string,
): LockEntry | "project" | undefined {
	for (let folder = from; ; folder = parentOf(folder)) {
		if (posix.basename(folder) !== "node_modules") {
			const found = entries.get(folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`);
			if (found?.linksTo === "") return "project";
			if (found !== undefined) return found.linksTo === undefined ? found : entries.get(found.linksTo);
		}
		if (folder === "") return undefined;
	}
}

function parentOf(folder: string): string {
	const parent = posix.dirname(folder);
	// Above a folder beside the project (`../lib`) nothing in the lock file can be found but the project's own.
	return parent === "." || parent === ".." || parent === folder ? "" : parent;
}

function idOf(entry: LockEntry): string {
	const label = entry.version === undefined ? entry.name : `${entry.name}@${entry.version}`;
	const parts = entry.path.split("node_modules/").map((part) => part.replace(/\/$/, ""));
	if (parts.length === 1) return `${label} at ${entry.path}`;
	const above = parts.slice(0, -1).filter((part) => part !== "");
	// The place makes ids unique: one version may be installed many times.
	return above.length === 0 ? label : `${label} in ${above.join(" > ")}`;
}
