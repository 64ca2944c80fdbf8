import { readFile } from "node:fs/promises";

/** The version of a package that is installed for the benchmark, or `undefined` when it is not. */
export async function installedVersion(name: string): Promise<string | undefined> {
	try {
		const manifest = await readFile(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8");
		return (JSON.parse(manifest) as { version: string }).version;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

const imported = new Map<string, Promise<unknown>>();

/** Imports a peer when it is first needed. Its types are the caller's: it need not be there when they are checked. */
export function importOnce<Module>(specifier: string): Promise<Module> {
	let module = imported.get(specifier);
	if (module === undefined) {
		module = import(specifier);
		imported.set(specifier, module);
	}
	return module as Promise<Module>;
}
