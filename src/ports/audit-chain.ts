import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { sha256 } from "../core/checksum.js";
import { SwarmError } from "../core/errors.js";
import { canonicalJson } from "../core/plain.js";

/** Longer lines are not looked at: it bounds the memory of whoever verifies. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;
/** Of one record, whatever their size. */
const MAX_FIELDS = 24;

/** What stands for a value that is too long to be kept. */
export interface ElidedValue {
	/** SHA-256 (FIPS 180-4) of its canonical text, in hexadecimal digits. */
	readonly sha256: string;
	/** The length of that text in bytes of UTF-8. */
	readonly bytes: number;
}

/** A record before it has its place in the chain. */
export interface AuditFact {
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
	readonly kind: string;
	/** Canonical texts by name, sorted by name. */
	readonly fields: ReadonlyMap<string, string>;
	readonly elided: ReadonlyMap<string, ElidedValue>;
}

/**
 * What an audit file keeps of a value that is longer than it keeps values: whoever has the value can compare.
 *
 * @param value - plain data
 *
 * @example
 * ```ts
 * import { auditDigest } from "dagswarm";
 *
 * auditDigest("abc").bytes; // 5, with the quotes
 * auditDigest({ b: 1, a: 2 }).sha256 === auditDigest({ a: 2, b: 1 }).sha256; // true
 * ```
 */
export function auditDigest(value: unknown): ElidedValue {
	return digestOf(canonicalJson(value));
}

function digestOf(text: string): ElidedValue {
	return { sha256: sha256(text), bytes: Buffer.byteLength(text) };
}

/**
 * The record for some fields; those that are `undefined` are left out.
 *
 * @param longest - fields whose text has more bytes are represented by their hash
 * @throws SwarmError `INVALID_INPUT` for too many fields
 */
export function factOf(
	at: number,
	kind: string,
	values: Readonly<Record<string, unknown>>,
	longest: number,
): AuditFact {
	const fields = new Map<string, string>();
	const elided = new Map<string, ElidedValue>();
	const names = Object.keys(values).filter((name) => values[name] !== undefined);
	// An index among the names would come first in an object, whatever it is sorted by.
	if (names.length > MAX_FIELDS || names.some((name) => !/^[a-z]\w{0,63}$/i.test(name)))
		throw new SwarmError(
			"INVALID_INPUT",
			`an audit entry has at most ${MAX_FIELDS} fields, named by letters and digits`,
		);
	for (const name of names.sort()) {
		const text = canonicalJson(values[name]);
		if (Buffer.byteLength(text) <= longest) fields.set(name, text);
		else elided.set(name, digestOf(text));
	}
	return { at, kind, fields, elided };
}

/**
 * The authentication code of a record: HMAC-SHA256 (RFC 2104) over the run's id, the code of the record before it, and
 * everything the record says, each with its length before it, so that no byte can move from one field to the next.
 *
 * @param before - the code of the record before, empty for the first
 * @param index - from 1
 */
export function recordMac(key: KeyObject, run: string, before: string, index: number, fact: AuditFact): string {
	// Texts as JSON: UTF-8 alone has one encoding for all halves of characters.
	const frames = ["dagswarm-audit-record-1", JSON.stringify(run), before, `${index}`];
	frames.push(JSON.stringify(fact.at), JSON.stringify(fact.kind), `${fact.fields.size}`);
	for (const [name, text] of fact.fields) frames.push(name, text);
	for (const [name, { sha256, bytes }] of fact.elided) frames.push(name, sha256, `${bytes}`);
	return macOf(key, frames);
}

/** The code of a head: how far the chain had come, and whether it was over. */
export function headMac(key: KeyObject, run: string, records: number, sealed: boolean, last: string): string {
	return macOf(key, ["dagswarm-audit-head-1", JSON.stringify(run), `${records}`, `${sealed}`, last]);
}

/** @see netstrings, D. J. Bernstein, 1997: what is authenticated can be read in one way only */
function macOf(key: KeyObject, frames: readonly string[]): string {
	let all = "";
	for (const text of frames) all += `${Buffer.byteLength(text)}:${text},`;
	return createHmac("sha256", key).update(all).digest("hex");
}

/** Compares two codes in a time that does not depend on where they differ. */
export function isSameMac(a: string, b: string): boolean {
	const [one, other] = [Buffer.from(a), Buffer.from(b)];
	return one.length === other.length && timingSafeEqual(one, other);
}

/** The line of a record, as it is written and as it has to be read. */
export function lineOf(index: number, fact: AuditFact, mac: string): string {
	const fields = [...fact.fields].map(([name, text]) => `"${name}":${text}`).join(",");
	const elided = [...fact.elided].map(
		([name, { sha256, bytes }]) => `"${name}":{"sha256":${JSON.stringify(sha256)},"bytes":${bytes}}`,
	);
	const beside = elided.length === 0 ? "" : `,"elided":{${elided.join(",")}}`;
	const head = `{"index":${index},"at":${JSON.stringify(fact.at)},"kind":${JSON.stringify(fact.kind)}`;
	return `${head},"fields":{${fields}}${beside},"mac":${JSON.stringify(mac)}}\n`;
}

/** A line that was read, its code not yet checked. */
export interface ParsedLine {
	readonly index: number;
	readonly fact: AuditFact;
	readonly mac: string;
	/** As JSON has them: bytes are still tagged. */
	readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Reads a line that is exactly as {@link lineOf} writes it: no space, escape, order or number may be written in another
 * way, so that nobody can change a byte of a file and leave what it means.
 *
 * @param line - with its end
 * @returns undefined for any other line
 */
export function parseLine(line: Buffer): ParsedLine | undefined {
	try {
		const parsed = JSON.parse(line.toString("utf8")) as Record<string, unknown>;
		const { index, at, kind, mac } = parsed;
		if (typeof index !== "number" || typeof at !== "number") return undefined;
		if (typeof kind !== "string" || typeof mac !== "string") return undefined;
		const values = parsed["fields"] as Record<string, unknown>;
		const fields = new Map(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
		const elided = new Map(Object.entries((parsed["elided"] ?? {}) as Record<string, ElidedValue>));
		const fact = { at, kind, fields, elided };
		return line.equals(Buffer.from(lineOf(index, fact, mac))) ? { index, fact, mac, values } : undefined;
	} catch {
		// Not JSON, or not an object, or deeper than anything that was written.
		return undefined;
	}
}
