import { type ReplayPolicy, replayPolicies } from "./schedule-kit.ts";
import { UsageError } from "./usage-error.ts";

/** Which workflows are replayed, and how. */
export interface ScheduleOptions {
	readonly files: readonly string[];
	readonly workers: readonly number[];
	readonly policies: readonly ReplayPolicy[];
	/** The folder that the pictures go to; nowhere when left out. */
	readonly svg: string | undefined;
	/** Where the figures go as JSON; nowhere when left out. */
	readonly json: string | undefined;
}

export const scheduleUsage = `npm run bench -- --workflow FILE[,…] [options]    compares schedules of workflows in virtual time

  --workflow FILE[,…]   traces in WfFormat (1.3 to 1.5) or STG
  --workers N[,…]       tasks at a time (default 2,4,8,16)
  --policy NAME[,…]     all, or some of ${replayPolicies.join(", ")} (default all)
  --svg FOLDER          writes a Gantt picture of each schedule
  --json FILE           where the figures go (default nowhere)`;

/** What the command line holds about workflows, as text. */
export interface ScheduleText {
	readonly workflow?: string | undefined;
	readonly workers?: string | undefined;
	readonly policy?: string | undefined;
	readonly svg?: string | undefined;
	readonly json?: string | undefined;
}

/** @returns undefined when no workflow is named */
export function readScheduleOptions({
	workflow,
	workers,
	policy,
	svg,
	json,
}: ScheduleText): ScheduleOptions | undefined {
	if (workflow === undefined) {
		for (const [name, value] of Object.entries({ workers, policy, svg })) {
			if (value !== undefined) throw new UsageError(`--${name} goes with --workflow FILE`);
		}
		return undefined;
	}
	return {
		files: workflow.split(",").filter((file) => file !== ""),
		workers: (workers ?? "2,4,8,16").split(",").map(workerCount),
		policies: policy === undefined || policy === "all" ? replayPolicies : policy.split(",").map(policyOf),
		svg,
		json,
	};
}

function workerCount(text: string): number {
	const count = Number(text);
	if (/^\d+$/.test(text) && count >= 1 && count <= 100_000) return count;
	throw new UsageError(`--workers: expected whole numbers from 1 to 100000, got ${JSON.stringify(text)}`);
}

function policyOf(text: string): ReplayPolicy {
	const policy = replayPolicies.find((name) => name === text);
	if (policy !== undefined) return policy;
	throw new UsageError(`--policy: expected all, or some of ${replayPolicies.join(", ")}, got ${JSON.stringify(text)}`);
}
