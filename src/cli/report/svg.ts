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
	if (snapshot.size > MAX_NODES || edges > MAX_EDGES) {
		const size = `${snapshot.size} nodes and ${edges} edges`;
		throw new SwarmError("LIMIT_EXCEEDED", `a graph of ${size} is too large for a picture`, {
			hint: `up to ${MAX_NODES} nodes and ${MAX_EDGES} edges fit; --dot gives the text for a layout program for large graphs, such as sfdp`,
		});
	}
	// Loaded here: it is a megabyte of WebAssembly that no other command needs.
	const { instance } = await import("@viz-js/viz");
	const viz = await instance();
	const isSmall = snapshot.size + edges <= MAX_SMALL;
	return viz.renderString(dot(), { format: "svg", ...(!isSmall && { graphAttributes: QUICK }) });
}
