import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "../source.js";
import { type Build, built, run } from "./build.js";

/** The packed package, unpacked into the modules of an empty project beside it. */
export interface Packed {
	readonly library: Build;
	/** The project: nothing but `node_modules/dagswarm`. */
	readonly consumer: string;
	/** What came out of the tarball. */
	readonly installed: string;
}

/** Packs the library, and installs what is in the tarball: `npm install` itself would ask the registry for its dependencies. */
export async function packed(): Promise<Packed> {
	const library = await built();
	const npm = process.platform === "win32" ? "npm.cmd" : "npm";
	await run(npm, ["pack", "--ignore-scripts", "--offline", "--loglevel=error"], { cwd: library.folder });
	const [tarball = ""] = readdirSync(library.folder).filter((name) => name.endsWith(".tgz"));
	const consumer = join(library.folder, "consumer");
	mkdirSync(join(consumer, "node_modules"), { recursive: true });
	// Beside the project: its own files are all that is in there.
	await run("tar", ["-xzf", join(library.folder, tarball), "-C", library.folder]);
	const installed = join(library.folder, "package");
	symlinkSync(installed, join(consumer, "node_modules", "dagswarm"), "dir");
	symlinkSync(join(root, "node_modules"), join(installed, "node_modules"), "dir");
	return { library, consumer, installed };
}
