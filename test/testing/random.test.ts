import { Random } from "dagswarm/testing";
import { expect, test } from "vitest";

test("a seed gives the same numbers on every machine", () => {
	const random = new Random(42);
	// SplitMix32 with the finaliser of MurmurHash3: worked out by hand from its definition.
	const mix = (state: number): number => {
		let z = state | 0;
		z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
		z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
		return (z ^ (z >>> 16)) >>> 0;
	};
	const expected = [1, 2, 3].map((k) => mix(42 + k * 0x9e3779b9));
	expect([random.next(), random.next(), random.next()]).toEqual(expected);
});

test("numbers stay below their bound and reach all of it", () => {
	const random = new Random(7);
	const seen = new Set(Array.from({ length: 1_000 }, () => random.below(10)));
	expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	expect(random.pick([])).toBeUndefined();
	expect(random.pick(["only"])).toBe("only");
});

test("chances are per mille", () => {
	const random = new Random(7);
	const hits = Array.from({ length: 10_000 }, () => random.chance(250)).filter(Boolean).length;
	expect(hits).toBeGreaterThan(2_300);
	expect(hits).toBeLessThan(2_700);
	expect(Array.from({ length: 100 }, () => random.chance(0)).includes(true)).toBe(false);
	expect(Array.from({ length: 100 }, () => random.chance(1_000)).includes(false)).toBe(false);
});
