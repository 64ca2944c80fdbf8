import type { Duration } from "../core/durations.js";
import type { ErrorCode, ErrorInfo, Refusal } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import type { NodeState, RunStatus } from "../core/lifecycle.js";
import type { Plain } from "../core/plain.js";

/** When a node may start, as a function of how its dependencies ended. The default is `all`. */
export type Join = "all" | "any" | "settled" | "failed" | "always" | { readonly atLeast: number };

/** What a final failure of a node does to the rest. The default is `skip`. */
export type FailurePolicy = "skip" | "block" | "failRun";

/** What an agent may change: everything, only what it added itself, or nothing. */
export type MutationRight = boolean | "own";

/** What becomes of a node that ran when its process died. The default is `retry`. */
export type ResumePolicy = "retry" | "fail" | "ask";

/** How often and when a failed attempt is tried again. The default is one attempt. */
export interface RetryPolicy {
	/** Attempts in all, the first included; 1 to 1,000. */
	readonly maxAttempts: number;
	/** Wait before the second attempt; later waits grow by `factor`. Default 0. */
	readonly delay?: Duration;
	/** Growth of the wait from attempt to attempt, 1 to 100. Default 2. */
	readonly factor?: number;
	/** The longest wait. Default one hour. */
	readonly maxDelay?: Duration;
	/** The share of the wait that is random, 0 to 1: the wait is between `(1 - jitter)` and 1 of itself. Default 0. */
	readonly jitter?: number;
}

/** Time limits of a node. A bare duration is the limit of one attempt. */
export interface TimeoutPolicy {
	/** Of one attempt, while it holds a slot. */
	readonly attempt?: Duration;
	/** Of all attempts together from the first start, waits between them included, approvals and signals not. */
	readonly total?: Duration;
	/** How long an aborted function may take to return before it is counted in `stats.leaked`. */
	readonly grace?: Duration;
}

/** In an input: replaced by the output (or the part of it at `path`, a JSON Pointer) of a dependency. */
export interface OutputRef {
	readonly $output: string;
	readonly path?: string;
}

/** The policies of a node; precedence is node, agent, run, swarm. */
export interface NodePolicies {
	readonly retry?: RetryPolicy | number;
	readonly timeout?: TimeoutPolicy | Duration;
	/** Names of the swarm's limits that this node takes one unit of while it runs. */
	readonly limits?: readonly string[];
	readonly onFailure?: FailurePolicy;
	/** What an invalid patch returned by the agent does: fail the attempt (default) or complete without it. */
	readonly onPatchRejected?: "fail" | "complete";
	readonly canMutate?: MutationRight;
	/**
	 * What becomes of an attempt that ran when the process died: another one (default), a failure with `CRASHED`, or
	 * a person is asked. The third crash of a node fails it in any case.
	 */
	readonly onResume?: ResumePolicy;
	/** What is used in its place when the budget is low and the run is to degrade. */
	readonly fallback?: Fallback;
}

/** The cheaper way: another agent with the same input, or another model for the agent to use. */
export interface Fallback {
	readonly agent?: string;
	/** What `ctx.budget.model` says then. */
	readonly model?: string;
}

/** One unit of work: plain data only. */
export interface NodeSpec extends NodePolicies {
	/** Unique in the run; a fresh one is given when left out. */
	readonly id?: NodeId;
	/** The agent that does the work, or its name. */
	readonly agent: string | { readonly name: string };
	/** Plain data handed to the agent; may hold {@link OutputRef}s. */
	readonly input?: unknown;
	/** Ids, or alias → id. */
	readonly dependsOn?: readonly NodeId[] | Readonly<Record<string, NodeId>>;
	readonly join?: Join;
	/** Larger first; default 0, not inherited. */
	readonly priority?: number;
	/** Expected run time, for the critical path; milliseconds, at least 0. */
	readonly estimateMs?: number;
	readonly speculative?: "hold" | "eager";
	/**
	 * Takes the output of an earlier call with the same agent, version, input and outputs of dependencies, in this run
	 * or another one of the same journal, together with the patch that came with it; `false` where the agent would.
	 */
	readonly memo?: boolean | MemoPolicy;
	readonly metadata?: Readonly<Record<string, Plain>>;
}

/** What outputs are remembered by, and how long. */
export interface MemoPolicy {
	/** In place of input and dependencies: calls with the same key are the same. */
	readonly key?: string;
	/** How long an output may be used; by default as long as it is there. */
	readonly ttl?: Duration;
}

/** A spec as the graph keeps it: with its id, the agent by name. */
export type StoredSpec = Omit<NodeSpec, "id" | "agent"> & { readonly id: NodeId; readonly agent: string };

/** What `updateNode` may change. `undefined` takes a field back to its default. */
export type NodeChanges = {
	readonly [K in keyof Omit<NodeSpec, "id" | "agent" | "dependsOn" | "speculative">]?: NodeSpec[K] | undefined;
};

/** The mutations that name the nodes they change by `id` or `ids`. */
export type Targets =
	| { readonly id: NodeId; readonly ids?: never }
	| { readonly ids: readonly NodeId[]; readonly id?: never };

/** A requested change of a graph's shape. */
export type Mutation =
	| { readonly type: "addNode"; readonly node: NodeSpec }
	| { readonly type: "addNodes"; readonly nodes: readonly NodeSpec[] }
	| { readonly type: "addEdge"; readonly from: NodeId; readonly to: NodeId; readonly alias?: string }
	| { readonly type: "removeEdge"; readonly from: NodeId; readonly to: NodeId }
	| ({ readonly type: "removeNode"; readonly mode?: "bridge" | "detach" | "reject" } & Targets)
	| { readonly type: "updateNode"; readonly id: NodeId; readonly changes: NodeChanges }
	| { readonly type: "splitNode"; readonly id: NodeId; readonly into: readonly NodeSpec[] }
	| { readonly type: "injectBefore"; readonly id: NodeId; readonly node: NodeSpec; readonly inherit?: boolean }
	| ({ readonly type: "pruneSubgraph"; readonly scope?: "descendants" | "exclusive" } & Targets)
	| ({ readonly type: "markSpeculative"; readonly mode?: "hold" | "eager" } & Targets)
	| ({ readonly type: "confirmSpeculative" } & Targets)
	| ({ readonly type: "discardSpeculative" } & Targets);

/** Mutations that apply all or not at all. */
export type Patch = readonly Mutation[];

/** Options of a patch. */
export interface PatchOptions {
	/** The states that nodes must be in, checked before anything else; otherwise `EXPECTATION_FAILED`. */
	readonly expect?: Readonly<Record<NodeId, NodeState>>;
	/** A patch with a key that was applied before in this run is not applied again. */
	readonly key?: string;
}

/** The right to run one attempt of one node. All four are compared; anything else is `STALE_LEASE`. */
export interface Lease {
	readonly node: NodeId;
	readonly attempt: number;
	readonly epoch: number;
	/** The sequence number of the event that granted it. */
	readonly seq: number;
}

/** A wait that an agent may make within a step. */
interface StepWait {
	/** The step that it is a part of. */
	readonly step?: string;
}

/** What a parked node waits for. */
export type Wait =
	| (StepWait & {
			readonly kind: "sleep";
			readonly until: number;
			/** Not the agent's own: the runtime waits for what is named. */
			readonly name?: string;
	  })
	| (StepWait & { readonly kind: "signal"; readonly name: string; readonly until?: number })
	| (StepWait & {
			readonly kind: "approval";
			readonly reason: string;
			readonly data?: unknown;
			readonly until?: number;
			/** Tells the approvals of one node apart, where it asks for several. */
			readonly name?: string;
			/** Whom it is for. */
			readonly to?: string;
			/** Answers to choose from. */
			readonly choices?: readonly string[];
			/** What an answer has to look like, for whoever shows the question: a JSON Schema. */
			readonly schema?: unknown;
			/** Why the answer before was not taken, where the same is asked again. */
			readonly problem?: string;
			/** Nobody asked from inside: the question is whether the node may go on, after a crash or with another version of its agent. */
			readonly resume?: "crash" | "version";
	  })
	/** The run of an agent or a graph that it has called. */
	| {
			readonly kind: "child";
			readonly run: RunId;
			readonly name: string;
			/** What it has called together, in order; their runs have the id and a number. */
			readonly together?: readonly string[];
			/** Those among them that were refused before any began, and why. */
			readonly refused?: readonly RefusedCall[];
			readonly until?: undefined;
	  };

/** One of several calls that were made together, which has no run. */
export interface RefusedCall {
	/** Its place among them, from 0. */
	readonly index: number;
	readonly error: ErrorInfo;
}

/** What ended a wait, with what came. */
export type Wake =
	| { readonly kind: "retry" }
	| { readonly kind: "timer" }
	| { readonly kind: "expired" }
	| { readonly kind: "signal"; readonly payload?: unknown }
	| { readonly kind: "approved"; readonly by?: string; readonly data?: unknown }
	| { readonly kind: "rejected"; readonly by?: string; readonly reason?: string }
	/** How the run ended that was called: `lost` when it is not there at all, `refused` when it never was. */
	| { readonly kind: "child"; readonly status: string; readonly output?: unknown; readonly error?: ErrorInfo };

/** What ended an attempt from outside the graph. */
export type Interruption = "crash" | "shutdown";

/** Why a node was skipped: a failure upstream, or nobody needs it any more. */
export type SkipCause = "failure" | "not-needed";

/** How a node came to be abandoned. */
export type AbandonReason = "pruned" | "discarded" | "split" | "removed" | "superseded";

/** The outcome of an eager speculative node, withheld until it is confirmed. */
export type WithheldOutcome =
	| { readonly kind: "completed"; readonly output: unknown; readonly patch?: StagedPatch }
	| { readonly kind: "failed"; readonly error: ErrorInfo };

/** A patch with what decides how it is applied. */
export interface StagedPatch {
	readonly mutations: Patch;
	readonly expand?: boolean;
	readonly expect?: Readonly<Record<NodeId, NodeState>>;
}

export type * from "./events.js";

/** A node as a snapshot shows it: frozen, shared between snapshots while it does not change. */
export interface NodeView {
	readonly id: NodeId;
	readonly agent: string;
	readonly state: NodeState;
	readonly attempt: number;
	readonly input?: unknown;
	readonly output?: unknown;
	readonly error?: ErrorInfo;
	/** Dependencies in order of insertion. */
	readonly dependsOn: readonly NodeId[];
	readonly join: Join;
	readonly priority: number;
	readonly speculative?: "hold" | "eager";
	/** While `waiting`: for what; a retry wait has kind `retry`. */
	readonly wait?: Wait | { readonly kind: "retry"; readonly until: number };
	readonly skipped?: { readonly cause: SkipCause; readonly root: NodeId };
	readonly abandoned?: AbandonReason;
	readonly addedBy?: NodeId;
	readonly depth: number;
	readonly metadata?: Readonly<Record<string, Plain>>;
}

/** How many nodes are in each state. */
export type StateCounts = Readonly<Record<NodeState, number>>;

/** The committed state of a run at one `seq`: frozen and safe to keep. */
export interface Snapshot {
	readonly run: RunId;
	readonly seq: number;
	readonly status: RunStatus;
	readonly reason?: string;
	readonly size: number;
	readonly counts: StateCounts;
	get(id: NodeId): NodeView | undefined;
	/** Nodes in the order in which they were added. */
	nodes(filter?: { readonly state?: NodeState; readonly addedBy?: NodeId }): IterableIterator<NodeView>;
	/** The nodes that are not as they were in an earlier snapshot of the same run, with their place in the order. */
	changedSince(before: Snapshot): IterableIterator<readonly [number, NodeView]>;
	toJSON(): unknown;
}

/** Why a node that is not terminal cannot go on. */
export interface Blocked {
	readonly node: NodeId;
	readonly state: NodeState;
	/** One sentence. */
	readonly why: string;
	/** The nodes that stand in its way, nearest first, at most sixteen. */
	readonly through: readonly NodeId[];
}

/** The answer to a command that was refused. */
export type Refused = { readonly ok: false } & Refusal;

/** The answer to a command: done, or refused with a stable code. */
export type Reply<Value extends object = object> = ({ readonly ok: true } & Value) | Refused;

/** Bounds on what agents may make of a graph. */
export interface GrowthLimits {
	/** Nodes added by agents; what the caller adds is not counted. Default 100,000. */
	readonly maxNodes?: number;
	/** Added by a node that was added by …: default 10. */
	readonly maxDepth?: number;
	/** Mutations in one patch, nodes counted one by one. Default 10,000. */
	readonly maxPatchSize?: number;
}

export type { ErrorCode };
