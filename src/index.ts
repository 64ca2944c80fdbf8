export type { AnySwarm } from "./any-swarm.js";
export type { ApprovalsOptions } from "./approval-reader.js";
export type { Chunk, LagPolicy } from "./core/chunk-log.js";
export { type Clock, systemClock, type Timer, VirtualClock, wallClock } from "./core/clock.js";
export { type Duration, milliseconds } from "./core/durations.js";
export { type ErrorCode, type ErrorDetails, type ErrorInfo, type Refusal, SwarmError } from "./core/errors.js";
export type { ReadOptions } from "./core/event-log.js";
export { countingIds, type IdSource, type NodeId, type RunId, randomIds } from "./core/ids.js";
export { type NodeState, nodeMachine, type RunStatus, runMachine } from "./core/lifecycle.js";
export type { Plain } from "./core/plain.js";
export { RetryableError, type RetryableOptions } from "./core/retryable-error.js";
export type { JsonSchema, SchemaIssue, SchemaResult, StandardSchema } from "./core/standard-schema.js";
export type { Usage } from "./core/usage.js";
export { createSwarm } from "./create-swarm.js";
export { defineGraph, type StaticGraph, type StaticInput, type StaticNode } from "./define-graph.js";
export { defineProject, type Project, type ProjectOptions } from "./define-project.js";
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
export { inputJsonSchema } from "./executor/agent-schema.js";
export type { Callable, CallOptions, Tool, ToolRequest, ToolResult } from "./executor/calls.js";
export type { Checkpoint } from "./executor/checkpoint.js";
export type { AgentContext } from "./executor/context.js";
export type { BudgetView, ToolCall } from "./executor/control.js";
export type { EmitOptions } from "./executor/emission.js";
export { Executor, type ExecutorOptions } from "./executor/executor.js";
export type { DeclaredDependencies, ManyDependency, OptionalDependency, OutputOf } from "./executor/needs.js";
export type {
	Answered,
	Approval,
	ApprovalRequest,
	AskOptions,
	ChoiceRequest,
	SchemaRequest,
	TimeoutAnswer,
} from "./executor/question.js";
export { LocalPool, type WorkerPool } from "./executor/worker-pool.js";
export { GraphActor } from "./graph/actor.js";
export type { ActorConfig, ActorHost, EventSink, RecoveredRun } from "./graph/actor-config.js";
export type { AnswerTo, ApprovalAnswer, RejectionAnswer } from "./graph/answers.js";
export type { CheckLevel } from "./graph/checker.js";
export type { StallPlan } from "./graph/command.js";
export type { Settled } from "./graph/dependencies.js";
export { GraphHandle } from "./graph/handle.js";
export type { PolicySource, Retry } from "./graph/policies.js";
export { retryDelay } from "./graph/retry.js";
export type {
	AbandonReason,
	AgentVersions,
	Blocked,
	FailurePolicy,
	Fallback,
	GrowthLimits,
	Interruption,
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
	ResumePolicy,
	RetryPolicy,
	RunEvent,
	RunEventType,
	RunSettings,
	SkipCause,
	Snapshot,
	StagedPatch,
	StateCounts,
	StoredSpec,
	TimeoutPolicy,
	Wait,
	Wake,
} from "./graph/types.js";
export type {
	AppendRefusal,
	Awaitable,
	Blob,
	CheckpointChange,
	Journal,
	JournalRecord,
	MemoEntry,
	Pruned,
	Quarantined,
	Retention,
	RunAppend,
	RunFilter,
	RunSummary,
	StoredSnapshot,
	Writer,
	WriterStatus,
} from "./journal/journal.js";
export { memoryJournal } from "./journal/memory-journal.js";
export type { SqliteJournalOptions } from "./journal/sqlite-file.js";
export { sqliteJournal } from "./journal/sqlite-journal.js";
export { type Salvaged, type SalvageOptions, salvageJournal } from "./journal/sqlite-salvage.js";
export type { SalvagedStore } from "./journal/sqlite-salvage-store.js";
export type { Durability } from "./journal/writer.js";
export type { StreamItem } from "./merged-reader.js";
export type { EndStatus, Failure, RunOutcome, RunStats } from "./outcome.js";
export { type NodeField, type PlanDiff, planDiff } from "./plan-diff.js";
export { type ArtifactValue, artifact, artifactsOf } from "./ports/artifact.js";
export type { AuditEntry, AuditPort, AuditRecorder, AuditStats } from "./ports/audit.js";
export { auditDigest, type ElidedValue } from "./ports/audit-chain.js";
export {
	type AuditRecord,
	type AuditVerdict,
	auditFileName,
	readAudit,
	type VerifyAuditOptions,
	verifyAudit,
} from "./ports/audit-reader.js";
export type { BudgetPort, BudgetRequest, BudgetVerdict } from "./ports/budget.js";
export { BudgetLedger, type BudgetLedgerOptions, budgetLedger } from "./ports/budget-ledger.js";
export type { BudgetLimit, BudgetScope } from "./ports/budget-limit.js";
export type {
	AccountReport,
	BudgetReport,
	LimitReport,
	NodeReport,
	RunReport,
	SavedBooks,
	SavedRun,
} from "./ports/budget-report.js";
export type { CheckpointerPort, CheckpointerStore } from "./ports/checkpointer.js";
export { combineCritics } from "./ports/combine-critics.js";
export type {
	CriticActivity,
	CriticEscalation,
	CriticHandle,
	CriticPort,
	CriticSubject,
	CriticVerdict,
} from "./ports/critic.js";
export type { Artifact, Delivery, DeliveryPort } from "./ports/delivery.js";
export { DeliveryError } from "./ports/delivery-error.js";
export {
	checkDeliveryRetry,
	type DeliveryResult,
	type DeliveryRetry,
	type DeliveryTask,
	deliverUntilTaken,
} from "./ports/delivery-loop.js";
export { type DeliveredOutcome, parseDelivery } from "./ports/delivery-text.js";
export { type DirectoryDeliveryOptions, directoryDelivery } from "./ports/directory-delivery.js";
export type { Disk } from "./ports/disk.js";
export { type FileAuditOptions, fileAudit } from "./ports/file-audit.js";
export { type FolderCheckpointsOptions, folderCheckpoints } from "./ports/folder-checkpoints.js";
export { type IdleCriticOptions, idleCritic } from "./ports/idle-critic.js";
export { type LoopDetectorOptions, loopDetector } from "./ports/loop-detector.js";
export { type MemoryAudit, memoryAudit, type RecordedRun } from "./ports/memory-audit.js";
export { memoryCheckpoints } from "./ports/memory-checkpoints.js";
export { type PaletteOptions, palette, type ToolNames } from "./ports/name-palette.js";
export type { PaletteCaller, PalettePort } from "./ports/palette.js";
export type { AttemptInfo, PortName, PortPolicy, RunInfo } from "./ports/port.js";
export { type WebhookDeliveryOptions, webhookDelivery } from "./ports/webhook-delivery.js";
export { verifyWebhook, type WebhookToVerify, type WebhookVerdict } from "./ports/webhook-signature.js";
export { toReadableStream } from "./readable-stream.js";
export type { Recovered } from "./recover-all.js";
export type { VersionPolicy } from "./recovery.js";
export { RunHandle } from "./run.js";
export type { BudgetBehaviour } from "./run-budget.js";
export { RunFailedError } from "./run-failed-error.js";
export type { PlannedNode, RunPlan } from "./run-plan.js";
export { type ReadRunOptions, readRun, StoredRun } from "./run-reader.js";
export type { ChunkOptions, StreamOf, StreamOptions } from "./run-readers.js";
export { type WatchOptions, watchRun } from "./run-watch.js";
export type { BreakerState } from "./scheduler/circuit-breaker.js";
export type { BreakerOptions, LimitOptions, RateLimit } from "./scheduler/limit-options.js";
export { Limits, type LimitView } from "./scheduler/limits.js";
export type { AgentLimits } from "./scheduler/node-asks.js";
export { RunQueue, type RunQueueOptions, type SchedulingPolicy } from "./scheduler/run-queue.js";
export { Scheduler, type Slots } from "./scheduler/scheduler.js";
export { type AnySkill, defineSkill, type Skill, type SkillDefinition } from "./skills.js";
export { Swarm } from "./swarm.js";
export type {
	ForkOptions,
	GraphSpec,
	GraphTypes,
	RecoverOptions,
	StartOptions,
	SwarmOptions,
} from "./swarm-options.js";
export type { PortPolicies, Ports } from "./swarm-ports.js";
export { type AgentLoop, AgentLoops } from "./triggers/agent-loops.js";
export {
	type AutonomousAgent,
	type AutonomousDefinition,
	defineAutonomous,
	type Iteration,
	type IterationResult,
	type Tick,
	type TickInput,
} from "./triggers/autonomous.js";
export { defineTrigger, type TriggerInput } from "./triggers/define-trigger.js";
export type { HttpOptions } from "./triggers/http-options.js";
export { memoryStore } from "./triggers/memory-store.js";
export type {
	Occurrence,
	OccurrenceInfo,
	OccurrenceState,
} from "./triggers/occurrence.js";
export type { FireOptions, Put, SubmitOptions } from "./triggers/occurrence-book.js";
export {
	type AnswerRequestsOptions,
	type AskRunOptions,
	answerRequests,
	askRun,
	type RunCommand,
} from "./triggers/run-requests.js";
export { parseEvery } from "./triggers/schedule-text.js";
export { createService, Service } from "./triggers/service.js";
export type { ServiceHealth } from "./triggers/service-member.js";
export type { OccurrenceCounts, ServiceNumbers } from "./triggers/service-metrics.js";
export type { ServiceObserver } from "./triggers/service-observer.js";
export type { ServiceOptions } from "./triggers/service-options.js";
export { type SqliteStoreOptions, sqliteStore } from "./triggers/sqlite-store.js";
export type {
	OccurrenceFilter,
	RunRequest,
	ServiceLease,
	Store,
	StoreAnswer,
	StoreChange,
} from "./triggers/store.js";
export type { DamagedRow } from "./triggers/store-rows.js";
export type {
	CronSchedule,
	EventSchedule,
	Every,
	FileSchedule,
	IntervalSchedule,
	ManualSchedule,
	MissedPolicy,
	Moment,
	OnceSchedule,
	Overlap,
	Schedule,
	StartSpec,
	TriggerCursor,
	TriggerRecord,
	TriggerSpec,
} from "./triggers/trigger.js";
export { checkTrigger } from "./triggers/trigger-check.js";
export type { NodeSpecOf } from "./typed-spec.js";
export type { JsonPatch, RunView, ViewState } from "./view.js";
export type { Progress } from "./view-progress.js";
export type { WaitingApproval, WaitingFilter, WaitingNode } from "./waiting-list.js";
