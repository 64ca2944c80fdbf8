import fc from "fast-check";
import type { Mutation } from "../../graph/types.js";
import { listOf, type RawNode, rawNodes, type SpecConstraints } from "./raw-node.js";

/** A mutation as numbers; what they mean depends on the graph it is aimed at. */
export interface RawMutation {
	readonly type: Mutation["type"];
	/** Which nodes it names. */
	readonly a: number;
	readonly b: number;
	/** Which of its variants it is. */
	readonly mode: number;
	/** From 0 to 999; the largest ones make it wrong. */
	readonly wrong: number;
	readonly nodes: readonly RawNode[];
}

/** How often each type of mutation comes, out of their sum. */
export type MutationWeights = Readonly<Partial<Record<Mutation["type"], number>>>;

const WEIGHTS: Readonly<Record<Mutation["type"], number>> = {
	addNode: 22,
	addNodes: 8,
	addEdge: 16,
	removeEdge: 8,
	updateNode: 8,
	splitNode: 7,
	injectBefore: 7,
	removeNode: 6,
	markSpeculative: 6,
	confirmSpeculative: 4,
	pruneSubgraph: 3,
	discardSpeculative: 3,
};

/** Mutations as numbers; types without a weight never come. */
export function rawMutations(
	constraints: SpecConstraints,
	weights: MutationWeights = WEIGHTS,
): fc.Arbitrary<RawMutation> {
	const types = Object.entries(weights) as [Mutation["type"], number][];
	const type = fc.oneof(
		{ withCrossShrink: true },
		...types.map(([each, weight]) => ({ arbitrary: fc.constant(each), weight })),
	);
	const number = fc.nat({ max: 999 });
	return fc.record({
		type,
		a: number,
		b: number,
		mode: number,
		// fast-check likes the ends of a range, and one end of this one is wrong.
		wrong: fc.noBias(number),
		nodes: listOf(rawNodes(constraints), 1, 3),
	});
}
