import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	atPointer,
	canonicalJson,
	deepFreeze,
	escapePointer,
	findNotPlain,
	MAX_PLAIN_DEPTH,
} from "../../src/core/plain.js";

class Invoice {
	total = 5;
}

/** `{ in: { in: … } }` with as many objects. */
function nest(levels: number, innermost: unknown = 1): unknown {
	let value = innermost;
	for (let i = 0; i < levels; i++) value = { in: value };
	return value;
}

/** Strings that are awkward as keys. */
const key = fc.oneof(
	fc.string({ maxLength: 4 }),
	fc.constantFrom("__proto__", "constructor", "a/b", "~", "~1", "", "0", "01"),
);

const plain = fc.letrec((tie) => ({
	value: fc.oneof(
		{ maxDepth: 4 },
		fc.constant(null),
		fc.boolean(),
		fc.double({ noNaN: true, noDefaultInfinity: true }),
		fc.string(),
		fc.uint8Array({ maxLength: 6 }),
		fc.array(tie("value"), { maxLength: 4 }),
		fc.dictionary(key, tie("value"), { maxKeys: 4 }),
	),
})).value;

describe("findNotPlain", () => {
	test.each<[string, unknown]>([
		["null", null],
		["undefined itself", undefined],
		["a string", ""],
		["a number", -0.5],
		["bytes", new Uint8Array([1, 2])],
		["a Buffer", Buffer.from("ab")],
		["nested data", { a: [1, { b: null }], c: { d: "x" } }],
		["undefined in an object", { a: undefined }],
		["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
		["an object of another realm", runInNewContext("({ a: [1, { b: 2 }] })")],
		["__proto__ as a key", JSON.parse('{ "__proto__": { "a": 1 } }')],
		["as many levels as there may be", nest(MAX_PLAIN_DEPTH)],
	])("takes %s", (_what, value) => {
		expect(findNotPlain(value)).toBeUndefined();
	});

	test("takes one object in two places: sharing is no cycle", () => {
		const shared = { x: 1 };
		expect(findNotPlain({ a: shared, b: [shared, shared] })).toBeUndefined();
	});

	test.each<[string, unknown, string]>([
		["NaN", Number.NaN, "NaN"],
		["infinity", Number.POSITIVE_INFINITY, "Infinity"],
		["minus infinity", Number.NEGATIVE_INFINITY, "-Infinity"],
		["a bigint", 1n, "a bigint"],
		["a symbol", Symbol("s"), "a symbol"],
		["a function", () => 1, "a function"],
		["a class", Invoice, "a function"],
		["a Map", new Map([[1, 2]]), "an instance of Map"],
		["a Set", new Set(), "an instance of Set"],
		["a Date", new Date(0), "an instance of Date"],
		["a RegExp", /x/, "an instance of RegExp"],
		["an Error", new Error("x"), "an instance of Error"],
		["a Promise", Promise.resolve(), "an instance of Promise"],
		["a boxed number", Object(1), "an instance of Number"],
		["other typed arrays", new Float64Array(1), "an instance of Float64Array"],
		["a buffer of bytes", new ArrayBuffer(1), "an instance of ArrayBuffer"],
		["an instance of a class", new Invoice(), "an instance of Invoice"],
		["an instance of an unnamed class", new (class {})(), "an instance of an unnamed class"],
		["an object that inherits from another", Object.create({ a: 1 }), "an instance of Object"],
		["symbol keys", { [Symbol("s")]: 1 }, "an object with symbol keys"],
	])("refuses %s, with its path", (_what, value, found) => {
		expect(findNotPlain(value)).toEqual({ path: "", found });
		expect(findNotPlain({ a: { "x/y": [0, value] } })).toEqual({ path: "/a/x~1y/1", found });
	});

	test("refuses undefined and holes in arrays, which JSON would turn into null", () => {
		expect(findNotPlain([1, undefined])).toEqual({ path: "/1", found: "undefined in an array" });
		const sparse = [1];
		sparse[3] = 4;
		expect(findNotPlain({ list: sparse })).toEqual({ path: "/list/1", found: "undefined in an array" });
	});

	test("names the first offender in the order of keys", () => {
		expect(findNotPlain({ fine: 1, second: new Map(), third: 1n })?.path).toBe("/second");
	});

	test("escapes keys as RFC 6901 says", () => {
		expect(findNotPlain({ "a/b~c": { "": 1n } })?.path).toBe("/a~1b~0c/");
	});

	test("ends on a cycle, short or long", () => {
		const self: Record<string, unknown> = {};
		self["self"] = self;
		expect(findNotPlain(self)?.found).toBe("a cycle");
		const list: unknown[] = [];
		list.push({ back: list });
		expect(findNotPlain({ a: 1, list })?.found).toBe("a cycle");
	});

	test("refuses more than a thousand levels, of objects or of arrays", () => {
		expect(findNotPlain(nest(MAX_PLAIN_DEPTH + 1))?.found).toBe("more than a thousand levels");
		let arrays: unknown = 1;
		for (let i = 0; i < MAX_PLAIN_DEPTH + 1; i++) arrays = [arrays];
		expect(findNotPlain(arrays)?.found).toBe("more than a thousand levels");
		expect(findNotPlain(nest(200_000))?.found).toBe("more than a thousand levels");
	});

	test("does not throw when reading does", () => {
		const found = "a value that cannot be read";
		const { proxy, revoke } = Proxy.revocable({}, {});
		revoke();
		const getter = {
			get secret(): never {
				throw new Error("no");
			},
		};
		expect(findNotPlain({ a: proxy })).toEqual({ path: "", found });
		expect(findNotPlain({ a: getter })).toEqual({ path: "", found });
	});

	test("shows each object that is not an array to the visitor, parents first", () => {
		const leaf = { leaf: true };
		const value = { list: [1, leaf], bytes: new Uint8Array(1), other: leaf };
		const seen: object[] = [];
		findNotPlain(value, (object) => seen.push(object));
		expect(seen).toEqual([value, leaf, leaf]);
		expect(seen[0]).toBe(value);
	});

	test("takes all plain data, and finds an offender wherever it is put", () => {
		fc.assert(
			fc.property(plain, fc.array(fc.oneof(key, fc.nat(3)), { maxLength: 6 }), (data, trail) => {
				expect(findNotPlain(data)).toBeUndefined();
				let value: unknown = 1n;
				for (const step of trail.toReversed()) {
					// A literal, because assigning to `__proto__` would set the prototype.
					value =
						typeof step === "number"
							? [...Array.from({ length: step }, () => data), value]
							: Object.fromEntries([["fine", data] as [string, unknown], [step, value]]);
				}
				const path = trail.map((step) => `/${escapePointer(String(step))}`).join("");
				expect(findNotPlain(value)).toEqual({ path, found: "a bigint" });
				expect(atPointer(value, path)).toEqual({ found: true, value: 1n });
			}),
		);
	});
});

describe("atPointer", () => {
	const data = {
		"": "empty",
		a: [10, { b: null }],
		"x/y": 1,
		"~1": 2,
		"m~n": 3,
		gone: undefined,
		text: "abc",
	};

	test.each<[string, unknown]>([
		["", data],
		["/", "empty"],
		["/a", data.a],
		["/a/0", 10],
		["/a/1/b", null],
		["/x~1y", 1],
		["/~01", 2],
		["/m~0n", 3],
		["/gone", undefined],
	])("%j is there", (pointer, value) => {
		expect(atPointer(data, pointer)).toEqual({ found: true, value });
	});

	test.each([
		"a",
		"/b",
		"/a/2",
		"/a/-1",
		"/a/-",
		"/a/00",
		"/a/length",
		"/a/1/b/c",
		"/text/0",
		"/text/length",
		"/toString",
		"/__proto__",
		"/constructor/name",
		"//",
	])("%j is not", (pointer) => {
		expect(atPointer(data, pointer)).toEqual({ found: false });
	});

	test("looks into nothing that is no object", () => {
		for (const value of [null, undefined, 5, "text"]) {
			expect(atPointer(value, "")).toEqual({ found: true, value });
			expect(atPointer(value, "/x")).toEqual({ found: false });
		}
	});
});

describe("deepFreeze", () => {
	test("freezes all the way down and gives the value back", () => {
		const value = { a: [{ b: 1 }], c: { d: [2] } };
		expect(deepFreeze(value)).toBe(value);
		for (const part of [value, value.a, value.a[0], value.c, value.c.d]) expect(Object.isFrozen(part)).toBe(true);
		expect(() => value.c.d.push(3)).toThrow(TypeError);
	});

	test("leaves scalars and bytes alone, which cannot be frozen", () => {
		const bytes = new Uint8Array([1]);
		expect(deepFreeze({ bytes }).bytes).toBe(bytes);
		for (const scalar of [null, undefined, 1, "x"]) expect(deepFreeze(scalar)).toBe(scalar);
	});

	test("takes what is frozen as done, and ends on a cycle", () => {
		const inner = { open: true };
		deepFreeze(Object.freeze({ inner }));
		expect(Object.isFrozen(inner)).toBe(false);
		const self: Record<string, unknown> = {};
		self["self"] = self;
		expect(Object.isFrozen(deepFreeze(self))).toBe(true);
	});
});

describe("canonicalJson", () => {
	test("sorts keys at every level and keeps the order of arrays", () => {
		expect(canonicalJson({ b: 1, a: { d: [3, 1], c: null } })).toBe('{"a":{"c":null,"d":[3,1]},"b":1}');
	});

	test("leaves undefined members out", () => {
		expect(canonicalJson({ a: undefined, b: 1 })).toBe(canonicalJson({ b: 1 }));
	});

	test("is a text for undefined too, and another one than for null", () => {
		expect(canonicalJson(undefined)).toBe("undefined");
		expect(canonicalJson(null)).toBe("null");
	});

	test("writes a Buffer as it writes the same bytes", () => {
		const bytes = { data: new Uint8Array([1, 2, 250]) };
		expect(canonicalJson(bytes)).toBe('{"data":{"$bytes":"AQL6"}}');
		expect(canonicalJson({ data: Buffer.from(bytes.data) })).toBe(canonicalJson(bytes));
		expect(canonicalJson(Buffer.from(bytes.data))).toBe('{"$bytes":"AQL6"}');
	});

	test("takes __proto__ for a key like any other", () => {
		const data = JSON.parse('{ "__proto__": { "b": 1 }, "a": 2 }');
		expect(JSON.parse(canonicalJson(data))).toEqual(data);
		expect(canonicalJson(data)).not.toBe(canonicalJson({ a: 2 }));
	});

	test("gives equal text for equal data, however it was put together", () => {
		fc.assert(
			fc.property(plain, (data) => {
				expect(canonicalJson(shuffled(data))).toBe(canonicalJson(data));
			}),
		);
	});
});

/** Equal data whose keys were added in the opposite order. */
function shuffled(value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	if (value instanceof Uint8Array) return Buffer.from(value);
	if (Array.isArray(value)) return value.map(shuffled);
	return Object.fromEntries(
		Object.entries(value)
			.toReversed()
			.map(([name, member]) => [name, shuffled(member)]),
	);
}
