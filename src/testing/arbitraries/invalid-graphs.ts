import fc from "fast-check";
import type { ErrorCode } from "../../core/errors.js";
import type { NodeSpec } from "../../graph/types.js";
import { type GeneratedSpec, type GraphConstraints, graphs } from "./graphs.js";

/** A graph with one thing wrong, and the code it is refused with. */
export interface InvalidGraph {
	readonly nodes: NodeSpec[];
	readonly code: ErrorCode;
}

/** Spoils one node of a graph. */
type Flaw = (
	spec: GeneratedSpec,
	others: readonly GeneratedSpec[],
) => { readonly nodes: unknown[]; readonly code: ErrorCode };

const said =
	(fields: object, code: ErrorCode = "INVALID_SPEC"): Flaw =>
	(spec) => ({ nodes: [{ ...spec, ...fields }], code });

const FLAWS: readonly Flaw[] = [
	(spec) => ({ nodes: [spec, { id: spec.id, agent: "work" }], code: "DUPLICATE_NODE" }),
	said({ dependsOn: ["nobody"], join: "all", input: null }, "UNKNOWN_DEPENDENCY"),
	({ id }) => ({ nodes: [{ id, agent: "work", dependsOn: [id] }], code: "CYCLE" }),
	({ id }) => ({
		nodes: [
			{ id, agent: "work", dependsOn: [`${id}-b`] },
			{ id: `${id}-b`, agent: "work", dependsOn: [id] },
		],
		code: "CYCLE",
	}),
	said({ dependsOn: [], join: "failed", input: null }),
	said({ dependsOn: [], join: { atLeast: 1 }, input: null }),
	said({ join: { atLeast: 0 } }),
	said({ join: "sometimes" }),
	said({ agent: undefined }),
	said({ agent: "" }),
	said({ retry: { maxAttempts: 0 } }),
	said({ priority: Number.NaN }),
	said({ colour: "red" }),
	said({ input: { of: { $output: "nobody" } } }),
	said({ input: { do: () => {} } }, "INVALID_INPUT"),
	said({ input: Number.NaN }, "INVALID_INPUT"),
];

/**
 * Graphs that are refused, each with the code it says: for tests of whatever hands on plans that it
 * did not make itself. The rest of the graph is like one of {@link graphs}.
 *
 * @example
 * ```ts
 * import { GraphActor, SwarmError } from "dagswarm";
 * import fc from "fast-check";
 * import { invalidGraphs } from "dagswarm/testing";
 *
 * fc.assert(
 *   fc.property(invalidGraphs(), ({ nodes, code }) => {
 *     try {
 *       GraphActor.create({ nodes });
 *       return false;
 *     } catch (error) {
 *       return SwarmError.is(error) && error.code === code;
 *     }
 *   }),
 *   { numRuns: 20, seed: 1 },
 * );
 * ```
 */
export function invalidGraphs(constraints: GraphConstraints = {}): fc.Arbitrary<InvalidGraph> {
	const valid = graphs({ ...constraints, minNodes: Math.max(1, constraints.minNodes ?? 0) });
	return fc.tuple(valid, fc.constantFrom(...FLAWS), fc.nat()).map(([nodes, flaw, number]) => {
		const at = number % nodes.length;
		const spoilt = flaw(nodes[at] as GeneratedSpec, nodes);
		return { nodes: [...nodes.slice(0, at), ...spoilt.nodes, ...nodes.slice(at + 1)] as NodeSpec[], code: spoilt.code };
	});
}
