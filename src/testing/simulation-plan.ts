import { limitEntries, limitsOfAgent } from "../agent-limits.js";
import type { VirtualClock } from "../core/clock.js";
import type { RunId } from "../core/ids.js";
import type { AnyAgent } from "../executor/agent.js";
import type { RunHandle } from "../run.js";
import { LimitNames } from "../scheduler/limit-options.js";
import type { GraphSpec, StartOptions, SwarmOptions } from "../swarm-options.js";
import type { ResolvedFaults } from "./faults.js";
import type { SlotBounds } from "./slot-watch.js";

/** What of a swarm's options a simulation leaves to its caller. */
export type SimulatedSwarmOptions = Omit<
	SwarmOptions,
	"agents" | "clock" | "durability" | "ids" | "journal" | "pool" | "seed"
>;

/** A simulation with nothing left open. */
export interface SimulationPlan {
	readonly seed: number;
	readonly graphs: readonly GraphSpec[];
	readonly clock: VirtualClock;
	readonly agents: readonly AnyAgent[];
	readonly faults: ResolvedFaults;
	readonly steps: number;
	readonly livenessSteps: number;
	readonly swarm: SimulatedSwarmOptions;
	/** Whether the agents are the scripted ones, which anything may be given to do. */
	readonly scripted: boolean;
	readonly relieve: (run: RunHandle) => Promise<unknown>;
	readonly start: readonly StartOptions[];
}

export function runName(i: number): RunId {
	return `run-${i + 1}`;
}

/** The options of a run: of several in turn. */
export function startOf({ graphs, start }: SimulationPlan, run: RunId): StartOptions {
	const i = graphs.findIndex((_, each) => runName(each) === run);
	return start[i % Math.max(1, start.length)] ?? {};
}

/** Everything that bounds how much runs at a time. */
export function slotBounds(plan: SimulationPlan, concurrency: number): SlotBounds {
	const bounds = new LimitNames(limitEntries({ ...plan.swarm, agents: plan.agents }));
	// What a function tells of the input is not seen from outside.
	const agentLimits = Object.fromEntries(plan.agents.map((agent) => [agent.name, limitsOfAgent(agent)?.names ?? []]));
	const perRun = Object.fromEntries(
		plan.graphs.map((_, i) => [runName(i), startOf(plan, runName(i)).concurrency ?? Number.POSITIVE_INFINITY]),
	);
	const limitOf = (name: string): number | undefined => {
		const limit = bounds.of(name);
		return typeof limit === "object" ? limit.concurrency : limit;
	};
	return { concurrency, limitOf, agentLimits, perRun };
}
