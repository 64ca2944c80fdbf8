import type { Clock } from "../core/clock.js";
import type { SwarmError } from "../core/errors.js";
import type { IdSource, NodeId, RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import type { GraphActor } from "./actor.js";
import type { CheckLevel } from "./checker.js";
import type { StallPlan } from "./command.js";
import type { PolicySource } from "./policies.js";
import type { GrowthLimits, Lease, NodeSpec, RunEvent, Wake } from "./types.js";

/** Where a run's events are kept. It may not miss one: what it throws discards the run. */
export interface EventSink {
	/** Takes a batch of events, all or none. */
	append(events: readonly RunEvent[]): void;
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

/** What carries out effects: it starts and stops the functions that do the work. */
export interface ActorHost {
	/** An attempt was granted: run it. */
	start(actor: GraphActor, lease: Lease, input: unknown, wake: Wake | undefined): void;
	/** An attempt is over: tell its function to stop. */
	abort(actor: GraphActor, lease: Lease, code: "TIMEOUT" | "CANCELLED"): void;
	/** Whether a retry may start now; if not, `free` is called once it may. */
	mayRetry(actor: GraphActor, node: NodeId, free: () => void): boolean;
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
