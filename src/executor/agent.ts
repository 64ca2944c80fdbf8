import type { Duration } from "../core/durations.js";
import type { ErrorInfo } from "../core/errors.js";
import { SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { NodeState } from "../core/lifecycle.js";
import type { Mutation, NodePolicies, NodeSpec, StagedPatch } from "../graph/types.js";
import type { AgentContext } from "./context.js";

const resultBrand = Symbol.for("dagswarm.result");

/** An output together with a patch; made by {@link result}. */
export interface AgentResult<Output> {
	readonly output: Output;
	readonly patch: StagedPatch;
}

/** What an agent may add to its output. */
export interface ResultPatch {
	/** Shorthand for one `addNodes` mutation. */
	readonly nodes?: readonly NodeSpec[];
	readonly mutations?: readonly Mutation[];
	/** Whoever waits for this node waits for the sinks of what it adds here. */
	readonly expand?: boolean;
	/** The states that nodes must be in, or the patch is refused. */
	readonly expect?: Readonly<Record<NodeId, NodeState>>;
}

/**
 * An output with a patch: the completion and the patch are one command, so what it adds sees the
 * completion, and an invalid patch changes nothing and fails the attempt.
 *
 * @param output - plain data
 * @param patch - nodes to add, mutations to make, whether dependents wait for the plan
 *
 * @example
 * ```ts
 * import { defineAgent, result } from "dagswarm";
 *
 * const plan = defineAgent({
 *   name: "plan",
 *   run: async (goal: { topics: string[] }) =>
 *     result({ planned: goal.topics.length }, {
 *       nodes: goal.topics.map((topic) => ({ id: `search-${topic}`, agent: "search", input: { topic } })),
 *     }),
 * });
 * ```
 */
export function result<Output>(output: Output, patch: ResultPatch = {}): AgentResult<Output> {
	const mutations: Mutation[] = [];
	// What is no list is passed on, so that it is refused.
	if (patch.nodes !== undefined && !(Array.isArray(patch.nodes) && patch.nodes.length === 0))
		mutations.push({ type: "addNodes", nodes: patch.nodes });
	if (patch.mutations !== undefined) for (const mutation of patch.mutations) mutations.push(mutation);
	return branded(output, {
		mutations,
		...(patch.expand === true && { expand: true }),
		...(patch.expect !== undefined && { expect: patch.expect }),
	});
}

/** @internal An output with a patch that is written out. */
export function branded<Output>(output: Output, patch: StagedPatch): AgentResult<Output> {
	const result = { output, patch };
	// Branded by a registered symbol, so that a result made by another copy of the package is one too.
	Object.defineProperty(result, resultBrand, { value: true });
	return result;
}

/** Whether an agent returned a {@link result}. */
export function isResult(value: unknown): value is AgentResult<unknown> {
	return typeof value === "object" && value !== null && (value as { [resultBrand]?: true })[resultBrand] === true;
}

/** What outputs of an agent are remembered by, and how long. */
export interface AgentMemo<Input> {
	/** In place of input and dependencies: calls with the same key are the same. */
	readonly key?: (input: Input) => string;
	/** How long an output may be used; by default as long as it is there. */
	readonly ttl?: Duration;
}

/** What the author of an agent writes. */
export interface AgentDefinition<Name extends string, Input, Output> extends NodePolicies {
	/** Unique in a swarm. */
	readonly name: Name;
	/**
	 * A semantic version (semver.org). A run that goes on in another process with another major version is not resumed
	 * unless somebody says so, and remembered outputs of another version are not used.
	 */
	readonly version?: string;
	/** Does the work; a synchronous function will do too. */
	readonly run: (
		input: Input,
		ctx: AgentContext,
	) => Output | AgentResult<Output> | Promise<Output | AgentResult<Output>>;
	/** How many of its nodes may run at a time in a swarm, at least 1. */
	readonly concurrency?: number;
	/**
	 * Takes the output of an earlier call in place of a new one: of one with the same version, input and outputs of
	 * dependencies, or the same `key`. A node's own `memo` wins over it.
	 */
	readonly memo?: boolean | AgentMemo<Input>;
	/** Whether a failure is worth another attempt; a boolean `retryable` on the error wins over it. */
	readonly retryable?: (error: ErrorInfo) => boolean;
}

/** A named function that does the work of nodes. */
export interface Agent<Name extends string = string, Input = unknown, Output = unknown>
	extends AgentDefinition<Name, Input, Output> {
	/** The types of input and output; never there at run time. */
	readonly "~types"?: { readonly input: Input; readonly output: Output };
}

/** Any agent, whatever it takes and gives. */
// biome-ignore lint/suspicious/noExplicitAny: the parameter position of `run` is contravariant; only `any` accepts every agent
export type AnyAgent = Agent<string, any, any>;

/**
 * Defines an agent. The input and output types are inferred from `run`.
 *
 * @throws SwarmError `INVALID_SPEC` when the name is empty or `run` is no function
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 *
 * const double = defineAgent({ name: "double", run: async (n: number) => n * 2 });
 * const swarm = createSwarm({ agents: [double] });
 * const outputs = await swarm.run({ nodes: [{ id: "a", agent: double, input: 21 }] });
 * outputs["a"]; // 42
 * ```
 */
export function defineAgent<const Name extends string, Input = undefined, Output = void>(
	definition: AgentDefinition<Name, Input, Output>,
): Agent<Name, Input, Output> {
	if (typeof definition.name !== "string" || definition.name === "" || typeof definition.run !== "function") {
		throw new SwarmError("INVALID_SPEC", "an agent needs a name and a run function", {
			hint: 'defineAgent({ name: "search", run: async (input, ctx) => … })',
		});
	}
	if (definition.version !== undefined && (typeof definition.version !== "string" || definition.version === "")) {
		throw new SwarmError("INVALID_SPEC", `the version of agent "${definition.name}" is no text`);
	}
	return Object.freeze({ ...definition });
}
