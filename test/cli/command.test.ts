import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { command } from "../../src/cli/command.js";
import { entryOf } from "../../src/testing/conformance/samples.js";
import { journalFiles, openJournal, runsOf, withDatabase } from "../journal/journal-file.js";

const files = journalFiles();

function run(...args: string[]) {
	const printed = { out: "", error: "" };
	const code = command(
		{
			out: (text) => {
				printed.out += `${text}\n`;
			},
			error: (text) => {
				printed.error += `${text}\n`;
			},
		},
		args,
	);
	return { code, ...printed };
}

function filled(): string {
	const file = files.next();
	const journal = openJournal(file);
	journal.append([entryOf("a"), entryOf("b", { sizes: [2, 2] })]);
	journal.close();
	return file;
}

describe("dagswarm salvage", () => {
	test("copies everything of a sound file", () => {
		const saved = files.next();
		expect(run("salvage", filled(), saved)).toEqual({ code: 0, out: `2 runs copied to ${saved}\n`, error: "" });
		const journal = openJournal(saved);
		expect(runsOf(journal)).toEqual(["a", "b"]);
		journal.close();
	});

	test("names what is damaged and exits with 1", () => {
		const file = filled();
		withDatabase(file, (db) => db.exec("UPDATE records SET body = 'x' WHERE key = ((2 << 36) | 3)"));
		const first = run("salvage", file, files.next());
		expect(first.code).toBe(1);
		expect(first.out).toMatch(/^1 run copied to .*\n1 run not copied\n {2}damaged: b: the record from event 3 /);
		const second = run("salvage", "--prefixes", file, files.next());
		expect(second.code).toBe(1);
		expect(second.out).toMatch(/^2 runs copied to .*\n {2}incomplete: b: cut off after event 2: .*\n$/);
	});

	test("says what is wrong with the files", () => {
		const file = filled();
		expect(run("salvage", file, file)).toMatchObject({
			code: 2,
			error: expect.stringMatching(/^INVALID_OPTION: .* is there already/),
		});
		const target = files.next();
		expect(run("salvage", files.next(), target)).toMatchObject({
			code: 1,
			error: expect.stringMatching(/^JOURNAL_UNAVAILABLE/),
		});
		expect(existsSync(target)).toBe(false);
	});

	test.each([
		[[]],
		[["salvage"]],
		[["salvage", "a"]],
		[["salvage", "a", "b", "c"]],
		[["other", "a", "b"]],
		[["--unknown"]],
	])("is told how to be used by %j", (args) => {
		const { code, out, error } = run(...args);
		expect([code, out]).toEqual([2, ""]);
		expect(error).toContain("Usage: dagswarm salvage <from> <to>");
	});

	test("tells how to be used when asked", () => {
		expect(run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Exit code"), error: "" });
	});
});
