import { needsOf } from "./executor/needs.js";
import { type PolicySource, SHARED_POLICIES } from "./graph/policies.js";
import type { NodePolicies } from "./graph/types.js";
import type { RunOptions } from "./run-settings.js";
import type { SwarmParts } from "./swarm-parts.js";

/** The policies of agents, run and swarm. */
export function policySource(
	{ agents, limits, options: swarm }: Pick<SwarmParts, "agents" | "limits" | "options">,
	run: RunOptions,
): PolicySource {
	const defaults: NodePolicies = { ...pick(swarm, SHARED_POLICIES), ...pick(run, SHARED_POLICIES) };
	const needs = needsOf(agents.values());
	return { agent: (name) => agents.get(name), hasLimit: (name) => limits.has(name), needs, defaults };
}

/** The named fields of an object that are set. */
export function pick<T extends object, Key extends keyof T>(
	from: T,
	keys: readonly Key[],
): { [K in Key]?: Exclude<T[K], undefined> } {
	const picked: { [K in Key]?: Exclude<T[K], undefined> } = {};
	for (const key of keys) if (from[key] !== undefined) picked[key] = from[key] as Exclude<T[Key], undefined>;
	return picked;
}
