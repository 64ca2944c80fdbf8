import { lstat, readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { isRecord, parseJson } from "./json.ts";

/** What kind of modules a package gives to those who import it. */
export type ModuleKind = "esm" | "cjs" | "dual" | "none";

/** What a package says about itself. */
export type Manifest = {
	readonly version?: string;
	readonly licence: string;
	/** Whether it brings its own TypeScript types. */
	readonly types: boolean;
	readonly modules: ModuleKind;
};

const MAX_DEPTH = 32;
const MAX_FILES = 64;

/** Reads the `package.json` of a folder and looks at what it points to. */
export async function readManifest(folder: string): Promise<Manifest> {
	const text = await readFile(join(folder, "package.json"), "utf8");
	let json: unknown;
	try {
		json = parseJson(text);
	} catch (error) {
		throw new Error(`package.json is not valid JSON: ${(error as Error).message}`);
	}
	if (!isRecord(json)) throw new Error("package.json does not hold an object");
	const exported = exportsOf(json["exports"]);
	const main = await mainOf(folder, json["main"]);
	const version = json["version"];
	return {
		...(typeof version === "string" && { version }),
		licence: licenceOf(json) ?? (await licenceFile(folder)) ?? "none stated",
		types:
			exported.types || (await hasTypes(folder, json, main === undefined ? exported.files : [...exported.files, main])),
		modules: await moduleKind(folder, json, exported.files, main),
	};
}

function licenceOf(json: Record<string, unknown>): string | undefined {
	const stated = [json["license"], json["licence"], json["licenses"]].flat().map((licence) => {
		return isRecord(licence) ? licence["type"] : licence;
	});
	const names = stated.filter((name) => typeof name === "string" && name.trim() !== "");
	return names.length === 0 ? undefined : names.join(" OR ");
}

async function licenceFile(folder: string): Promise<string | undefined> {
	const names = await readdir(folder);
	const name = names.sort().find((file) => /^(licen[cs]e|copying|unlicense)([.-]|$)/i.test(file));
	return name === undefined ? undefined : `see file ${name}`;
}

/** The files behind `exports` and whether types are among them. */
function exportsOf(value: unknown): { files: string[]; types: boolean } {
	const files: string[] = [];
	let types = false;
	const walk = (target: unknown, depth: number) => {
		if (depth > MAX_DEPTH || files.length >= MAX_FILES) return;
		if (typeof target === "string") files.push(target);
		else if (Array.isArray(target)) for (const choice of target) walk(choice, depth + 1);
		else if (isRecord(target)) {
			for (const [condition, choice] of Object.entries(target)) {
				if (condition === "types" || condition.startsWith("types@")) types = true;
				else walk(choice, depth + 1);
			}
		}
	};
	// The main entry decides; packages without one are judged by all their entries.
	walk(isRecord(value) && "." in value ? value["."] : value, 0);
	return { files, types };
}

/** The file that `main` means, relative to the folder, as Node would find it. */
async function mainOf(folder: string, main: unknown): Promise<string | undefined> {
	const stated = typeof main === "string" && main !== "" ? [main, `${main}.js`, `${main}.json`, `${main}.node`] : [];
	const choices = [...stated, ...stated.slice(0, 1).map((name) => posix.join(name, "index.js")), "index.js"];
	for (const choice of choices) if (await isFile(join(folder, choice))) return posix.normalize(choice);
	return undefined;
}

async function hasTypes(folder: string, json: Record<string, unknown>, entries: readonly string[]): Promise<boolean> {
	if (typeof json["types"] === "string" || typeof json["typings"] === "string") return true;
	// TypeScript finds a declaration file beside the code without being told.
	const beside = entries.filter((file) => !file.includes("*")).map((file) => file.replace(/\.([cm]?)js$/, ".d.$1ts"));
	for (const file of new Set(["index.d.ts", ...beside])) {
		if (/\.d\.[cm]?ts$/.test(file) && (await isFile(join(folder, file)))) return true;
	}
	return false;
}

async function moduleKind(
	folder: string,
	json: Record<string, unknown>,
	exported: readonly string[],
	main: string | undefined,
): Promise<ModuleKind> {
	const files = new Set(exported);
	if (files.size === 0) {
		if (main !== undefined) files.add(main);
		const forBundlers = json["module"];
		if (typeof forBundlers === "string") files.add(forBundlers.replace(/\.js$/, ".mjs"));
	}
	const kinds = new Set<ModuleKind>();
	for (const file of files) {
		const extension = posix.extname(file);
		if (extension === ".mjs") kinds.add("esm");
		else if (extension === ".cjs" || extension === ".node") kinds.add("cjs");
		else if (extension === ".js" || extension === "") kinds.add(await kindInScope(folder, file, json));
	}
	if (kinds.has("esm") && kinds.has("cjs")) return "dual";
	return kinds.has("esm") ? "esm" : kinds.has("cjs") ? "cjs" : "none";
}

/** A `.js` file is what the `type` of the nearest package.json says, and a build folder may have its own. */
async function kindInScope(folder: string, file: string, json: Record<string, unknown>): Promise<"esm" | "cjs"> {
	const upwards = posix.join("/", file.split("*", 1)[0] ?? "");
	for (let scope = posix.dirname(upwards); scope !== "/"; scope = posix.dirname(scope)) {
		const nearer = await readJson(join(folder, scope, "package.json"));
		if (isRecord(nearer)) return nearer["type"] === "module" ? "esm" : "cjs";
	}
	return json["type"] === "module" ? "esm" : "cjs";
}

async function readJson(path: string): Promise<unknown> {
	try {
		return parseJson(await readFile(path, "utf8"));
	} catch {
		return undefined;
	}
}

async function isFile(path: string): Promise<boolean> {
	try {
		return (await lstat(path)).isFile();
	} catch {
		return false;
	}
}
