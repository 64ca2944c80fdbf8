import type { Refusal } from "../core/errors.js";
import type { Graph } from "./graph.js";
import { refuse } from "./spec.js";
import type { MutationRight } from "./types.js";

/** Whose patch it is, and what they may do. */
export interface Author {
	/** The number of the node whose agent made it, -1 for the caller of the run. */
	readonly n: number;
	readonly attempt: number;
	readonly right: MutationRight;
	/** It commits before its attempt ends. */
	readonly early: boolean;
	/** It commits together with the completion. */
	readonly completing: boolean;
}

/** The caller of the run. */
export const HOST: Author = { n: -1, attempt: 0, right: true, early: false, completing: false };

/** @returns a refusal when a node is neither the author nor of those it added, which `canMutate: "own"` asks for */
export function strangerRefusal(graph: Graph, n: number, author: Author): Refusal | undefined {
	if (n === author.n || graph.nodes.creator(n) === author.n + 1) return undefined;
	const id = graph.id(author.n);
	const target = graph.id(n);
	return refuse("NOT_PERMITTED", `node "${id}" may only change what it added, and "${target}" is not of these`, {
		nodes: [id, target],
		hint: 'set canMutate: true instead of "own"',
	});
}
