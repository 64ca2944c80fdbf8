import { describe, expect, test } from "vitest";
import { countingIds, randomIds } from "../../src/core/ids.js";

describe("countingIds", () => {
	test("counts runs and nodes from 1, each on its own", () => {
		const ids = countingIds();
		expect([ids.run(), ids.node(), ids.node(), ids.run()]).toEqual(["run-1", "node-1", "node-2", "run-2"]);
	});

	test("starts afresh for each source, so that the same program gives the same ids", () => {
		countingIds().node();
		expect(countingIds().node()).toBe("node-1");
	});
});

describe("randomIds", () => {
	test("gives ids that do not repeat and need no escaping", () => {
		const made = new Set<string>();
		for (let i = 0; i < 1_000; i++) made.add(randomIds.run()).add(randomIds.node());
		expect(made.size).toBe(2_000);
		for (const id of made) expect(id).toMatch(/^[\w-]{21}$/);
	});
});

test("no random id looks like an option of a command", () => {
	const ids = Array.from({ length: 2_000 }, () => [randomIds.run(), randomIds.node()]).flat();
	expect(ids.filter((id) => id.startsWith("-"))).toEqual([]);
});
