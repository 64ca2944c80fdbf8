import fc from "fast-check";
import type { NodeSpec } from "../../graph/types.js";
import { listOf, pickBack, type RawNode, rawNodes, type SpecConstraints, specFrom } from "./raw-node.js";

/** How the nodes of a graph hang together. */
export type GraphShape = "independent" | "chain" | "fan" | "layered" | "random";

/** What kinds of graph there may be. */
export interface GraphConstraints extends SpecConstraints {
	/**
	 * `independent`: no dependencies; `chain`: each waits for the one before; `fan`: one, many that wait
	 * for it, and one that waits for those; `layered`: each waits for nodes of the layer above; `random`:
	 * each waits for any before it. One or several; default all.
	 */
	readonly shape?: GraphShape | readonly GraphShape[];
	/** Fewest nodes; default 0. */
	readonly minNodes?: number;
	/** Most nodes; default 12, at most 10,000. */
	readonly maxNodes?: number;
	/** Most dependencies of one node of a random or layered graph, 0 to 100; default 3. */
	readonly maxDependencies?: number;
}

/** A generated node: it always has an id. */
export type GeneratedSpec = NodeSpec & { readonly id: string };

const SHAPES: readonly GraphShape[] = ["independent", "chain", "fan", "layered", "random"];

/**
 * Graphs that are valid for `createSwarm` and `GraphActor.create`, in topological order with the ids
 * `n1`, `n2`, …. They shrink to few nodes, few dependencies and default policies; a smaller graph keeps
 * the numbers of dependencies that are left.
 *
 * @example
 * ```ts
 * import { type AnyAgent, createSwarm, defineAgent } from "dagswarm";
 * import fc from "fast-check";
 * import { graphs } from "dagswarm/testing";
 *
 * const work = defineAgent({ name: "work", run: async (input: unknown) => input });
 * await fc.assert(
 *   fc.asyncProperty(graphs({ maxNodes: 6, inputs: fc.nat() }), async (nodes) => {
 *     await using swarm = createSwarm<AnyAgent>({ agents: [work] });
 *     const { failures } = await swarm.start({ nodes }).result();
 *     return failures.length === 0;
 *   }),
 *   { numRuns: 20, seed: 1 },
 * );
 * ```
 */
export function graphs(constraints: GraphConstraints = {}): fc.Arbitrary<GeneratedSpec[]> {
	const { shape = SHAPES, minNodes = 0, maxNodes = 12, maxDependencies = 3 } = constraints;
	const shapes = typeof shape === "string" ? [shape] : shape;
	return fc
		.record({
			shape: fc.constantFrom(...shapes),
			width: fc.integer({ min: 1, max: 5 }),
			nodes: listOf(rawNodes(constraints, maxDependencies), minNodes, maxNodes),
		})
		.map(({ shape, width, nodes }) => {
			const ids = nodes.map((_, i) => `n${i + 1}`);
			return nodes.map((raw, i) => {
				const dependsOn = dependenciesOf(raw, i, ids, shape, width);
				return specFrom(raw, ids[i] as string, dependsOn, constraints);
			});
		});
}

/** The ids that the node at `i` depends on. */
function dependenciesOf(
	{ deps }: RawNode,
	i: number,
	ids: readonly string[],
	shape: GraphShape,
	width: number,
): readonly string[] {
	switch (shape) {
		case "independent":
			return [];
		case "chain":
			return ids.slice(Math.max(0, i - 1), i);
		case "fan":
			if (i < 2 || i < ids.length - 1) return ids.slice(0, Math.min(i, 1));
			return ids.slice(1, i);
		case "layered": {
			const layer = i - (i % width);
			return pickBack(ids.slice(Math.max(0, layer - width), layer), deps.length === 0 ? [0] : deps);
		}
		case "random":
			return pickBack(ids.slice(0, i), deps);
	}
}
