import type fc from "fast-check";
import type { Mutation, NodeSpec, Patch, Snapshot } from "../../graph/types.js";
import { Aim } from "./aim.js";
import { readGraph } from "./graph-reading.js";
import { listOf, type SpecConstraints } from "./raw-node.js";
import { type MutationWeights, rawMutations } from "./raw-patch.js";

/** What kinds of patch there may be; the rest says what the nodes are like that they bring. */
export interface PatchConstraints extends SpecConstraints {
	/** Fewest mutations; default 0. Where a graph has nothing to mutate there may be fewer. */
	readonly minMutations?: number;
	/** Most mutations; default 5. */
	readonly maxMutations?: number;
	/** Types of mutation with their weights; default all. */
	readonly types?: MutationWeights;
	/**
	 * The share of mutations that are wrong on purpose, 0 to 1: cycles, unknown nodes, wrong states,
	 * malformed ones. Default 0.05, which leaves most patches of several mutations legal.
	 */
	readonly illegal?: number;
}

/**
 * Patches aimed at a graph: mutations of every type, at nodes that can take them, fitting beside each
 * other, and now and then wrong in every way. Give the graph as it is committed, or the specs of one
 * that has not started. They shrink to few mutations that add default nodes.
 *
 * @example
 * ```ts
 * import { GraphActor } from "dagswarm";
 * import fc from "fast-check";
 * import { graphs, patches } from "dagswarm/testing";
 *
 * await fc.assert(
 *   fc.asyncProperty(
 *     graphs({ minNodes: 3 }).chain((nodes) => fc.tuple(fc.constant(nodes), patches(nodes))),
 *     async ([nodes, patch]) => {
 *       const { handle } = GraphActor.create({ nodes });
 *       const before = handle.snapshot();
 *       const reply = await handle.mutate(patch);
 *       return reply.ok || handle.snapshot() === before;
 *     },
 *   ),
 *   { numRuns: 20, seed: 1 },
 * );
 * ```
 */
export function patches(
	graph: Snapshot | readonly NodeSpec[],
	constraints: PatchConstraints = {},
): fc.Arbitrary<Patch> {
	const { minMutations = 0, maxMutations = 5, types, illegal = 0.05 } = constraints;
	const reading = readGraph(graph);
	return listOf(rawMutations(constraints, types), minMutations, maxMutations).map((raws) => {
		const aim = new Aim(reading, { specs: constraints, wrong: illegal });
		return raws.map((raw) => aim.mutation(raw)).filter((made): made is Mutation => made !== undefined);
	});
}
