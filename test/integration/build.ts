import { execFile } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	linkSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
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

/** What a test has built, in a folder of its own. */
export interface Build {
	readonly folder: string;
	readonly remove: () => void;
}

/**
 * The library built into a folder of its own, as it would be published: `dist/` may be in use by
 * others, or be older than the sources. Files of `dist/` are to be replaced, never written into: other tests may have
 * them too.
 */
export async function built(): Promise<Build> {
	const shared = await sharedBuild();
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-"));
	const published = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];
	for (const file of published) if (existsSync(join(root, file))) copyFileSync(join(root, file), join(folder, file));
	symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
	linkTree(shared, join(folder, "dist"));
	return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The compiler is run by the first test that needs it, not by everybody who does. */
async function sharedBuild(): Promise<string> {
	const shared = join(inject("sharedBuild"), "dist");
	if (existsSync(shared)) return shared;
	const own = mkdtempSync(join(inject("sharedBuild"), "building-"));
	await compile(root, "-p", "tsconfig.build.json", "--outDir", own);
	try {
		renameSync(own, shared);
	} catch (error) {
		// Another process was faster, and has built the same.
		if (!existsSync(shared)) throw error;
	}
	return shared;
}

/** A folder with the same files: a link costs a small part of a copy. */
function linkTree(from: string, to: string): void {
	mkdirSync(to);
	for (const entry of readdirSync(from, { withFileTypes: true })) {
		const [source, target] = [join(from, entry.name), join(to, entry.name)];
		if (entry.isDirectory()) linkTree(source, target);
		else linkOrCopy(source, target);
	}
}

function linkOrCopy(source: string, target: string): void {
	try {
		linkSync(source, target);
	} catch {
		// Not every file system has hard links.
		copyFileSync(source, target);
	}
}
