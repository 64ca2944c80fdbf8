import { DEAD, judgeCounts } from "./frontier.js";
import type { Graph } from "./graph.js";
import { OPEN } from "./node-table.js";

/**
 * The nodes that pruning some roots abandons, in topological order, themselves included unless they
 * have ended.
 *
 * @param scope - `descendants`: all downstream; `exclusive`: spared are those that have a dependency
 * outside and whose join can still be met with the pruned ones bad
 * @param before - what earlier mutations of the same patch prune: it is not outside either
 */
export function pruned(
	graph: Graph,
	roots: readonly number[],
	scope: "descendants" | "exclusive",
	before: readonly number[] = [],
): number[] {
	const { nodes } = graph;
	const below = downstream(graph, roots);
	below.sort((a, b) => nodes.label(a) - nodes.label(b));
	if (scope === "descendants") return below.filter((n) => !graph.isTerminal(n));
	const gone = new Set<number>([...roots, ...before]);
	for (const n of below) {
		if (!gone.has(n) && !graph.isTerminal(n) && falls(graph, n, gone)) gone.add(n);
	}
	return below.filter((n) => gone.has(n) && !graph.isTerminal(n));
}

function downstream(graph: Graph, roots: readonly number[]): number[] {
	const { nodes, edges, marks } = graph;
	const mark = graph.marks.fresh(graph.size);
	const found = [...roots];
	for (const root of roots) marks.setMark(root, mark);
	for (let i = 0; i < found.length; i++) {
		for (let edge = nodes.firstOut(found[i] as number); edge !== 0; edge = edges.nextOut(edge)) {
			const to = edges.to(edge);
			if (marks.mark(to) === mark) continue;
			marks.setMark(to, mark);
			found.push(to);
		}
	}
	return found;
}

/** Whether a node goes when those in `gone` go. */
function falls(graph: Graph, n: number, gone: ReadonlySet<number>): boolean {
	const { nodes, edges } = graph;
	let inside = 0;
	let openInside = 0;
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
		const from = edges.from(edge);
		if (!gone.has(from)) continue;
		inside++;
		if (nodes.counterOf(from) === OPEN) openInside++;
	}
	if (inside === 0) return false;
	if (inside === nodes.degree(n)) return true;
	// An ended root stays as it is, so what it counted for still counts.
	const judged = judgeCounts(
		nodes.join(n),
		nodes.need(n),
		nodes.open(n) - openInside,
		nodes.ok(n),
		nodes.failed(n),
		nodes.lost(n) + openInside,
		nodes.blockFailed(n),
	);
	return judged === DEAD;
}
