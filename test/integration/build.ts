import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../source.js";

export const run = promisify(execFile);

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

/** Runs the TypeScript compiler. */
export async function compile(cwd: string, ...options: string[]): Promise<void> {
	try {
		await run(process.execPath, [tsc, ...options], { cwd });
	} catch (error) {
		throw new Error(`tsc: ${(error as { readonly stdout?: string }).stdout ?? ""}`, { cause: error });
	}
}

/**
 * The library built into a folder of its own, as it would be published: `dist/` may be in use by
 * others, or be older than the sources.
 */
export async function built(): Promise<{ readonly folder: string; readonly remove: () => void }> {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-"));
	const published = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];
	for (const file of published) if (existsSync(join(root, file))) cpSync(join(root, file), join(folder, file));
	symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
	await compile(root, "-p", "tsconfig.build.json", "--outDir", join(folder, "dist"));
	return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
