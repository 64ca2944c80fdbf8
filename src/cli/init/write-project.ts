import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SwarmError } from "../../core/errors.js";
import {
	manifestOf,
	type ProjectFile,
	packageName,
	projectFiles,
	scriptsOf,
	type TemplateOptions,
} from "./project-template.js";

/** What a new project is made for. */
export interface NewProject {
	/** An absolute path; it is made when it is not there. */
	readonly folder: string;
	/** JavaScript in place of TypeScript. */
	readonly js: boolean;
	/** Of the library. */
	readonly version: string;
	readonly typescript: boolean;
}

/** What was written. */
export interface WrittenProject {
	readonly files: readonly string[];
	/** The module to run. */
	readonly main: string;
	/** Whether the manifest was there, and what was added to it. */
	readonly added: readonly string[] | undefined;
	/** Whether the library has to be installed yet. */
	readonly installs: boolean;
}

const MANIFEST = "package.json";
/** What `npm init` writes where there is no test. */
const NO_TEST = "no test specified";

/**
 * Writes a small project. What is there stays as it is; to a manifest that is there scripts are added.
 *
 * @throws SwarmError `INVALID_OPTION` with everything that is in the way, or for a manifest that is no JSON
 */
export function writeProject({ folder, js, version, typescript }: NewProject): WrittenProject {
	const manifest = join(folder, MANIFEST);
	const known = existsSync(manifest) ? readManifest(manifest) : undefined;
	// Files of a package that does not say that it is one of modules have to say it themselves.
	const isModule = known === undefined || known.parsed["type"] === "module";
	const extension = `${isModule ? "" : "m"}${js ? "js" : "ts"}` as TemplateOptions["extension"];
	const options = { name: packageName(basename(folder)), version, extension, typescript };
	const files = projectFiles(options).filter(({ path }) => path !== ".gitignore" || !existsSync(join(folder, path)));
	checkFree(folder, files);
	const wanted = scriptsOf(options);
	const added = known && addScripts(manifest, known, wanted);
	if (known === undefined) files.unshift({ path: MANIFEST, content: manifestOf(options) });
	mkdirSync(folder, { recursive: true });
	// `wx`: what came there in this moment stays, too.
	for (const { path, content } of files) writeFileSync(join(folder, path), content, { flag: "wx" });
	return {
		files: files.map(({ path }) => path),
		main: `project.${extension}`,
		added,
		installs: !hasLibrary(folder),
	};
}

function checkFree(folder: string, files: readonly ProjectFile[]): void {
	const taken = files.map(({ path }) => path).filter((path) => existsSync(join(folder, path)));
	if (taken.length === 0) return;
	throw new SwarmError("INVALID_OPTION", `in ${folder} there is already ${taken.join(", ")}: nothing was written`, {
		hint: "move them away, or name another folder: dagswarm init my-project",
	});
}

interface Manifest {
	readonly text: string;
	readonly parsed: Record<string, unknown>;
}

function readManifest(file: string): Manifest {
	const text = readFileSync(file, "utf8");
	try {
		return { text, parsed: JSON.parse(text) as Record<string, unknown> };
	} catch (error) {
		throw new SwarmError("INVALID_OPTION", `${file} is no JSON: ${(error as Error).message}`);
	}
}

/** @returns the names of those that were not there */
function addScripts(file: string, { text, parsed }: Manifest, wanted: Readonly<Record<string, string>>): string[] {
	const scripts = { ...(parsed["scripts"] as Record<string, string> | undefined) };
	const added: string[] = [];
	for (const [name, script] of Object.entries(wanted)) {
		if (scripts[name] !== undefined && !scripts[name].includes(NO_TEST)) continue;
		scripts[name] = script;
		added.push(name);
	}
	const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
	if (added.length > 0) writeFileSync(file, `${JSON.stringify({ ...parsed, scripts }, undefined, indent)}\n`);
	return added;
}

function hasLibrary(folder: string): boolean {
	for (let at = folder; ; at = join(at, "..")) {
		if (existsSync(join(at, "node_modules", "dagswarm"))) return true;
		if (join(at, "..") === at) return false;
	}
}
