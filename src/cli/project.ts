import { resolve } from "node:path";
import { SwarmError } from "../core/errors.js";
import { createSwarm } from "../create-swarm.js";
import type { ProjectOptions } from "../define-project.js";
import type { AnyAgent } from "../executor/agent.js";
import type { Awaitable, Journal } from "../journal/journal.js";
import { type AnySkill, defineSkill } from "../skills.js";
import type { Swarm } from "../swarm.js";
import type { GraphSpec } from "../swarm-options.js";
import type { AutonomousAgent } from "../triggers/autonomous.js";
import type { TriggerInput } from "../triggers/define-trigger.js";
import { importModule } from "./import-module.js";

/** The metadata of a run by which it finds its project again. */
export const PROJECT_KEY = "dagswarm.project";

/** What a project file has told, whichever way it was written. */
export interface LoadedProject {
	/** An absolute path. */
	readonly file: string;
	/** With those of the autonomous ones. */
	readonly agents: readonly AnyAgent[];
	/** With the project's own graph, which is called `graph`. */
	readonly skills: readonly AnySkill[];
	/** With those that autonomous agents tick by. */
	readonly triggers: readonly TriggerInput[];
	readonly secrets: Readonly<Record<string, string>>;
	readonly options: ProjectOptions;
	/** Whether there is a graph or a plan. */
	readonly startable: boolean;
	/** @throws SwarmError `INVALID_SPEC` when the module says none; what its own function throws */
	graphOf(input: unknown): Promise<GraphSpec>;
}

const PARTS = ["agents", "autonomous", "skills", "graph", "plan", "options", "triggers", "secrets"] as const;
type Parts = { readonly [Part in (typeof PARTS)[number]]?: unknown };

/**
 * Loads the module that a user has named.
 *
 * @param path - relative to `cwd`
 * @throws SwarmError `INVALID_OPTION` when it is not there; `INVALID_SPEC` when it does not load, or what it exports is not
 * what it should be
 */
export async function loadProject(path: string, cwd: string): Promise<LoadedProject> {
	const file = resolve(cwd, path);
	return projectOf(file, await importModule(file));
}

/** A project as its module exports it. */
export function projectOf(file: string, module: Readonly<Record<string, unknown>>): LoadedProject {
	const parts = partsOf(module);
	const wrong = (what: string): SwarmError => new SwarmError("INVALID_SPEC", `${what} of ${file}`);
	const list = <Value>(part: "agents" | "autonomous" | "skills" | "triggers", word: string): readonly Value[] => {
		const value = parts[part] ?? [];
		if (!Array.isArray(value)) throw wrong(`\`${part}\` is no list of ${word}, as it should be,`);
		return value as Value[];
	};
	const { plan } = parts;
	if (plan !== undefined && !isAgent(plan)) throw wrong("`plan` is no agent, as it should be,");
	const exported = Object.values(module);
	const autonomous = new Set([
		...list<AutonomousAgent>("autonomous", "autonomous agents"),
		...exported.filter(isAutonomous),
	]);
	const agents = new Set([
		...list<AnyAgent>("agents", "agents"),
		...exported.filter(isAgent),
		...Array.from(autonomous, ({ agent }) => agent as AnyAgent),
		...(isAgent(plan) ? [plan] : []),
	]);
	const skills = new Set([...list<AnySkill>("skills", "skills"), ...exported.filter(isSkill)]);
	const graph = (input: unknown) => graphOf(file, parts, module, input);
	const isTaken = [...agents, ...skills].some(({ name }) => name === GRAPH_SKILL);
	if (parts.graph !== undefined && !isTaken) skills.add(graphSkill(graph));
	const triggers = new Set([
		...list<TriggerInput>("triggers", "triggers"),
		...Array.from(autonomous, ({ trigger }) => trigger),
	]);
	return {
		file,
		agents: [...agents],
		skills: [...skills],
		triggers: [...triggers],
		secrets: (parts.secrets ?? {}) as Record<string, string>,
		options: (parts.options ?? {}) as ProjectOptions,
		startable: parts.graph !== undefined || parts.plan !== undefined,
		graphOf: async (input) => {
			try {
				return await graph(input);
			} catch (error) {
				if (SwarmError.is(error)) throw error;
				const why = error instanceof Error ? error.message : String(error);
				throw new SwarmError(
					"INVALID_SPEC",
					`the graph of the project could not be made: ${why}`,
					{ hint: "does it need an --input?" },
					{ cause: error },
				);
			}
		},
	};
}

/**
 * The swarm that runs what a project says.
 *
 * @throws SwarmError `INVALID_SPEC` without agents, and what `createSwarm` throws
 */
export function swarmOf(
	project: LoadedProject,
	journal: Journal | undefined,
	more: Partial<ProjectOptions> = {},
): Swarm {
	const { agents, skills, options } = project;
	if (agents.length === 0) {
		throw new SwarmError("INVALID_SPEC", `${project.file} exports no agents`, {
			hint: "export `agents`, a list of what defineAgent gives, or each agent by itself",
		});
	}
	return createSwarm({ ...options, ...more, agents, skills, ...(journal !== undefined && { journal }) });
}

/** What stands in the object that is exported by default, and what is exported by name, which wins. */
function partsOf(module: Readonly<Record<string, unknown>>): Parts {
	const whole = module["default"];
	const parts: Record<string, unknown> = {};
	for (const part of PARTS) {
		const value = module[part] ?? (isObject(whole) && !isAgent(whole) ? whole[part] : undefined);
		if (value !== undefined) parts[part] = value;
	}
	return parts;
}

/** What triggers, submissions and agents call the project's own graph. */
const GRAPH_SKILL = "graph";

function graphSkill(graph: (input: unknown) => Awaitable<GraphSpec>): AnySkill {
	// Occurrences wait for a graph that takes its time. Agents that call it get it at once, as most are made at once.
	return defineSkill({ name: GRAPH_SKILL, description: "the project's graph", graph: graph as never });
}

/** At once, unless the project's own function takes its time. */
function graphOf(
	file: string,
	{ graph, plan }: Parts,
	module: Readonly<Record<string, unknown>>,
	input: unknown,
): Awaitable<GraphSpec> {
	if (graph === undefined && isAgent(plan)) return { nodes: [{ id: plan.name, agent: plan.name, input }] };
	if (graph === undefined) throw noGraph(file, module);
	if (typeof graph !== "function") return checkedGraph(graph, `\`graph\` of ${file} is`);
	const made: unknown = (graph as (input: unknown) => unknown)(input);
	const what = `\`graph\` of ${file} gives`;
	return made instanceof Promise ? made.then((graph) => checkedGraph(graph, what)) : checkedGraph(made, what);
}

function checkedGraph(made: unknown, what: string): GraphSpec {
	if (isObject(made) && Array.isArray(made["nodes"])) return made as unknown as GraphSpec;
	throw new SwarmError("INVALID_SPEC", `${what} no graph`, {
		hint: 'a graph is { nodes: [{ id: "a", agent: "…" }] }, or what defineGraph gives',
	});
}

function noGraph(file: string, module: Readonly<Record<string, unknown>>): SwarmError {
	const names = Object.keys(module);
	const agents = names.filter((name) => isAgent(module[name]));
	const found = names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`;
	const [only] = agents;
	const hint =
		agents.length === 1 && only !== undefined
			? `export it as \`plan\` to run it alone: export { ${only} as plan }`
			: "export `graph`, as { nodes: […] } or a function of the input that gives one, or `plan`, an agent";
	return new SwarmError("INVALID_SPEC", `${file} says nothing to run: ${found}`, { hint });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null;
}

function isAgent(value: unknown): value is AnyAgent {
	return isObject(value) && typeof value["name"] === "string" && typeof value["run"] === "function";
}

function isAutonomous(value: unknown): value is AutonomousAgent {
	return isObject(value) && isAgent(value["agent"]) && isObject(value["trigger"]) && typeof value["goal"] === "string";
}

function isSkill(value: unknown): value is AnySkill {
	return isObject(value) && typeof value["name"] === "string" && typeof value["graph"] === "function";
}
