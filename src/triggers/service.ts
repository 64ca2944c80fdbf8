import { type Clock, wallClock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { thisProcess } from "../core/host.js";
import { randomIds } from "../core/ids.js";
import type { Writer } from "../journal/journal.js";
import type { GraphSpec } from "../swarm-options.js";
import { defineTrigger, type TriggerInput, warningOf } from "./define-trigger.js";
import { Dispatcher } from "./dispatcher.js";
import { ON_TIME_MS } from "./due.js";
import { Leadership } from "./leadership.js";
import type { Occurrence, OccurrenceState } from "./occurrence.js";
import { type FireOptions, OccurrenceBook, type Put, type SubmitOptions } from "./occurrence-book.js";
import { RunDesk } from "./run-desk.js";
import { answerRequests } from "./run-requests.js";
import { checkServiceOptions, leaseOf, type ServiceOptions } from "./service-options.js";
import type { OccurrenceFilter } from "./store.js";
import type { StartSpec, TriggerRecord, TriggerSpec } from "./trigger.js";
import { TriggerBook } from "./trigger-book.js";

/** Other processes write often: who stands by looks who leads so often at most. */
const STIR_PAUSE_MS = 250;

/** How a service stands. */
export interface ServiceHealth {
	/** Whether it does what it is there for: it has been started, and its store answers. */
	readonly ok: boolean;
	readonly state: "new" | "standby" | "leading" | "stopping" | "stopped";
	/** Who leads, as far as is known. */
	readonly leader: Writer | undefined;
	/** Runs of occurrences that go on in this process. */
	readonly running: number;
	/** What went wrong a moment ago. */
	readonly problem?: string;
}

/**
 * Makes a service: runs that start on their own, by triggers or by submission, each occurrence once, and that go on after the
 * process has died. Several processes may make one on the same store: one of them leads, the others stand by.
 *
 * @throws SwarmError `INVALID_OPTION`; `INVALID_SPEC` for a trigger that is none
 *
 * @example
 * ```ts
 * import { createService, createSwarm, defineAgent, memoryStore } from "dagswarm";
 *
 * const store = memoryStore();
 * const greet = defineAgent({ name: "greet", run: async ({ payload }: { payload: string }) => `hello ${payload}` });
 * const swarm = createSwarm({ agents: [greet], journal: store.journal });
 * const service = createService({ store, swarm, triggers: [{ id: "hello", on: { kind: "manual" }, start: "greet" }] });
 * await service.start();
 *
 * const { key } = await service.fire("hello", { key: "first", payload: "bees" });
 * key;                              // "hello@1:first"
 * (await service.ended(key)).state; // "completed"
 * await service.stop();
 * ```
 */
export function createService(options: ServiceOptions): Service {
	return new Service(options);
}

/** Runs that start on their own; see {@link createService}. */
export class Service {
	readonly #options: ServiceOptions;
	readonly #clock: Clock;
	readonly #specs: readonly TriggerSpec[];
	readonly #triggers: TriggerBook;
	readonly #occurrences: OccurrenceBook;
	readonly #desk: RunDesk;
	readonly #leadership: Leadership;
	readonly #lease: number;
	#dispatcher: Dispatcher | undefined;
	#state: ServiceHealth["state"] = "new";
	#problem: { readonly text: string; readonly at: number } | undefined;
	#ends: (() => void)[] = [];
	#stirredAt = Number.NEGATIVE_INFINITY;
	#willStir = false;
	#leading: Promise<void> = Promise.resolve();
	#stopping: Promise<void> | undefined;

	/** @internal Use {@link createService}. */
	constructor(options: ServiceOptions) {
		checkServiceOptions(options);
		const { store, swarm, clock = wallClock, ids = randomIds } = options;
		this.#options = options;
		this.#clock = clock;
		this.#lease = leaseOf(options);
		this.#specs = uniqueSpecs((options.triggers ?? []).map((trigger) => this.#checked(trigger)));
		this.#triggers = new TriggerBook(store, clock);
		this.#occurrences = new OccurrenceBook(store, this.#triggers, clock, ids);
		this.#desk = new RunDesk({
			store,
			swarm,
			clock,
			onSettled: (row) => this.#dispatcher?.settled(row),
			onError: (error) => this.#fail(error),
		});
		this.#leadership = new Leadership({
			store,
			clock,
			ttl: this.#lease,
			holder: { id: ids.run(), ...thisProcess() },
			onGain: (fence) => this.#lead(fence),
			onLoss: () => this.#follow(),
			onError: (error) => this.#fail(error),
		});
	}

	/**
	 * Begins: stands by, or leads where nobody does. Resolves when it is known which, and a leader has taken up what was left
	 * behind.
	 *
	 * @throws SwarmError `ILLEGAL_STATE` when it was started before; what the store throws
	 */
	async start(): Promise<void> {
		if (this.#state !== "new")
			throw new SwarmError("ILLEGAL_STATE", "the service was started before", { hint: "make another one" });
		this.#state = "standby";
		const { store, swarm } = this.#options;
		this.#ends.push(this.#clock.hold());
		this.#ends.push(
			await store.watch(
				() => this.#changed(),
				(error) => this.#fail(error),
			),
		);
		this.#ends.push(await answerRequests(store, swarm, { onError: (error) => this.#fail(error) }));
		await this.#leadership.look();
		await this.#leading;
	}

	/**
	 * Stops: no occurrence starts here any more, what runs may end within the grace, and what does not is told to stop and goes on
	 * where it is brought back. Then the others are free to lead. The store stays open.
	 *
	 * @param options - `grace`: default 10 seconds
	 */
	stop({ grace = "10s" }: { readonly grace?: Duration } = {}): Promise<void> {
		const ms = milliseconds(grace, "grace");
		this.#stopping ??= this.#stop(ms);
		return this.#stopping;
	}

	/** Stops without grace, also when it is stopping already: functions that run are told to stop at once. */
	async abort(): Promise<void> {
		const stopping = this.stop({ grace: 0 });
		await this.#options.swarm.drain(0);
		await stopping;
	}

	async #stop(grace: number): Promise<void> {
		this.#state = "stopping";
		await this.#dispatcher?.close();
		this.#dispatcher = undefined;
		await this.#leading;
		await this.#options.swarm.drain(grace);
		await this.#desk.close();
		await this.#leadership.close();
		for (const end of this.#ends.splice(0)) end();
		this.#state = "stopped";
	}

	/** Whether this process decides what starts. */
	get isLeading(): boolean {
		return this.#leadership.fence !== undefined;
	}

	/**
	 * Takes a graph, or an agent or a skill by its name, to be run by whoever leads. It is on the disk when this resolves.
	 *
	 * @throws SwarmError `INVALID_SPEC`, `INVALID_INPUT`, `INVALID_OPTION`; what `swarm.plan` says of a graph that cannot run;
	 * `OVERLOADED` while 100,000 wait
	 */
	async submit(what: GraphSpec | StartSpec, options: SubmitOptions = {}): Promise<Put> {
		// Who hands in what cannot run hears of it at once.
		if (typeof what === "object" && what !== null && "nodes" in what)
			this.#options.swarm.plan({ nodes: what.nodes } as never);
		else if (typeof what === "string") await this.#options.swarm.graphOf(what);
		return this.#put(this.#occurrences.submit(what, options));
	}

	/**
	 * Starts a trigger by hand.
	 *
	 * @throws SwarmError `UNKNOWN_TRIGGER`; `ILLEGAL_STATE` where it is paused or over; `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED`
	 */
	fire(trigger: string, options: FireOptions = {}): Promise<Put> {
		return this.#put(this.#occurrences.fire(trigger, options));
	}

	/**
	 * Says that something has happened: triggers that wait for an event of this name start.
	 *
	 * @returns what it has started, also before, with the same key
	 * @throws SwarmError `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED`
	 */
	emit(event: string, options: FireOptions = {}): Promise<readonly Put[]> {
		return this.#put(this.#occurrences.emit(event, options));
	}

	async #put<Value>(putting: Promise<Value>): Promise<Value> {
		const put = await putting;
		this.#dispatcher?.look();
		return put;
	}

	/** Occurrences, the newest first, 100 unless told otherwise. */
	list(filter: OccurrenceFilter = {}): Promise<readonly Occurrence[]> {
		return this.#occurrences.list(filter);
	}

	/** One occurrence as it is now. @throws SwarmError `UNKNOWN_OCCURRENCE` */
	status(key: string): Promise<Occurrence> {
		return this.#occurrences.get(key);
	}

	/**
	 * Resolves when an occurrence has ended, wherever it runs.
	 *
	 * @throws SwarmError `UNKNOWN_OCCURRENCE`, also when it is deleted meanwhile; the reason of the signal
	 */
	ended(key: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Occurrence> {
		return this.#occurrences.ended(key, signal);
	}

	/**
	 * Cancels an occurrence: one that has not started never does, and one that runs is aborted wherever it does. What it comes to
	 * afterwards does not count.
	 *
	 * @throws SwarmError `UNKNOWN_OCCURRENCE`; `ILLEGAL_STATE` for one that has ended
	 */
	async cancel(key: string, reason = "cancelled"): Promise<void> {
		const row = await this.#occurrences.cancel(key, reason);
		if (row.state === "running") this.#desk.cancel(row, reason);
		this.#dispatcher?.look();
	}

	/** Forgets an occurrence that has ended; its run stays in the journal. @throws SwarmError `UNKNOWN_OCCURRENCE`, `ILLEGAL_STATE` */
	delete(key: string): Promise<void> {
		return this.#occurrences.delete(key);
	}

	/** By id. */
	triggers(): Promise<readonly TriggerRecord[]> {
		return this.#triggers.all();
	}

	/** @throws SwarmError `UNKNOWN_TRIGGER` */
	trigger(id: string): Promise<TriggerRecord> {
		return this.#triggers.get(id);
	}

	/**
	 * Puts a trigger into the store, in place of one with its id. It stays there until it is removed.
	 *
	 * @throws SwarmError `INVALID_OPTION`, `INVALID_SPEC`
	 */
	put(trigger: TriggerInput): Promise<TriggerRecord> {
		return this.#put(this.#triggers.put(this.#checked(trigger)));
	}

	/** Nothing of it starts until {@link resume}; what runs goes on. @throws SwarmError `UNKNOWN_TRIGGER` */
	pause(id: string): Promise<TriggerRecord> {
		return this.#put(this.#triggers.pause(id, true));
	}

	/** What came due meanwhile is left out. @throws SwarmError `UNKNOWN_TRIGGER` */
	resume(id: string): Promise<TriggerRecord> {
		return this.#put(this.#triggers.pause(id, false));
	}

	/** Takes a trigger away, with its history; what runs goes on. @returns whether it was there */
	remove(id: string): Promise<boolean> {
		return this.#put(this.#triggers.remove(id));
	}

	/** The occurrences of a trigger that are kept, the newest first. @throws SwarmError `UNKNOWN_TRIGGER` */
	async history(id: string, filter: Omit<OccurrenceFilter, "trigger"> = {}): Promise<readonly Occurrence[]> {
		await this.#triggers.get(id);
		return this.#occurrences.list({ ...filter, trigger: id });
	}

	/** How many occurrences there are in each state, of one trigger or of all. */
	async counts(trigger?: string): Promise<Readonly<Partial<Record<OccurrenceState, number>>>> {
		return this.#options.store.counts(trigger);
	}

	/** How this process stands; something that failed counts for three leases. */
	health(): ServiceHealth {
		const isRecent = this.#problem !== undefined && this.#clock.now() < this.#problem.at + 3 * this.#lease;
		return {
			ok: (this.#state === "standby" || this.#state === "leading") && !isRecent,
			state: this.#state,
			leader: this.#leadership.leader,
			running: this.#desk.size,
			...(this.#problem !== undefined && isRecent && { problem: this.#problem.text }),
		};
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}

	#checked(trigger: TriggerInput): TriggerSpec {
		const spec = defineTrigger(trigger);
		const warning = warningOf(spec);
		if (warning !== undefined) this.#warn(warning);
		return spec;
	}

	#changed(): void {
		if (this.#dispatcher !== undefined) return this.#dispatcher.changed();
		if (this.#willStir) return;
		const soon = this.#stirredAt + STIR_PAUSE_MS;
		const now = this.#clock.now();
		this.#willStir = true;
		this.#clock.set(Math.max(now, soon), () => {
			this.#willStir = false;
			this.#stirredAt = this.#clock.now();
			void this.#leadership.stir();
		});
	}

	#lead(fence: number): void {
		if (this.#state === "stopping" || this.#state === "stopped") return;
		this.#state = "leading";
		this.#leading = this.#leading.then(() => this.#takeOffice(fence)).catch((error) => this.#fail(error));
	}

	async #takeOffice(fence: number): Promise<void> {
		const { store, keepKeys = "1d" } = this.#options;
		if (this.#leadership.fence !== fence || this.#state !== "leading") return;
		if (!(await this.#triggers.sync(this.#specs, fence))) return;
		if (this.#leadership.fence !== fence || this.#state !== "leading") return;
		const dispatcher = new Dispatcher({
			store,
			fence,
			clock: this.#clock,
			desk: this.#desk,
			tolerance: Math.max(ON_TIME_MS, 3 * this.#lease),
			lookAgain: this.#lease,
			keepKeys: milliseconds(keepKeys, "keepKeys"),
			onFenced: () => void this.#leadership.look(),
			onError: (error) => this.#fail(error),
			onTriggers: () => {},
		});
		this.#dispatcher = dispatcher;
		await dispatcher.begin();
		if (this.#options.recover !== "own" && this.#dispatcher === dispatcher) await this.#recoverRest();
	}

	/** Runs that nothing of the service has started. */
	async #recoverRest(): Promise<void> {
		const { swarm } = this.#options;
		const { refused } = await swarm.recoverAll();
		for (const { run, error } of refused) {
			if (error.code === "RUN_BUSY") continue;
			this.#warn(`the run "${run}" cannot be brought back here: ${error.code}: ${error.message}`);
		}
	}

	#follow(): void {
		if (this.#state === "leading") this.#state = "standby";
		const dispatcher = this.#dispatcher;
		this.#dispatcher = undefined;
		dispatcher?.close().catch((error) => this.#fail(error));
	}

	#fail(error: unknown): void {
		const text = error instanceof Error ? error.message : String(error);
		this.#problem = { text, at: this.#clock.now() };
		if (this.#options.onError !== undefined) this.#options.onError(error);
		else process.emitWarning(`a service met with: ${text}`, "SwarmServiceWarning");
	}

	#warn(text: string): void {
		if (this.#options.onWarning !== undefined) this.#options.onWarning(text);
		else process.emitWarning(text, "SwarmServiceWarning");
	}
}

function uniqueSpecs(specs: readonly TriggerSpec[]): readonly TriggerSpec[] {
	const seen = new Set<string>();
	for (const { id } of specs) {
		if (seen.has(id)) throw new SwarmError("INVALID_OPTION", `there are two triggers with the id "${id}"`);
		seen.add(id);
	}
	return specs;
}
