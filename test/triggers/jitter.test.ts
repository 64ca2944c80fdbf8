import fc from "fast-check";
import { expect, test } from "vitest";
import { jitterOf } from "../../src/triggers/jitter.js";
import { holds } from "./timed.js";

test("a key has the same jitter whoever asks, below the most there is", () => {
	const property = fc.property(fc.string(), fc.integer({ min: 1, max: 86_400_000 }), (key, max) => {
		const jitter = jitterOf(key, max);
		expect(jitter).toBe(jitterOf(key, max));
		expect(Number.isInteger(jitter) && jitter >= 0 && jitter < max).toBe(true);
	});
	holds(property, 300);
	expect(jitterOf("t@1:once", 0)).toBe(0);
});

test("the slots of a trigger are spread over the whole of it", () => {
	const draws = Array.from({ length: 1_000 }, (_, n) => jitterOf(`t@1:${new Date(n * 1_000).toISOString()}`, 10));
	const counts = Array.from({ length: 10 }, (_, value) => draws.filter((draw) => draw === value).length);
	for (const count of counts) expect(count).toBeGreaterThan(60);
});
