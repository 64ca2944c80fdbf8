import { milliseconds } from "./core/durations.js";
import type { AnyAgent } from "./executor/agent.js";
import { SHARED_POLICIES } from "./graph/policies.js";
import type { AgentVersions, RunSettings } from "./graph/types.js";
import type { StartOptions } from "./swarm-options.js";

/** Options of a run that go on in another process. */
const KEPT = [
	"concurrency",
	"policy",
	"onStall",
	...SHARED_POLICIES,
	"metadata",
	"budget",
	"parent",
] as const satisfies readonly (keyof StartOptions)[];

/** What a run was started with, its deadline as a point in time. */
export type RunOptions = StartOptions & { readonly deadlineAt?: number };

/** What the journal has to remember of a run's options. */
export function settingsOf(options: RunOptions, agents: Iterable<AnyAgent>, startedAt: number): RunSettings {
	const kept: Record<string, unknown> = {};
	for (const key of KEPT) if (options[key] !== undefined) kept[key] = plainOf(options[key]);
	const deadlineAt = deadlineOf(options, startedAt);
	if (deadlineAt !== undefined) kept["deadlineAt"] = deadlineAt;
	const versions = versionsOf(agents);
	return {
		durable: true,
		...(Object.keys(versions).length > 0 && { versions }),
		...(Object.keys(kept).length > 0 && { options: kept }),
	};
}

/** The options that a journal remembers. */
export function optionsOf(settings: RunSettings): RunOptions {
	return (settings.options ?? {}) as RunOptions;
}

/** When a run's time is over; undefined without a deadline. */
export function deadlineOf(options: RunOptions, startedAt: number): number | undefined {
	if (options.deadline === undefined) return options.deadlineAt;
	return startedAt + milliseconds(options.deadline, "deadline");
}

function versionsOf(agents: Iterable<AnyAgent>): AgentVersions {
	const versions: Record<string, string> = Object.create(null);
	for (const { name, version } of agents) if (version !== undefined) versions[name] = version;
	return versions;
}

/** A node spec may name its agent by the agent itself, which is no plain data. */
function plainOf(option: unknown): unknown {
	if (typeof option !== "object" || option === null || !("agent" in option)) return option;
	const { agent } = option;
	return { ...option, agent: typeof agent === "string" ? agent : (agent as { name: string }).name };
}
