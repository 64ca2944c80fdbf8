import { SwarmError } from "./core/errors.js";
import type { NodeId } from "./core/ids.js";
import type { AnyAgent } from "./executor/agent.js";
import { type JoinOf, type ManyOf, needsOf, type OutputOf } from "./executor/needs.js";
import { GraphActor } from "./graph/actor.js";
import type { NodeSpec, OutputRef } from "./graph/types.js";
import type { NodeSpecOf } from "./typed-spec.js";

/** A node of a static graph: its id is the key under which it stands. */
export interface StaticNode extends Omit<NodeSpec, "id" | "agent"> {
	readonly agent: AnyAgent;
}

type StaticNodes = Readonly<Record<PropertyKey, StaticNode>>;

/** What may stand in the place of an input: the same with references to outputs anywhere in it. */
export type StaticInput<Input> = Input extends string | number | boolean | bigint | null | undefined | Uint8Array
	? Input | OutputRef
	: Input extends readonly unknown[]
		? { readonly [Index in keyof Input]: StaticInput<Input[Index]> } | OutputRef
		: Input extends object
			? { readonly [Key in keyof Input]: StaticInput<Input[Key]> } | OutputRef
			: Input;

type InputOf<A extends AnyAgent> = NonNullable<A["~types"]>["input"];
type DepsOf<A extends AnyAgent> = NonNullable<A["~types"]>["deps"];

// Each node is checked by its agent and its own dependencies alone: the work grows with the graph, not with its square.

/** What a node has to be, given its agent and the nodes beside it. */
type CheckedNode<Node extends StaticNode, Nodes> = Omit<StaticNode, "input" | "dependsOn" | "join"> &
	InputCheck<InputOf<Node["agent"]>> &
	DependenciesCheck<Node, DepsOf<Node["agent"]>, Nodes> & {
		readonly [Key in Exclude<keyof Node, keyof StaticNode>]: never;
	};

type InputCheck<Input> = undefined extends Input
	? { readonly input?: StaticInput<Input> }
	: { readonly input: StaticInput<Input> };

type DependenciesCheck<Node extends StaticNode, Deps, Nodes> =
	NothingRequired<Deps> extends true
		? Pick<StaticNode, "join"> & { readonly dependsOn?: GivenCheck<Node, Deps, Nodes> }
		: { readonly join?: JoinOf<Deps>; readonly dependsOn: GivenCheck<Node, Deps, Nodes> };

// biome-ignore lint/complexity/noBannedTypes: whether nothing of it is required
type NothingRequired<Deps> = string extends keyof Deps ? true : {} extends Deps ? true : false;

type GivenCheck<Node extends StaticNode, Deps, Nodes> = Node extends { readonly dependsOn: infer Given }
	? Given extends readonly unknown[]
		? ListCheck<Deps, Nodes>
		: AliasCheck<Given, Deps, Nodes>
	: AliasCheck<unknown, Deps, Nodes>;

type ListCheck<Deps, Nodes> =
	NothingRequired<Deps> extends true ? readonly (keyof Nodes)[] : { readonly [Alias in keyof Deps]: keyof Nodes };

type AliasCheck<Given, Deps, Nodes> = string extends keyof Deps
	? { readonly [Alias in keyof Given]: keyof Nodes }
	: {
			readonly [Alias in keyof Deps]: Alias extends keyof Given
				? // Behind one of many may be whoever plans them.
					Target<Given[Alias], Alias extends ManyOf<Deps> ? unknown : Deps[Alias], Nodes>
				: keyof Nodes;
		} & { readonly [Alias in Exclude<keyof Given, keyof Deps>]: keyof Nodes };

/** The id that was given, if the output of its node is what is declared; otherwise those whose output is. */
type Target<Id, Needed, Nodes> = Id extends keyof Nodes
	? Nodes[Id] extends { readonly agent: infer A extends AnyAgent }
		? OutputOf<A> extends Needed
			? Id
			: Fitting<Nodes, Needed>
		: never
	: Fitting<Nodes, Needed>;

type Fitting<Nodes, Needed> = {
	[Id in keyof Nodes]: Nodes[Id] extends { readonly agent: infer A extends AnyAgent }
		? OutputOf<A> extends Needed
			? Id
			: never
		: never;
}[keyof Nodes];

/** The outputs of a static graph by id, and of the nodes that nobody depends on. */
interface StaticTypes<Nodes extends StaticNodes> {
	readonly outputs: { readonly [Id in keyof Nodes]: OutputOf<Nodes[Id]["agent"]> };
	readonly sinks: { readonly [Id in keyof Nodes as Exclude<Id, Targets<Nodes>>]: SinkOutput<Nodes[Id]> };
}

type Targets<Nodes extends StaticNodes> = {
	[Id in keyof Nodes]: Nodes[Id] extends { readonly dependsOn: infer Given }
		? Given[Given extends readonly unknown[] ? number & keyof Given : keyof Given]
		: never;
}[keyof Nodes];

/** A node whose join is not `all` may be skipped although nothing failed. */
type SinkOutput<Node extends StaticNode> = Node extends { readonly join: infer Join }
	? Join extends "all"
		? OutputOf<Node["agent"]>
		: OutputOf<Node["agent"]> | undefined
	: OutputOf<Node["agent"]>;

/** What {@link defineGraph} gives: plain data, and its types. */
export interface StaticGraph<Nodes extends StaticNodes> {
	readonly nodes: readonly NodeSpecOf<Nodes[keyof Nodes]["agent"]>[];
	readonly "~types"?: StaticTypes<Nodes>;
}

/**
 * A graph that is written down, as plain data. Its inputs are checked against its agents, its dependencies against its
 * ids and against what the agents declare; what a run gives is typed by id. It goes wherever a {@link GraphSpec} goes.
 *
 * @param nodes - by id
 * @throws SwarmError what {@link Swarm.start} throws for a graph, but for unknown limits: `INVALID_SPEC`, `UNKNOWN_DEPENDENCY`,
 * `CYCLE`, `INVALID_INPUT`; `DUPLICATE_AGENT`
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, defineGraph } from "dagswarm";
 *
 * const plan = defineAgent({ name: "plan", run: async (goal: { topics: string[] }) => goal.topics });
 * const count = defineAgent({ name: "count", dependsOn: { plan }, run: (_: undefined, ctx) => ctx.deps.plan.length });
 * const graph = defineGraph({
 *   plan: { agent: plan, input: { topics: ["bees", "wasps"] } },
 *   topics: { agent: count, dependsOn: { plan: "plan" } },
 * });
 * const outputs = await createSwarm({ agents: [plan, count] }).run(graph);
 * outputs.topics + 1; // 3
 * ```
 */
export function defineGraph<const Nodes extends StaticNodes>(
	nodes: {
		readonly [Id in keyof Nodes]: Nodes[Id] extends CheckedNode<Nodes[Id], Nodes>
			? Nodes[Id]
			: CheckedNode<Nodes[Id], Nodes>;
	},
): StaticGraph<Nodes> {
	if (typeof nodes !== "object" || nodes === null)
		throw new SwarmError("INVALID_SPEC", "a graph is written as { id: { agent, … } }");
	const agents = new Map<string, AnyAgent>();
	const specs = Object.entries(nodes as StaticNodes).map(([id, node]) => specOf(id, node, agents));
	// The graph itself says what is wrong with it, as it would at the start of a run.
	const { actor } = GraphActor.create({
		nodes: specs,
		policies: { agent: (name) => agents.get(name), needs: needsOf(agents.values()), defaults: {} },
		eventBuffer: 1,
	});
	actor.log.close();
	// Their types were checked above, node by node.
	return { nodes: specs } as unknown as StaticGraph<Nodes>;
}

function specOf(id: NodeId, node: StaticNode, agents: Map<string, AnyAgent>): NodeSpec {
	const { agent, ...rest } = node ?? {};
	if (typeof agent?.name !== "string" || typeof agent.run !== "function")
		throw new SwarmError("INVALID_SPEC", `node "${id}" has no agent`, {
			nodes: [id],
			hint: "use what defineAgent gives",
		});
	const known = agents.get(agent.name);
	if (known !== undefined && known !== agent)
		throw new SwarmError("DUPLICATE_AGENT", `there are two agents called "${agent.name}"`, { nodes: [id] });
	agents.set(agent.name, agent);
	return { ...rest, id, agent: agent.name };
}
