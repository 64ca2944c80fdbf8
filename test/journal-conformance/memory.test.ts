import { describe, test } from "vitest";
import { memoryJournal } from "../../src/journal/memory-journal.js";
import { journalConformance } from "../../src/testing/journal-conformance.js";
import { later } from "./fixture.js";

describe.each([
	["the memory journal", memoryJournal],
	["the memory journal with promises", () => later(memoryJournal())],
])("%s", (_, open) => {
	test.each(journalConformance().map((check) => [check.name, check] as const))("%s", (_, check) => check.run(open));
});
