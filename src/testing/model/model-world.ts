import type { ModelNode } from "./model-node.js";

/** The state of a model: what a refused command must leave as it was. */
export interface World {
	nodes: Map<string, ModelNode>;
	now: number;
	status: string;
	stopping: boolean;
	open: boolean;
	tokens: number;
	added: number;
	keys: Set<string>;
	/** Signals that nobody waited for yet, oldest first. */
	signals: { readonly name: string; readonly node: string | undefined }[];
	/** Parked nodes in the order in which they were parked: the first is woken first. */
	parks: string[];
}

export function createWorld(open: boolean, now: number): World {
	return {
		nodes: new Map(),
		now,
		status: "running",
		stopping: false,
		open,
		tokens: 0,
		added: 0,
		keys: new Set(),
		signals: [],
		parks: [],
	};
}

/** A copy that shares only what never changes. */
export function copyWorld(world: World): World {
	const nodes = new Map<string, ModelNode>();
	for (const [id, node] of world.nodes) nodes.set(id, { ...node });
	return { ...world, nodes, keys: new Set(world.keys), signals: [...world.signals], parks: [...world.parks] };
}
