import { SwarmError } from "../core/errors.js";
import type { Needs, PolicySource } from "../graph/policies.js";
import type { Join } from "../graph/types.js";
import type { Agent, AnyAgent } from "./agent.js";
import type { Attempt } from "./attempt.js";

/** A dependency that a node of an agent may have or do without. */
export interface OptionalDependency {
	readonly agent: AnyAgent;
	readonly optional: true;
	readonly many?: never;
}

/**
 * A dependency behind which any number of nodes of an agent may stand: the plan of a planner, the parts of a node that was
 * split. `ctx.deps` holds the outputs of those that have completed there, by the ids of the nodes; `{}` where there are none.
 */
export interface ManyDependency {
	readonly agent: AnyAgent;
	readonly many: true;
	readonly optional?: never;
}

/** What the nodes of an agent depend on: alias → the agent whose output is found there. */
export type DeclaredDependencies = Readonly<Record<string, AnyAgent | OptionalDependency | ManyDependency>>;

/** What `ctx.deps` is where an agent declares nothing. */
export type AnyDeps = Readonly<Record<string, unknown>>;

/** What an agent gives. */
export type OutputOf<A extends AnyAgent> = NonNullable<A["~types"]>["output"];

/** What `ctx.deps` is under a declaration. */
export type DepsOf<Declared> = Declared extends DeclaredDependencies
	? string extends keyof Declared
		? AnyDeps
		: [Exclude<Declared[keyof Declared], AnyAgent>] extends [never]
			? RequiredDeps<Declared>
			: RequiredDeps<Declared> & OptionalDeps<Declared> & ManyDeps<Declared>
	: AnyDeps;

type RequiredDeps<Declared> = {
	readonly [Alias in keyof Declared as Declared[Alias] extends AnyAgent
		? Alias
		: never]: Declared[Alias] extends AnyAgent ? OutputOf<Declared[Alias]> : never;
};

type OptionalDeps<Declared> = [AliasesOf<Declared, OptionalDependency>] extends [never]
	? unknown
	: {
			readonly [Alias in AliasesOf<Declared, OptionalDependency>]?: Declared[Alias] extends OptionalDependency
				? OutputOf<Declared[Alias]["agent"]> | undefined
				: never;
		};

type ManyDeps<Declared> = [AliasesOf<Declared, ManyDependency>] extends [never]
	? unknown
	: {
			readonly [Alias in AliasesOf<Declared, ManyDependency>]: Declared[Alias] extends ManyDependency
				? Readonly<Record<string, OutputOf<Declared[Alias]["agent"]>>>
				: never;
		} & {
			/** Which of them are many: an output may be a record as well. Never there at run time. */
			readonly "~many"?: AliasesOf<Declared, ManyDependency>;
		};

type AliasesOf<Declared, Kind> = {
	[Alias in keyof Declared]: Declared[Alias] extends Kind ? Alias : never;
}[keyof Declared];

/** The aliases that are declared with `many`. */
export type ManyOf<Deps> = Deps extends { readonly "~many"?: infer Alias } ? Extract<Alias, string> : never;

/** The joins that nodes of an agent may have: under another one than `all` an output may be missing, unless it is one of many. */
export type JoinOf<Deps> = "~many" extends keyof Deps
	? // biome-ignore lint/complexity/noBannedTypes: whether nothing else of it is required
		{} extends Omit<Deps, ManyOf<Deps>>
		? Join
		: "all"
	: "all";

/** The declaration behind what `ctx.deps` is: an agent that is spread into another definition keeps its types. */
export type DeclarationOf<Deps> = string extends keyof Deps
	? DeclaredDependencies
	: {
			// biome-ignore lint/complexity/noBannedTypes: whether this alias is optional
			readonly [Alias in keyof Deps as Exclude<Alias, "~many">]-?: {} extends Pick<Deps, Alias>
				? { readonly agent: AgentThatGives<Exclude<Deps[Alias], undefined>>; readonly optional: true }
				: Alias extends ManyOf<Deps>
					? { readonly agent: AgentThatGives<Deps[Alias][keyof Deps[Alias]]>; readonly many: true }
					: AgentThatGives<Deps[Alias]>;
		};

// biome-ignore lint/suspicious/noExplicitAny: whatever else it is
type AgentThatGives<Output> = Agent<string, any, Output, any, any, any>;

/**
 * Checks what an agent says of its dependencies.
 *
 * @throws SwarmError `INVALID_SPEC`
 */
export function checkDeclared(agent: string, declared: unknown): void {
	if (typeof declared !== "object" || declared === null || Array.isArray(declared)) {
		throw new SwarmError("INVALID_SPEC", `dependsOn of agent "${agent}" is no object of alias → agent`);
	}
	for (const [alias, one] of Object.entries(declared as Record<string, unknown>)) {
		if (isOptional(one) && isMany(one)) {
			throw new SwarmError("INVALID_SPEC", `dependsOn.${alias} of agent "${agent}" is both optional and many`, {
				hint: `with { ${alias}: { agent, many: true } } there may be none of them`,
			});
		}
		if (isAgent(isOptional(one) || isMany(one) ? one.agent : one)) continue;
		throw new SwarmError("INVALID_SPEC", `dependsOn.${alias} of agent "${agent}" is no agent`, {
			hint: `dependsOn: { ${alias}: agent }, { ${alias}: { agent, optional: true } } or { ${alias}: { agent, many: true } }`,
		});
	}
}

/** What nodes of these agents have to have, by agent; undefined where none declares anything. */
export function needsOf(agents: Iterable<AnyAgent>): PolicySource["needs"] {
	let needs: Map<string, Needs> | undefined;
	for (const { name, dependsOn } of agents) {
		if (dependsOn === undefined) continue;
		const names = Object.keys(dependsOn).filter((alias) => !isOptional(dependsOn[alias]));
		if (names.length === 0) continue;
		needs ??= new Map();
		needs.set(name, { names, completed: names.find((alias) => !isMany(dependsOn[alias])) });
	}
	return needs && ((agent) => needs.get(agent));
}

/** The outputs of the dependencies of an attempt's node, in the form in which its agent declares them. */
export function depsOf({ run, lease, agent: { dependsOn } }: Attempt): AnyDeps {
	const { leases } = run.actor;
	const deps = leases.outputs(lease);
	if (dependsOn === undefined) return deps;
	for (const alias in dependsOn) {
		const one = dependsOn[alias];
		if (isMany(one)) deps[alias] = leases.outputsUnder(lease, alias, one.agent.name);
	}
	return deps;
}

function isOptional(declared: unknown): declared is OptionalDependency {
	return typeof declared === "object" && declared !== null && "optional" in declared && declared.optional === true;
}

function isMany(declared: unknown): declared is ManyDependency {
	return typeof declared === "object" && declared !== null && "many" in declared && declared.many === true;
}

function isAgent(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return false;
	const { name, run } = value as { readonly name?: unknown; readonly run?: unknown };
	return typeof name === "string" && typeof run === "function";
}
