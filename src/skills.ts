import { SwarmError } from "./core/errors.js";
import { isStandardSchema, type StandardSchema } from "./core/standard-schema.js";
import type { Callable } from "./executor/calls.js";
import type { RunOutcome } from "./outcome.js";
import type { GraphSpec } from "./swarm-options.js";

/** What the author of a skill writes. */
export interface SkillDefinition<
	Name extends string,
	Taken,
	Given = Taken,
	Output = Readonly<Record<string, unknown>>,
> {
	/** Unique among the agents and skills of a swarm. */
	readonly name: Name;
	/** What it is for, in words for whoever chooses among tools. */
	readonly description?: string;
	/** What it takes: a call whose input does not fit is refused with `INVALID_INPUT`. */
	readonly input?: StandardSchema<Given, Taken>;
	/** What it takes, as a JSON Schema for `ctx.tools()`; by default what `input` says of itself. */
	readonly inputSchema?: Readonly<Record<string, unknown>>;
	/** The graph that does it, made once for each call. */
	readonly graph: (input: Taken) => GraphSpec;
	/**
	 * What the call gives, once the graph has completed; by default the outputs of its sinks, by id.
	 *
	 * @param outputs - of the completed sinks, by id
	 */
	readonly output?: (outputs: Readonly<Record<string, unknown>>, outcome: RunOutcome) => Output;
}

/** A graph with a name, which agents may call as they call an agent. */
export interface Skill<Name extends string = string, Given = unknown, Output = unknown>
	// biome-ignore lint/suspicious/noExplicitAny: what the schema makes of the input is between it and the graph
	extends SkillDefinition<Name, any, any, Output>,
		Callable<Given, Output> {
	readonly name: Name;
}

/** Any skill, whatever it takes and gives. */
// biome-ignore lint/suspicious/noExplicitAny: `output` stands in a parameter position of none, but `~types` is compared both ways
export type AnySkill = Skill<string, any, any>;

/**
 * Defines a skill: a whole graph under a name, for `ctx.call`.
 *
 * @returns for `createSwarm({ skills })`
 * @throws SwarmError `INVALID_SPEC` for an empty name, a `graph` or `output` that is no function, or an `input` that is no
 * Standard Schema
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, defineSkill } from "dagswarm";
 *
 * const count = defineAgent({ name: "count", run: async (text: string) => text.length });
 * const sum = defineAgent({ name: "sum", run: async (_: undefined, ctx) => Number(ctx.deps["a"]) + Number(ctx.deps["b"]) });
 * const countBoth = defineSkill({
 *   name: "count-both",
 *   description: "Counts the characters of two texts.",
 *   graph: (texts: { a: string; b: string }) => ({
 *     nodes: [
 *       { id: "a", agent: "count", input: texts.a },
 *       { id: "b", agent: "count", input: texts.b },
 *       { id: "sum", agent: "sum", dependsOn: ["a", "b"] },
 *     ],
 *   }),
 *   output: (outputs) => Number(outputs["sum"]),
 * });
 * const write = defineAgent({ name: "write", run: async (_: undefined, ctx) => ctx.call(countBoth, { a: "honey", b: "wax" }) });
 *
 * const swarm = createSwarm({ agents: [count, sum, write], skills: [countBoth] });
 * const outputs = await swarm.run({ nodes: [{ id: "write", agent: "write" }] });
 * outputs["write"]; // 8
 * ```
 */
export function defineSkill<
	const Name extends string,
	Taken = undefined,
	Given = Taken,
	Output = Readonly<Record<string, unknown>>,
>(definition: SkillDefinition<Name, Taken, Given, Output>): Skill<Name, Given, Output> {
	const { name, graph, output, input } = definition;
	if (typeof name !== "string" || name === "" || typeof graph !== "function") {
		throw new SwarmError("INVALID_SPEC", "a skill needs a name and a function that makes its graph", {
			hint: 'defineSkill({ name: "research", graph: (input) => ({ nodes: […] }) })',
		});
	}
	if (output !== undefined && typeof output !== "function")
		throw new SwarmError("INVALID_SPEC", `output of skill "${name}" is no function`);
	if (input !== undefined && !isStandardSchema(input))
		throw new SwarmError("INVALID_SPEC", `input of skill "${name}" is no Standard Schema`);
	return Object.freeze({ ...definition });
}
