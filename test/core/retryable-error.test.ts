import { RetryableError, SwarmError } from "dagswarm";
import { describe, expect, test } from "vitest";
import { errorInfo } from "../../src/core/errors.js";

describe("a retryable error", () => {
	test("is a SwarmError whose flags get into the error as data", () => {
		const cause = new Error("429");
		const error = new RetryableError("busy", { retryAfter: "2s", cause });
		expect(SwarmError.is(error)).toBe(true);
		expect(errorInfo(error)).toMatchObject({
			code: "RETRYABLE",
			message: "busy",
			name: "SwarmError",
			retryable: true,
			retryAfter: 2_000,
			cause: { message: "429" },
		});
	});

	test("has no time and no cause that it was not given", () => {
		const info = errorInfo(new RetryableError("busy"));
		expect(info.retryable).toBe(true);
		expect(info).not.toHaveProperty("retryAfter");
		expect(info).not.toHaveProperty("cause");
	});

	test.each([-1, "soon", Number.NaN])("refuses to wait %s", (retryAfter) => {
		expect(() => new RetryableError("busy", { retryAfter: retryAfter as number })).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION" }),
		);
	});
});
