import { describe, expect, test } from "vitest";
import { runOf } from "../../src/triggers/occurrence.js";
import { changeKey, checkGivenKey, givenKey, onceKey, runEndKey, slotKey } from "../../src/triggers/occurrence-key.js";
import { START, triggerOf } from "./timed.js";

const trigger = { ...triggerOf({ kind: "manual" }), revision: 3 };

describe("keys", () => {
	test("C1: say trigger, revision and slot", () => {
		expect(slotKey(trigger, START)).toBe("t@3:2026-11-25T20:00:00.000Z");
		expect(onceKey(trigger)).toBe("t@3:once");
		expect(runEndKey(trigger, "abc")).toBe("t@3:run-abc");
		expect(givenKey(trigger, "order 66/b")).toBe("t@3:order 66/b");
	});

	test("mistake 29: A, B and A again are three, a deletion is one of its own", () => {
		const [a, b] = ["a".repeat(64), "b".repeat(64)];
		const keys = [a, b, a, undefined].map((content, n) => changeKey(trigger, n + 1, content));
		expect(keys).toEqual(["t@3:1-aaaaaaaaaaaa", "t@3:2-bbbbbbbbbbbb", "t@3:3-aaaaaaaaaaaa", "t@3:4-deleted"]);
	});
});

describe("a given key", () => {
	test.each(["a", "x".repeat(200), "größer", "🐝", "2026-11-25", "issue #12 of it", "#x"])("may be %j", (key) => {
		expect(checkGivenKey(key)).toBe(key);
	});

	test.each<[string, unknown]>([
		["empty", ""],
		["too long", "x".repeat(201)],
		["half a character", "a\ud800"],
		["a line", "a\nb"],
		["a zero", "a\0"],
		["a separator of lines", "a\u2028b"],
		["a number", 5],
		["undefined", undefined],
		["the run of another attempt", runOf("a", 2)],
	])("may not be %s", (_, key) => {
		expect(() => checkGivenKey(key)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});
});
