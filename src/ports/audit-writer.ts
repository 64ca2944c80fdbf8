import type { KeyObject } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { AuditEntry, AuditRecorder, AuditStats } from "./audit.js";
import { type AuditFact, factOf, lineOf, recordMac } from "./audit-chain.js";
import { writeHead } from "./audit-head.js";
import type { Disk } from "./disk.js";

/** What is gathered at most while the disk is busy, in characters: then who records has to wait. */
const MOST_GATHERED = 256 * 1024;

const KINDS: ReadonlySet<string> = new Set<AuditEntry["kind"]>([
	"event",
	"step",
	"tool",
	"usage",
	"log",
	"error",
	"gap",
]);

/** How a file is written. */
export interface AuditWriting {
	readonly disk: Disk;
	readonly clock: Clock;
	readonly key: KeyObject;
	readonly run: string;
	readonly file: string;
	readonly sync: "close" | "always";
	/** Longer values are represented by their hash; bytes. */
	readonly longest: number;
}

/** Where a file's chain ends. */
export interface ChainEnd {
	readonly records: number;
	readonly mac: string;
	/** Of the file, in bytes. */
	readonly length: number;
}

/** Adds records to the file of one run. */
export class AuditWriter implements AuditRecorder {
	readonly #writing: AuditWriting;
	readonly #closed: () => void;
	#records: number;
	#mac: string;
	/** What of the file is known to be whole; bytes. */
	#length: number;
	#written: number;
	#gathered: string[] = [];
	#size = 0;
	#sealed = false;
	#flushing: Promise<void> | undefined;
	#failure: { readonly error: unknown } | undefined;
	#closing: Promise<void> | undefined;

	/** @param closed - called when nothing is written any more */
	constructor(writing: AuditWriting, end: ChainEnd, closed: () => void) {
		this.#writing = writing;
		this.#closed = closed;
		this.#records = end.records;
		this.#written = end.records;
		this.#mac = end.mac;
		this.#length = end.length;
	}

	/** Returns at once what it need not wait for the disk with: a promise for each entry would cost as much as the rest. */
	record(entry: AuditEntry): Promise<void> | undefined {
		if (this.#closing !== undefined) throw new SwarmError("ILLEGAL_STATE", "the audit file is closed");
		// Read at once: what the entry refers to may change while others are written.
		const index = this.#add(entryFact(entry, this.#writing.longest));
		if (this.#writing.sync === "always") return this.#taken(index);
		if (this.#size > MOST_GATHERED) return this.#taken(this.#records);
		void this.#flush();
		return undefined;
	}

	close(stats: AuditStats): Promise<void> {
		this.#closing ??= this.#close(stats);
		return this.#closing;
	}

	/** Adds records of the file's own, and resolves when they are written. */
	async note(notes: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Promise<void> {
		const { clock, longest } = this.#writing;
		let index = this.#records;
		for (const [kind, fields] of Object.entries(notes)) index = this.#add(factOf(clock.now(), kind, fields, longest));
		await this.#taken(index);
	}

	/** Somebody else records the run from now on. What was taken is written before; nothing is taken any more. */
	async retire(): Promise<void> {
		await this.#closing?.catch(() => {});
		this.#failure ??= { error: new SwarmError("FENCED", "the run is recorded by somebody else by now") };
		while (this.#flushing !== undefined) await this.#flushing;
	}

	async #close(stats: AuditStats): Promise<void> {
		try {
			// A file that lacks something is not sealed: it would say that it is whole.
			this.#refuseAfterFailure();
			await this.note({ seal: { stats } });
		} finally {
			this.#closed();
		}
	}

	/** Extends the chain, and gathers the line. */
	#add(fact: AuditFact): number {
		this.#refuseAfterFailure();
		const { key, run } = this.#writing;
		const index = this.#records + 1;
		this.#mac = recordMac(key, run, this.#mac, index, fact);
		const line = lineOf(index, fact, this.#mac);
		this.#gathered.push(line);
		this.#size += line.length;
		this.#sealed = fact.kind === "seal";
		this.#records = index;
		return index;
	}

	/** Resolves when a record is written. */
	async #taken(index: number): Promise<void> {
		while (this.#written < index && this.#failure === undefined) await this.#flush();
		this.#refuseAfterFailure();
	}

	/** Writes what has gathered. It never rejects: whoever comes next is told. */
	#flush(): Promise<void> {
		this.#flushing ??= this.#writeGathered()
			.catch((error: unknown) => {
				this.#failure = { error };
			})
			.finally(() => {
				this.#flushing = undefined;
			});
		return this.#flushing;
	}

	async #writeGathered(): Promise<void> {
		const { disk, clock, key, run, file, sync } = this.#writing;
		// What comes in the same turn is written together.
		await new Promise<void>((resolve) => clock.yield(resolve));
		while (this.#gathered.length > 0) {
			const lines = Buffer.from(this.#gathered.join(""));
			const head = { run, records: this.#records, sealed: this.#sealed, mac: this.#mac };
			this.#gathered = [];
			this.#size = 0;
			// Opened each time: runs may be many and long, and those that are never closed leave nothing open.
			const handle = await disk.open(file, "r+");
			try {
				await this.#append(handle, lines);
				if (sync === "always" || head.sealed) await handle.sync();
			} finally {
				await handle.close();
			}
			// After the records: a head that is ahead of its file says that the tail was cut off.
			await writeHead(disk, file, key, head, sync);
			this.#written = head.records;
		}
	}

	async #append(handle: FileHandle, lines: Buffer): Promise<void> {
		const { size } = await handle.stat();
		if (size !== this.#length)
			throw new SwarmError("AUDIT_TAMPERED", `the audit file has ${size} bytes instead of ${this.#length}`, {
				hint: "somebody else writes to it, or has cut it off, while the run goes on",
			});
		try {
			for (let done = 0; done < lines.length; ) {
				const { bytesWritten } = await handle.write(lines, done, lines.length - done, this.#length + done);
				done += bytesWritten;
			}
		} catch (error) {
			// A line that is half there would be one that the next process has to cut off.
			await handle.truncate(this.#length).catch(() => {});
			throw error;
		}
		this.#length += lines.length;
	}

	#refuseAfterFailure(): void {
		if (this.#failure !== undefined) throw this.#failure.error;
	}
}

function entryFact(entry: AuditEntry, longest: number): AuditFact {
	const wrong = entry === null ? { path: "", found: "nothing" } : findNotPlain(entry);
	if (wrong !== undefined)
		throw new SwarmError("INVALID_INPUT", `an audit entry holds ${wrong.found}`, { path: wrong.path });
	const { at, kind, ...fields } = entry;
	// Other kinds are the file's own, a seal for instance.
	if (!Number.isFinite(at) || !KINDS.has(kind))
		throw new SwarmError("INVALID_INPUT", "an audit entry has a time and one of the known kinds");
	return factOf(at, kind, fields, longest);
}
