import type { Duration } from "../core/durations.js";
import type { ErrorInfo } from "../core/errors.js";
import { SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { NodeState } from "../core/lifecycle.js";
import { isStandardSchema, type JsonSchema, type StandardSchema } from "../core/standard-schema.js";
import type { Usage } from "../core/usage.js";
import type { Mutation, NodePolicies, NodeSpec, StagedPatch } from "../graph/types.js";
import type { AgentContext } from "./context.js";
import { type AnyDeps, checkDeclared, type DeclarationOf, type DeclaredDependencies, type DepsOf } from "./needs.js";

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

/** What an agent is, but for its output and its dependencies: how these are written decides what is inferred. */
interface AgentTerms<Name extends string, Input, Deps, Given, Made> extends Omit<NodePolicies, "limits"> {
	/** Unique in a swarm. */
	readonly name: Name;
	/**
	 * A semantic version (semver.org). A run that goes on in another process with another major version is not resumed
	 * unless somebody says so, and remembered outputs of another version are not used.
	 */
	readonly version?: string;
	/** What it is for, in words: shown to a model that may call it. */
	readonly description?: string;
	/**
	 * A Standard Schema of the input: it is asked when an attempt starts, and `run` is given what it makes of the input. An
	 * input that does not fit fails the node with `INVALID_INPUT`, and is not tried again.
	 */
	readonly input?: StandardSchema<Input, Given>;
	/** JSON Schema of the input for {@link inputJsonSchema}, where `input` does not say it. It validates nothing. */
	readonly inputSchema?: JsonSchema;
	/** Does the work; a synchronous function will do too. */
	readonly run: (input: Given, ctx: AgentContext<Deps>) => Made | AgentResult<Made> | Promise<Made | AgentResult<Made>>;
	/**
	 * Names of the swarm's limits that each of its nodes takes, beside its own; or a function that tells them from the
	 * input, references replaced. What that throws or gives that is no list of limits fails the attempt with
	 * `INVALID_SPEC`.
	 */
	readonly limits?: readonly string[] | ((input: Input) => readonly string[]);
	/** What a call will use, as far as is known: its tokens are reserved where a limit counts them. */
	readonly estimate?: Usage | ((input: Input) => Usage);
	/** Takes the limit `background`, of which every swarm has 3 unless `limits.background` says otherwise. */
	readonly background?: boolean;
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

/**
 * What the author of an agent writes.
 *
 * @typeParam Input - what nodes give it
 * @typeParam Output - what its dependents see
 * @typeParam Deps - what `ctx.deps` is
 * @typeParam Given - what `run` is given: what the schema makes of the input
 * @typeParam Made - what `run` makes, before the schema has seen it
 */
export interface AgentDefinition<Name extends string, Input, Output, Deps = AnyDeps, Given = Input, Made = Output>
	extends AgentTerms<Name, Input, Deps, Given, Made> {
	/**
	 * A Standard Schema of the output: it is asked when `run` has returned, and dependents see what it makes of the output.
	 * One that does not fit fails the attempt with `INVALID_OUTPUT`.
	 */
	readonly output?: StandardSchema<Made, Output>;
	/**
	 * What its nodes depend on, by alias: it gives `ctx.deps` its types. A node that does not name these aliases in its
	 * `dependsOn` is refused with `INVALID_SPEC`, but for those that are declared `{ agent, optional: true }`. Where any
	 * number of nodes may come to stand behind an alias, as behind a planner, declare `{ agent, many: true }`.
	 */
	readonly dependsOn?: DeclarationOf<Deps>;
}

/** A named function that does the work of nodes. */
export interface Agent<
	Name extends string = string,
	Input = unknown,
	Output = unknown,
	Deps = AnyDeps,
	Given = Input,
	Made = Output,
> extends AgentDefinition<Name, Input, Output, Deps, Given, Made> {
	/** The types of input, output and dependencies; never there at run time. */
	readonly "~types"?: { readonly input: Input; readonly output: Output; readonly deps: Deps };
}

/** Any agent, whatever it takes and gives. */
// biome-ignore lint/suspicious/noExplicitAny: the parameter position of `run` is contravariant; only `any` accepts every agent
export type AnyAgent = Agent<string, any, any, any, any, any>;

/** A definition as its types are inferred: without schemas from `run`, otherwise from them. */
interface Defined<Name extends string, Input, Output, Declared, Given, Made, Returned>
	extends AgentTerms<Name, Input, DepsOf<Declared>, Given, Returned> {
	readonly output?: StandardSchema<Made, Output>;
	readonly dependsOn?: Declared;
}

/**
 * Defines an agent. The types of input and output are those of its schemas, or inferred from `run`; `ctx.deps` is typed by
 * `dependsOn`.
 *
 * @throws SwarmError `INVALID_SPEC` when the name is empty, `run` is no function, a schema is none or `dependsOn` holds
 * something that is no agent, or is both optional and many
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 *
 * const double = defineAgent({ name: "double", run: async (n: number) => n * 2 });
 * const report = defineAgent({ name: "report", dependsOn: { double }, run: (_: undefined, ctx) => ctx.deps.double + 1 });
 * const swarm = createSwarm({ agents: [double, report] });
 * const outputs = await swarm.run({
 *   nodes: [
 *     { id: "a", agent: double, input: 21 },
 *     { id: "b", agent: report, dependsOn: { double: "a" } },
 *   ],
 * });
 * outputs["b"]; // 43
 * ```
 */
export function defineAgent<
	const Name extends string,
	Given = undefined,
	Returned extends Made = never,
	Made = unknown,
	Output = Returned,
	Input = Given,
	Declared extends DeclaredDependencies | undefined = undefined,
>(
	definition: Defined<Name, Input, Output, Declared, Given, Made, Returned>,
): Agent<Name, Input, Output, DepsOf<Declared>, Given, unknown extends Made ? Returned : Made>;
export function defineAgent(definition: AnyAgent): AnyAgent {
	if (typeof definition.name !== "string" || definition.name === "" || typeof definition.run !== "function") {
		throw new SwarmError("INVALID_SPEC", "an agent needs a name and a run function", {
			hint: 'defineAgent({ name: "search", run: async (input, ctx) => … })',
		});
	}
	const { name, version, description, inputSchema, dependsOn } = definition;
	if (version !== undefined && (typeof version !== "string" || version === ""))
		throw new SwarmError("INVALID_SPEC", `the version of agent "${name}" is no text`);
	if (description !== undefined && typeof description !== "string")
		throw new SwarmError("INVALID_SPEC", `the description of agent "${name}" is no text`);
	for (const border of ["input", "output"] as const) {
		if (definition[border] !== undefined && !isStandardSchema(definition[border])) {
			throw new SwarmError("INVALID_SPEC", `the ${border} of agent "${name}" is no Standard Schema`, {
				hint: "use a schema of zod, valibot, arktype or another library that has ~standard",
			});
		}
	}
	if (inputSchema !== undefined && (typeof inputSchema !== "object" || inputSchema === null))
		throw new SwarmError("INVALID_SPEC", `the inputSchema of agent "${name}" is no JSON Schema as an object`);
	if (dependsOn !== undefined) checkDeclared(name, dependsOn);
	return Object.freeze({ ...definition });
}
