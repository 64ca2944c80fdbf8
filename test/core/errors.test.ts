import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorInfo, errorInfo, type Refusal, SwarmError } from "../../src/core/errors.js";

describe("SwarmError", () => {
	test("is an Error with a code, the nodes concerned, the path, a hint and a cause", () => {
		const cause = new Error("underneath");
		const details = { nodes: ["a", "b"], path: "/nodes/0", hint: "rename one" };
		const error = new SwarmError("DUPLICATE_NODE", "a is there already", details, { cause });
		expect(error).toBeInstanceOf(Error);
		expect(error).toMatchObject({ name: "SwarmError", code: "DUPLICATE_NODE", ...details, cause });
		expect(error.message).toBe("a is there already (rename one)");
		expect(error.stack).toContain("SwarmError");
	});

	test("has no path, hint or cause that it was not given", () => {
		const error = new SwarmError("TIMEOUT", "too slow");
		expect(error.message).toBe("too slow");
		expect(error.nodes).toEqual([]);
		for (const name of ["path", "hint", "cause"]) expect([name, name in error]).toEqual([name, false]);
	});

	test("is recognised across copies of the package, and nothing else is", () => {
		class OtherCopy extends Error {}
		const foreign = new OtherCopy("from elsewhere");
		Object.defineProperty(foreign, Symbol.for("dagswarm.error"), { value: true });
		expect(SwarmError.is(new SwarmError("CYCLE", "a cycle"))).toBe(true);
		expect(SwarmError.is(foreign)).toBe(true);
		for (const other of [new Error("CYCLE"), { code: "CYCLE" }, "CYCLE", null, undefined]) {
			expect(SwarmError.is(other)).toBe(false);
		}
	});

	test("says what a refusal says", () => {
		const refusal: Refusal = { code: "CYCLE", message: "a closes a cycle", nodes: ["a", "b", "a"], path: "/0/to" };
		expect(SwarmError.from(refusal)).toMatchObject({ ...refusal, message: "a closes a cycle" });
		expect(SwarmError.from({ ...refusal, hint: "turn it round" }).message).toBe("a closes a cycle (turn it round)");
	});
});

function depthOf(info: ErrorInfo | undefined): number {
	return info === undefined ? 0 : 1 + depthOf(info.cause);
}

describe("errorInfo", () => {
	test("of an Error: message, class and stack", () => {
		const error = new TypeError("no such tool");
		expect(errorInfo(error)).toEqual({
			code: "AGENT_ERROR",
			message: "no such tool",
			name: "TypeError",
			stack: error.stack,
		});
	});

	test("keeps a code, retry flags and delays that are of the right type", () => {
		const error = Object.assign(new Error("slow down"), { code: "RATE_LIMIT", retryable: true, retryAfter: 1_500 });
		expect(errorInfo(error)).toMatchObject({ code: "RATE_LIMIT", retryable: true, retryAfter: 1_500 });
		expect(errorInfo(Object.assign(new Error("no"), { retryable: false, retryAfter: 0 }))).toMatchObject({
			retryable: false,
			retryAfter: 0,
		});
	});

	test.each([
		["a numeric code", { code: 20 }],
		["a flag that is no boolean", { retryable: "yes" }],
		["a negative delay", { retryAfter: -1 }],
		["an infinite delay", { retryAfter: Number.POSITIVE_INFINITY }],
		["NaN as a delay", { retryAfter: Number.NaN }],
		["a delay with a unit", { retryAfter: "1s" }],
	])("leaves out %s", (_what, extra) => {
		const info = errorInfo(Object.assign(new Error("odd"), extra));
		expect(info.code).toBe("AGENT_ERROR");
		expect(info).not.toHaveProperty("retryable");
		expect(info).not.toHaveProperty("retryAfter");
	});

	test("of a SwarmError: its code, nodes and path too", () => {
		const error = new SwarmError("UNKNOWN_DEPENDENCY", "b needs ghost", { nodes: ["b", "ghost"], path: "/nodes/1" });
		expect(errorInfo(error)).toMatchObject({
			code: "UNKNOWN_DEPENDENCY",
			name: "SwarmError",
			nodes: ["b", "ghost"],
			path: "/nodes/1",
		});
		expect(errorInfo(Object.assign(new Error("no"), { nodes: ["a"], path: "/x" }))).not.toHaveProperty("nodes");
	});

	test.each<[string, unknown, string]>([
		["a string", "out of tokens", "thrown: out of tokens"],
		["undefined", undefined, "thrown: undefined"],
		["null", null, "thrown: null"],
		["a number", 42, "thrown: 42"],
		["a bigint", 42n, "thrown: 42"],
		["a symbol", Symbol("stop"), "thrown: Symbol(stop)"],
		["an object", { why: "because" }, 'thrown: {"why":"because"}'],
		["an array", ["a", 1], 'thrown: ["a",1]'],
		["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), 'thrown: {"a":1}'],
		["a message that is no text", { message: 5 }, 'thrown: {"message":5}'],
	])("of %s", (_what, thrown, message) => {
		expect(errorInfo(thrown)).toEqual({ code: "AGENT_ERROR", message });
	});

	test("of an object that is no Error keeps what it says of itself", () => {
		expect(errorInfo({ message: "quota", code: "QUOTA", name: "ApiError", retryable: false })).toEqual({
			code: "QUOTA",
			message: "quota",
			name: "ApiError",
			retryable: false,
		});
	});

	test("of an object that JSON cannot write keeps its flags", () => {
		const circular: Record<string, unknown> = { code: "LOOP", retryable: false };
		circular["self"] = circular;
		expect(errorInfo(circular)).toEqual({ code: "LOOP", message: "thrown: [object Object]", retryable: false });
		expect(errorInfo({ code: "BIG", size: 5n })).toMatchObject({ code: "BIG", message: "thrown: [object Object]" });
	});

	test("of an Error from another realm", () => {
		expect(errorInfo(runInNewContext('new RangeError("elsewhere")'))).toMatchObject({
			message: "elsewhere",
			name: "RangeError",
		});
	});

	test("follows causes, also those that are no Errors, and stops after eight", () => {
		const error = new Error("top", { cause: new Error("middle", { cause: "root" }) });
		expect(errorInfo(error).cause).toMatchObject({ message: "middle", cause: { message: "thrown: root" } });
		expect(errorInfo(new Error("top", { cause: null })).cause).toEqual({
			code: "AGENT_ERROR",
			message: "thrown: null",
		});

		let chain = new Error("0");
		for (let i = 1; i < 50; i++) chain = new Error(String(i), { cause: chain });
		expect(depthOf(errorInfo(chain))).toBe(9);
	});

	test("ends on a cause that leads back to itself", () => {
		const error = new Error("round");
		error.cause = error;
		expect(depthOf(errorInfo(error))).toBe(9);
	});

	test("clips long texts", () => {
		const long = "x".repeat(100_000);
		const info = errorInfo(Object.assign(new Error(long), { code: long, name: long, stack: long }));
		for (const text of [info.code, info.message, info.name, info.stack]) {
			expect(text).toHaveLength(8_193);
			expect(text?.endsWith("x…")).toBe(true);
		}
		expect(errorInfo(long).message.length).toBeLessThan(8_300);
		expect(errorInfo(new Error("x".repeat(8_192))).message).toBe("x".repeat(8_192));
	});

	const hostile: readonly [string, unknown][] = [
		[
			"a getter that throws",
			Object.defineProperty(new Error("x"), "message", {
				get() {
					throw new Error("no message for you");
				},
			}),
		],
		[
			"a toString that throws",
			{
				toJSON: () => undefined,
				get [Symbol.toStringTag](): string {
					throw new Error("no tag");
				},
			},
		],
		[
			"a proxy that refuses everything",
			new Proxy(new Error("x"), {
				get() {
					throw new Error("refused");
				},
			}),
		],
		["a revoked proxy", revokedProxy()],
	];

	test.each(hostile)("survives %s", (_what, thrown) => {
		expect(errorInfo(thrown)).toEqual({ code: "AGENT_ERROR", message: "thrown: a value that cannot be read" });
	});

	test("loses only the cause when the cause is hostile", () => {
		expect(errorInfo(new Error("top", { cause: revokedProxy() }))).toMatchObject({
			message: "top",
			cause: { message: "thrown: a value that cannot be read" },
		});
	});

	test("believes the first answer of a getter that changes its mind", () => {
		let reads = 0;
		const fickle = {
			message: "m",
			get code() {
				return reads++ === 0 ? "FIRST" : { length: 1 };
			},
		};
		expect(errorInfo(fickle).code).toBe("FIRST");
	});

	test("is plain data, whatever was thrown", () => {
		fc.assert(
			fc.property(
				fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
				(thrown) => {
					const info = errorInfo(thrown);
					expect(typeof info.code).toBe("string");
					expect(JSON.parse(JSON.stringify(info))).toEqual(info);
				},
			),
		);
	});
});

function revokedProxy(): object {
	const { proxy, revoke } = Proxy.revocable({}, {});
	revoke();
	return proxy;
}
