import type { Clock } from "../core/clock.js";
import type { SwarmError } from "../core/errors.js";
import type { IdSource, NodeId, RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import type { GraphActor } from "./actor.js";
import type { CheckLevel } from "./checker.js";
import type { StallPlan } from "./command.js";
import type { PolicySource } from "./policies.js";
import type { RunState } from "./state.js";
import type { GrowthLimits, Lease, NodeSpec, Patch, RunEvent, RunSettings, Wake } from "./types.js";

/** Where a run's events are kept. It may not miss one: what it throws discards the run. */
export interface EventSink {
	/**
	 * Takes a batch of events, all or none.
	 *
	 * @returns a promise when it has them only once that resolves: until then nothing of the batch is visible
	 */
	append(events: readonly RunEvent[]): void | PromiseLike<void>;
	/** The same for a sink that wants to see the events one by one, and needs no list of them. */
	appendEach?(each: (take: (event: RunEvent) => void) => void): void | PromiseLike<void>;
	/**
	 * Group commit. A sink that has this is not handed each batch: it is told once that there is something, and
	 * calls {@link GraphActor.handOver} when it wants to have all that was decided until then, and {@link
	 * GraphActor.accepted} or {@link GraphActor.lose} afterwards.
	 */
	defer?(actor: GraphActor): void;
	/** Somebody wants to read what is committed: whoever can commit at once what was deferred does it now. */
	settle?(): void;
}

/** What a graph actor is made of. Everything is optional: by hand, `GraphActor.create()` will do. */
export interface ActorConfig extends GrowthLimits {
	readonly run?: RunId;
	/** The graph at the start. */
	readonly nodes?: readonly NodeSpec[];
	/** Whether the run stays open when nothing is left to do; default true for actors driven by hand. */
	readonly open?: boolean;
	readonly onStall?: StallPlan;
	readonly metadata?: Readonly<Record<string, Plain>>;
	/** What the run's journal has to remember. */
	readonly settings?: RunSettings;
	/** What came of the events that the journal has: the run goes on from there, and the graph above is left out. */
	readonly recovered?: RecoveredRun;
	/** Events to begin with, in place of a graph: those of another run, numbered from 1. */
	readonly history?: Iterable<RunEvent>;
	/** With a history: what is changed before anything goes on. */
	readonly edit?: Patch;
	/** Known agents and their policies; by default any agent is known. */
	readonly policies?: PolicySource;
	readonly clock?: Clock;
	readonly ids?: IdSource;
	readonly check?: CheckLevel;
	/** A 32-bit integer that the jitter of retries is drawn from; by default it comes from the run's id. */
	readonly seed?: number;
	readonly journal?: EventSink;
	/** How many events are kept for readers; default 4,096. */
	readonly eventBuffer?: number;
	/** How many commands from outside may wait; default 10,000. */
	readonly mailboxSize?: number;
	/** Takes what a subscriber threw. */
	readonly onListenerError?: (error: unknown, event: string) => void;
	/** Whether agents or defaults set time limits. */
	readonly timed?: boolean;
	readonly host?: ActorHost;
}

/** A run that was read from its journal. */
export interface RecoveredRun {
	readonly state: RunState;
	/** Of this writer; without one the run is only looked at. */
	readonly epoch?: number;
	/** Agents whose open nodes wait for a person before they run. */
	readonly ask?: readonly string[];
}

/** What carries out effects: it starts and stops the functions that do the work. */
export interface ActorHost {
	/** An attempt was granted: run it. */
	start(actor: GraphActor, lease: Lease, input: unknown, wake: Wake | undefined): void;
	/** An attempt was granted and is over before it was committed: its slot is free again. */
	unstarted(actor: GraphActor, lease: Lease): void;
	/** An attempt is over: tell its function to stop. */
	abort(actor: GraphActor, lease: Lease, code: "TIMEOUT" | "CANCELLED"): void;
	/** Whether a retry may start now; if not, `free` is called once it may. */
	mayRetry(actor: GraphActor, node: NodeId, free: () => void): boolean;
	/** A batch waits for its journal: more may be claimed for it. */
	deferred?(actor: GraphActor): void;
	/** Commands were decided: claim what free slots can take, by {@link GraphActor.claim}. */
	fill(actor: GraphActor): void;
	/** A batch was committed. */
	committed(actor: GraphActor): void;
	/**
	 * The actor met a bug or lost its journal, and takes no more commands.
	 *
	 * @param unstarted - leases that were granted in the batch that failed: their attempts never start
	 */
	poisoned(actor: GraphActor, error: SwarmError, unstarted: readonly Lease[]): void;
}
