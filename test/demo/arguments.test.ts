import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readArguments } from "../../demo/arguments.ts";
import { folderWith } from "./fixture.ts";

describe("arguments", () => {
	test("default to where the user is", () => {
		expect(readArguments([], process.cwd())).toEqual({ kind: "run", project: process.cwd(), out: process.cwd() });
	});

	test("name a project and where to write, relative to where the user is", async () => {
		const cwd = await folderWith({ "app/package.json": {} });
		expect(readArguments(["app", "--out", "o"], cwd)).toEqual({
			kind: "run",
			project: join(cwd, "app"),
			out: join(cwd, "o"),
		});
		expect(readArguments(["--help"], cwd)).toEqual({ kind: "help" });
	});

	test.each([
		[["--fast"], /--fast/],
		[["--out"], /--out/],
		[["--out="], /empty/],
		[[""], /empty/],
		[["nowhere"], /there is no nowhere/],
		[["file"], /file is no folder/],
		[["file/below"], /file\/below/],
		[[".", "."], /one project/],
	])("%j is wrong, in one line", async (args, message) => {
		const found = readArguments(args, await folderWith({ file: "" }));
		expect(found).toMatchObject({ kind: "wrong", message: expect.stringMatching(message) });
		expect(found).not.toMatchObject({ message: expect.stringContaining("\n") });
	});
});
