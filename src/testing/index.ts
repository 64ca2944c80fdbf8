export { VirtualClock } from "../core/clock.js";
export { type BehaviourConstraints, behaviours } from "./arbitraries/behaviours.js";
export type { Behaviour, Reshaping, Step } from "./behaviour.js";
export { type EventPattern, expectTrace, TraceExpectation } from "./expect-trace.js";
export type { FaultCounts, Faults } from "./faults.js";
export { foldProblem } from "./fold.js";
export { expectGolden, type GoldenOptions } from "./golden.js";
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
export type { Judge, Problem, SimulatedSwarmOptions } from "./simulation.js";
export type { SlotBounds } from "./slot-watch.js";
export { traceLines } from "./trace.js";
export { judgeTrace } from "./trace-oracle.js";
