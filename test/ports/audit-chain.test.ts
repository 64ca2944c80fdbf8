import { createSecretKey } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AuditFact, factOf, headMac, lineOf, parseLine, recordMac } from "../../src/ports/audit-chain.js";
import { runsOf, SEED } from "../random.js";
import { failure, KEY } from "./fixture.js";

const key = createSecretKey(Buffer.from(KEY));

/** Short texts of few characters, so that different records have the same bytes in all. */
const text = fc.string({ unit: fc.constantFrom("a", "1", ":", ",", '"'), maxLength: 4 });
const name = fc.constantFrom("a", "aa", "b");
const facts = fc.record({
	at: fc.nat(11),
	kind: text,
	fields: fc.array(fc.tuple(name, text), { maxLength: 3 }).map((pairs) => new Map(pairs)),
	elided: fc
		.array(fc.tuple(name, fc.record({ sha256: text, bytes: fc.nat(11) })), { maxLength: 2 })
		.map((pairs) => new Map(pairs)),
});
const records = fc.record({ run: text, before: text, index: fc.nat(11), fact: facts });

interface Placed {
	readonly run: string;
	readonly before: string;
	readonly index: number;
	readonly fact: AuditFact;
}

/** What a record says, in a form that can be compared. */
function contentOf({ run, before, index, fact }: Placed): string {
	const { at, kind, fields, elided } = fact;
	return JSON.stringify([run, before, index, at, kind, [...fields], [...elided]]);
}

function macOf({ run, before, index, fact }: Placed): string {
	return recordMac(key, run, before, index, fact);
}

// Mistake 21 of others: bytes that move from one field to the next, and a run's id that is not authenticated.
describe("the code of a record", () => {
	test("is another one for whatever says something else, though it may have the same bytes", () => {
		const seen = new Map<string, string>();
		fc.assert(
			fc.property(records, (record) => {
				const [mac, content] = [macOf(record), contentOf(record)];
				expect(seen.get(mac) ?? content).toBe(content);
				seen.set(mac, content);
			}),
			{ seed: SEED, numRuns: runsOf(3_000) },
		);
	});

	test("depends on each part, where the bytes are the same in all", () => {
		const base = { run: "ab", before: "cd", index: 1, fact: factOf(1, "ab", { a: "x" }, 256) };
		const elided = (sha256: string, bytes: number): AuditFact => {
			return { ...base.fact, elided: new Map([["b", { sha256, bytes }]]) };
		};
		const others: Placed[] = [
			base,
			{ ...base, run: "abc", before: "d" },
			{ ...base, before: "cd1", index: 0 },
			{ ...base, before: "cd", index: 11 },
			{ ...base, fact: factOf(1, "a", { b: "x" }, 256) },
			{ ...base, fact: factOf(11, "b", { a: "x" }, 256) },
			{ ...base, fact: factOf(1, "ab", { a: "x", b: "y" }, 256) },
			{ ...base, fact: factOf(1, "ab", { a: 'x"b"y' }, 256) },
			{ ...base, fact: elided("c1", 1) },
			{ ...base, fact: elided("c", 11) },
			{ ...base, fact: { ...base.fact, fields: new Map([...base.fact.fields, ["b", "c11"]]) } },
			{ ...base, run: "\ud800" },
			{ ...base, run: "\ud801" },
			{ ...base, run: "\ufffd" },
		];
		expect(new Set(others.map(macOf)).size).toBe(others.length);
	});

	test("needs the key, and is no head's", () => {
		const record = { run: "r", before: "", index: 1, fact: factOf(1, "log", {}, 256) };
		const other = createSecretKey(Buffer.from(`${KEY}!`));
		expect(recordMac(other, "r", "", 1, record.fact)).not.toBe(macOf(record));
		const heads = [headMac(key, "r", 1, true, "x"), headMac(key, "r", 1, false, "x"), headMac(key, "r", 11, true, "x")];
		expect(new Set([...heads, headMac(key, "s", 1, true, "x"), headMac(key, "r", 1, true, "y")]).size).toBe(5);
	});
});

describe("the line of a record", () => {
	test("is read only as it was written", () => {
		const fact = factOf(1.5, "log", { b: { z: 1, a: [] }, a: "\ud800\u2028", long: "x".repeat(300) }, 256);
		const line = lineOf(3, fact, "code");
		expect(parseLine(Buffer.from(line))).toMatchObject({ index: 3, fact, mac: "code" });
		for (const other of [
			"",
			"\n",
			"[]\n",
			"null\n",
			"1\n",
			`${line}${line}`,
			line.trimEnd(),
			` ${line}`,
			"[".repeat(99_999),
		])
			expect(parseLine(Buffer.from(other))).toBeUndefined();
	});

	test("leaves out what is undefined, and has names that no object orders in its own way", async () => {
		expect([...factOf(1, "log", { b: 1, a: undefined, c: null }, 256).fields.keys()]).toEqual(["b", "c"]);
		for (const wrong of ["1", "", "a b", "__proto__x", "x".repeat(65)])
			expect((await failure(() => factOf(1, "log", { [wrong]: 1 }, 256)))["code"]).toBe("INVALID_INPUT");
		const many = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`f${index}`, 1]));
		expect((await failure(() => factOf(1, "log", many, 256)))["code"]).toBe("INVALID_INPUT");
	});
});
