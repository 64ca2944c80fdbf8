import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Journal } from "../../src/journal/journal.js";
import { sqliteJournal } from "../../src/journal/sqlite-journal.js";
import { journalConformance } from "../../src/testing/journal-conformance.js";
import { later } from "./fixture.js";

let folder: string;
let files = 0;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dagswarm-journal-"));
});
afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

describe.each([
	["the SQLite journal", (journal: Journal) => journal],
	["the SQLite journal with promises", later],
])("%s", (_, as) => {
	test.each(journalConformance({ durable: true }).map((check) => [check.name, check] as const))("%s", (_, check) => {
		const file = join(folder, `${files++}.db`);
		const open = () => as(sqliteJournal(file));
		return check.run(open, open);
	});
});
