export { VirtualClock } from "../core/clock.js";
export { type BehaviourConstraints, behaviours } from "./arbitraries/behaviours.js";
export { type GeneratedSpec, type GraphConstraints, type GraphShape, graphs } from "./arbitraries/graphs.js";
export { type InvalidGraph, invalidGraphs } from "./arbitraries/invalid-graphs.js";
export { type PatchConstraints, patches } from "./arbitraries/patches.js";
export type { SpecConstraints } from "./arbitraries/raw-node.js";
export type { MutationWeights } from "./arbitraries/raw-patch.js";
export { type AuditCheck, type AuditSubject, auditConformance } from "./audit-conformance.js";
export type { Behaviour, Reshaping, Step } from "./behaviour.js";
export { budgetConformance } from "./budget-conformance.js";
export { type CheckpointerCheck, checkpointerConformance } from "./checkpointer-conformance.js";
export type { MakeBudget } from "./conformance/budgets.js";
export type { MakeCheckpointer } from "./conformance/checkpointers.js";
export type { MakeCritic } from "./conformance/critics.js";
export type { MakePalette } from "./conformance/palettes.js";
export { criticConformance } from "./critic-conformance.js";
export {
	type ArrivedDelivery,
	type DeliveryCheck,
	type DeliverySubject,
	deliveryConformance,
} from "./delivery-conformance.js";
export { type EventPattern, expectTrace, TraceExpectation } from "./expect-trace.js";
export type { FaultCounts, Faults } from "./faults.js";
export { faultyPorts, type PortFaults } from "./faulty-ports.js";
export { foldProblem } from "./fold.js";
export { expectGolden, type GoldenOptions } from "./golden.js";
export { type JournalCheck, journalConformance } from "./journal-conformance.js";
export { type ActorCommandOptions, actorCommands, actorStarts, runActorModel } from "./model/actor-commands.js";
export {
	ActorRun,
	ModelDisagreement,
	type ModelRunOptions,
	type ModelTally,
	playRequests,
} from "./model/actor-run.js";
export type { ActorFactory, ActorHandle, ModelStart } from "./model/actor-side.js";
export {
	type ActorModelOptions,
	actorAgreesWithModel,
	type CheckModelOptions,
	checkModel,
	type ModelReport,
} from "./model/check-model.js";
export type { ModelLease, ModelNode } from "./model/model-node.js";
export type { Forgery, ModelRequest, RequestPatch } from "./model/model-request.js";
export type { AttemptFailure } from "./model/model-time.js";
export type { RequestKind, RequestWeights } from "./model/raw-request.js";
export { reduceCase } from "./model/reduce-case.js";
export { type ModelClaim, type ModelOptions, ReferenceModel } from "./model/reference-model.js";
export { paletteConformance } from "./palette-conformance.js";
export type { PortCheck } from "./port-check.js";
export { Random } from "./random.js";
export { type RunToEndOptions, runToEnd } from "./run-to-end.js";
export { type ScriptedAgent, scriptedAgents } from "./scripted-agents.js";
export {
	type SimulatedOutcome,
	type SimulateOptions,
	SimulationFailedError,
	type SimulationReport,
	simulate,
} from "./simulate.js";
export type { Judge, Problem } from "./simulation.js";
export type { SimulatedSwarmOptions } from "./simulation-plan.js";
export type { SlotBounds } from "./slot-watch.js";
export { type StoreCheck, storeConformance } from "./store-conformance.js";
export { traceLines } from "./trace.js";
export { judgeTrace } from "./trace-oracle.js";
