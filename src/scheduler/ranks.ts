import type { Graph } from "../graph/graph.js";

/** Ranks are swept again when this share of the open nodes has changed. */
const CHANGED_SHARE = 8;

/**
 * The length of the longest path from each node to the end, in estimated milliseconds: what the
 * critical path policy goes by. After Kelley and Walker, "Critical-path planning and scheduling"
 * (1959); as "upward rank" in Topcuoglu, Hariri and Wu (IEEE TPDS 13, 2002).
 *
 * Ranks of a growing graph lag: they are computed in one sweep, and again when enough has changed.
 */
export class Ranks {
	#ranks = new Float64Array(0);
	#version = -1;

	constructor(private readonly graph: Graph) {}

	of(n: number): number {
		return this.#ranks[n] ?? this.graph.spec(n).estimateMs ?? 0;
	}

	/** @returns whether the ranks were swept, and entries have to be weighed anew */
	refresh(openNodes: number): boolean {
		const { graph } = this;
		const changed = graph.version - this.#version;
		if (this.#version >= 0 && (changed === 0 || changed * CHANGED_SHARE < openNodes)) return false;
		this.#version = graph.version;
		this.#sweep();
		return true;
	}

	#sweep(): void {
		const { graph } = this;
		const { nodes, edges } = graph;
		const ranks = new Float64Array(graph.size);
		const open: number[] = [];
		for (let n = 0; n < graph.size; n++) if (!graph.isTerminal(n)) open.push(n);
		open.sort((a, b) => nodes.label(b) - nodes.label(a));
		for (const n of open) {
			let longest = 0;
			for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
				const rank = ranks[edges.to(edge)] as number;
				if (rank > longest) longest = rank;
			}
			ranks[n] = longest + (graph.spec(n).estimateMs ?? 0);
		}
		this.#ranks = ranks;
	}
}
