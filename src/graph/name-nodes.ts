import type { IdSource } from "../core/ids.js";
import type { Mutation, NodeSpec, Patch } from "./types.js";

/** A mutation whose specs all have ids. */
export function nameNodes(mutation: Mutation, named: (node: NodeSpec) => NodeSpec): Mutation {
	const needed = (node: NodeSpec): boolean => typeof node === "object" && node !== null && node.id === undefined;
	const all = (nodes: readonly NodeSpec[]): readonly NodeSpec[] =>
		Array.isArray(nodes) && nodes.some(needed) ? nodes.map((node) => (needed(node) ? named(node) : node)) : nodes;
	switch (mutation?.type) {
		case "addNode":
		case "injectBefore":
			return needed(mutation.node) ? { ...mutation, node: named(mutation.node) } : mutation;
		case "addNodes": {
			const nodes = all(mutation.nodes);
			return nodes === mutation.nodes ? mutation : { ...mutation, nodes };
		}
		case "splitNode": {
			const into = all(mutation.into);
			return into === mutation.into ? mutation : { ...mutation, into };
		}
		default:
			return mutation;
	}
}

/** A patch whose specs all have ids: those without one are given a fresh one. */
export function withIds(ids: IdSource, patch: Patch): Patch {
	// What is no list is passed on, so that it is refused.
	if (!Array.isArray(patch)) return patch;
	return patch.map((mutation: Mutation) => nameNodes(mutation, (node) => ({ ...node, id: ids.node() })));
}
