import { join } from "node:path";
import { type Clock, systemClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { checkWhole } from "../core/whole.js";
import type { AuditPort } from "./audit.js";
import { factOf, lineOf, recordMac } from "./audit-chain.js";
import { readHead, writeHead } from "./audit-head.js";
import { auditFileName, inspect } from "./audit-reader.js";
import { AuditWriter, type AuditWriting, type ChainEnd } from "./audit-writer.js";
import { type Disk, isMissing, replaceFile, systemDisk } from "./disk.js";
import type { RunInfo } from "./port.js";
import { secretKey } from "./secret-key.js";

/** How audit files are kept. */
export interface FileAuditOptions {
	/** The folder of the files, one for each run and its head beside it. It is made when it is needed. */
	readonly directory: string;
	/** What the records are authenticated with, at least 16 bytes; who has it can write records. It is stored nowhere. */
	readonly key: string | Uint8Array;
	/** Which runs are recorded; default all. */
	readonly only?: (run: RunInfo) => boolean;
	/**
	 * When the disk has to have what was written: `close` (default) when the run is over, so that the death of the process
	 * costs at most what had just gathered, and that of the machine may cost more; `always`: before an entry is taken.
	 */
	readonly sync?: "close" | "always";
	/** Of values with more bytes as text only the SHA-256 and the length are kept; 256 to 1,048,576, default 65,536. */
	readonly maxFieldBytes?: number;
	/** Where the time of the records comes from that are the file's own; default the machine's. */
	readonly clock?: Clock;
	/** What files are written with; default `node:fs/promises`. */
	readonly disk?: Disk;
}

/** Ids are part of each file's first record, whole. */
const LONGEST_ID = 16_384;

/**
 * Records runs in files of JSON lines, to which is only ever added. Each record is bound to its run and to all records
 * before it by an HMAC-SHA256, so that {@link verifyAudit} finds what was changed, moved or taken away since.
 *
 * A run that goes on in another process continues its file: it is verified first, and nothing is added to one that was
 * tampered with (`AUDIT_TAMPERED`). A record that the process before had half written is cut off, which the chain says.
 * A new run whose id has a sealed file is refused (`RUN_EXISTS`). Who begins to record a run that is being recorded by this
 * port takes over. Two processes must not record the same run at a time, as the journal sees to; who notices it is refused.
 *
 * @returns a port whose calls reject with what the file system says, `AUDIT_TAMPERED`, `RUN_EXISTS`,
 *   `FENCED` (somebody else has begun to record the run) or `INVALID_INPUT` (an entry is no plain data); after a failed write all that follow fail, and
 *   the file stays without a seal
 * @throws SwarmError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { mkdtemp, readdir, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { fileAudit, verifyAudit } from "dagswarm";
 *
 * const directory = await mkdtemp(join(tmpdir(), "audit-"));
 * const key = "at least sixteen bytes";
 * const audit = fileAudit({ directory, key });
 * const run = { run: "daily", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const recorder = await audit.startRun(run);
 * await recorder?.record({ at: 5, kind: "step", node: "a", agent: "writer", attempt: 1, name: "draft" });
 * await recorder?.close({ status: "completed", wallMs: 9, nodes: 1, attempts: 1, usage: {} });
 *
 * await readdir(directory); // ["daily.jsonl", "daily.jsonl.head"]
 * const verdict = await verifyAudit(join(directory, "daily.jsonl"), key);
 * verdict; // { ok: true, run: "daily", records: 3, sealed: true, … }
 * await rm(directory, { recursive: true });
 * ```
 */
export function fileAudit(options: FileAuditOptions): AuditPort {
	const { directory, sync = "close", maxFieldBytes = 65_536, only = () => true } = options;
	const { clock = systemClock, disk = systemDisk } = options;
	const key = secretKey(options.key, "key");
	if (typeof directory !== "string" || directory === "")
		throw new SwarmError("INVALID_OPTION", "fileAudit needs a directory");
	if (sync !== "close" && sync !== "always") throw new SwarmError("INVALID_OPTION", "sync is neither close nor always");
	checkWhole(maxFieldBytes, "maxFieldBytes", 256, 1_048_576);
	const open = new Map<string, Promise<AuditWriter>>();

	return {
		async startRun(info) {
			const { run } = info;
			if (!only(info)) return null;
			if (run.length > LONGEST_ID) throw new SwarmError("INVALID_INPUT", "the run's id is too long to be recorded");
			const before = open.get(run);
			const closed = (): void => {
				if (open.get(run) === writer) open.delete(run);
			};
			const start = async (): Promise<AuditWriter> => {
				// Whoever lets go of a recorder without a close has gone on with another one, or will not.
				await (await before?.catch(() => undefined))?.retire();
				await disk.mkdir(directory, { recursive: true });
				const file = join(directory, auditFileName(run));
				return startFile({ disk, clock, key, run, file, sync, longest: maxFieldBytes }, info, closed);
			};
			const writer = start();
			open.set(run, writer);
			try {
				return await writer;
			} catch (error) {
				closed();
				throw error;
			}
		},
	};
}

async function startFile(writing: AuditWriting, info: RunInfo, closed: () => void): Promise<AuditWriter> {
	const { disk, file } = writing;
	const before = await chainEnd(writing, info);
	const end = before ?? (await createFile(writing, info));
	const writer = new AuditWriter(writing, end, closed);
	if (before === undefined) return writer;
	const { startedAt, resumed } = info;
	if (before.torn > 0) await cutOff(disk, file, before.length);
	await writer.note({ ...(before.torn > 0 && { torn: { bytes: before.torn } }), resumed: { startedAt, resumed } });
	return writer;
}

/** Where the run's file ends, if there is one, and it is as it was written. */
async function chainEnd(
	{ disk, file, key, run }: AuditWriting,
	info: RunInfo,
): Promise<(ChainEnd & { readonly torn: number }) | undefined> {
	const head = await readHead(disk, file, key);
	const size = await sizeOf(disk, file);
	// A file is begun with the head of none, so one that is missing later was there once.
	if (size === undefined && (head === undefined || isNone(head, run))) return undefined;
	const verdict = await inspect(file, key, { run });
	if (!verdict.ok)
		throw new SwarmError(
			"AUDIT_TAMPERED",
			`the audit file of the run "${run}" is not as it was written: ${verdict.reason}`,
			{
				hint: "nothing was added to it; keep it, and record into another directory",
			},
		);
	if (verdict.sealed && !info.resumed)
		throw new SwarmError("RUN_EXISTS", `there is an audit file of a run "${run}" that is over`, {
			hint: "give the new run another id, or its files another directory",
		});
	const { records, mac, torn } = verdict;
	return { records, mac, torn, length: (size ?? 0) - torn };
}

async function sizeOf(disk: Disk, file: string): Promise<number | undefined> {
	try {
		return (await disk.stat(file)).size;
	} catch (error) {
		if (isMissing(error)) return undefined;
		throw error;
	}
}

async function cutOff(disk: Disk, file: string, length: number): Promise<void> {
	const handle = await disk.open(file, "r+");
	try {
		await handle.truncate(length);
	} finally {
		await handle.close();
	}
}

function isNone(head: Awaited<ReturnType<typeof readHead>>, run: string): boolean {
	return typeof head === "object" && head.run === run && head.records === 0;
}

/** Begins a file with the record of its run, which is there whole or not at all. */
async function createFile(writing: AuditWriting, info: RunInfo): Promise<ChainEnd> {
	const { disk, file, key, run, longest, sync, clock } = writing;
	// What the record needs of the run's id must not be left out for its length.
	const { run: _, ...rest } = info;
	const fact = factOf(clock.now(), "run", rest, longest);
	const fields = new Map([...fact.fields, ["run", JSON.stringify(run)] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
	const mac = recordMac(key, run, "", 1, { ...fact, fields });
	const line = lineOf(1, { ...fact, fields }, mac);
	await writeHead(disk, file, key, { run, records: 0, sealed: false, mac: "" }, sync);
	await replaceFile(disk, file, line, sync === "always" ? "new" : undefined);
	await writeHead(disk, file, key, { run, records: 1, sealed: false, mac }, sync);
	return { records: 1, mac, length: Buffer.byteLength(line) };
}
