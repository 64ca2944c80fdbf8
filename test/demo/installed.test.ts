import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareWithDisk } from "../../demo/installed.ts";
import { readLockFile } from "../../demo/lock-file.ts";
import { folderWith, lockText, project } from "./fixture.ts";

async function compared(folder: string) {
	const { absent, unlisted } = await compareWithDisk(folder, await readLockFile(folder));
	return { absent: [...absent], unlisted };
}

describe("comparison with the disk", () => {
	test("an optional package that is not there is absent, a required one is not", async () => {
		const folder = await project({
			"node_modules/a": {},
			"node_modules/native-here": { optional: true },
			"node_modules/native-elsewhere": { optional: true, os: ["aix"], onDisk: false },
			"node_modules/missing": { onDisk: false },
		});
		expect(await compared(folder)).toEqual({ absent: ["node_modules/native-elsewhere"], unlisted: [] });
	});

	test("development packages are absent only if npm noted that it left them out", async () => {
		const packages = { "node_modules/a": {}, "node_modules/dev": { dev: true, onDisk: false } };
		expect((await compared(await project(packages))).absent).toEqual([]);
		const noted = (paths: string[]) => ({
			"node_modules/.package-lock.json": { packages: Object.fromEntries(paths.map((path) => [path, {}])) },
		});
		const left = await project(packages, noted(["node_modules/a"]));
		expect((await compared(left)).absent).toEqual(["node_modules/dev"]);
		const removed = await project(packages, noted(["node_modules/a", "node_modules/dev"]));
		expect((await compared(removed)).absent).toEqual([]);
	});

	test("a package that is there but not listed is named, nested and scoped ones too", async () => {
		const folder = await project(
			{ "node_modules/a": {} },
			{
				"node_modules/@s/extra/package.json": {},
				"node_modules/a/node_modules/nested/package.json": {},
				"node_modules/.bin/tool": "",
			},
		);
		expect((await compared(folder)).unlisted.toSorted()).toEqual([
			"node_modules/@s/extra",
			"node_modules/a/node_modules/nested",
		]);
	});

	test("a project where nothing is installed is refused; one that needs nothing is not", async () => {
		const folder = await project({ "node_modules/a": {} });
		await rm(join(folder, "node_modules"), { recursive: true });
		await expect(compared(folder)).rejects.toThrow(/nothing is installed/);
		expect(await compared(await folderWith({ "package-lock.json": lockText({}) }))).toEqual({
			absent: [],
			unlisted: [],
		});
	});
});
