/** Plain data: JSON values, `undefined` in objects, and `Uint8Array`. What every border accepts. */
export type Plain =
	| null
	| boolean
	| number
	| string
	| Uint8Array
	| readonly Plain[]
	| { readonly [key: string]: Plain | undefined };

/** What is wrong with a value that is not plain data. */
export interface NotPlain {
	/** JSON Pointer (RFC 6901) to the offending value. */
	readonly path: string;
	/** What stands there, in words. */
	readonly found: string;
}

/** Deeper values are refused: it bounds the recursion, and a cycle ends here at the latest. */
export const MAX_PLAIN_DEPTH = 1_000;

/**
 * Looks for the first value that is not plain data.
 *
 * @param value - anything
 * @param visit - called for each object that is not an array, parents first, for callers that look for something
 *   inside; must not throw
 * @returns undefined when all of it is plain
 */
export function findNotPlain(value: unknown, visit?: (object: object) => void): NotPlain | undefined {
	if (isPlainScalar(value)) return undefined;
	try {
		return walk(value, "", [], visit);
	} catch {
		// A getter or a proxy that throws must not bring down the border that asks.
		return { path: "", found: "a value that cannot be read" };
	}
}

function isPlainScalar(value: unknown): boolean {
	return (
		value === null ||
		value === undefined ||
		typeof value === "string" ||
		typeof value === "boolean" ||
		(typeof value === "number" && Number.isFinite(value))
	);
}

function walk(
	value: unknown,
	path: string,
	above: object[],
	visit: ((object: object) => void) | undefined,
): NotPlain | undefined {
	if (typeof value !== "object" || value === null) return { path, found: nameOf(value) };
	if (value instanceof Uint8Array) return undefined;
	if (above.length >= MAX_PLAIN_DEPTH) {
		return {
			path: "",
			found: above.indexOf(value) >= 0 || isCyclic(above) ? "a cycle" : "more than a thousand levels",
		};
	}
	if (Array.isArray(value)) return walkArray(value, path, above, visit);
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
		return { path, found: `an instance of ${constructorName(value)}` };
	}
	if (Object.getOwnPropertySymbols(value).length > 0) return { path, found: "an object with symbol keys" };
	visit?.(value);
	above.push(value);
	for (const key of Object.keys(value)) {
		const member = (value as Record<string, unknown>)[key];
		if (isPlainScalar(member)) continue;
		const wrong = walk(member, `${path}/${escapePointer(key)}`, above, visit);
		if (wrong) return wrong;
	}
	above.pop();
	return undefined;
}

function walkArray(
	array: unknown[],
	path: string,
	above: object[],
	visit: ((object: object) => void) | undefined,
): NotPlain | undefined {
	above.push(array);
	for (let i = 0; i < array.length; i++) {
		const member = array[i];
		if (member === undefined) return { path: `${path}/${i}`, found: "undefined in an array" };
		if (isPlainScalar(member)) continue;
		const wrong = walk(member, `${path}/${i}`, above, visit);
		if (wrong) return wrong;
	}
	above.pop();
	return undefined;
}

function isCyclic(above: readonly object[]): boolean {
	return new Set(above).size < above.length;
}

/** What a value is, in words that cannot throw, whatever it is. */
export function nameOf(value: unknown): string {
	if (typeof value === "number") return String(value);
	if (value === undefined || value === null) return String(value);
	return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function constructorName(value: object): string {
	const made = (value as { constructor?: { name?: unknown } }).constructor;
	return typeof made?.name === "string" && made.name !== "" ? made.name : "an unnamed class";
}

/** One reference token of a JSON Pointer (RFC 6901, section 3). */
export function escapePointer(token: string): string {
	return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * The value at a JSON Pointer (RFC 6901), own properties only.
 *
 * @returns `{ found: false }` when nothing stands there
 */
export function atPointer(value: unknown, pointer: string): { found: true; value: unknown } | { found: false } {
	if (pointer === "") return { found: true, value };
	if (!pointer.startsWith("/")) return { found: false };
	let current = value;
	for (const token of pointer.slice(1).split("/")) {
		const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
		if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return { found: false };
		if (Array.isArray(current) && !/^(0|[1-9]\d*)$/.test(key)) return { found: false };
		current = (current as Record<string, unknown>)[key];
	}
	return { found: true, value: current };
}

/** Freezes plain data all the way down. Values already frozen are taken as done. */
export function deepFreeze<T>(value: T): T {
	if (typeof value === "object" && value !== null) freezeAll(value);
	return value;
}

function freezeAll(object: object): void {
	if (Object.isFrozen(object)) return;
	// Not by their keys: each would be a string of its own.
	if (Array.isArray(object)) {
		Object.freeze(object);
		for (let i = 0; i < object.length; i++) {
			const member: unknown = object[i];
			if (typeof member === "object" && member !== null) freezeAll(member);
		}
	} else if (!(object instanceof Uint8Array)) {
		Object.freeze(object);
		for (const key in object) {
			const member = (object as Record<string, unknown>)[key];
			if (typeof member === "object" && member !== null && Object.hasOwn(object, key)) freezeAll(member);
		}
	}
}

const BYTES = /^\$+bytes$/;

/**
 * Plain data as JSON text with sorted keys, so that equal data gives equal text. `undefined` members
 * are left out; bytes are written as base64.
 */
export function canonicalJson(value: unknown): string {
	const text: string | undefined = JSON.stringify(
		value,
		function (this: Record<string, unknown>, key, member: unknown) {
			// Not `member`: a Buffer has gone through its own toJSON by then.
			const bytes = this[key];
			if (bytes instanceof Uint8Array) return { $bytes: Buffer.from(bytes).toString("base64") };
			if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
			const [only, ...others] = Object.keys(member);
			// An object that looks like bytes gives another text than bytes do.
			if (only !== undefined && others.length === 0 && BYTES.test(only))
				return { [`$${only}`]: (member as Record<string, unknown>)[only] };
			// Without a prototype `__proto__` is a key like any other.
			const sorted: Record<string, unknown> = Object.create(null);
			for (const name of Object.keys(member).sort()) sorted[name] = (member as Record<string, unknown>)[name];
			return sorted;
		},
	);
	return text ?? "undefined";
}

/**
 * What {@link canonicalJson} wrote, parsed, as plain data: bytes are bytes again.
 *
 * @param parsed - what `JSON.parse` gave; it is changed
 */
export function fromCanonical(parsed: unknown): unknown {
	if (typeof parsed !== "object" || parsed === null) return parsed;
	const [only, ...others] = Object.keys(parsed);
	if (only !== undefined && others.length === 0 && BYTES.test(only) && !Array.isArray(parsed)) {
		const content = (parsed as Record<string, unknown>)[only];
		return only === "$bytes"
			? new Uint8Array(Buffer.from(String(content), "base64"))
			: { [only.slice(1)]: fromCanonical(content) };
	}
	for (const [key, member] of Object.entries(parsed)) {
		// Assigning to `__proto__` would set the prototype; JSON.parse made it a key of its own.
		if (typeof member === "object")
			Object.defineProperty(parsed, key, {
				value: fromCanonical(member),
				enumerable: true,
				configurable: true,
				writable: true,
			});
	}
	return parsed;
}
