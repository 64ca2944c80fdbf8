import { SwarmError } from "./errors.js";
import { nameOf } from "./plain.js";

/**
 * What work took, by measure: the usual ones by their names, and whatever else the host names. All figures are
 * finite and at least 0.
 */
export interface Usage {
	readonly inputTokens?: number;
	readonly outputTokens?: number;
	readonly thinkingTokens?: number;
	/** In the host's own currency. */
	readonly cost?: number;
	/** Time in which agents held a slot. */
	readonly agentSeconds?: number;
	/** Nodes that were started. */
	readonly nodes?: number;
	readonly [measure: string]: number | undefined;
}

/** Measures that together are what a window of tokens counts. */
export const TOKEN_MEASURES = ["inputTokens", "outputTokens", "thinkingTokens"] as const;

/** A usage that can be added to. */
export type UsageTotal = Record<string, number>;

/** An empty total. A measure may be called `__proto__`. */
export function emptyUsage(): UsageTotal {
	return Object.create(null) as UsageTotal;
}

/** Adds a usage to a total. */
export function addUsage(total: UsageTotal, usage: Usage, sign: 1 | -1 = 1): UsageTotal {
	for (const [measure, amount] of Object.entries(usage))
		if (amount !== undefined) total[measure] = (total[measure] ?? 0) + sign * amount;
	return total;
}

/** How many tokens of any kind. */
export function tokensOf(usage: Usage): number {
	let tokens = 0;
	for (const measure of TOKEN_MEASURES) tokens += usage[measure] ?? 0;
	return tokens;
}

/**
 * Refuses what is no usage.
 *
 * @param what - what it is the usage of, for the message
 * @throws SwarmError `INVALID_INPUT` for what is no object of finite numbers of at least 0
 */
export function checkUsage(usage: unknown, what: string): asserts usage is Usage {
	if (typeof usage !== "object" || usage === null || Array.isArray(usage)) throw notUsage(what, "", nameOf(usage));
	for (const [measure, amount] of Object.entries(usage)) {
		if (amount === undefined) continue;
		if (typeof amount !== "number" || !Number.isFinite(amount) || amount < 0)
			throw notUsage(what, measure, nameOf(amount));
	}
}

function notUsage(what: string, measure: string, found: string): SwarmError {
	return new SwarmError("INVALID_INPUT", `${what} holds ${found}${measure === "" ? "" : ` as ${measure}`}`, {
		path: measure === "" ? "" : `/${measure}`,
		hint: "a usage is an object of finite numbers of at least 0, such as { inputTokens: 1_200, cost: 0.03 }",
	});
}
