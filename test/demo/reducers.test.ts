import { describe, expect, test } from "vitest";
import { type Findings, gather } from "../../demo/findings.ts";
import type { PackageFacts } from "../../demo/package-facts.ts";
import { deepestChain, failures, largest, licences, moduleKinds, section } from "../../demo/reducers.ts";

function fact(id: string, more: Partial<PackageFacts> = {}): PackageFacts {
	return { id, name: id, licence: "MIT", types: false, modules: "cjs", files: 1, bytes: 10, ...more };
}

function findings(...facts: PackageFacts[]): Findings {
	return { facts, failed: [], chain: [] };
}

describe("findings", () => {
	test("are gathered with the failures; a failed dependency is the last link of a chain", () => {
		const settled = {
			a: { status: "completed", output: { facts: [fact("a")], failed: [], chain: ["a", "x"] } },
			b: { status: "failed", error: { message: "gone" } },
			c: { status: "skipped" },
			d: { status: "completed", output: { facts: [], failed: [{ id: "d1", why: "odd" }], chain: ["d", "e", "f"] } },
		};
		expect(gather(settled)).toEqual({
			facts: [fact("a")],
			failed: [
				{ id: "b", why: "gone" },
				{ id: "c", why: "skipped" },
				{ id: "d1", why: "odd" },
			],
			chain: ["d", "e", "f"],
		});
		expect(gather({ b: settled.b }).chain).toEqual(["b"]);
		expect(gather({})).toEqual({ facts: [], failed: [], chain: [] });
	});
});

describe("reducers", () => {
	test("largest: sorted by bytes, at most fifteen, with the sum of all", () => {
		const many = Array.from({ length: 20 }, (_, i) => fact(`p${i}`, { bytes: i * 1000 }));
		const text = largest.body(findings(...many));
		expect(text).toContain("20 packages read: 20 files, 190.0 kB (190,000 bytes).");
		const rows = text.split("\n").filter((line) => line.startsWith("| p"));
		expect(rows).toHaveLength(15);
		expect(rows[0]).toBe("| p19 | 19.0 kB | 19,000 | 1 |");
	});

	test("largest: a package that was not read to the end is marked", () => {
		expect(largest.body(findings(fact("p", { more: true })))).toContain("at least 10");
	});

	test("licences: most used first, names that would break the table escaped", () => {
		const text = licences.body(
			findings(fact("a", { licence: "ISC" }), fact("b"), fact("c"), fact("d", { licence: "x|y" })),
		);
		expect(text.split("\n").slice(2)).toEqual(["| MIT | 2 | b, c |", "| ISC | 1 | a |", "| x\\|y | 1 | d |"]);
	});

	test("modules: counted by kind and types; another version on disk is named", () => {
		const text = moduleKinds.body(
			findings(fact("a", { types: true }), fact("b", { modules: "esm", versionOnDisk: "9.9.9" })),
		);
		expect(text).toContain("| ESM | 1 | 0 | 1 |");
		expect(text).toContain("| CommonJS | 1 | 1 | 0 |");
		expect(text).toContain("b is 9.9.9");
	});

	test("deepest chain: one line per link", () => {
		const text = deepestChain.body({ ...findings(fact("a")), chain: ["a@1.0.0", "b@1.0.0"] });
		expect(text).toBe("2 packages deep, each needing the next (a cycle counts as one):\n\n1. a@1.0.0\n2. b@1.0.0");
	});

	test("failures: what and why", () => {
		expect(failures.body(findings())).toMatch(/^Nothing/);
		expect(failures.body({ facts: [], chain: [], failed: [{ id: "a", why: "no\nway" }] })).toContain("| a | no?way |");
	});

	test("every section stands on nothing", () => {
		for (const reducer of [largest, licences, moduleKinds, deepestChain, failures]) {
			expect(section(reducer, findings())).toMatch(/^## .+\n\n.+\n$/s);
		}
	});
});
