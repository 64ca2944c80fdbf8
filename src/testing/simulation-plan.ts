import type { VirtualClock } from "../core/clock.js";
import type { RunId } from "../core/ids.js";
import type { AnyAgent } from "../executor/agent.js";
import type { RunHandle } from "../run.js";
import { agentKey } from "../scheduler/limits.js";
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
	const limits: Record<string, number> = { ...plan.swarm.limits };
	const agentLimits: Record<string, string[]> = {};
	for (const agent of plan.agents) {
		agentLimits[agent.name] = [...(agent.limits ?? [])];
		if (agent.concurrency === undefined) continue;
		limits[agentKey(agent.name)] = agent.concurrency;
		agentLimits[agent.name]?.push(agentKey(agent.name));
	}
	const perRun = Object.fromEntries(
		plan.graphs.map((_, i) => [runName(i), startOf(plan, runName(i)).concurrency ?? Number.POSITIVE_INFINITY]),
	);
	return { concurrency, limits, agentLimits, perRun };
}
