import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { checkWhole } from "../core/whole.js";
import type { Journal, Writer } from "../journal/journal.js";
import { Listeners } from "../journal/listeners.js";
import { MemoryJournal } from "../journal/memory-journal.js";
import { attemptedKeys } from "../journal/retention.js";
import { MemoryOccurrences } from "./memory-occurrences.js";
import type { Occurrence, OccurrenceState } from "./occurrence.js";
import type { OccurrenceFilter, RunRequest, ServiceLease, Store, StoreAnswer, StoreChange } from "./store.js";
import { checkAnswer, checkRequest, type PreparedChange, prepared } from "./store-change.js";
import { checkKey, checkMoment, MAX_REQUESTS, type StoredTrigger, TRIM_ROWS, triggerOf } from "./store-rows.js";
import type { TriggerRecord } from "./trigger.js";

/**
 * A store in the memory of the process, for tests and for services that may forget. It does what `sqliteStore` does, and
 * grows until it is trimmed.
 *
 * @param journal - where its runs are kept, by default a `memoryJournal` of its own. Another kind of journal does not know
 * which runs the store still needs: do not prune it while occurrences go on
 *
 * @example
 * ```ts
 * import { memoryStore } from "dagswarm";
 *
 * const store = memoryStore();
 * const row = { key: "report-7", due: 0, createdAt: 0, state: "pending", attempt: 0, version: 1 } as const;
 * await store.write({ add: [row] });                         // { ok: true, present: [] }
 * await store.write({ add: [{ ...row, state: "running" }] }); // { ok: true, present: ["report-7"] }
 * (await store.occurrence("report-7"))?.state;               // "pending"
 * ```
 */
export function memoryStore(journal: Journal = new MemoryJournal()): Store {
	return new MemoryStore(journal);
}

class MemoryStore implements Store {
	readonly #triggers = new Map<string, StoredTrigger>();
	readonly #occurrences = new MemoryOccurrences();
	readonly #leases = new Map<string, ServiceLease>();
	readonly #documents = new Map<string, string>();
	/** In the order in which they were left. */
	readonly #requests = new Map<string, RunRequest>();
	readonly #listeners = new Listeners();
	/** The last that was given out, of any lease. */
	#fence = 0;
	#writes = 0;
	#closed = false;

	constructor(readonly journal: Journal) {
		if (journal instanceof MemoryJournal) journal.spare((run) => this.#isNeeded(run));
	}

	acquire(name: string, { id, pid, host }: Writer, expiresAt: number, now: number): ServiceLease {
		this.#checkOpen();
		checkKey("the name of a lease", name);
		checkMoment("the end of a lease", expiresAt);
		const held = this.#leases.get(name);
		const isHeld = held !== undefined && held.expiresAt > now;
		if (isHeld && held.holder.id !== id) return held;
		const fence = isHeld ? held.fence : ++this.#fence;
		const lease = { name, fence, holder: { id, pid, host }, expiresAt };
		this.#leases.set(name, lease);
		this.#listeners.tell();
		return lease;
	}

	release(name: string, fence: number): void {
		this.#checkOpen();
		if (this.#leases.get(name)?.fence !== fence) return;
		this.#leases.delete(name);
		this.#listeners.tell();
	}

	leases(prefix: string): readonly ServiceLease[] {
		this.#checkOpen();
		return [...this.#leases.values()].filter(({ name }) => name.startsWith(prefix)).sort(byName);
	}

	version(): number {
		return this.#writes;
	}

	write(change: StoreChange): StoreAnswer {
		this.#checkOpen();
		const { lease } = change;
		const what = prepared(change);
		if (lease !== undefined && this.#leases.get(lease.name)?.fence !== lease.fence) return { ok: false, why: "fenced" };
		if (!this.#isCurrent(what)) return { ok: false, why: "stale" };
		const present = what.add.filter((row) => !this.#occurrences.add(row)).map(({ key }) => key);
		for (const row of what.occurrences) this.#occurrences.put(row);
		for (const row of what.triggers) this.#triggers.set(row.id, row);
		for (const key of what.removeOccurrences) this.#occurrences.remove(key);
		for (const id of what.removeTriggers) {
			this.#triggers.delete(id);
			this.#occurrences.removeAll(id);
		}
		for (const { name, body } of what.documents)
			if (body === undefined) this.#documents.delete(name);
			else this.#documents.set(name, body);
		this.#writes++;
		this.#listeners.tell();
		return { ok: true, present };
	}

	trigger(id: string): TriggerRecord | undefined {
		this.#checkOpen();
		const row = this.#triggers.get(id);
		return row && triggerOf(row);
	}

	triggers(): readonly TriggerRecord[] {
		this.#checkOpen();
		return [...this.#triggers.keys()].sort().map((id) => triggerOf(this.#triggers.get(id) as StoredTrigger));
	}

	occurrence(key: string): Occurrence | undefined {
		this.#checkOpen();
		return this.#occurrences.get(key);
	}

	occurrences(filter: OccurrenceFilter = {}): readonly Occurrence[] {
		this.#checkOpen();
		checkWhole(filter.limit, "limit", 0, Number.MAX_SAFE_INTEGER);
		return this.#occurrences.list(filter);
	}

	counts(trigger?: string): Readonly<Partial<Record<OccurrenceState, number>>> {
		this.#checkOpen();
		return this.#occurrences.counts(trigger);
	}

	trim(trigger: string | null, keep: number, keepAfter: number): number {
		this.#checkOpen();
		checkWhole(keep, "keep", 0, Number.MAX_SAFE_INTEGER);
		const trimmed = this.#occurrences.trim(trigger ?? "", { keep, keepAfter, most: TRIM_ROWS });
		if (trimmed > 0) this.#listeners.tell();
		return trimmed;
	}

	document(name: string): string | undefined {
		this.#checkOpen();
		return this.#documents.get(name);
	}

	ask(request: RunRequest): void {
		this.#checkOpen();
		checkRequest(request);
		const { id, run, body, at, answer } = request;
		if (this.#requests.has(id)) return;
		this.#requests.set(id, { id, run, body, at, ...(answer !== undefined && { answer }) });
		const [oldest] = this.#requests.keys();
		if (this.#requests.size > MAX_REQUESTS && oldest !== undefined) this.#requests.delete(oldest);
		this.#listeners.tell();
	}

	requests(): readonly RunRequest[] {
		this.#checkOpen();
		return [...this.#requests.values()].filter(({ answer }) => answer === undefined);
	}

	request(id: string): RunRequest | undefined {
		this.#checkOpen();
		return this.#requests.get(id);
	}

	answer(id: string, answer: string): boolean {
		this.#checkOpen();
		checkAnswer(id, answer);
		const request = this.#requests.get(id);
		if (request === undefined || request.answer !== undefined) return false;
		this.#requests.set(id, { ...request, answer });
		this.#listeners.tell();
		return true;
	}

	forget(id: string): void {
		this.#checkOpen();
		this.#requests.delete(id);
	}

	watch(changed: () => void): () => void {
		this.#checkOpen();
		return this.#listeners.add(changed);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#listeners.close();
		await this.journal.close();
	}

	/** Whether all versions are as those who change them have seen them, one after the other. */
	#isCurrent({ add, occurrences, triggers }: PreparedChange): boolean {
		const added = new Map<string, number>();
		for (const { key, version } of add) if (!added.has(key)) added.set(key, version);
		const rows = new Map<string, number>();
		for (const { key, version } of occurrences) {
			const stored = rows.get(key) ?? this.#occurrences.version(key) ?? added.get(key) ?? 0;
			if (stored !== version - 1) return false;
			rows.set(key, version);
		}
		const records = new Map<string, number>();
		for (const { id, version } of triggers) {
			const stored = records.get(id) ?? this.#triggers.get(id)?.version ?? 0;
			if (stored !== version - 1) return false;
			records.set(id, version);
		}
		return true;
	}

	#isNeeded(run: RunId): boolean {
		return attemptedKeys(run).some((key) => this.#occurrences.isOpen(key));
	}

	#checkOpen(): void {
		if (this.#closed) throw new SwarmError("JOURNAL_UNAVAILABLE", "the store is closed");
	}
}

function byName(a: ServiceLease, b: ServiceLease): number {
	return a.name < b.name ? -1 : 1;
}
