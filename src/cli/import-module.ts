import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createJiti } from "jiti";
import { SwarmError } from "../core/errors.js";

/** What Node says before anything of a module has run: another loader may understand it. */
const LINKING: ReadonlySet<unknown> = new Set([
	"ERR_MODULE_NOT_FOUND",
	"ERR_UNKNOWN_FILE_EXTENSION",
	"ERR_UNSUPPORTED_DIR_IMPORT",
	"ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
]);

/**
 * Imports a module of a user, in TypeScript too: by Node itself, and what Node does not take (enums, imports without an
 * extension, a Node that strips no types) by jiti.
 *
 * @param file - an absolute path
 * @throws SwarmError `INVALID_OPTION` when it is not there, `INVALID_SPEC` when it does not load, with where
 */
export async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
	if (!existsSync(file)) {
		throw new SwarmError("INVALID_OPTION", `there is no file ${file}`, {
			hint: "`dagswarm init` writes a project to start from",
		});
	}
	if (statSync(file).isDirectory())
		throw new SwarmError("INVALID_OPTION", `${file} is a folder`, { hint: "name the module in it" });
	try {
		return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
	} catch (error) {
		if (!isLinking(error)) throw unloadable(file, error);
	}
	try {
		return await byJiti(file);
	} catch (error) {
		throw unloadable(file, error);
	}
}

function isLinking(error: unknown): boolean {
	return error instanceof SyntaxError || LINKING.has((error as { readonly code?: unknown } | null)?.code);
}

function byJiti(file: string): Promise<Record<string, unknown>> {
	const jiti = createJiti(pathToFileURL(file).href, {
		// Nothing is left behind in other people's folders.
		fsCache: false,
		interopDefault: false,
		// The library itself must be there once: what it keeps in its modules is shared.
		nativeModules: ["dagswarm"],
		...(!hasLibrary(file) && { alias: ownEntries() }),
	});
	return jiti.import(file);
}

/** Whether the module's `import "dagswarm"` finds something. */
function hasLibrary(file: string): boolean {
	try {
		createRequire(file).resolve("dagswarm");
		return true;
	} catch {
		return false;
	}
}

/** A single file without a project can use the installation that the command line belongs to. */
function ownEntries(): Record<string, string> {
	const entry = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
	return { "dagswarm/testing": entry("../testing/index.js"), dagswarm: entry("../index.js") };
}

function unloadable(file: string, error: unknown): SwarmError {
	const message = error instanceof Error ? error.message.trim() : `it threw ${String(error)}`;
	const [first = "", ...rest] = message.split("\n");
	const place = placeOf(file, rest.join("\n")) ?? placeOf(file, error instanceof Error ? error.stack : undefined);
	const missing = /Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1];
	const hint =
		missing === undefined || /^[./]/.test(missing) ? undefined : `is it installed? try \`npm install ${missing}\``;
	return new SwarmError(
		"INVALID_SPEC",
		`${file}${place ?? ""} cannot be loaded: ${first.replace(/^ParseError: /, "").trim()}`,
		hint === undefined ? {} : { hint },
		{ cause: error },
	);
}

/** `:line:column` where a text names the file, or another module of the user's. */
function placeOf(file: string, text: string | undefined): string | undefined {
	if (text === undefined) return undefined;
	for (const name of [pathToFileURL(file).href, file]) {
		const at = text.indexOf(`${name}:`);
		const place = at < 0 ? undefined : /^:\d+(:\d+)?/.exec(text.slice(at + name.length))?.[0];
		if (place !== undefined) return place;
	}
	const elsewhere = /(?:file:\/\/)?(\/[^\s():]+\.[cm]?[jt]sx?):(\d+)/.exec(text);
	if (elsewhere === null || text.includes("/node_modules/")) return undefined;
	return ` (at ${elsewhere[1]}:${elsewhere[2]})`;
}
