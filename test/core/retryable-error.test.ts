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

describe("what a client of HTTP threw", () => {
	test.each([
		[{ status: 429, headers: { "Retry-After": "2" } }, 2_000],
		[{ statusCode: 503, headers: { "retry-after": "0.5" } }, 500],
		[new Response(null, { status: 429, headers: { "retry-after": "3" } }), 3_000],
		[{ status: 408 }, undefined],
		[{ status: 529, headers: { "retry-after": "never" } }, undefined],
		[{ status: 429, headers: { "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" } }, 59_000],
	])("is worth another attempt where its status passes: %j", (failure, retryAfter) => {
		const error = RetryableError.ofHttp(failure, 1_000);
		expect(error).toMatchObject({ code: "RETRYABLE", retryable: true, cause: failure });
		expect(error?.retryAfter).toBe(retryAfter);
	});

	test("keeps its message", () => {
		const failure = Object.assign(new Error("slow down"), { status: 429 });
		expect(RetryableError.ofHttp(failure)?.message).toBe("slow down");
		expect(RetryableError.ofHttp({ status: 500 })?.message).toBe("status 500");
	});

	test.each([
		{ status: 404 },
		{ status: 501 },
		{ status: "429" },
		new Error("no"),
		"429",
		undefined,
		null,
		{
			get status(): number {
				throw new Error("no");
			},
		},
	])("is none where it does not: %#", (failure) => {
		expect(RetryableError.ofHttp(failure)).toBeUndefined();
	});
});
