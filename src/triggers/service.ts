import { wallClock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { randomIds } from "../core/ids.js";
import type { GraphSpec } from "../swarm-options.js";
import { AgentLoops } from "./agent-loops.js";
import { defineTrigger, type TriggerInput, warningOf } from "./define-trigger.js";
import { HttpEndpoint } from "./http-endpoint.js";
import type { Occurrence, OccurrenceState } from "./occurrence.js";
import { type FireOptions, OccurrenceBook, type Put, type SubmitOptions } from "./occurrence-book.js";
import { type ServiceHealth, ServiceMember } from "./service-member.js";
import type { ServiceNumbers } from "./service-metrics.js";
import { checkServiceOptions, type ServiceOptions } from "./service-options.js";
import { graphSource, startGraph } from "./start-graph.js";
import type { OccurrenceFilter } from "./store.js";
import type { StartSpec, TriggerRecord, TriggerSpec } from "./trigger.js";
import { TriggerBook } from "./trigger-book.js";

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
	readonly #triggers: TriggerBook;
	readonly #occurrences: OccurrenceBook;
	readonly #member: ServiceMember;
	/** Agents that work towards a goal by themselves, see {@link defineAutonomous}. */
	readonly agents: AgentLoops;

	/** @internal Use {@link createService}. */
	constructor(options: ServiceOptions) {
		checkServiceOptions(options);
		const { store, swarm, clock = wallClock, ids = randomIds } = options;
		this.#options = options;
		const specs = uniqueSpecs((options.triggers ?? []).map(defineTrigger));
		const book = new TriggerBook(store, clock);
		this.#triggers = book;
		this.#occurrences = new OccurrenceBook(store, book, clock, ids, {
			write: (change) => this.#member.write(change),
			add: (rows) => this.#member.add(rows),
			added: (rows) => this.#member.added(rows),
			check: (row, start) => this.#check(row, start),
		});
		const endpoint = HttpEndpoint.of(options, this, {
			clock,
			triggers: specs,
			onWarning: (text) => this.#member.warn(text),
			onError: (error) => this.#member.fail(error),
		});
		this.#member = new ServiceMember({ ...options, clock, ids, book, specs, endpoint });
		for (const spec of specs) this.#warnOf(spec);
		this.agents = new AgentLoops({
			store,
			clock,
			triggers: book,
			occurrences: this.#occurrences,
			isKnown: (name) =>
				swarm.graphOf(name).then(
					() => true,
					() => false,
				),
			cancel: (key, reason) => this.cancel(key, reason),
			onChange: () => this.#member.look(),
		});
	}

	/**
	 * Begins: stands by, or leads where nobody does. Resolves when it is known which, and a leader has taken up what was left
	 * behind.
	 *
	 * @throws SwarmError `ILLEGAL_STATE` when it was started before; `INVALID_OPTION` when it cannot listen where `http` says: then it
	 * may be started again; what the store throws
	 */
	start(): Promise<void> {
		return this.#member.start();
	}

	/**
	 * Stops: no occurrence starts here any more, what runs may end within the grace, and what does not is told to stop and goes on
	 * where it is brought back. Then the others are free to lead. The store stays open.
	 *
	 * @param options - `grace`: default 10 seconds
	 */
	stop({ grace = "10s" }: { readonly grace?: Duration } = {}): Promise<void> {
		return this.#member.stop(milliseconds(grace, "grace"));
	}

	/** Stops without grace, also when it is stopping already: functions that run are told to stop at once. */
	async abort(): Promise<void> {
		const stopping = this.stop({ grace: 0 });
		await this.#options.swarm.drain(0);
		await stopping;
	}

	/** Whether this process decides what starts. */
	get isLeading(): boolean {
		return this.#member.isLeading;
	}

	/** The URL where it is asked by HTTP, without a path; undefined while it does not listen. */
	get address(): string | undefined {
		return this.#member.address;
	}

	/**
	 * Takes a graph, or an agent or a skill by its name, to be run by whoever leads. It is on the disk when this resolves.
	 *
	 * @throws SwarmError `INVALID_SPEC`, `INVALID_INPUT`, `INVALID_OPTION`; what `swarm.plan` says of a graph that cannot run;
	 * `OVERLOADED` while 100,000 wait
	 */
	async submit(what: GraphSpec | StartSpec, options: SubmitOptions = {}): Promise<Put> {
		return this.#occurrences.submit(what, options);
	}

	/**
	 * Starts a trigger by hand.
	 *
	 * @throws SwarmError `UNKNOWN_TRIGGER`; `ILLEGAL_STATE` where it is paused or over; `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED`
	 */
	fire(trigger: string, options: FireOptions = {}): Promise<Put> {
		return this.#occurrences.fire(trigger, options);
	}

	/**
	 * Says that something has happened: triggers that wait for an event of this name start.
	 *
	 * @returns what it has started, also before, with the same key
	 * @throws SwarmError `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED`
	 */
	emit(event: string, options: FireOptions = {}): Promise<readonly Put[]> {
		return this.#occurrences.emit(event, options);
	}

	async #put<Value>(putting: Promise<Value>): Promise<Value> {
		const put = await putting;
		this.#member.look();
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
		this.#member.cancel(row, reason);
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

	/** Nothing of it starts until {@link resume}, what waits its turn neither; what runs goes on. @throws SwarmError `UNKNOWN_TRIGGER` */
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
		return this.#member.health();
	}

	/** What this process has counted since it was made, and how things stand. */
	metrics(): Promise<ServiceNumbers> {
		return this.#member.numbers();
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}

	/** Who hands in what cannot run hears of it at once. */
	async #check(row: Occurrence, start: StartSpec): Promise<void> {
		const { swarm, store } = this.#options;
		if (typeof start === "object" && "nodes" in start) swarm.plan({ nodes: start.nodes } as never);
		else await startGraph(start, row, graphSource(swarm, store));
	}

	#checked(trigger: TriggerInput): TriggerSpec {
		const spec = defineTrigger(trigger);
		this.#warnOf(spec);
		return spec;
	}

	#warnOf(spec: TriggerSpec): void {
		const warning = warningOf(spec);
		if (warning !== undefined) this.#member.warn(warning);
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
