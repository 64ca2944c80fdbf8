import { type MakespanBounds, makespanBounds } from "../scheduler/makespan-bounds.js";
import { checkPolicy, checkWorkers, type ReplayPolicy, replayCompiled, replayPolicies } from "./replay.js";
import { judgeSchedule, type Schedule } from "./schedule.js";
import { compileWorkflow, type Workflow } from "./workflow.js";

export type { MakespanBounds } from "../scheduler/makespan-bounds.js";

/** What is compared. */
export interface CompareOptions {
	/** Tasks at a time; one number or several, 1 to 100,000 each. */
	readonly workers: number | readonly number[];
	/** By default all: fifo, priority, critical-path, planned. */
	readonly policies?: readonly ReplayPolicy[];
}

/** How good the schedule of one policy on so many workers is. Times are in milliseconds. */
export interface ScheduleQuality {
	readonly policy: ReplayPolicy;
	readonly workers: number;
	readonly makespan: number;
	/** The longest path, or all work spread evenly, whichever is larger: no schedule is shorter. */
	readonly lowerBound: number;
	/** The makespan in lower bounds, 1 at best. */
	readonly ratio: number;
	/** A lower bound that also counts workers that have to be idle while the graph is narrow, and long tasks that have to share one. */
	readonly tighterBound: number;
	readonly ratioToTighter: number;
	/** The share of the workers' time that tasks took, 0 to 1. */
	readonly utilisation: number;
	readonly schedule: Schedule;
}

/**
 * Replays a workflow under several policies and on several numbers of workers, and says how far each schedule
 * is from what is possible at best. Each schedule is checked before it is reported.
 *
 * @returns a row for each number of workers and policy, in the order given
 * @throws SwarmError `INVALID_WORKFLOW`, `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { compareSchedules } from "dagswarm/bench";
 *
 * const tasks = [
 *   { id: "a", runtimeMs: 1, dependsOn: [] },
 *   { id: "b", runtimeMs: 1, dependsOn: [] },
 *   { id: "c", runtimeMs: 1, dependsOn: [] },
 *   { id: "d", runtimeMs: 3, dependsOn: [] },
 * ];
 * const rows = await compareSchedules({ name: "four", tasks }, { workers: 2, policies: ["fifo", "critical-path"] });
 * rows[0]; // { policy: "fifo", workers: 2, makespan: 4, lowerBound: 3, … }
 * rows[1]; // { policy: "critical-path", workers: 2, makespan: 3, ratio: 1, utilisation: 1, … }
 * ```
 */
export async function compareSchedules(workflow: Workflow, options: CompareOptions): Promise<ScheduleQuality[]> {
	const counts = typeof options.workers === "number" ? [options.workers] : options.workers;
	const policies = options.policies ?? replayPolicies;
	for (const workers of counts) checkWorkers(workers);
	for (const policy of policies) checkPolicy(policy);
	const compiled = compileWorkflow(workflow);
	const rows: ScheduleQuality[] = [];
	for (const workers of counts) {
		const bounds = makespanBounds(compiled.graph, workers);
		for (const policy of policies) {
			const schedule = await replayCompiled(workflow, compiled, { workers, policy });
			judgeSchedule(workflow, schedule);
			const { makespan } = schedule;
			const simple = atMost(makespan, bounds.simple);
			const tighter = atMost(makespan, bounds.tighter);
			rows.push({
				policy,
				workers,
				makespan,
				lowerBound: simple,
				ratio: share(makespan, simple),
				tighterBound: tighter,
				ratioToTighter: share(makespan, tighter),
				utilisation: Math.min(1, share(bounds.work, makespan * workers)),
				schedule,
			});
		}
	}
	return rows;
}

/**
 * What no schedule of a workflow on so many workers can be shorter than: what a schedule of one's own is to
 * be compared with. Times are in milliseconds.
 *
 * @throws SwarmError `INVALID_WORKFLOW`, `INVALID_OPTION`
 */
export function lowerBounds(workflow: Workflow, workers: number): MakespanBounds {
	checkWorkers(workers);
	return makespanBounds(compileWorkflow(workflow).graph, workers);
}

/** A bound that is reached and the makespan are sums of the same numbers in another order: rounding may part them. */
function atMost(makespan: number, bound: number): number {
	return bound > makespan && bound <= makespan * (1 + 1e-9) ? makespan : bound;
}

/** Of a workflow that takes no time every schedule is the best. */
function share(part: number, whole: number): number {
	return whole === 0 ? 1 : part / whole;
}
