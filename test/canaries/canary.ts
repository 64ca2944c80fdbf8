import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../integration/build.js";
import { root } from "../source.js";

/** A change of one place in the source. */
export interface Edit {
	/** Under src/. */
	readonly file: string;
	/** Text that stands there once. */
	readonly find: string;
	readonly replace: string;
}

/** A bug that is planted on purpose, to see that it is found. */
export interface Canary {
	/** What goes wrong. */
	readonly name: string;
	readonly edits: readonly Edit[];
}

/** A build of the library with a bug in it. */
export interface Mutant {
	readonly folder: string;
	readonly remove: () => void;
}

/** @throws when the text does not stand there exactly once: the canary has to follow the source */
export function mutate(source: string, { file, find, replace }: Edit): string {
	const parts = source.split(find);
	if (parts.length !== 2) throw new Error(`src/${file} has ${parts.length - 1} places that read\n${find}`);
	return parts.join(replace);
}

/** Builds the library with a canary in it, in a folder of its own: the sources and dist/ stay as they are. */
export async function plant(canary: Canary): Promise<Mutant> {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-canary-"));
	const remove = (): void => rmSync(folder, { recursive: true, force: true });
	try {
		cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
		cpSync(join(root, "package.json"), join(folder, "package.json"));
		symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
		for (const edit of canary.edits) {
			const path = join(folder, "src", edit.file);
			writeFileSync(path, mutate(readFileSync(path, "utf8"), edit));
		}
		for (const config of ["tsconfig.json", "tsconfig.build.json"]) cpSync(join(root, config), join(folder, config));
		// A bug may leave a name unused; that its types are right is not the question.
		await compile(folder, "-p", "tsconfig.build.json", "--noCheck");
		return { folder, remove };
	} catch (error) {
		remove();
		throw error;
	}
}
