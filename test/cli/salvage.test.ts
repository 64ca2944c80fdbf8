import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { entryOf } from "../../src/testing/conformance/samples.js";
import { journalFiles, openJournal, runsOf, withDatabase } from "../journal/journal-file.js";
import { dagswarm } from "./fake-world.js";

const files = journalFiles();

function filled(): string {
	const file = files.next();
	const journal = openJournal(file);
	journal.append([entryOf("a"), entryOf("b", { sizes: [2, 2] })]);
	journal.close();
	return file;
}

describe("dagswarm salvage", () => {
	test("copies everything of a sound file", async () => {
		const saved = files.next();
		expect(await dagswarm(["salvage", filled(), saved])).toEqual({
			code: 0,
			out: `2 runs copied to ${saved}\n`,
			error: "",
		});
		const journal = openJournal(saved);
		expect(runsOf(journal)).toEqual(["a", "b"]);
		journal.close();
	});

	test("names what is damaged and exits with 1", async () => {
		const file = filled();
		withDatabase(file, (db) => db.exec("UPDATE records SET body = 'x' WHERE key = ((2 << 36) | 3)"));
		const first = await dagswarm(["salvage", file, files.next()]);
		expect(first.code).toBe(1);
		expect(first.out).toMatch(/^1 run copied to .*\n1 run not copied\n {2}damaged: b: the record from event 3 /);
		const second = await dagswarm(["salvage", "--prefixes", file, files.next()]);
		expect(second.code).toBe(1);
		expect(second.out).toMatch(/^2 runs copied to .*\n {2}incomplete: b: cut off after event 2: .*\n$/);
	});

	test("says what is wrong with the files", async () => {
		const file = filled();
		expect(await dagswarm(["salvage", file, file])).toMatchObject({
			code: 2,
			error: expect.stringMatching(/^INVALID_OPTION: .* is there already/),
		});
		const target = files.next();
		expect(await dagswarm(["salvage", files.next(), target])).toMatchObject({
			code: 1,
			error: expect.stringMatching(/^JOURNAL_UNAVAILABLE/),
		});
		expect(existsSync(target)).toBe(false);
	});

	test("as JSON has the same in a shape of its own", async () => {
		const { code, out } = await dagswarm(["salvage", "--json", filled(), files.next()]);
		expect([code, JSON.parse(out)]).toEqual([0, { copied: ["a", "b"], incomplete: [], damaged: [], nameless: 0 }]);
	});
});
