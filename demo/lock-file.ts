import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord, parseJson } from "./json.ts";
import { ProjectError } from "./project-error.ts";

/** How an entry asks for another package. Only a required one must be there. */
export type NeedKind = "required" | "optional" | "peer";

export interface Need {
	readonly name: string;
	readonly kind: NeedKind;
}

/** One installed package as the lock file lists it. */
export interface LockEntry {
	/** The key in the lock file: the folder, relative to the project, with slashes. */
	readonly path: string;
	readonly name: string;
	readonly version?: string;
	/** For a link (a workspace, a `file:` folder): the path of the entry it points to. */
	readonly linksTo?: string;
	/** Nothing required leads to it, so an installation may leave it out. */
	readonly optional: boolean;
	/** `npm ci --omit=dev` and the like leave it out. */
	readonly omittable: boolean;
	readonly needs: readonly Need[];
}

export interface LockFile {
	readonly name: string;
	readonly version?: string;
	readonly lockfileVersion: number;
	/** By path, in the order of the file; the project itself is not among them. */
	readonly entries: ReadonlyMap<string, LockEntry>;
}

const FILE = "package-lock.json";

/** Reads `package-lock.json` of a project. */
export async function readLockFile(project: string): Promise<LockFile> {
	let text: string;
	try {
		text = await readFile(join(project, FILE), "utf8");
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "ENOENT") {
			throw new ProjectError(`there is no ${FILE} in ${project}; npm install writes one`);
		}
		throw new ProjectError(`${FILE} in ${project} cannot be read: ${code ?? String(error)}`);
	}
	return parseLockFile(text);
}

/** The text of a lock file of version 2 or 3 as entries. */
export function parseLockFile(text: string): LockFile {
	let lock: unknown;
	try {
		lock = parseJson(text);
	} catch (error) {
		throw new ProjectError(`${FILE} is not valid JSON: ${(error as Error).message}`);
	}
	if (!isRecord(lock)) throw new ProjectError(`${FILE} does not hold an object`);
	const lockfileVersion = lock["lockfileVersion"];
	if (typeof lockfileVersion !== "number" || lockfileVersion < 2 || !isRecord(lock["packages"])) {
		const found = typeof lockfileVersion === "number" ? `version ${lockfileVersion}` : "no version";
		throw new ProjectError(`${FILE} has ${found}, this needs 2 or later; npm install (npm 7 or later) upgrades it`);
	}
	const entries = new Map<string, LockEntry>();
	let root: Record<string, unknown> = {};
	for (const [path, raw] of Object.entries(lock["packages"])) {
		if (!isRecord(raw)) throw new ProjectError(`${FILE} lists ${path} without an object`);
		if (path === "") root = raw;
		else entries.set(path, entryOf(path, raw));
	}
	const version = textOf(root["version"]) ?? textOf(lock["version"]);
	return {
		name: textOf(root["name"]) ?? textOf(lock["name"]) ?? "the project",
		...(version !== undefined && { version }),
		lockfileVersion,
		entries,
	};
}

function entryOf(path: string, raw: Record<string, unknown>): LockEntry {
	const inModules = path.lastIndexOf("node_modules/");
	const installed = inModules >= 0 && (inModules === 0 || path[inModules - 1] === "/");
	const version = textOf(raw["version"]);
	// npm writes no `resolved` for a link to the project itself: it points to the empty path.
	const linksTo = raw["link"] === true ? (textOf(raw["resolved"]) ?? "") : undefined;
	return {
		path,
		name: installed ? path.slice(inModules + "node_modules/".length) : (textOf(raw["name"]) ?? lastSegment(path)),
		...(version !== undefined && { version }),
		...(linksTo !== undefined && { linksTo }),
		optional: raw["optional"] === true,
		omittable: raw["dev"] === true || raw["devOptional"] === true || raw["peer"] === true,
		needs: needsOf(raw, !installed),
	};
}

function needsOf(raw: Record<string, unknown>, isWorkspace: boolean): Need[] {
	const needs = new Map<string, NeedKind>();
	const add = (field: string, kind: NeedKind) => {
		const wanted = raw[field];
		if (isRecord(wanted)) for (const name of Object.keys(wanted)) needs.set(name, kind);
	};
	add("peerDependencies", "peer");
	// Only the development dependencies of folders of one's own are installed.
	if (isWorkspace) add("devDependencies", "required");
	add("dependencies", "required");
	// npm: an entry in optionalDependencies overrides one of the same name in dependencies.
	add("optionalDependencies", "optional");
	return [...needs].map(([name, kind]) => ({ name, kind }));
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

function lastSegment(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
