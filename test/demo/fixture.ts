import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is gone after the test, with files in it: text as it is, anything else as JSON. */
export async function folderWith(files: Readonly<Record<string, unknown>>): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "dagswarm-demo-"));
	onTestFinished(() => rm(folder, { recursive: true, force: true }));
	for (const [path, content] of Object.entries(files)) {
		await mkdir(dirname(join(folder, path)), { recursive: true });
		await writeFile(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));
	}
	return folder;
}

/** The text of a version 3 lock file with these packages; keys without a slash are in node_modules. */
export function lockText(packages: Readonly<Record<string, object>>): string {
	return JSON.stringify({
		name: "app",
		version: "1.0.0",
		lockfileVersion: 3,
		packages: { "": { name: "app", version: "1.0.0" }, ...packages },
	});
}

/** A project with a lock file and, for each package, a package.json and one file of `bytes` bytes. */
export async function project(
	packages: Readonly<Record<string, { version?: string; bytes?: number; onDisk?: boolean; [key: string]: unknown }>>,
	files: Readonly<Record<string, unknown>> = {},
): Promise<string> {
	const entries: Record<string, object> = {};
	const all: Record<string, unknown> = { "node_modules/.keep": "" };
	for (const [path, { bytes = 10, onDisk = true, ...entry }] of Object.entries(packages)) {
		entries[path] = { version: "1.0.0", ...entry };
		if (!onDisk || entry["link"] === true) continue;
		all[`${path}/package.json`] = { name: path.split("node_modules/").at(-1), version: "1.0.0", license: "MIT" };
		all[`${path}/index.js`] = "x".repeat(bytes);
	}
	return folderWith({ ...all, "package-lock.json": lockText(entries), ...files });
}
