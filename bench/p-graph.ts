import { type Contender, concurrency, works } from "./contender.ts";
import { importOnce } from "./library.ts";

type Nodes = Map<string, { readonly run: () => Promise<unknown> }>;

interface PGraphModule {
	readonly PGraph: new (
		nodes: Nodes,
		edges: [from: string, to: string][],
	) => { run(options: { concurrency: number }): Promise<void> };
}

/** A graph that grows takes it two graphs in turn. */
export const pGraph: Contender = {
	name: "p-graph",
	peer: true,
	library: "p-graph",
	run: async (load) => {
		const { PGraph } = await importOnce<PGraphModule>("p-graph");
		const agents = works(load);
		let completed = 0;
		const held: unknown[] = [];
		for (const specs of [load.specs, load.grown]) {
			if (specs.length === 0) continue;
			const nodes: Nodes = new Map();
			const edges: [string, string][] = [];
			for (const { id, agent, dependsOn } of specs) {
				nodes.set(id, { run: agents[agent]! });
				if (dependsOn !== undefined) for (const from of dependsOn) edges.push([from, id]);
			}
			const graph = new PGraph(nodes, edges);
			await graph.run({ concurrency });
			completed += nodes.size;
			held.push(graph);
		}
		return { completed, held };
	},
};
