import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ErrorInfo } from "../../src/core/errors.js";
import { normalRetry } from "../../src/graph/policies.js";
import { jitterFraction, retryDelay } from "../../src/graph/retry.js";

const error: ErrorInfo = { code: "AGENT_ERROR", message: "x" };

describe("retryDelay", () => {
	test("without a policy there is one attempt", () => {
		expect(retryDelay(undefined, 1, error, 0)).toBeUndefined();
		expect(retryDelay(normalRetry({ maxAttempts: 1 }), 1, error, 0)).toBeUndefined();
	});

	test("grows by the factor from attempt to attempt, up to the cap", () => {
		const retry = normalRetry({ maxAttempts: 10, delay: 100, maxDelay: 1_000 });
		expect([1, 2, 3, 4, 5, 9].map((attempt) => retryDelay(retry, attempt, error, 0))).toEqual([
			100, 200, 400, 800, 1_000, 1_000,
		]);
		expect(retryDelay(retry, 10, error, 0)).toBeUndefined();
	});

	test("with factor 1 stays the same, and never overflows", () => {
		expect(retryDelay(normalRetry({ maxAttempts: 1_000, delay: 7, factor: 1 }), 900, error, 0)).toBe(7);
		expect(retryDelay(normalRetry({ maxAttempts: 1_000, delay: 1, factor: 100 }), 999, error, 0)).toBe(3_600_000);
		expect(retryDelay(normalRetry({ maxAttempts: 1_000, delay: 0, factor: 100 }), 999, error, 0)).toBe(0);
	});

	test("jitter takes a share of the wait, never more", () => {
		const retry = normalRetry({ maxAttempts: 3, delay: 1_000, jitter: 0.4 });
		expect(retryDelay(retry, 1, error, 0)).toBe(1_000);
		expect(retryDelay(retry, 1, error, 0.5)).toBe(800);
		fc.assert(
			fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (fraction) => {
				const wait = retryDelay(retry, 1, error, fraction) as number;
				expect(wait).toBeGreaterThan(599);
				expect(wait).toBeLessThanOrEqual(1_000);
			}),
		);
	});

	test("heeds the flags of the error", () => {
		const retry = normalRetry({ maxAttempts: 3, delay: 10 });
		expect(retryDelay(retry, 1, { ...error, retryable: false }, 0)).toBeUndefined();
		expect(retryDelay(retry, 1, { ...error, retryable: true }, 0)).toBe(10);
		expect(retryDelay(retry, 1, { ...error, retryAfter: 99 }, 0)).toBe(99);
		expect(retryDelay(retry, 1, { ...error, retryAfter: 1 }, 0)).toBe(10);
		expect(retryDelay(retry, 3, { ...error, retryable: true }, 0)).toBeUndefined();
	});
});

describe("jitterFraction", () => {
	test("is the same for the same run, node and attempt, and another one for others", () => {
		fc.assert(
			fc.property(fc.integer(), fc.string(), fc.nat(1_000), (seed, node, attempt) => {
				const fraction = jitterFraction(seed, node, attempt);
				expect(fraction).toBe(jitterFraction(seed, node, attempt));
				expect(fraction).toBeGreaterThanOrEqual(0);
				expect(fraction).toBeLessThan(1);
			}),
		);
		const many = new Set(Array.from({ length: 1_000 }, (_, i) => jitterFraction(1, `n${i >> 3}`, i & 7)));
		expect(many.size).toBeGreaterThan(990);
		expect(jitterFraction(1, "a", 1)).not.toBe(jitterFraction(2, "a", 1));
	});

	test("is spread evenly", () => {
		const tenths = new Array<number>(10).fill(0);
		for (let i = 0; i < 10_000; i++) {
			const tenth = Math.floor(jitterFraction(5, `node-${i}`, 1) * 10);
			tenths[tenth] = (tenths[tenth] as number) + 1;
		}
		for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
	});
});
