import type { NodeState } from "../../core/lifecycle.js";
import type { Join, NodeSpec, Snapshot } from "../../graph/types.js";

/** One node as mutations are aimed at it. */
export interface ReadNode {
	readonly id: string;
	readonly state: NodeState;
	readonly isStarted: boolean;
	/** Held, eager, or with an outcome that is withheld. */
	readonly isSpeculative: boolean;
	readonly deps: readonly string[];
	readonly join: Join;
	readonly addedBy?: string | undefined;
}

/** A graph as mutations are aimed at it: by id, in order of addition. */
export type GraphReading = ReadonlyMap<string, ReadNode>;

const ENDED: ReadonlySet<NodeState> = new Set<NodeState>(["completed", "failed", "skipped", "abandoned", "cancelled"]);

export function isEnded({ state }: ReadNode): boolean {
	return ENDED.has(state);
}

/** Whether a node may still be changed. */
export function isOpen(node: ReadNode): boolean {
	return !node.isStarted && !isEnded(node);
}

/** Reads a committed state, or the specs of a graph that has not started. */
export function readGraph(source: Snapshot | readonly NodeSpec[]): GraphReading {
	const nodes = "nodes" in source ? fromSnapshot(source) : fromSpecs(source);
	return new Map(nodes.map((node) => [node.id, node]));
}

function fromSnapshot(snapshot: Snapshot): ReadNode[] {
	return [...snapshot.nodes()].map(({ id, state, attempt, speculative, dependsOn, join, addedBy }) => ({
		id,
		state,
		isStarted: attempt > 0,
		isSpeculative: speculative !== undefined,
		deps: dependsOn,
		join,
		addedBy,
	}));
}

function fromSpecs(specs: readonly NodeSpec[]): ReadNode[] {
	return specs.flatMap(({ id, dependsOn = [], join = "all", speculative }) => {
		// A node without an id cannot be named by a mutation.
		if (id === undefined) return [];
		const deps: readonly string[] = Object.values(dependsOn);
		const state = speculative === "hold" ? "speculative" : deps.length > 0 ? "pending" : "ready";
		return [{ id, state, isStarted: false, isSpeculative: speculative !== undefined, deps, join }];
	});
}
