import { SwarmError } from "../../core/errors.js";
import type { Snapshot } from "../../graph/types.js";

/** A layout takes more than linear time, and nobody can look at a larger picture anyway. */
const MAX_NODES = 1_500;
const MAX_EDGES = 3_000;

/** Up to so many nodes and edges together, a good layout takes a second at most. */
const MAX_SMALL = 500;

/** For larger ones: it takes seconds, where Graphviz would else take minutes to make a few crossings less. */
const QUICK = { nslimit: 1, nslimit1: 1, mclimit: 0.05, searchsize: 10, splines: "line" } as const;

/**
 * The picture of a graph, laid out by Graphviz.
 *
 * @param dot - its text in the language of Graphviz
 * @throws SwarmError `LIMIT_EXCEEDED` for one that is too large for a picture
 */
export async function svgOf(snapshot: Snapshot, dot: () => string): Promise<string> {
	let edges = 0;
	for (const { dependsOn } of snapshot.nodes()) edges += dependsOn.length;
	if (snapshot.size > MAX_NODES || edges > MAX_EDGES) throw tooLarge(snapshot, edges);
	// Loaded here: it is a megabyte of WebAssembly that no other command needs.
	const { instance } = await import("@viz-js/viz");
	const viz = await instance();
	const isSmall = snapshot.size + edges <= MAX_SMALL;
	try {
		return viz.renderString(dot(), { format: "svg", ...(!isSmall && { graphAttributes: QUICK }) });
	} catch (error) {
		// Its stack is small: a few hundred nodes that all depend on each other are too much.
		throw tooLarge(snapshot, edges, error);
	}
}

function tooLarge({ size }: Snapshot, edges: number, cause?: unknown): SwarmError {
	const message = `a graph of ${size} nodes and ${edges} edges is too large for a picture`;
	const hint = `up to ${MAX_NODES} nodes and ${MAX_EDGES} edges fit, fewer where they are dense; --dot gives the text for a layout program for large graphs, such as sfdp`;
	return new SwarmError("LIMIT_EXCEEDED", message, { hint }, { cause });
}
