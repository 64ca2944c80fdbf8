import type { ActorConfig } from "./graph/actor-config.js";
import type { PolicySource } from "./graph/policies.js";
import { pick } from "./run-policies.js";
import { type RunOptions, settingsOf } from "./run-settings.js";
import type { SwarmParts } from "./swarm-parts.js";

/** What a run and its swarm say of its actor, whether the run is to run or only planned. */
export function actorSettings(
	options: RunOptions,
	policies: PolicySource,
	{ options: swarm, agents, journal, clock }: Pick<SwarmParts, "options" | "agents" | "journal" | "clock">,
	startedAt: number,
): ActorConfig {
	return {
		open: options.open === true,
		policies,
		timed: [options, swarm, ...swarm.agents].some((source) => source.timeout !== undefined),
		clock,
		...(swarm.seed !== undefined && { seed: swarm.seed }),
		...(options.onStall !== undefined && { onStall: options.onStall }),
		...(options.metadata !== undefined && { metadata: options.metadata }),
		...(journal !== undefined && { settings: settingsOf(options, agents.values(), startedAt) }),
		// Whose it is can be seen without a journal, too.
		...(journal === undefined && options.parent !== undefined && { settings: { options: { parent: options.parent } } }),
		...pick(swarm, ["ids", "check", "eventBuffer", "maxNodes", "maxDepth", "maxPatchSize", "onListenerError"]),
	};
}
