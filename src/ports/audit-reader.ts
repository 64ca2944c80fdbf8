import type { KeyObject } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { SwarmError } from "../core/errors.js";
import { fromCanonical } from "../core/plain.js";
import { type ElidedValue, isSameMac, MAX_LINE_BYTES, type ParsedLine, parseLine, recordMac } from "./audit-chain.js";
import { type AuditHead, readHead } from "./audit-head.js";
import { isMissing, systemDisk } from "./disk.js";
import { nameOfId } from "./file-names.js";
import { secretKey } from "./secret-key.js";

/** One line of an audit file. */
export interface AuditRecord {
	/** From 1; the number of its line. */
	readonly index: number;
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
	/**
	 * As in `AuditEntry`; or `run` for the first record, which says which run this is, `resumed` where it went on in
	 * another process, `torn` where the process before had died in the middle of a record, `seal` when it was closed.
	 */
	readonly kind: string;
	/** What the entry said beside these. */
	readonly fields: Readonly<Record<string, unknown>>;
	/** Fields that were too long to be kept; compare with `auditDigest`. */
	readonly elided?: Readonly<Record<string, ElidedValue>>;
	/** Its authentication code, in hexadecimal digits. */
	readonly mac: string;
}

/** What is asked of an audit file. */
export interface VerifyAuditOptions {
	/** Default true: a file that was not closed is refused, for its end may be missing. */
	readonly sealed?: boolean;
	/**
	 * The run whose file it should be. By default the one that the file is named after, so that a file cannot stand in
	 * for that of another run; name the run for a copy that has another name.
	 */
	readonly run?: string;
	/** What an earlier call gave, kept elsewhere: the file must have that record, so it is no older copy. */
	readonly since?: { readonly records: number; readonly mac: string };
}

/** What an audit file is. */
export type AuditVerdict =
	| {
			readonly ok: true;
			readonly run: string;
			readonly records: number;
			/** The file was closed, and nothing is missing at its end. */
			readonly sealed: boolean;
			/** The code of the last record. Kept elsewhere, it is an anchor: see {@link VerifyAuditOptions.since}. */
			readonly mac: string;
			/** Bytes of a last record that is not whole: the process died, or it is being written. Never of a sealed file. */
			readonly torn: number;
	  }
	| {
			readonly ok: false;
			/** The first one that is wrong or missing, from 1; 0 when it is the head beside the file. */
			readonly record: number;
			readonly reason: string;
	  };

/**
 * Verifies an audit file, record by record, with its head beside it. The memory it takes does not grow with the file.
 *
 * It finds any edit, however small, records that are missing, moved, repeated or of another run, a file in the place of
 * another run's, and a tail that was cut off after the file was closed. Of a file that was not closed it finds a tail cut
 * off before what its head says, which follows the file write by write. It cannot find that file and head are both
 * an older copy that was itself complete, unless it is told of a later record (`since`).
 *
 * @param file - the path of the file
 * @param key - the one it was written with
 * @throws SwarmError `INVALID_OPTION` for a key that cannot be one; or what the file system says, but for a missing file
 */
export async function verifyAudit(
	file: string,
	key: string | Uint8Array,
	options: VerifyAuditOptions = {},
): Promise<AuditVerdict> {
	const chain = await inspect(file, secretKey(key, "key"), options);
	if (!chain.ok || options.sealed === false || chain.sealed) return chain;
	const reason = chain.torn > 0 ? "is not whole" : "is missing: the file is not sealed, its tail may be cut off";
	return bad(chain.records + 1, reason);
}

/** As {@link verifyAudit}, but for the end, which may be open. */
export async function inspect(
	file: string,
	key: KeyObject,
	{ run: expected, since }: VerifyAuditOptions = {},
): Promise<AuditVerdict> {
	// The head first: a run may go on meanwhile, and the file is then further than the head, never the other way round.
	const head = await readHead(systemDisk, file, key);
	if (head === undefined) return bad(0, "the head beside the file is missing");
	if (head === "wrong") return bad(0, "the head beside the file is not as it was written, or not with this key");
	const isExpected = expected === undefined ? basename(file) === auditFileName(head.run) : head.run === expected;
	const chain = new Chain(key, [head, ...(since === undefined ? [] : [since])]);
	try {
		for await (const line of linesOf(file)) {
			const wrong = chain.add(line);
			if (wrong !== undefined) return wrong;
			if (chain.run === undefined || (chain.run === head.run && isExpected)) continue;
			if (chain.run !== head.run && !isExpected) return bad(0, "the head beside the file is that of another run");
			return bad(1, `is of the run ${JSON.stringify(chain.run)}: this is not its file`);
		}
	} catch (error) {
		if (isMissing(error)) return bad(1, "is missing: there is no such file");
		throw error;
	}
	return chain.verdict(head);
}

/** The name of a run's file. */
export function auditFileName(run: string): string {
	return `${nameOfId(run)}.jsonl`;
}

function bad(record: number, reason: string): AuditVerdict & { readonly ok: false } {
	return { ok: false, record, reason: record === 0 ? reason : `record ${record} ${reason}` };
}

/** A chain of records as far as it has been followed. */
class Chain {
	readonly #key: KeyObject;
	readonly #anchors: readonly { readonly records: number; readonly mac: string }[];
	#records = 0;
	#torn = 0;
	#mac = "";
	#run: string | undefined;
	#last = "";

	constructor(key: KeyObject, anchors: readonly { readonly records: number; readonly mac: string }[]) {
		this.#key = key;
		this.#anchors = anchors;
	}

	/** Follows it to the next line. */
	add(line: Buffer): (AuditVerdict & { readonly ok: false }) | undefined {
		const number = this.#records + 1;
		if (line.at(-1) !== NEWLINE) {
			if (line.length > MAX_LINE_BYTES) return bad(number, "is longer than any that was written");
			this.#torn = line.length;
			return undefined;
		}
		const parsed = parseLine(line);
		if (parsed === undefined) return bad(number, "is not as records are written");
		this.#run ??= runOf(parsed) ?? "";
		const { index, fact, mac } = parsed;
		// The index is part of what the code is made of; it is compared for the sake of the reason.
		if (index !== number) return bad(number, `says that it is record ${index}: one was taken out, moved or repeated`);
		if (!isSameMac(mac, recordMac(this.#key, this.#run, this.#mac, number, fact)))
			return bad(number, "is not as it was written: a field, the record before it, the run or the key is another one");
		for (const anchor of this.#anchors)
			if (anchor.records === number && anchor.mac !== mac) return bad(number, "is another one than it once was");
		this.#records = number;
		this.#mac = mac;
		this.#last = fact.kind;
		return undefined;
	}

	/** The run that the first record names, when there is one. */
	get run(): string | undefined {
		return this.#run;
	}

	/** What it is when no more lines come. */
	verdict(head: AuditHead): AuditVerdict {
		const records = this.#records;
		if (records === 0) return bad(1, "is missing");
		for (const anchor of this.#anchors)
			if (anchor.records > records) return bad(records + 1, "is missing: the tail was cut off");
		const sealed = this.#last === "seal" && head.sealed && head.records === records && this.#torn === 0;
		return { ok: true, run: head.run, records, sealed, mac: this.#mac, torn: this.#torn };
	}
}

function runOf({ fact, values }: ParsedLine): string | undefined {
	const run = values["run"];
	return fact.kind === "run" && typeof run === "string" ? run : undefined;
}

const NEWLINE = 10;

/** The lines of a file with their ends. A line that is too long, or has no end, is the last. */
async function* linesOf(file: string): AsyncGenerator<Buffer, void, void> {
	let parts: Buffer[] = [];
	let length = 0;
	for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
		let from = 0;
		for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
			const piece = chunk.subarray(from, end + 1);
			yield parts.length === 0 ? piece : Buffer.concat([...parts, piece]);
			parts = [];
			length = 0;
			from = end + 1;
		}
		if (from === chunk.length) continue;
		parts.push(chunk.subarray(from));
		length += chunk.length - from;
		if (length > MAX_LINE_BYTES) break;
	}
	if (parts.length > 0) yield Buffer.concat(parts);
}

/**
 * Reads an audit file. Without a key it says what stands there, which anybody may have written; a last record that is not
 * whole is left out.
 *
 * @param file - the path of the file
 * @param key - the one it was written with: each record is verified before it is given, the end of the file is not
 * @throws SwarmError `AUDIT_TAMPERED` at the first record that is not as records are written, or not with the key;
 *   `INVALID_OPTION` for a key that cannot be one; or what the file system says
 */
export async function* readAudit(file: string, key?: string | Uint8Array): AsyncGenerator<AuditRecord, void, void> {
	const chain = key === undefined ? undefined : new Chain(secretKey(key, "key"), []);
	let records = 0;
	for await (const line of linesOf(file)) {
		const wrong = chain?.add(line);
		if (line.at(-1) !== NEWLINE && line.length <= MAX_LINE_BYTES) return;
		const parsed = parseLine(line);
		records++;
		if (parsed === undefined || wrong !== undefined)
			throw new SwarmError("AUDIT_TAMPERED", wrong?.reason ?? `record ${records} is not as records are written`);
		const { index, fact, values, mac } = parsed;
		const { at, kind, elided } = fact;
		const fields = fromCanonical(values) as Record<string, unknown>;
		yield { index, at, kind, fields, ...(elided.size > 0 && { elided: Object.fromEntries(elided) }), mac };
	}
}
