import { checksum, sha256 } from "../core/checksum.js";
import { SwarmError } from "../core/errors.js";
import { sealedText } from "../core/sealed-text.js";
import { blobReferences, mayHoldTags, untagged } from "../core/tagged-json.js";
import type { RunEvent, StoredSpec } from "../graph/types.js";
import type { Blob, JournalRecord } from "./journal.js";
import { SpreadText } from "./spread-text.js";

/*
 * A record's body is a JSON array. A number says at which time the events after it were decided. The
 * three events that every node has are arrays: [0, node, attempt, epoch] started, [1, node, attempt,
 * output?] completed, [2, spec, rest?] added. All others are objects without `seq` and `at`: they are
 * numbered one by one from the record's first.
 */
const STARTED = 0;
const COMPLETED = 1;
const ADDED = 2;

/** A record is closed when it has so many events, or so long a text. */
export const MAX_RECORD_EVENTS = 1_000;
const MAX_RECORD_TEXT = 1 << 20;

/** Members that hold what users hand over, as much of it as they like. */
const LARGE = new Set(["input", "output", "payload", "data", "value"]);
/** Members with such members. */
const NESTED = new Set(["spec", "outcome", "wake", "wait"]);
/** Told by where an event stands. */
const STAMP = new Set(["seq", "at"]);

/** Makes records of the events of one run, as they come. */
export class RecordEncoder {
	/** Joined when the record is closed: text that grows bit by bit would be copied again to be read. */
	readonly #parts: string[] = [];
	#length = 0;
	#firstSeq = 0;
	#lastSeq = 0;
	#at = Number.NaN;
	readonly #spread = new SpreadText(LARGE, NESTED);
	#records: JournalRecord[] = [];

	constructor(private readonly run: string) {}

	add(event: RunEvent): void {
		if (this.#parts.length === 0) {
			this.#firstSeq = event.seq;
			this.#at = Number.NaN;
		}
		if (event.at !== this.#at) {
			this.#at = event.at;
			this.#push(String(event.at));
		}
		this.#push(this.#text(event));
		this.#lastSeq = event.seq;
		if (event.seq - this.#firstSeq + 1 >= MAX_RECORD_EVENTS || this.#length >= MAX_RECORD_TEXT) this.#close();
	}

	/** Gives back what was added since the last time. */
	take(): { readonly records: readonly JournalRecord[]; readonly blobs: readonly Blob[] } {
		this.#close();
		const records = this.#records;
		this.#records = [];
		return { records, blobs: this.#spread.takeBlobs() };
	}

	#push(text: string): void {
		this.#parts.push(text);
		this.#length += text.length;
	}

	#close(): void {
		if (this.#parts.length === 0) return;
		const body = `[${this.#parts.join(",")}]`;
		this.#parts.length = 0;
		this.#length = 0;
		this.#records.push({
			firstSeq: this.#firstSeq,
			lastSeq: this.#lastSeq,
			at: this.#at,
			body,
			checksum: checksum(this.run, this.#firstSeq, this.#lastSeq, body),
		});
	}

	#text(event: RunEvent): string {
		switch (event.type) {
			case "node.started":
				return `[${STARTED},${quoted(event.node)},${event.attempt},${event.epoch}]`;
			case "node.completed":
				if (event.memo === true) return this.#spread.object(event, STAMP);
				return event.output === undefined
					? `[${COMPLETED},${quoted(event.node)},${event.attempt}]`
					: `[${COMPLETED},${quoted(event.node)},${event.attempt},${this.#output(event.output)}]`;
			case "node.added": {
				const { addedBy, depth, early, key } = event;
				const spec = this.#spec(event.spec);
				if (addedBy === undefined && early === undefined && key === undefined) return `[${ADDED},${spec}]`;
				return `[${ADDED},${spec},${JSON.stringify({ addedBy, depth, early, key })}]`;
			}
			default:
				return this.#spread.object(event, STAMP);
		}
	}

	#spec(spec: StoredSpec): string {
		const { input, metadata } = spec;
		if (typeof input !== "object" && typeof input !== "string" && metadata === undefined) {
			const text = JSON.stringify(spec);
			if (!mayHoldTags(text)) return text;
		}
		return this.#spread.object(spec);
	}

	#output(output: unknown): string {
		// Most are small: a number needs no second look.
		return typeof output === "number" ? String(output === 0 ? 0 : output) : this.#spread.value(output);
	}
}

/** Ids without anything that JSON writes otherwise: nearly all. */
const PLAIN_ID = /^[ !#-[\]-~]*$/;

function quoted(id: string): string {
	return PLAIN_ID.test(id) ? `"${id}"` : JSON.stringify(id);
}

/**
 * The data of a sealed text.
 *
 * @throws SwarmError `JOURNAL_CORRUPT` when it is not as it was written
 */
export function unsealed(what: string, body: string): unknown {
	const text = sealedText(body);
	if (text === undefined) throw new SwarmError("JOURNAL_CORRUPT", `${what} is not as it was written`);
	return parseBody(what, text, NO_BODIES);
}

const NO_BODIES: ReadonlyMap<string, string> = new Map();

/** Whether a record is as it was written. */
export function isWhole(run: string, { firstSeq, lastSeq, body, checksum: sum }: JournalRecord): boolean {
	return lastSeq >= firstSeq && checksum(run, firstSeq, lastSeq, body) === sum;
}

/** The hashes of the large values that the events of a record, or a snapshot's nodes, need. */
export function blobsOf(body: string): readonly string[] {
	return mayHoldTags(body) ? blobReferences(body) : NO_BLOBS;
}

const NO_BLOBS: readonly string[] = [];

/**
 * A stored text as the data it was made of.
 *
 * @param blobs - the large values that it refers to, by hash
 * @throws SwarmError `JOURNAL_CORRUPT` when it cannot be read, or a large value is missing or not as it was written
 */
export function parseBody(what: string, body: string, blobs: ReadonlyMap<string, string>): unknown {
	let parsed: unknown;
	try {
		parsed = JSON.parse(body);
	} catch (error) {
		throw new SwarmError("JOURNAL_CORRUPT", `${what} cannot be read`, {}, { cause: error });
	}
	if (!mayHoldTags(body)) return parsed;
	return untagged(parsed, (hash) => {
		const text = blobs.get(hash);
		if (text === undefined)
			throw new SwarmError("JOURNAL_CORRUPT", `${what} refers to the blob ${hash}, which is gone`);
		if (sha256(text) !== hash)
			throw new SwarmError("JOURNAL_CORRUPT", `${what} refers to the blob ${hash}, which is not as it was written`);
		return untagged(JSON.parse(text), () => undefined);
	});
}

/**
 * The events of a record, in order.
 *
 * @throws SwarmError `JOURNAL_CORRUPT` when it is not as it was written
 */
export function decodeRecord(
	run: string,
	record: JournalRecord,
	blobs: ReadonlyMap<string, string>,
	take: (event: RunEvent) => void,
): void {
	const what = `the record of events ${record.firstSeq} to ${record.lastSeq} of run "${run}"`;
	if (!isWhole(run, record)) throw new SwarmError("JOURNAL_CORRUPT", `${what} is not as it was written`);
	const entries = parseBody(what, record.body, blobs);
	if (!Array.isArray(entries)) throw new SwarmError("JOURNAL_CORRUPT", `${what} is no list`);
	let at = record.at;
	let seq = record.firstSeq;
	for (const entry of entries as readonly unknown[]) {
		if (typeof entry === "number") at = entry;
		else take(eventOf(seq++, at, entry));
	}
	if (seq !== record.lastSeq + 1)
		throw new SwarmError("JOURNAL_CORRUPT", `${what} holds ${seq - record.firstSeq} events`);
}

function eventOf(seq: number, at: number, entry: unknown): RunEvent {
	// The checksum says that it is what an encoder wrote.
	if (!Array.isArray(entry)) return { seq, at, ...(entry as object) } as RunEvent;
	const [kind, first, second, third] = entry as readonly unknown[];
	switch (kind) {
		case STARTED:
			return { seq, at, type: "node.started", node: first, attempt: second, epoch: third } as RunEvent;
		case COMPLETED:
			return { seq, at, type: "node.completed", node: first, attempt: second, output: third } as RunEvent;
		default: {
			const spec = first as StoredSpec;
			return { seq, at, type: "node.added", node: spec.id, spec, ...(second as object | undefined) } as RunEvent;
		}
	}
}
