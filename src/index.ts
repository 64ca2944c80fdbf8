export { type Clock, systemClock, type Timer, VirtualClock } from "./core/clock.js";
export { type Duration, milliseconds } from "./core/durations.js";
export { type ErrorCode, type ErrorDetails, type ErrorInfo, type Refusal, SwarmError } from "./core/errors.js";
export type { ReadOptions } from "./core/event-log.js";
export { countingIds, type IdSource, type NodeId, type RunId, randomIds } from "./core/ids.js";
export { type NodeState, nodeMachine, type RunStatus, runMachine } from "./core/lifecycle.js";
export type { Plain } from "./core/plain.js";
export { toDot, toMermaid } from "./diagram.js";
export {
	type Agent,
	type AgentDefinition,
	type AgentResult,
	type AnyAgent,
	defineAgent,
	type ResultPatch,
	result,
} from "./executor/agent.js";
export type { AgentGraph } from "./executor/agent-graph.js";
export type { AgentContext, Approval } from "./executor/context.js";
export { Executor, type ExecutorOptions } from "./executor/executor.js";
export { LocalPool, type WorkerPool } from "./executor/worker-pool.js";
export { GraphActor } from "./graph/actor.js";
export type { ActorConfig, ActorHost, EventSink } from "./graph/actor-config.js";
export type { CheckLevel } from "./graph/checker.js";
export type { StallPlan } from "./graph/command.js";
export type { Settled } from "./graph/dependencies.js";
export { GraphHandle } from "./graph/handle.js";
export type { PolicySource, Retry } from "./graph/policies.js";
export { retryDelay } from "./graph/retry.js";
export type {
	AbandonReason,
	Blocked,
	FailurePolicy,
	GrowthLimits,
	Join,
	Lease,
	Mutation,
	MutationRight,
	NodeChanges,
	NodePolicies,
	NodeSpec,
	NodeView,
	OutputRef,
	Patch,
	PatchOptions,
	Refused,
	Reply,
	RetryPolicy,
	RunEvent,
	RunEventType,
	SkipCause,
	Snapshot,
	StagedPatch,
	StateCounts,
	StoredSpec,
	TimeoutPolicy,
	Wait,
	Wake,
} from "./graph/types.js";
export type { EndStatus, Failure, RunOutcome, RunStats } from "./outcome.js";
export { RunHandle } from "./run.js";
export { Limits } from "./scheduler/limits.js";
export { RunQueue, type RunQueueOptions, type SchedulingPolicy } from "./scheduler/run-queue.js";
export { Scheduler, type Slots } from "./scheduler/scheduler.js";
export { createSwarm, RunFailedError, Swarm } from "./swarm.js";
export type { GraphSpec, StartOptions, SwarmOptions } from "./swarm-options.js";
export type { NodeSpecOf } from "./typed-spec.js";
export type { JsonPatch, RunView, ViewState } from "./view.js";
