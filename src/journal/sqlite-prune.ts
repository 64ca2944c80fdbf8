import type { StatementSync } from "node:sqlite";
import { systemClock } from "../core/clock.js";
import type { Pruned, Retention } from "./journal.js";
import { attemptedKeys } from "./retention.js";
import { SnapshotChains, snapshotChecksum } from "./snapshot-chain.js";
import type { SqliteFile } from "./sqlite-file.js";
import { MAX_SEQ, SEQ_BITS } from "./sqlite-schema.js";
import { maybeNumber, number, type Row, text } from "./sqlite-statements.js";

/** Rows that one transaction takes away. */
const CHUNK = 256;
/** A writer in another process tries again every few milliseconds: in between, the file is free for as long. */
const PAUSE_MS = 4;

const NEXT_ENDED = "SELECT no, id, bytes FROM runs WHERE ended = 1 AND no > ?";

const KEYS = `key BETWEEN (? << ${SEQ_BITS}) AND ((? << ${SEQ_BITS}) | ?)`;

/**
 * One pruning of a file, in short transactions, so that it never holds up a writer and may be killed at
 * any moment. A run that goes first becomes invisible, in one step; what it leaves is then taken away in
 * pieces, by the next pruning if need be.
 */
export class SqlitePruning {
	readonly #runs: string[] = [];
	#records = 0;
	#blobs = 0;
	#memos = 0;

	constructor(
		private readonly file: SqliteFile,
		private readonly retention: Retention,
		private readonly now: number,
	) {}

	async run(): Promise<Pruned> {
		const letGo = systemClock.hold();
		try {
			const { maxAge, maxRuns, maxBytes, maxTailAge } = this.retention;
			await this.#eraseDoomed();
			if (maxAge !== undefined) await this.#eraseOlder(this.now - maxAge);
			if (maxRuns !== undefined) await this.#eraseBeyond(maxRuns);
			if (maxBytes !== undefined) await this.#eraseDownTo(maxBytes);
			if (maxTailAge !== undefined) await this.#shortenTails(this.now - maxTailAge);
			await this.#forgetMemos();
			return { runs: this.#runs, records: this.#records, blobs: this.#blobs, memos: this.#memos };
		} finally {
			letGo();
		}
	}

	async #eraseOlder(than: number): Promise<void> {
		const next = this.#prepare(`${NEXT_ENDED} AND updated < ? ORDER BY no LIMIT 1`);
		for (let run = this.#get(next, 0, than); run !== undefined; run = this.#get(next, number(run, "no"), than))
			await this.#erase(run);
	}

	async #eraseBeyond(kept: number): Promise<void> {
		const newest = this.#prepare("SELECT no FROM runs WHERE ended = 1 ORDER BY no DESC LIMIT 1 OFFSET ?");
		const last = number(this.#get(newest, kept), "no");
		if (last === undefined) return;
		const next = this.#prepare(`${NEXT_ENDED} AND no <= ? ORDER BY no LIMIT 1`);
		for (let run = this.#get(next, 0, last); run !== undefined; run = this.#get(next, number(run, "no"), last))
			await this.#erase(run);
	}

	async #eraseDownTo(limit: number): Promise<void> {
		const sizes = this.#prepare("SELECT (SELECT total(bytes) FROM runs) + (SELECT total(bytes) FROM blobs) AS bytes");
		const oldest = this.#prepare(`${NEXT_ENDED} ORDER BY no LIMIT 1`);
		let bytes = number(this.#get(sizes), "bytes");
		for (let no = 0; bytes > limit; ) {
			const run = this.#get(oldest, no);
			if (run === undefined) return;
			no = number(run, "no");
			bytes -= await this.#erase(run);
		}
	}

	/** @returns the bytes that went with it, its blobs' included; 0 when it is spared */
	async #erase(run: Row): Promise<number> {
		const [no, id] = [number(run, "no"), text(run, "id")];
		const needed = this.#prepare(
			"SELECT 1 FROM occurrences WHERE key IN (?, ?) AND state NOT IN ('completed', 'failed', 'cancelled', 'skipped')",
		);
		const doom = this.#prepare("INSERT INTO doomed (run, id) SELECT no, id FROM runs WHERE no = ? AND ended = 1");
		const hide = this.#prepare("DELETE FROM runs WHERE no IN (SELECT run FROM doomed WHERE run = ?)");
		const isSpared = this.file.transaction(false, () => {
			if (needed.get(...attemptedKeys(id)) !== undefined) return true;
			doom.run(no);
			hide.run(no);
			return false;
		});
		return isSpared ? 0 : number(run, "bytes") + (await this.#eraseDoomed());
	}

	async #eraseDoomed(): Promise<number> {
		const next = this.#prepare("SELECT run, id FROM doomed ORDER BY run LIMIT 1");
		const spare = this.#prepare("DELETE FROM doomed WHERE run = ?");
		let freed = 0;
		for (let doomed = this.#get(next); doomed !== undefined; doomed = this.#get(next)) {
			const no = number(doomed, "run");
			this.#records += await this.#drop(
				`DELETE FROM records WHERE key IN (SELECT key FROM records WHERE ${KEYS} LIMIT ${CHUNK})`,
				no,
				no,
				MAX_SEQ,
			);
			await this.#drop(
				`DELETE FROM snapshots WHERE key IN (SELECT key FROM snapshots WHERE ${KEYS} LIMIT ${CHUNK})`,
				no,
				no,
				MAX_SEQ,
			);
			await this.#drop(
				`DELETE FROM checkpoints WHERE (run, node) IN (SELECT run, node FROM checkpoints WHERE run = ? LIMIT ${CHUNK})`,
				no,
			);
			freed += await this.#dropBlobs(no);
			const last = this.file.transaction(false, () => spare.run(no).changes === 1);
			if (last) this.#runs.push(text(doomed, "id"));
		}
		return freed;
	}

	/** Repeats a statement that takes away a chunk until nothing is left of it. */
	async #drop(sql: string, ...parameters: number[]): Promise<number> {
		const statement = this.#prepare(sql);
		for (let dropped = 0; ; await pause()) {
			const changes = this.file.transaction(false, () => Number(statement.run(...parameters).changes));
			dropped += changes;
			if (changes < CHUNK) return dropped;
		}
	}

	/** A blob goes with the last run that uses it, in the same transaction as that use. */
	async #dropBlobs(no: number): Promise<number> {
		const uses = this.#prepare(`SELECT blob FROM blob_uses WHERE run = ? LIMIT ${CHUNK}`);
		const forget = this.#prepare("DELETE FROM blob_uses WHERE run = ? AND blob = ?");
		const remove = this.#prepare(
			"DELETE FROM blobs WHERE no = ? AND NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = ?) RETURNING bytes",
		);
		let freed = 0;
		for (; ; await pause()) {
			const used = this.file.transaction(false, () => {
				const rows = uses.all(no);
				for (const row of rows) {
					const blob = number(row, "blob");
					forget.run(no, blob);
					const gone = remove.get(blob, blob);
					if (gone === undefined) continue;
					this.#blobs++;
					freed += number(gone, "bytes");
				}
				return rows.length;
			});
			if (used < CHUNK) return freed;
		}
	}

	async #shortenTails(before: number): Promise<void> {
		const next = this.#prepare("SELECT no, id FROM runs WHERE ended = 0 AND no > ? ORDER BY no LIMIT 1");
		for (let run = this.#get(next, 0); run !== undefined; run = this.#get(next, number(run, "no")))
			await this.#shorten(number(run, "no"), text(run, "id"), before);
	}

	/** Takes away the events that an old snapshot covers: from there on, the run can be loaded at every event. */
	async #shorten(no: number, id: string, before: number): Promise<void> {
		const all = this.#prepare(`SELECT key & ${MAX_SEQ} AS seq, base FROM snapshots WHERE ${KEYS} ORDER BY key`);
		const rows = this.file.guard(() => all.all(no, no, MAX_SEQ));
		const chains = new SnapshotChains(rows.map((row) => ({ seq: number(row, "seq"), base: maybeNumber(row, "base") })));
		const holding = this.#prepare(`SELECT at FROM records WHERE ${KEYS} ORDER BY key DESC LIMIT 1`);
		const cut = chains.loadable.find((seq) => {
			const at = number(this.#get(holding, no, no, seq), "at");
			return at < before && this.#isWhole(no, id, chains.chain(seq));
		});
		if (cut === undefined) return;
		await this.#dropRecords(no, cut);
		const needed = chains.neededFrom(cut);
		const drop = this.#prepare(
			`DELETE FROM snapshots WHERE key = ((? << ${SEQ_BITS}) | ?) RETURNING octet_length(body) AS bytes`,
		);
		const shrink = this.#prepare("UPDATE runs SET bytes = bytes - ? WHERE no = ?");
		for (const row of rows) {
			const seq = number(row, "seq");
			if (seq >= cut || needed.has(seq)) continue;
			this.file.transaction(false, () => shrink.run(number(drop.get(no, seq), "bytes") ?? 0, no));
		}
	}

	/** Events go for good: what takes their place is looked at first. */
	#isWhole(no: number, id: string, chain: readonly number[]): boolean {
		const read = this.#prepare(`SELECT base, checksum, body FROM snapshots WHERE key = ((? << ${SEQ_BITS}) | ?)`);
		return chain.every((seq) => {
			const row = this.#get(read, no, seq) ?? {};
			const body = row["body"];
			if (typeof body !== "string") return false;
			return snapshotChecksum(id, { seq, base: maybeNumber(row, "base"), body }) === row["checksum"];
		});
	}

	async #dropRecords(no: number, upTo: number): Promise<void> {
		const oldest = this.#prepare(
			`SELECT key & ${MAX_SEQ} AS seq, last_seq, octet_length(body) AS bytes FROM records WHERE ${KEYS} ORDER BY key LIMIT ${CHUNK}`,
		);
		const drop = this.#prepare(`DELETE FROM records WHERE key = ((? << ${SEQ_BITS}) | ?)`);
		const advance = this.#prepare("UPDATE runs SET first_seq = ?, bytes = bytes - ? WHERE no = ?");
		for (; ; await pause()) {
			const dropped = this.file.transaction(false, () => {
				const rows = oldest.all(no, no, upTo).filter((row) => number(row, "last_seq") <= upTo);
				let bytes = 0;
				for (const row of rows) {
					drop.run(no, number(row, "seq"));
					bytes += number(row, "bytes");
				}
				const last = rows.at(-1);
				if (last !== undefined) advance.run(number(last, "last_seq") + 1, bytes, no);
				return rows.length;
			});
			this.#records += dropped;
			if (dropped < CHUNK) return;
		}
	}

	async #forgetMemos(): Promise<void> {
		this.#memos = await this.#drop(
			`DELETE FROM memos WHERE key IN (SELECT key FROM memos WHERE expires <= ? LIMIT ${CHUNK})`,
			this.now,
		);
	}

	#prepare(sql: string): StatementSync {
		return this.file.guard(() => this.file.db.prepare(sql));
	}

	#get(statement: StatementSync, ...parameters: number[]): Row | undefined {
		return this.file.guard(() => statement.get(...parameters));
	}
}

function pause(): Promise<void> {
	return new Promise((resume) => systemClock.set(systemClock.now() + PAUSE_MS, resume));
}
