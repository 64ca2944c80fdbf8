import type { RunHandle } from "./run.js";
import type { RunPlan } from "./run-plan.js";
import type { Swarm } from "./swarm.js";
import type { StartOptions } from "./swarm-options.js";

/**
 * A swarm, whatever its agents are: what they take is known where it was made, and not where graphs come from a store. So a
 * graph is handed to it unchecked by the compiler, and checked when it starts.
 */
export interface AnySwarm
	extends Pick<Swarm, "journal" | "graphOf" | "get" | "runs" | "recover" | "recoverAll" | "drain"> {
	start(graph: never, options?: StartOptions): RunHandle;
	plan(graph: never, options?: Omit<StartOptions, "dryRun">): RunPlan;
}
