import { SwarmError } from "./core/errors.js";
import { checkUsage } from "./core/usage.js";
import type { AnyAgent } from "./executor/agent.js";
import { agentKey, type LimitOptions } from "./scheduler/limit-options.js";
import type { Limits } from "./scheduler/limits.js";
import type { AgentLimits } from "./scheduler/node-asks.js";
import type { SwarmOptions } from "./swarm-options.js";

/** The limit that background agents take, which every swarm has. */
const BACKGROUND = "background";

/** How many background attempts run at a time where nothing else is said. */
const BACKGROUND_CONCURRENCY = 3;

/** The limits of a swarm, that of background agents and those of single agents included. */
export function limitEntries({
	limits = {},
	agents,
}: Pick<SwarmOptions, "limits" | "agents">): [string, number | LimitOptions][] {
	const entries = Object.entries(limits);
	const unnamed = entries.find(([name]) => name === "" || name.includes("\0"));
	if (unnamed !== undefined)
		throw new SwarmError("INVALID_OPTION", `${JSON.stringify(unnamed[0])} is no name of a limit`);
	if (!Object.hasOwn(limits, BACKGROUND)) entries.push([BACKGROUND, BACKGROUND_CONCURRENCY]);
	for (const { name, concurrency } of agents)
		if (concurrency !== undefined) entries.push([agentKey(name), concurrency]);
	return entries;
}

/** What every node of an agent takes; undefined where that is nothing. */
export function limitsOfAgent(agent: AnyAgent): AgentLimits | undefined {
	const { name, limits, concurrency, background, estimate } = agent;
	const names = typeof limits === "function" ? [] : [...(limits ?? [])];
	if (background === true && !names.includes(BACKGROUND)) names.push(BACKGROUND);
	if (concurrency !== undefined) names.push(agentKey(name));
	const of = typeof limits === "function" ? limits : undefined;
	if (names.length === 0 && of === undefined && estimate === undefined) return undefined;
	return { names, of, estimate };
}

/** Whether nodes of an agent take limits, whatever their specs say. */
export function isLimited(agent: AnyAgent): boolean {
	const limits = limitsOfAgent(agent);
	return limits !== undefined && (limits.names.length > 0 || limits.of !== undefined);
}

/** {@link limitsOfAgent} by name. */
export function agentLimits(agents: ReadonlyMap<string, AnyAgent>): (name: string) => AgentLimits | undefined {
	const limits = new Map<string, AgentLimits>();
	for (const [name, agent] of agents) {
		const taken = limitsOfAgent(agent);
		if (taken !== undefined) limits.set(name, taken);
	}
	return (name) => limits.get(name);
}

/**
 * Checks what agents say of limits.
 *
 * @throws SwarmError `INVALID_OPTION`
 */
export function checkAgentLimits(agents: readonly AnyAgent[], limits: Limits): void {
	for (const agent of agents) {
		const { name, background, estimate } = agent;
		for (const limit of limitsOfAgent(agent)?.names ?? []) {
			if (!limits.has(limit))
				throw new SwarmError(
					"INVALID_OPTION",
					`agent "${name}" takes the limit "${limit}", which the swarm does not have`,
				);
		}
		if (background !== undefined && typeof background !== "boolean")
			throw new SwarmError("INVALID_OPTION", `background of agent "${name}" is neither true nor false`);
		if (estimate === undefined || typeof estimate === "function") continue;
		try {
			checkUsage(estimate, `the estimate of agent "${name}"`);
		} catch (error) {
			throw new SwarmError("INVALID_OPTION", (error as Error).message, {}, { cause: error });
		}
	}
}
