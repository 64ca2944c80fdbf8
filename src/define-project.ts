import type { AnyAgent } from "./executor/agent.js";
import type { AnySkill } from "./skills.js";
import type { GraphSpec, SwarmOptions } from "./swarm-options.js";
import type { AutonomousAgent } from "./triggers/autonomous.js";
import type { TriggerInput } from "./triggers/define-trigger.js";

/** Options of the swarm of a project: what the project itself does not say, and the command line does not bring. */
export type ProjectOptions = Omit<SwarmOptions, "agents" | "skills" | "journal" | "clock" | "ids">;

/**
 * What a module tells the command line, as its exports or as the object that it exports by default.
 *
 * @typeParam Input - what `--input` gives
 */
export interface Project<A extends AnyAgent = AnyAgent, Input = unknown> {
	/** The functions that do the work. Agents that the module exports by themselves are added. */
	readonly agents?: readonly A[];
	/** Agents that work towards a goal by themselves: `dagswarm serve` has them tick. Those that the module exports are added. */
	// biome-ignore lint/suspicious/noExplicitAny: what each of them remembers is its own
	readonly autonomous?: readonly AutonomousAgent<string, any>[];
	readonly skills?: readonly AnySkill[];
	/**
	 * What `dagswarm run` starts: a graph, or a function that makes one of the input. Triggers, submissions and agents call it by
	 * the name `graph`.
	 */
	readonly graph?: GraphSpec | ((input: Input) => GraphSpec | Promise<GraphSpec>);
	/** In place of a graph: an agent that is given the input, and adds what is to be done. */
	readonly plan?: AnyAgent;
	readonly options?: ProjectOptions;
	/** What `dagswarm serve` starts by itself. */
	readonly triggers?: readonly TriggerInput[];
	/** By the names that triggers know them by: what signs webhooks. */
	readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * Types the default export of a project file: what `dagswarm run FILE`, `dagswarm serve FILE` and the other commands work
 * with.
 *
 * @returns the same object
 *
 * @example
 * ```ts
 * import { defineAgent, defineProject } from "dagswarm";
 *
 * const count = defineAgent({ name: "count", run: async (text: string) => text.length });
 *
 * export default defineProject({
 *   agents: [count],
 *   graph: (text: string) => ({ nodes: [{ id: "count", agent: "count", input: text }] }),
 *   options: { concurrency: 8 },
 * });
 * ```
 */
export function defineProject<const A extends AnyAgent, Input = unknown>(
	project: Project<A, Input>,
): Project<A, Input> {
	return project;
}
