import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { type ModuleKind, readManifest } from "./manifest.ts";
import { type Listing, listFolder } from "./package-folder.ts";

/** A package to read, as the input of a node. */
export type PackageRef = {
	readonly id: string;
	readonly name: string;
	/** As the lock file has it. */
	readonly version?: string;
	/** The folder, relative to the project. */
	readonly path: string;
	/** Folders within, relative to `path`, that are packages of their own. */
	readonly except?: readonly string[];
};

/** What is known of a package before its files are measured. */
export type PackageCard = {
	readonly id: string;
	readonly name: string;
	readonly licence: string;
	readonly types: boolean;
	readonly modules: ModuleKind;
	/** The version on disk, where it is not the one in the lock file. */
	readonly versionOnDisk?: string;
	/** There are more files than are looked at. */
	readonly more?: boolean;
};

/** What a package node found out. */
export type PackageFacts = PackageCard & { readonly files: number; readonly bytes: number };

export interface OpenedPackage {
	readonly card: PackageCard;
	readonly listing: Listing;
}

/** Reads what a package says about itself and lists its files. */
export async function openPackage(project: string, ref: PackageRef, signal?: AbortSignal): Promise<OpenedPackage> {
	const folder = join(project, ref.path);
	const stat = await lstat(folder);
	if (stat.isSymbolicLink()) throw new Error("it is a symbolic link here, which is not followed");
	if (!stat.isDirectory()) throw new Error("it is no folder");
	const { version, ...about } = await readManifest(folder);
	const listing = await listFolder(folder, {
		...(signal && { signal }),
		...(ref.except && { except: new Set(ref.except) }),
	});
	const differs = version !== undefined && ref.version !== undefined && version !== ref.version;
	const card: PackageCard = {
		id: ref.id,
		name: ref.name,
		...about,
		...(differs && { versionOnDisk: version }),
		...(listing.more && { more: true }),
	};
	return { card, listing };
}

/** An error about a package in words of the project: relative paths only, so that a report can be passed on. */
export function unreadable(error: unknown, project: string, path: string): Error {
	const { code, syscall, path: at, message, name } = error as NodeJS.ErrnoException;
	// The abort of a run is no fault of the package.
	if (name === "AbortError") return error as Error;
	const inside = at === undefined ? "" : at.slice(join(project, path).length).replaceAll("\\", "/");
	let said: string;
	if (code === "ENOENT" && inside === "") said = `${path} is in the lock file but not on disk`;
	else if (code === "ENOENT" && inside === "/package.json") said = `${path} has no package.json`;
	else if (code !== undefined && at !== undefined) said = `${path}${inside} cannot be read: ${code} (${syscall})`;
	else said = `${path}: ${message}`;
	return Object.assign(new Error(said, { cause: error }), { code: "PACKAGE_UNREADABLE" });
}
