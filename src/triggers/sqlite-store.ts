import { rowChecksum } from "../core/checksum.js";
import { checkWhole } from "../core/whole.js";
import type { Writer } from "../journal/journal.js";
import { outdated, SqliteFile, type SqliteJournalOptions } from "../journal/sqlite-file.js";
import { SqliteJournal } from "../journal/sqlite-journal.js";
import { pragma, STORE_VERSION } from "../journal/sqlite-schema.js";
import { number, type Row, text } from "../journal/sqlite-statements.js";
import type { Occurrence, OccurrenceState } from "./occurrence.js";
import { SqliteOccurrences } from "./sqlite-occurrences.js";
import { type StoreStatements, storeStatements } from "./sqlite-store-statements.js";
import type { OccurrenceFilter, RunRequest, ServiceLease, Store, StoreAnswer, StoreChange } from "./store.js";
import { checkAnswer, checkRequest, type PreparedChange, prepared } from "./store-change.js";
import { DamageReports } from "./store-damage.js";
import {
	checkKey,
	checkMoment,
	type DamagedRow,
	type Place,
	type StoredTrigger,
	TRIM_ROWS,
	triggerOf,
	wholeBody,
} from "./store-rows.js";
import type { TriggerRecord } from "./trigger.js";

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions extends SqliteJournalOptions {
	/**
	 * Told of rows that lists leave out because they are not as they were written, of each once; must not throw. By default a
	 * warning of the process. Who asks for such a row by its key is thrown `JOURNAL_CORRUPT`.
	 */
	readonly onDamaged?: (row: DamagedRow) => void;
}

/**
 * A store in an SQLite file, the same as that of the journal: one file is all that a service keeps. Several processes
 * may use it at once, and others may open the journal in it by `sqliteJournal`.
 *
 * A journal of an older version is brought to the latest when it is opened, and can then be opened by older versions
 * of this library no more. Pruning the journal leaves the store alone, and spares runs whose occurrence
 * has not ended. Keys, names and ids have 1 to 1,000 characters; bodies of occurrences, triggers, documents and requests up to 16 MiB,
 * larger ones are refused with `INVALID_INPUT`.
 *
 * @param file - its path; it is made when it is not there, its folder is not
 * @throws SwarmError as `sqliteJournal`; also `JOURNAL_VERSION` when a file of a journal without a store is only to be read
 *
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { sqliteStore } from "dagswarm";
 *
 * const store = sqliteStore(join(mkdtempSync(join(tmpdir(), "service-")), "service.db"));
 * const anna = { id: "anna", pid: 1, host: "here" };
 * const { fence } = await store.acquire("leader", anna, 10_000, 0);
 * const row = { key: "report-7", due: 0, createdAt: 0, state: "pending", attempt: 0, version: 1 } as const;
 * await store.write({ lease: { name: "leader", fence }, add: [row] });               // { ok: true, present: [] }
 * await store.write({ lease: { name: "leader", fence: fence - 1 }, add: [row] });    // { ok: false, why: "fenced" }
 * await store.write({ occurrences: [{ ...row, state: "skipped", version: 2 }] });    // { ok: true, present: [] }
 * await store.write({ occurrences: [{ ...row, state: "running", version: 2 }] });    // { ok: false, why: "stale" }
 * await store.counts();                                                              // { skipped: 1 }
 * await store.close();
 * ```
 */
export function sqliteStore(file: string, options: SqliteStoreOptions = {}): Store {
	const opened = SqliteFile.open(file, options);
	try {
		if (opened.version < STORE_VERSION) throw outdated(opened.path);
		return new SqliteStore(opened, options.onDamaged);
	} catch (error) {
		opened.close();
		throw error;
	}
}

/** What other connections have committed, as SQLite counts it (`data_version`), counts for so many writes of this one. */
const WRITES = 2 ** 21;

/** Thrown within a transaction, so that nothing of it is left. */
const STALE = Symbol("stale");

class SqliteStore implements Store {
	readonly journal: SqliteJournal;
	readonly #file: SqliteFile;
	readonly #ask: StoreStatements;
	readonly #occurrences: SqliteOccurrences;
	readonly #damage: DamageReports;
	#writes = 0;

	constructor(file: SqliteFile, onDamaged: SqliteStoreOptions["onDamaged"]) {
		this.#file = file;
		this.#damage = new DamageReports(onDamaged);
		this.journal = new SqliteJournal(file);
		this.#ask = file.guard(() => storeStatements(file.db));
		this.#occurrences = new SqliteOccurrences(file, this.#ask);
	}

	acquire(name: string, holder: Writer, expiresAt: number, now: number): ServiceLease {
		checkKey("the name of a lease", name);
		checkMoment("the end of a lease", expiresAt);
		const isAnothers = (row: Row | undefined): row is Row =>
			row !== undefined && row["holder"] !== holder.id && number(row, "expires") > now;
		// Most who ask stand by, and write nothing.
		const seen = this.#file.guard(() => this.#ask.lease.get(name));
		if (isAnothers(seen)) return leaseOf(seen);
		const isOwn = (row: Row | undefined): row is Row => row?.["holder"] === holder.id && number(row, "expires") > now;
		const renewed = (row: Row): ServiceLease => {
			this.#ask.renewLease.run(expiresAt, name, number(row, "fence"));
			return { ...leaseOf(row), expiresAt };
		};
		if (isOwn(seen)) {
			// One that is lost with the power expires earlier; who would have held it is gone, too.
			const lease = this.#file.transaction(false, () => {
				const row = this.#ask.lease.get(name);
				return isOwn(row) ? renewed(row) : undefined;
			});
			if (lease !== undefined) return lease;
		}
		// On the disk before anybody acts on it, so that no fence is given out twice, whatever happens to the machine.
		return this.#file.transaction(true, () => {
			const row = this.#ask.lease.get(name);
			if (isAnothers(row)) return leaseOf(row);
			if (isOwn(row)) return renewed(row);
			const { id, pid, host } = holder;
			const fence = number(this.#ask.takeLease.get(name, id, pid, host, expiresAt), "fence");
			return { name, fence, holder: { id, pid, host }, expiresAt };
		});
	}

	release(name: string, fence: number): void {
		this.#file.transaction(false, () => this.#ask.releaseLease.run(name, fence));
	}

	leases(prefix: string): readonly ServiceLease[] {
		return this.#file.guard(() => this.#ask.leases.all(prefix, prefix)).map(leaseOf);
	}

	version(): number {
		return this.#file.guard(() => pragma(this.#file.db, "data_version")) * WRITES + this.#writes;
	}

	write(change: StoreChange): StoreAnswer {
		const what = prepared(change);
		const { lease } = change;
		try {
			return this.#file.transaction(true, () => {
				if (lease !== undefined && this.#ask.lease.get(lease.name)?.["fence"] !== lease.fence)
					return { ok: false, why: "fenced" };
				const present = this.#apply(what);
				// Before anybody hears of it.
				this.#writes++;
				return { ok: true, present };
			});
		} catch (error) {
			if (error === STALE) return { ok: false, why: "stale" };
			throw error;
		}
	}

	trigger(id: string): TriggerRecord | undefined {
		return this.#file.guard(() => {
			const row = this.#ask.readTrigger.get(id);
			return row && triggerOf(row as unknown as StoredTrigger);
		});
	}

	triggers(): readonly TriggerRecord[] {
		const ids = this.#file.guard(() => this.#ask.triggerIds.all()).map((row) => text(row, "id"));
		return this.#damage.whole("triggers", ids, (id) => this.trigger(id), String);
	}

	occurrence(key: string): Occurrence | undefined {
		return this.#file.guard(() => this.#occurrences.get(key));
	}

	occurrences(filter: OccurrenceFilter = {}): readonly Occurrence[] {
		checkWhole(filter.limit, "limit", 0, Number.MAX_SAFE_INTEGER);
		const places = this.#file.guard(() => this.#occurrences.places(filter));
		const read = (place: Place) => this.#file.guard(() => this.#occurrences.at(place));
		return this.#damage.whole("occurrences", places, read, (place) => this.#occurrences.nameAt(place));
	}

	counts(trigger?: string): Readonly<Partial<Record<OccurrenceState, number>>> {
		return this.#file.guard(() => this.#occurrences.counts(trigger));
	}

	trim(trigger: string | null, keep: number, keepAfter: number): number {
		checkWhole(keep, "keep", 0, Number.MAX_SAFE_INTEGER);
		return this.#occurrences.trim(trigger ?? "", { keep, keepAfter, most: TRIM_ROWS });
	}

	document(name: string): string | undefined {
		return this.#file.guard(() => {
			const row = this.#ask.readDocument.get(name);
			return row && wholeBody("document", name, row as unknown as StoredTrigger);
		});
	}

	ask(request: RunRequest): void {
		checkRequest(request);
		const { id, run, body, at, answer } = request;
		this.#file.transaction(true, () => {
			this.#ask.ask.run(id, run, body, at, answer ?? null);
			this.#ask.dropOldRequests.run();
		});
	}

	requests(): readonly RunRequest[] {
		return this.#file.guard(() => this.#ask.openRequests.all()).map(requestOf);
	}

	request(id: string): RunRequest | undefined {
		const row = this.#file.guard(() => this.#ask.request.get(id));
		return row && requestOf(row);
	}

	answer(id: string, answer: string): boolean {
		checkAnswer(id, answer);
		return this.#file.transaction(true, () => this.#ask.answer.run(answer, id).changes === 1);
	}

	forget(id: string): void {
		// One that comes back has been answered.
		this.#file.transaction(false, () => this.#ask.forget.run(id));
	}

	watch(changed: () => void, failed: (error: unknown) => void): () => void {
		return this.#file.watch(changed, failed);
	}

	close(): void {
		this.#file.close();
	}

	/** @returns the keys that were there */
	#apply(what: PreparedChange): readonly string[] {
		this.#occurrences.begin();
		const present = what.add.filter((row) => !this.#occurrences.add(row)).map(({ key }) => key);
		for (const row of what.occurrences) if (!this.#occurrences.put(row)) throw STALE;
		for (const { id, version, checksum, body } of what.triggers) {
			const stored = this.#ask.triggerVersion.get(id)?.["version"] ?? 0;
			if (stored !== version - 1) throw STALE;
			this.#ask.trigger.run(id, version, checksum, body);
		}
		for (const key of what.removeOccurrences) this.#occurrences.remove(key);
		for (const id of what.removeTriggers) {
			this.#ask.removeTrigger.run(id);
			this.#occurrences.removeAll(id);
		}
		for (const { name, body } of what.documents)
			if (body === undefined) this.#ask.removeDocument.run(name);
			else this.#ask.document.run(name, rowChecksum(name, 0, body), body);
		this.#occurrences.settle();
		return present;
	}
}

function leaseOf(row: Row): ServiceLease {
	const holder = { id: text(row, "holder"), pid: number(row, "pid"), host: text(row, "host") };
	return { name: text(row, "name"), fence: number(row, "fence"), holder, expiresAt: number(row, "expires") };
}

function requestOf(row: Row): RunRequest {
	const { id, run, body, at, answer } = row as unknown as RunRequest & { readonly answer: string | null };
	return { id, run, body, at, ...(answer !== null && { answer }) };
}
