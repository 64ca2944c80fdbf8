import type { Clock } from "./core/clock.js";
import type { Duration } from "./core/durations.js";
import type { IdSource, NodeId, RunId } from "./core/ids.js";
import type { Plain } from "./core/plain.js";
import type { AnyAgent } from "./executor/agent.js";
import type { WorkerPool } from "./executor/worker-pool.js";
import type { EventSink } from "./graph/actor-config.js";
import type { CheckLevel } from "./graph/checker.js";
import type { StallPlan } from "./graph/command.js";
import type { GrowthLimits, NodePolicies, Patch } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import type { Durability } from "./journal/writer.js";
import type { VersionPolicy } from "./recovery.js";
import type { BudgetBehaviour } from "./run-budget.js";
import type { Inspect } from "./run-follower.js";
import type { LimitOptions } from "./scheduler/limit-options.js";
import type { SchedulingPolicy } from "./scheduler/run-queue.js";
import type { AnySkill } from "./skills.js";
import type { PortPolicies, Ports } from "./swarm-ports.js";
import type { NodeSpecOf } from "./typed-spec.js";

/** What a swarm is made of. */
export interface SwarmOptions<A extends AnyAgent = AnyAgent> extends GrowthLimits, Omit<NodePolicies, "limits"> {
	/** The functions that do the work, each under a name of its own. */
	readonly agents: readonly A[];
	/** Graphs that agents may call by a name, beside the agents; see `defineSkill`. */
	readonly skills?: readonly AnySkill[];
	/** Calls of calls at most; 0 to 1,000, default 10. */
	readonly maxCallDepth?: number;
	/** Attempts at a time, over all runs; 1 to 100,000, default 4. */
	readonly concurrency?: number;
	/**
	 * Named limits, shared by all runs: nodes and agents take them by name. A bare number is how many attempts may hold
	 * it at a time. A name that ends in `*` is a family: each name that begins like it has a limit of its own.
	 */
	readonly limits?: Readonly<Record<string, number | LimitOptions>>;
	/**
	 * How ready nodes are ordered after their priority; by default the critical path as soon as a node carries
	 * `estimateMs`. `planned` tries many schedules when the run starts, where the estimates are known by then, and
	 * goes by the best; nodes added later are ordered among the others by their critical path.
	 */
	readonly policy?: SchedulingPolicy;
	/** How long an aborted function may take to return before it is counted as leaked; default 5 seconds. */
	readonly grace?: Duration;
	/**
	 * How much of a run's graph is checked after each command, before anything of it can be seen; default `off`.
	 * `local`, for staging, looks at the nodes that the command changed and at eight edges an event at most, and costs
	 * about a third of the runtime's own time at most; `full`, for tests, recounts everything. What is found wrong ends the run
	 * `failed`, with what is wrong and the last events of the node as its reason. Inputs and outputs are frozen, and in
	 * full whole specs.
	 */
	readonly check?: CheckLevel;
	/** How many events a run keeps for its readers; default 4,096. */
	readonly eventBuffer?: number;
	/** How many chunks a run that emits some keeps for its readers; 1 to 1,000,000, default 4,096. */
	readonly chunkBuffer?: number;
	/**
	 * Where runs are kept, so that they survive the process: see `sqliteJournal`. Or, for those who keep events
	 * themselves, a function that gives a sink for each run; what the sink throws ends the run with
	 * `JOURNAL_UNAVAILABLE`.
	 */
	readonly journal?: Journal | ((run: RunId) => EventSink);
	/**
	 * With a journal: whether effects wait for the disk. `strict` (default where the journal survives the process):
	 * dependents and results are released when the completion is on the disk. `relaxed`: effects may run ahead by
	 * 1,000 events or 10 ms, which a crash may lose; nodes of lost completions run again.
	 */
	readonly durability?: Durability;
	/**
	 * With a journal: after how many events of a run a snapshot of it is saved, so that its events need not all be read
	 * when it goes on elsewhere; at least 1. By default after 50,000, and eight for each node where that is more.
	 */
	readonly snapshotEvery?: number;
	/** What the host plugs in around its runs; nothing of it is needed. */
	readonly ports?: Ports;
	/** What runs do when a port throws, rejects or does not answer in time. */
	readonly portPolicies?: PortPolicies;
	/** What runs do when their budget is used up; needs `ports.budget`. */
	readonly budget?: BudgetBehaviour;
	readonly clock?: Clock;
	readonly ids?: IdSource;
	/** A 32-bit integer that jitter is drawn from; by default it comes from the run's id. */
	readonly seed?: number;
	/** Takes what a subscriber threw. */
	readonly onListenerError?: (error: unknown, event: string) => void;
	/** Follows each run's lifecycle with an XState actor and passes on what its inspection reports. */
	readonly inspect?: Inspect;
	/** A pool to run in, in place of the local one. */
	readonly pool?: WorkerPool;
}

/** The graph that a run starts with. */
export interface GraphSpec<A extends AnyAgent = AnyAgent, Types extends GraphTypes = GraphTypes> {
	readonly nodes: readonly NodeSpecOf<A>[];
	/** What is known of its outputs, see {@link defineGraph}; never there at run time. */
	readonly "~types"?: Types;
}

/** What is known of the outputs of a graph. */
export interface GraphTypes {
	/** Of every node, by id. */
	readonly outputs: Readonly<Record<string, unknown>>;
	/** What `swarm.run` gives: those of the nodes that nobody depends on. */
	readonly sinks: Readonly<Record<string, unknown>>;
}

/** Options of a run that goes on from its journal; those it was started with are there. */
export interface RecoverOptions {
	/** Cancels the run when it aborts. */
	readonly signal?: AbortSignal;
	/**
	 * Where an agent of the run's open nodes has another major version than when it was written last: refuse to go on
	 * (default), run them nevertheless, or ask: each such node waits for `run.approve` before it runs.
	 */
	readonly onVersionMismatch?: VersionPolicy;
}

/** Options of a run that is made from another one; those of the old run hold where none are given. */
export interface ForkOptions extends Omit<StartOptions, "onStall" | "dryRun"> {
	/** The last event of the old run that counts; by default all do. */
	readonly atSeq?: number;
	/** What is changed before anything runs: nodes that it names run again, and whatever depends on them. */
	readonly edit?: Patch;
	/** Nodes that run again although nothing in them is changed: one that failed, for instance. */
	readonly reset?: readonly NodeId[];
}

/** The call that a run came of. */
export interface ParentCall {
	readonly run: RunId;
	readonly node: NodeId;
	/** The runs above that one, nearest first. */
	readonly ancestors: readonly RunId[];
}

/** Options of one run. */
export interface StartOptions extends Omit<NodePolicies, "limits"> {
	/** A run that is still going on or was kept may not have the same id. */
	readonly runId?: RunId;
	/** Cancels the run when it aborts. */
	readonly signal?: AbortSignal;
	/** The run ends `timed_out` after so long. */
	readonly deadline?: Duration;
	/** A finished or stalled run stays open for more mutations until `run.close()`. */
	readonly open?: boolean;
	/** Adds this node where the run would end stalled, up to `times` (default once). */
	readonly onStall?: StallPlan;
	readonly metadata?: Readonly<Record<string, Plain>>;
	/** What the run does when its budget is used up; by default what the swarm says. */
	readonly budget?: BudgetBehaviour;
	/** @internal The node that has called the run. */
	readonly parent?: ParentCall;
	/** Attempts of this run at a time. */
	readonly concurrency?: number;
	readonly policy?: SchedulingPolicy;
	/**
	 * Only plans: everything is checked as for a start, no agent runs and nothing is kept. The result is there at once,
	 * with the status `dry_run` and the `plan`. See also `swarm.plan`.
	 */
	readonly dryRun?: boolean;
}
