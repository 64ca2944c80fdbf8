import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OWN_JOURNAL, readArguments, resumeCommand } from "../../demo/arguments.ts";
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

	test("ask for a durable run, in the demo's journal or another", () => {
		const cwd = process.cwd();
		const durable = (journal: string) => ({ kind: "durable", run: { journal, project: cwd }, out: cwd });
		expect(readArguments(["--durable"], cwd)).toEqual(durable(OWN_JOURNAL));
		expect(readArguments(["--durable", "--journal", "runs.db"], cwd)).toEqual(durable(join(cwd, "runs.db")));
		expect(readArguments(["--journal", "runs.db"], cwd)).toEqual(durable(join(cwd, "runs.db")));
	});

	test.each([
		["V1StGXR8_Z5jdHi6B-myT", OWN_JOURNAL, "here"],
		["-begins with a dash", join("/", "it's", "runs.db"), join("else", "where")],
	])("that go on with %j are what the printed command says", (resume, journal, folder) => {
		const cwd = join("/", "here");
		const out = folder === "here" ? cwd : join(cwd, folder);
		const command = resumeCommand(resume, journal, out, cwd);
		expect(command).toMatch(/^npm run demo -- --resume=/);
		expect(readArguments(words(command).slice(4), cwd)).toEqual({ kind: "durable", run: { journal, resume }, out });
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
		[["--journal="], /empty/],
		[["--resume="], /id of a run/],
		[["--resume=a", "."], /name none/],
	])("%j is wrong, in one line", async (args, message) => {
		const found = readArguments(args, await folderWith({ file: "" }));
		expect(found).toMatchObject({ kind: "wrong", message: expect.stringMatching(message) });
		expect(found).not.toMatchObject({ message: expect.stringContaining("\n") });
	});
});

/** The words of a command as a shell reads it. */
function words(command: string): string[] {
	return [...command.matchAll(/(?:[^\s'\\]|\\.|'[^']*')+/g)].map(([word]) =>
		word.replaceAll(/'([^']*)'|\\(.)/g, (_, quoted: string | undefined, escaped: string | undefined) => {
			return quoted ?? escaped ?? "";
		}),
	);
}
