import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Build, built, compile } from "../integration/build.js";
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

/** @throws when the text does not stand there exactly once: the canary has to follow the source */
export function mutate(source: string, { file, find, replace }: Edit): string {
	const parts = source.split(find);
	if (parts.length !== 2) throw new Error(`src/${file} has ${parts.length - 1} places that read\n${find}`);
	return parts.join(replace);
}

/** Builds the library with a canary in it, in a folder of its own: the sources and dist/ stay as they are. */
export async function plant(canary: Canary): Promise<Build> {
	const mutant = await built();
	const { folder, remove } = mutant;
	try {
		const files = [...new Set(canary.edits.map(({ file }) => `src/${file}`))];
		for (const file of files) {
			mkdirSync(dirname(join(folder, file)), { recursive: true });
			copyFileSync(join(root, file), join(folder, file));
			// Its place is shared by all builds, unless a new file takes it.
			rmSync(join(folder, file.replace(/^src(.+)ts$/, "dist$1js")));
		}
		for (const edit of canary.edits) {
			const path = join(folder, "src", edit.file);
			writeFileSync(path, mutate(readFileSync(path, "utf8"), edit));
		}
		// What is not edited is built already. A bug may leave a name unused; that its types are right is not the question.
		const alone = { noCheck: true, noResolve: true, declaration: false, lib: ["es5"], types: [] };
		const options = { ...alone, rootDir: "src", outDir: "dist" };
		const config = { extends: join(root, "tsconfig.build.json"), compilerOptions: options, files, include: [] };
		writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
		await compile(folder, "-p", "tsconfig.json");
		return mutant;
	} catch (error) {
		remove();
		throw error;
	}
}
