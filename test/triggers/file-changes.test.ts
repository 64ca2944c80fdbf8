import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/core/checksum.js";
import { changesBetween, payloadOfChange, slotOfChange } from "../../src/triggers/file-changes.js";
import {
	EMPTY_MANIFEST,
	type FileState,
	type Manifest,
	manifestName,
	manifestText,
	parseManifest,
} from "../../src/triggers/file-manifest.js";
import { runsOf, SEED } from "../random.js";

function stateOf(content: string, mtimeMs = 1): FileState {
	return { hash: sha256(content), size: content.length, mtimeMs };
}

/** What the changes of one file after the other are, from nothing. */
function fold(steps: readonly (readonly [path: string, content: string | undefined])[]) {
	let manifest = EMPTY_MANIFEST;
	const all = steps.flatMap(([path, content], index) => {
		const state = content === undefined ? undefined : stateOf(content, index);
		const result = changesBetween(manifest, new Map([[path, state]]));
		manifest = result.manifest;
		return result.changes;
	});
	return { changes: all, manifest };
}

describe("changes", () => {
	test("A → B → A are three, each with a slot of its own (mistake 29)", () => {
		const { changes, manifest } = fold([
			["a", "A"],
			["a", "B"],
			["a", "A"],
		]);
		expect(changes.map(({ kind }) => kind)).toEqual(["added", "changed", "changed"]);
		expect(changes.map(slotOfChange)).toEqual([
			`1-${sha256("A").slice(0, 12)}`,
			`2-${sha256("B").slice(0, 12)}`,
			`3-${sha256("A").slice(0, 12)}`,
		]);
		expect(manifest.change).toBe(3);
	});

	test("a deletion shares no slot with another one (mistake 29)", () => {
		const { changes, manifest } = fold([
			["a", "A"],
			["a", undefined],
			["a", "A"],
			["a", undefined],
			["a", undefined],
		]);
		expect(changes.map(slotOfChange).filter((slot) => slot.endsWith("deleted"))).toEqual(["2-deleted", "4-deleted"]);
		expect(changes.at(-1)).toEqual({ ordinal: 4, path: "a", kind: "deleted" });
		expect(manifest.files.size).toBe(0);
	});

	test("a touch is none, and is known", () => {
		const known = changesBetween(EMPTY_MANIFEST, new Map([["a", stateOf("A", 1)]])).manifest;
		const { changes, manifest } = changesBetween(known, new Map([["a", stateOf("A", 2)]]));
		expect(changes).toEqual([]);
		expect(manifest).toEqual({ change: 1, files: new Map([["a", stateOf("A", 2)]]) });
		expect(known.files.get("a")?.mtimeMs).toBe(1);
	});

	test("are numbered in the order of what was seen; what was not looked at stays", () => {
		const known = fold([
			["a", "A"],
			["b", "B"],
		]).manifest;
		const seen = new Map([
			["z", stateOf("Z")],
			["a", undefined],
		]);
		const { changes, manifest } = changesBetween(known, seen);
		expect(changes.map(({ ordinal, path, kind }) => [ordinal, path, kind])).toEqual([
			[3, "z", "added"],
			[4, "a", "deleted"],
		]);
		expect([...manifest.files.keys()]).toEqual(["b", "z"]);
	});

	test("say where the file is, and how it is called below the folder", () => {
		const [change] = fold([["sub/a.md", "A"]]).changes;
		expect(change && payloadOfChange(change, "/project")).toEqual({
			ordinal: 1,
			kind: "added",
			path: "/project/sub/a.md",
			relative: "sub/a.md",
			hash: sha256("A"),
			size: 1,
		});
	});

	test("are those that a naive comparison of contents finds, however looks are grouped", () => {
		const step = fc.tuple(
			fc.constantFrom("a", "b", "c", "__proto__"),
			fc.option(fc.constantFrom("A", "B"), { nil: undefined }),
		);
		fc.assert(
			fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 20 }), (looks) => {
				let manifest: Manifest = EMPTY_MANIFEST;
				const naive = new Map<string, string>();
				const expected: string[] = [];
				const found: string[] = [];
				for (const look of looks) {
					const seen = new Map(look);
					for (const [path, content] of seen) {
						if (naive.get(path) !== content) expected.push(`${expected.length + 1} ${path} ${content}`);
						if (content === undefined) naive.delete(path);
						else naive.set(path, content);
					}
					const states = new Map(
						[...seen].map(([path, text]) => [path, text === undefined ? undefined : stateOf(text)]),
					);
					const result = changesBetween(manifest, states);
					// Through the store: another process goes on where this one was.
					manifest = parseManifest(manifestText(result.manifest));
					for (const { ordinal, path, hash } of result.changes)
						found.push(`${ordinal} ${path} ${["A", "B"].find((text) => sha256(text) === hash)}`);
				}
				expect(found).toEqual(expected);
				expect(manifest.change).toBe(expected.length);
				expect(manifest.files.size).toBe(naive.size);
			}),
			{ seed: SEED, numRuns: runsOf(200) },
		);
	});
});

describe("a manifest", () => {
	test("has a document of its own for each revision", () => {
		expect(manifestName("inbox", 2)).toBe("files/inbox@2");
	});

	test("gives the same text whatever the order in which its files came", () => {
		const files = [
			["b", stateOf("B", 1.5)],
			["a", stateOf("A")],
		] as const;
		const text = manifestText({ change: 7, files: new Map(files) });
		expect(manifestText({ change: 7, files: new Map(files.toReversed()) })).toBe(text);
		expect(parseManifest(text)).toEqual({ change: 7, files: new Map(files) });
	});

	test.each([
		["no JSON", "{"],
		["null", "null"],
		["another document", "{}"],
		["a change that is no number", '{"format":1,"change":-1,"files":[]}'],
		["files without hashes", '{"format":1,"change":1,"files":[["a","",1,1]]}'],
		["half an entry", '{"format":1,"change":1,"files":[["a"]]}'],
		["no list of files", '{"format":1,"change":1,"files":{}}'],
	])("is refused when it is none: %s", (_, text) => {
		expect(() => parseManifest(text, "files/t@1")).toThrow(
			expect.objectContaining({ code: "JOURNAL_CORRUPT", message: expect.stringContaining('"files/t@1"') }),
		);
	});

	test("of a newer version is refused as such", () => {
		expect(() => parseManifest('{"format":2}')).toThrow(expect.objectContaining({ code: "JOURNAL_VERSION" }));
	});
});
