import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlidingWindow } from "../../src/scheduler/sliding-window.js";

describe("a sliding window", () => {
	test("counts exactly what is sparse", () => {
		const window = new SlidingWindow(3, 1_000);
		for (const at of [0, 400, 800]) window.add(at, 1);
		expect([999, 1_000, 1_399, 1_400, 1_799, 1_800].map((now) => window.total(now))).toEqual([3, 2, 2, 1, 1, 0]);
	});

	test("has room again when enough has gone", () => {
		const window = new SlidingWindow(10, 1_000);
		for (const [at, amount] of [
			[0, 4],
			[300, 4],
			[600, 2],
		] as const)
			window.add(at, amount);
		expect([1, 4, 5, 8, 9, 10, 11].map((amount) => window.roomAt(700, amount))).toEqual([
			...[1_000, 1_000, 1_300, 1_300, 1_600, 1_600, 1_600],
		]);
		expect(window.hasRoom(1_000, 4, 0)).toBe(true);
		expect(window.hasRoom(1_000, 4, 1)).toBe(false);
		expect(window.roomAt(1_000, 4)).toBe(1_000);
		expect(window.emptyAt(1_000)).toBe(1_600);
	});

	test("lets more than the limit through when it is empty, and then nothing", () => {
		const window = new SlidingWindow(10, 1_000);
		expect(window.hasRoom(0, 25, 0)).toBe(true);
		expect(window.hasRoom(0, 25, 1)).toBe(false);
		window.add(0, 25);
		expect([window.hasRoom(999, 1, 0), window.roomAt(999, 1), window.roomAt(999, 25)]).toEqual([false, 1_000, 1_000]);
		expect(window.hasRoom(1_000, 10, 0)).toBe(true);
	});

	test("takes back what was given back, but not what has gone", () => {
		const window = new SlidingWindow(10, 1_000);
		const [early, late] = [window.add(0, 6), window.add(500, 4)];
		window.giveBack(late, 3);
		expect(window.total(500)).toBe(7);
		expect(window.total(1_000)).toBe(1);
		window.giveBack(early, 6);
		expect(window.total(1_000)).toBe(1);
		window.giveBack(late, 9);
		expect(window.total(1_000)).toBe(0);
		expect(window.emptyAt(1_000)).toBe(1_000);
	});

	test("keeps few records, however much comes", () => {
		const window = new SlidingWindow(1_000_000, 1_000);
		const slots = new Set<object>();
		for (let now = 0; now < 1_000; now += 0.5) slots.add(window.add(now, 1));
		expect(slots.size).toBeLessThanOrEqual(101);
		expect(window.total(999)).toBe(2_000);
	});

	test("never lets more than its limit into any stretch of its length, and all of it in the end", () => {
		const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(3), fc.nat(120)), { minLength: 1, maxLength: 80 });
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 10, 100, 1_000), gaps, (limit, per, waits) => {
				const window = new SlidingWindow(limit, per);
				const taken: number[] = [];
				let now = 0;
				for (const wait of waits) {
					now += wait;
					if (!window.hasRoom(now, 1, 0)) {
						const at = window.roomAt(now, 1);
						expect(at).toBeGreaterThan(now);
						now = at;
					}
					expect(window.hasRoom(now, 1, 0)).toBe(true);
					window.add(now, 1);
					taken.push(now);
				}
				for (let i = limit; i < taken.length; i++)
					expect((taken[i] as number) - (taken[i - limit] as number)).toBeGreaterThanOrEqual(per);
			}),
		);
	});
});
