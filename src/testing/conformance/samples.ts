import { checksum, sha256 } from "../../core/checksum.js";
import type { Blob, Journal, JournalRecord, RunAppend, StoredSnapshot, Writer } from "../../journal/journal.js";
import { snapshotChecksum } from "../../journal/snapshot-chain.js";

/** What is done with an empty journal: it throws when an answer is not as promised. */
export type JournalScript = (journal: Journal) => Promise<void>;

export const ANNA: Writer = { id: "anna", pid: 11, host: "here" };
export const BERT: Writer = { id: "bert", pid: 22, host: "there" };

/** When runs are created; a fraction, as clocks give them. */
export const START = 1_000.25;

/** What a sample entry may have other than usual. */
export interface EntryOptions extends Partial<Omit<RunAppend, "run" | "records" | "create">> {
	/** The first event; by default 1, and the run is created. */
	readonly from?: number;
	/** How many events each record has; default one record of 2. */
	readonly sizes?: readonly number[];
	/** When the records were decided, and the run created; default {@link START}. */
	readonly at?: number;
	/** Default: with the first event. */
	readonly create?: boolean;
	readonly writer?: Writer;
	readonly text?: string;
}

/** An entry as the library makes them. */
export function entryOf(run: string, options: EntryOptions = {}): RunAppend {
	const { from = 1, sizes = [2], at = START, create = from === 1, writer = ANNA, text = "", ...rest } = options;
	let next = from;
	const records = sizes.map((size): JournalRecord => {
		const firstSeq = next;
		next += size;
		const body = `["${run}",${firstSeq},"ä€😀 \\u0000${text}"]`;
		return { firstSeq, lastSeq: next - 1, at, body, checksum: checksum(run, firstSeq, next - 1, body) };
	});
	return {
		run,
		epoch: 1,
		...(create && { create: { writer, at } }),
		records,
		blobs: [],
		status: "running",
		ended: false,
		checkpoints: [],
		memos: [],
		...rest,
	};
}

export function blobOf(text: string): Blob {
	const body = `"${text}${"-".repeat(5_000)}"`;
	return { hash: sha256(body), body };
}

export function snapshotOf(run: string, seq: number, base?: number, blobs: readonly Blob[] = []): StoredSnapshot {
	const body = `{"of":"${run}","seq":${seq}}`;
	return { seq, base, body, blobs, checksum: snapshotChecksum(run, { seq, base, body }) };
}

/** What is expected of {@link Journal.snapshots}. */
export function withoutBlobs({ seq, base, body, checksum: sum }: StoredSnapshot): Omit<StoredSnapshot, "blobs"> {
	return { seq, base, body, checksum: sum };
}

export async function readAll(journal: Journal, run: string, from?: number): Promise<JournalRecord[]> {
	const records: JournalRecord[] = [];
	for await (const { firstSeq, lastSeq, at, body, checksum: sum } of journal.read(run, from))
		records.push({ firstSeq, lastSeq, at, body, checksum: sum });
	return records;
}

/** The refusals' runs and codes; that there is a message is checked with them. */
export async function refusals(journal: Journal, entries: Iterable<RunAppend>): Promise<string[]> {
	const refused = await journal.append(entries);
	return refused.map(({ run, code, message }) =>
		message === "" ? `${run} ${code} without a message` : `${run} ${code}`,
	);
}

/** Whether a call fails, at once or later. */
export async function fails(call: () => unknown): Promise<boolean> {
	try {
		await call();
		return false;
	} catch {
		return true;
	}
}
