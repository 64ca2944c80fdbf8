import type { NodeId } from "./core/ids.js";
import type { Agent, AnyAgent } from "./executor/agent.js";
import type { JoinOf } from "./executor/needs.js";
import type { NodeSpec, OutputRef } from "./graph/types.js";

/** An input of a type, or with references to outputs in the place of it or of its members. */
export type InputOf<Input> =
	| Input
	| OutputRef
	| (Input extends readonly unknown[] | Uint8Array
			? never
			: Input extends object
				? { readonly [Key in keyof Input]: Input[Key] | OutputRef }
				: never);

/** How a node of an agent names its dependencies: those that the agent declares have to be among them. */
type DependsOnOf<Deps> = string extends keyof Deps
	? Pick<NodeSpec, "dependsOn" | "join">
	: // biome-ignore lint/complexity/noBannedTypes: whether nothing of it is required
		{} extends Deps
		? Pick<NodeSpec, "dependsOn" | "join">
		: { readonly dependsOn: Aliases<Deps>; readonly join?: JoinOf<Deps> };

type Aliases<Deps> = { readonly [Alias in keyof Deps]: NodeId } & Readonly<Record<string, NodeId>>;

/** The spec of a node of one agent: its name, its input and its declared dependencies are checked. */
type SpecOf<A> =
	A extends Agent<infer Name, infer Input, infer _Output, infer Deps, infer _Given, infer _Made>
		? Omit<NodeSpec, "agent" | "input" | "dependsOn" | "join"> &
				DependsOnOf<Deps> & { readonly agent: Name | { readonly name: Name } } & (undefined extends Input
					? { readonly input?: InputOf<Input> }
					: { readonly input: InputOf<Input> })
		: never;

/** The spec of a node of any of a swarm's agents. */
export type NodeSpecOf<A extends AnyAgent> = AnyAgent extends A ? NodeSpec : A extends AnyAgent ? SpecOf<A> : never;
