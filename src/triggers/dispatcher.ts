import type { Clock, Timer } from "../core/clock.js";
import { milliseconds } from "../core/durations.js";
import { arrival } from "./arrivals.js";
import { Decisions, decide, ended, SUPERSEDED, Wake } from "./decisions.js";
import { type DueSlot, dueSlots } from "./due.js";
import { LEADER } from "./leadership.js";
import { isEnded, type Occurrence, OPEN_STATES, runOf } from "./occurrence.js";
import { OpenRows } from "./open-rows.js";
import type { Pen } from "./pen.js";
import type { RunDesk, TakenUp } from "./run-desk.js";
import type { Known, Settlement } from "./settler.js";
import type { Store, StoreChange } from "./store.js";
import type { StartSpec, TriggerRecord } from "./trigger.js";
import { advancedRecord } from "./trigger-record.js";

/** What the store tells at once: other processes may write often. */
const PAUSE_MS = 20;

/** Between two times that all is read there are so many times as long as reading takes. */
const LOAD_SHARE = 4;

/** What somebody else is always ahead of is tried so many times at once; then it is left alone for a while. */
const MOST_STALE = 20;

/** How many ended occurrences beyond those that are kept may be there before they are taken away. */
const SLACK = 4;

/** What a {@link Dispatcher} works with. */
export interface DispatcherOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly desk: RunDesk;
	readonly pen: Pen;
	readonly fence: number;
	/** A slot that is found no later than this is on time; milliseconds. */
	readonly tolerance: number;
	/** Runs of other processes are looked at again after so long; milliseconds. */
	readonly lookAgain: number;
	/** Keys that people gave are kept for so long at least; milliseconds. */
	readonly keepKeys: number;
	/** Another process leads by now. */
	readonly onFenced: () => void;
	readonly onError: (error: unknown) => void;
	/** It has put an occurrence into the store, or decided about one. */
	readonly onDecided: (row: Occurrence) => void;
	/** The triggers, whenever they are not as they were. */
	readonly onTriggers: (records: readonly TriggerRecord[]) => void;
}

/**
 * What the one process that leads does: turns slots that are due into rows, decides which rows start, and hands those to the
 * {@link RunDesk}. It works in turns, one at a time: each reads what has changed, writes what follows from it in two
 * transactions for all triggers together, and then has the runs started. It is woken by the store, by ends of runs, and by the
 * clock when something is due.
 */
export class Dispatcher {
	readonly #options: DispatcherOptions;
	#records = new Map<string, TriggerRecord>();
	readonly #rows = new OpenRows();
	/** Rows that say that they run, and nobody here has looked after yet. */
	readonly #unclaimed = new Set<string>();
	/** Those of them that are looked for at this moment: it may take a while to see whether a process is alive. */
	readonly #looking = new Map<string, Promise<void>>();
	/** Ended occurrences since the history was cut last. */
	readonly #ended = new Map<string | null, number>();
	/** Until when nothing of a trigger is due, where only itself says so: to find that out of a cron expression takes time. */
	readonly #idle = new WeakMap<TriggerRecord, number>();
	#timer: Timer | undefined;
	#turning: Promise<void> | undefined;
	#again = false;
	#isStale = true;
	/** Something was read, or asked for, since runs of other processes were looked for. */
	#mustLook = false;
	#takeUpAt = Number.NEGATIVE_INFINITY;
	#loadedAt = Number.NEGATIVE_INFINITY;
	#loadMs = 0;
	#stale = 0;
	readonly #closed = Promise.withResolvers<void>();
	#isClosed = false;

	constructor(options: DispatcherOptions) {
		this.#options = options;
	}

	/** As the store has it; undefined where somebody else may have written, or not all was read. */
	get known(): Known | undefined {
		if (this.#isStale || !this.#options.pen.isCurrent) return undefined;
		return { records: this.#records, row: (key) => this.#rows.get(key) };
	}

	/** The store has changed, or may have: what other processes write one after the other is read together. */
	changed(): void {
		if (this.#options.pen.isCurrent) return;
		// However much there is to read, it leaves most of the time for other things.
		const soon = this.#loadedAt + Math.max(PAUSE_MS, LOAD_SHARE * this.#loadMs);
		if (this.#options.clock.now() >= soon) return this.look();
		this.#isStale = true;
		this.#wakeAt(soon);
	}

	/** This process has changed the store. */
	look(): void {
		this.#isStale = true;
		this.turn();
	}

	/** This process has added occurrences, or changed them. */
	added(rows: readonly Occurrence[]): void {
		for (const row of rows) this.#take(row);
		this.turn();
	}

	/** Occurrences that this process has run have ended, or wait for another attempt. */
	settled({ rows, records, added, isOdd }: Settlement): void {
		for (const record of records) {
			const known = this.#records.get(record.spec.id);
			if (known === undefined || known.version < record.version) this.#records.set(record.spec.id, record);
		}
		for (const row of rows) this.#take(row);
		for (const row of added) this.#take(row);
		if (isOdd) this.#isStale = true;
		this.turn();
	}

	#take(row: Occurrence): void {
		this.#rows.put(row);
		if (row.cancelling !== undefined && this.#unclaimed.has(row.key)) this.#mustLook = true;
		if (!isEnded(row)) return;
		const trigger = row.trigger ?? null;
		this.#ended.set(trigger, (this.#ended.get(trigger) ?? 0) + 1);
	}

	#decided(row: Occurrence): void {
		this.#take(row);
		this.#options.onDecided(row);
	}

	/** Takes up what was left behind, and goes on from there. Resolves when that is done. */
	async begin(): Promise<void> {
		this.turn();
		await this.#turning;
		await Promise.race([Promise.all(this.#looking.values()), this.#closed.promise]);
	}

	/** Does what is to be done now. */
	turn(): void {
		if (this.#isClosed) return;
		this.#again = true;
		this.#turning ??= this.#turns();
	}

	/** Starts nothing more. Resolves when what it was doing is done. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#closed.resolve();
		this.#clear();
		await this.#turning;
	}

	async #turns(): Promise<void> {
		while (this.#again && !this.#isClosed) {
			this.#again = false;
			try {
				await this.#options.pen.turn(() => this.#turn());
			} catch (error) {
				this.#options.onError(error);
				this.#options.pen.forgets();
				this.#isStale = true;
				this.#wakeAt(this.#options.clock.now() + this.#options.lookAgain);
			}
		}
		this.#turning = undefined;
	}

	async #turn(): Promise<void> {
		if (this.#isStale) await this.#load();
		const now = this.#options.clock.now();
		const wake = new Wake();
		if (!(await this.#fire(now, wake))) return;
		if (!(await this.#admit(now, wake))) return;
		this.#takeUp(now);
		await this.#trim();
		if (wake.at !== undefined) this.#wakeAt(wake.at);
	}

	async #load(): Promise<void> {
		const { store, clock, desk, pen, onTriggers } = this.#options;
		const from = clock.now();
		this.#isStale = false;
		this.#mustLook = true;
		pen.reads();
		const before = this.#records;
		// What is known of one that is as it was, such as its next slot, goes with the object.
		const records = (await store.triggers()).map((record) => {
			const known = before.get(record.spec.id);
			return known !== undefined && isSame(known, record) ? known : record;
		});
		this.#records = new Map(records.map((record) => [record.spec.id, record]));
		if (records.length !== before.size || records.some((each) => before.get(each.spec.id) !== each))
			onTriggers(records);
		this.#rows.replace(await store.occurrences({ states: OPEN_STATES }));
		this.#loadedAt = clock.now();
		this.#loadMs = this.#loadedAt - from;
		for (const { key, state, attempt, cancelling } of this.#rows.values()) {
			if (state !== "running") continue;
			if (!desk.has(runOf(key, attempt))) this.#unclaimed.add(key);
			else if (cancelling !== undefined) desk.cancel({ key, attempt }, cancelling);
		}
	}

	/** Turns slots that are due into rows. @returns false when it could not be written */
	async #fire(now: number, wake: Wake): Promise<boolean> {
		const { tolerance } = this.#options;
		const add: Occurrence[] = [];
		const triggers: TriggerRecord[] = [];
		for (const record of this.#records.values()) {
			const idle = this.#idle.get(record);
			if (idle !== undefined && now < idle) {
				wake.by(idle);
				continue;
			}
			const rows = this.#rows.of(record.spec.id);
			const pending = rows.filter(({ state }) => state === "pending").length;
			const due = dueSlots(record, { now, pending, isOpen: rows.length > 0, tolerance });
			wake.by(due.next);
			const after = advancedRecord(record, due, now);
			if (after !== record) triggers.push(after);
			else if (due.fire.length === 0 && isByItself(record))
				this.#idle.set(record, due.next ?? Number.POSITIVE_INFINITY);
			// Who wants all of them has each start: those that come together are none that overlap.
			const isCaughtUp = due.fire.length > 1 && wantsAll(record);
			for (const slot of due.fire) add.push(arrivalAt(record, slot, now, isCaughtUp || slot.due < now - tolerance));
			if (due.missed !== undefined)
				add.push(ended(arrivalAt(record, due.missed, now, true), "skipped", due.missed.reason, now));
		}
		if (add.length === 0 && triggers.length === 0) return true;
		const keys = await this.#write({ add, triggers });
		if (keys === undefined) return false;
		// One that is there already may be at any point of its life.
		if (keys.length > 0) this.#reload();
		const present = new Set(keys);
		for (const row of add) if (!present.has(row.key)) this.#decided(row);
		return true;
	}

	/** Decides about rows that wait for their turn, and has those begun that start. @returns false when it could not be written */
	async #admit(now: number, wake: Wake): Promise<boolean> {
		const { desk } = this.#options;
		const to = new Decisions(wake);
		for (const trigger of this.#rows.triggers())
			decide(this.#rows.of(trigger), trigger === null ? null : this.#records.get(trigger), now, to);
		if (to.begin.length + to.others.length === 0) return true;
		const occurrences = [...to.begin, ...to.others];
		const triggers = [...to.records.values()];
		if ((await this.#write({ occurrences, triggers })) === undefined) return false;
		for (const row of occurrences) this.#decided(row);
		for (const row of to.cancel) desk.cancel(row, SUPERSEDED);
		// What was to wait may start in place of one that has waited for another attempt.
		if (to.others.some(({ state }) => state === "cancelled")) this.#again = true;
		for (const row of to.begin) {
			const { start, deadline } = this.#startOf(row);
			// The graph may take a while to make: others need not wait for it.
			if (start !== undefined) this.#lookFor(row.key, desk.begin(row, start, deadline));
			else {
				this.#unclaimed.add(row.key);
				this.#takeUpAt = now;
			}
		}
		return true;
	}

	/** Runs that other processes have begun: one that has died has left them, one that lives goes on with them. */
	#takeUp(now: number): void {
		// To look takes time: what others do is in what they write, and that one has died is not known before its time.
		if (!this.#mustLook && now < this.#takeUpAt) {
			if (this.#unclaimed.size > 0) this.#wakeAt(this.#takeUpAt);
			return;
		}
		this.#mustLook = false;
		this.#takeUpAt = now + this.#options.lookAgain;
		for (const key of this.#unclaimed) {
			const row = this.#rows.get(key);
			if (row?.state !== "running") this.#unclaimed.delete(key);
			else if (!this.#looking.has(key)) {
				const { start, deadline } = this.#startOf(row);
				this.#lookFor(key, this.#options.desk.takeUp(row, start, deadline));
			}
		}
	}

	#lookFor(key: string, finding: Promise<TakenUp>): void {
		const { clock, lookAgain, onError } = this.#options;
		const looking = finding
			.catch((error): TakenUp => {
				onError(error);
				return "elsewhere";
			})
			.then((taken) => {
				this.#looking.delete(key);
				if (taken !== "elsewhere") this.#unclaimed.delete(key);
				else {
					this.#unclaimed.add(key);
					this.#wakeAt(clock.now() + lookAgain);
				}
			});
		this.#looking.set(key, looking);
	}

	/** What a row starts: a submission says so itself. */
	#startOf({ trigger, start, deadline }: Occurrence): { readonly start?: StartSpec; readonly deadline?: number } {
		const spec = trigger === undefined ? undefined : this.#records.get(trigger)?.spec;
		const what = spec?.start ?? start;
		const within = spec?.deadline === undefined ? deadline : milliseconds(spec.deadline);
		return { ...(what !== undefined && { start: what }), ...(within !== undefined && { deadline: within }) };
	}

	/** History is cut now and then, not with each end. */
	async #trim(): Promise<void> {
		const { store, clock, keepKeys } = this.#options;
		for (const [trigger, count] of this.#ended) {
			const spec = trigger === null ? undefined : this.#records.get(trigger)?.spec;
			const keep = trigger === null ? SUBMISSIONS_KEPT : (spec?.history ?? HISTORY_KEPT);
			if (count < Math.max(keep / SLACK, 1)) continue;
			this.#ended.delete(trigger);
			// A slot that has passed does not come again, whether its row is there or not.
			const hasGivenKeys = spec === undefined || spec.on.kind === "manual" || spec.on.kind === "event";
			await store.trim(trigger, keep, clock.now() - (hasGivenKeys ? keepKeys : 0));
		}
	}

	/**
	 * Writes what was decided, as long as this process leads.
	 *
	 * @returns keys of what was added that were there already; undefined when it could not be written
	 */
	async #write(change: Pick<StoreChange, "add" | "occurrences" | "triggers">): Promise<readonly string[] | undefined> {
		const { pen, fence, clock, lookAgain, onFenced } = this.#options;
		const answer = await pen.write({ lease: { name: LEADER, fence }, ...change });
		if (answer.ok) {
			this.#stale = 0;
			if (pen.isBehind) this.#reload();
			for (const record of change.triggers ?? []) this.#records.set(record.spec.id, record);
			return answer.present;
		}
		this.#isStale = true;
		if (answer.why === "fenced") onFenced();
		if (answer.why === "stale" && this.#stale++ < MOST_STALE) this.#again = true;
		else this.#wakeAt(clock.now() + lookAgain);
		return undefined;
	}

	#reload(): void {
		this.#isStale = true;
		this.#again = true;
	}

	#wakeAt(due: number): void {
		if (this.#isClosed || (this.#timer !== undefined && this.#timer.due <= due)) return;
		this.#clear();
		this.#timer = this.#options.clock.set(due, () => {
			this.#timer = undefined;
			this.turn();
		});
	}

	#clear(): void {
		if (this.#timer !== undefined) this.#options.clock.clear(this.#timer);
		this.#timer = undefined;
	}
}

const HISTORY_KEPT = 100;
const SUBMISSIONS_KEPT = 10_000;

/** Whether what is due is for the record and the time alone to say. */
function isByItself({ spec: { on, maxRuns } }: TriggerRecord): boolean {
	return maxRuns === undefined && !(on.kind === "every" && on.mode === "delay");
}

/** Whether a record says what another one does: one that was taken away and put again begins with the first version. */
function isSame(a: TriggerRecord, b: TriggerRecord): boolean {
	return a.version === b.version && a.revision === b.revision && a.createdAt === b.createdAt;
}

function wantsAll({ spec: { on } }: TriggerRecord): boolean {
	return (on.kind === "every" || on.kind === "cron") && on.missed === "all";
}

function arrivalAt(record: TriggerRecord, { key, due, nextAt }: DueSlot, now: number, missed: boolean): Occurrence {
	const row = arrival(record, key, now, { due, ...(nextAt !== undefined && { nextAt }) });
	return missed ? { ...row, missed } : row;
}
