import { type ErrorInfo, errorInfo, SwarmError } from "../core/errors.js";
import { checkUsage, tokensOf, type Usage } from "../core/usage.js";
import { resolveInput } from "../graph/dependencies.js";
import type { Graph } from "../graph/graph.js";
import { type Ask, NO_ASK } from "./limit-ask.js";
import type { Limits } from "./limits.js";

/** What every node of an agent takes. */
export interface AgentLimits {
	/** The limits, each once. */
	readonly names: readonly string[];
	/** More of them, from the input. */
	readonly of?: ((input: never) => readonly string[]) | undefined;
	/** What a call will use, as far as is known. */
	readonly estimate?: Usage | ((input: never) => Usage) | undefined;
}

/** Finds out what the nodes of a run ask of limits: by their specs, and by the functions of their agents. */
export class NodeAsks {
	constructor(
		private readonly graph: Graph,
		private readonly limits: Pick<Limits, "has">,
		private readonly ofAgent: (agent: string) => AgentLimits | undefined,
	) {}

	/**
	 * What a node asks that is about to start.
	 *
	 * @returns the error to fail the attempt with where the agent's functions give none
	 */
	of(n: number): Ask | ErrorInfo {
		const { agent, limits: own } = this.graph.spec(n);
		const agents = this.ofAgent(agent);
		if (agents === undefined) return own === undefined ? NO_ASK : { names: own, calls: true, tokens: 0 };
		const { names, of, estimate } = agents;
		if (of === undefined && typeof estimate !== "function") {
			return { names: union(own, names), calls: true, tokens: estimate === undefined ? 0 : tokensOf(estimate) };
		}
		const resolved = resolveInput(this.graph, n);
		// The claim finds the same, and fails the attempt with it.
		if ("code" in resolved) return NO_ASK;
		try {
			const input = resolved.input as never;
			const more = of === undefined ? [] : this.#checked(of(input));
			const usage = typeof estimate === "function" ? estimate(input) : estimate;
			if (usage !== undefined) checkUsage(usage, "the estimate");
			return {
				names: union(union(own, names), more),
				calls: true,
				tokens: usage === undefined ? 0 : tokensOf(usage),
			};
		} catch (error) {
			return this.#problem(n, error);
		}
	}

	#checked(names: unknown): readonly string[] {
		if (!Array.isArray(names) || names.some((name) => typeof name !== "string" || name === ""))
			throw new SwarmError("INVALID_SPEC", "what it gave is no list of names");
		const unknown = names.find((name) => !this.limits.has(name));
		if (unknown !== undefined) throw new SwarmError("INVALID_SPEC", `there is no limit "${unknown}"`);
		return names as string[];
	}

	#problem(n: number, thrown: unknown): ErrorInfo {
		const id = this.graph.id(n);
		const cause = errorInfo(thrown);
		return {
			code: "INVALID_SPEC",
			message: `the limits of node "${id}" cannot be told by its agent "${this.graph.spec(n).agent}": ${cause.message}`,
			nodes: [id],
			cause,
		};
	}
}

function union(some: readonly string[] | undefined, others: readonly string[]): readonly string[] {
	if (some === undefined || some.length === 0) return others.length < 2 ? others : [...new Set(others)];
	return others.length === 0 ? some : [...new Set([...some, ...others])];
}
