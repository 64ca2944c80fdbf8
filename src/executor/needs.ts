import { SwarmError } from "../core/errors.js";
import type { PolicySource } from "../graph/policies.js";
import type { Agent, AnyAgent } from "./agent.js";

/** A dependency that a node of an agent may have or do without. */
export interface OptionalDependency {
	readonly agent: AnyAgent;
	readonly optional: true;
}

/** What the nodes of an agent depend on: alias → the agent whose output is found there. */
export type DeclaredDependencies = Readonly<Record<string, AnyAgent | OptionalDependency>>;

/** What `ctx.deps` is where an agent declares nothing. */
export type AnyDeps = Readonly<Record<string, unknown>>;

/** What an agent gives. */
export type OutputOf<A extends AnyAgent> = NonNullable<A["~types"]>["output"];

/** What `ctx.deps` is under a declaration. */
export type DepsOf<Declared> = Declared extends DeclaredDependencies
	? string extends keyof Declared
		? AnyDeps
		: [Extract<Declared[keyof Declared], OptionalDependency>] extends [never]
			? RequiredDeps<Declared>
			: RequiredDeps<Declared> & OptionalDeps<Declared>
	: AnyDeps;

type RequiredDeps<Declared> = {
	readonly [Alias in keyof Declared as Declared[Alias] extends AnyAgent
		? Alias
		: never]: Declared[Alias] extends AnyAgent ? OutputOf<Declared[Alias]> : never;
};

type OptionalDeps<Declared> = {
	readonly [Alias in keyof Declared as Declared[Alias] extends OptionalDependency
		? Alias
		: never]?: Declared[Alias] extends OptionalDependency ? OutputOf<Declared[Alias]["agent"]> | undefined : never;
};

/** The declaration behind what `ctx.deps` is: an agent that is spread into another definition keeps its types. */
export type DeclarationOf<Deps> = string extends keyof Deps
	? DeclaredDependencies
	: {
			// biome-ignore lint/complexity/noBannedTypes: whether this alias is optional
			readonly [Alias in keyof Deps]-?: {} extends Pick<Deps, Alias>
				? { readonly agent: AgentThatGives<Exclude<Deps[Alias], undefined>>; readonly optional: true }
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
		if (isAgent(isOptional(one) ? one.agent : one)) continue;
		throw new SwarmError("INVALID_SPEC", `dependsOn.${alias} of agent "${agent}" is no agent`, {
			hint: `dependsOn: { ${alias}: agent } or { ${alias}: { agent, optional: true } }`,
		});
	}
}

/** The aliases that nodes of these agents have to have, by agent; undefined where none declares any. */
export function needsOf(agents: Iterable<AnyAgent>): PolicySource["needs"] {
	let needs: Map<string, readonly string[]> | undefined;
	for (const { name, dependsOn } of agents) {
		if (dependsOn === undefined) continue;
		const aliases = Object.keys(dependsOn).filter((alias) => !isOptional(dependsOn[alias]));
		if (aliases.length === 0) continue;
		needs ??= new Map();
		needs.set(name, aliases);
	}
	return needs && ((agent) => needs.get(agent));
}

function isOptional(declared: unknown): declared is OptionalDependency {
	return typeof declared === "object" && declared !== null && "optional" in declared && declared.optional === true;
}

function isAgent(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return false;
	const { name, run } = value as { readonly name?: unknown; readonly run?: unknown };
	return typeof name === "string" && typeof run === "function";
}
