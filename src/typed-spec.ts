import type { Agent, AnyAgent } from "./executor/agent.js";
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

/** The spec of a node of one agent: its name and its input are checked. */
type SpecOf<A> =
	A extends Agent<infer Name, infer Input, infer _Output>
		? Omit<NodeSpec, "agent" | "input"> & { readonly agent: Name | { readonly name: Name } } & (undefined extends Input
					? { readonly input?: InputOf<Input> }
					: { readonly input: InputOf<Input> })
		: never;

/** The spec of a node of any of a swarm's agents. */
export type NodeSpecOf<A extends AnyAgent> = AnyAgent extends A ? NodeSpec : A extends AnyAgent ? SpecOf<A> : never;
