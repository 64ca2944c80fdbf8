import { type Contender, concurrency, works } from "./contender.ts";
import type { Spec } from "./workloads.ts";

interface PGraphModule {
	readonly PGraph: new (
		nodes: Map<string, { run: () => Promise<unknown> }>,
		edges: [from: string, to: string][],
	) => { run(options: { concurrency: number }): Promise<void> };
}

/** p-graph as a contender, or `undefined` when it is not installed. A graph that grows takes it two graphs in turn. */
export async function findPGraph(): Promise<Contender | undefined> {
	const library = await importPGraph();
	if (library === undefined) return undefined;
	return {
		name: "p-graph",
		peer: true,
		run: async (load) => {
			const agents = works(load);
			let completed = 0;
			const held: unknown[] = [];
			for (const specs of [load.specs, load.grown]) {
				if (specs.length === 0) continue;
				const nodes = new Map<string, { run: () => Promise<unknown> }>();
				const edges: [string, string][] = [];
				for (const spec of specs) describe(spec, agents[spec.agent]!, nodes, edges);
				const graph = new library.PGraph(nodes, edges);
				await graph.run({ concurrency });
				completed += nodes.size;
				held.push(graph);
			}
			return { completed, held };
		},
	};
}

function describe(
	spec: Spec,
	run: () => Promise<unknown>,
	nodes: Map<string, { run: () => Promise<unknown> }>,
	edges: [string, string][],
): void {
	nodes.set(spec.id, { run });
	if (spec.dependsOn !== undefined) for (const id of spec.dependsOn) edges.push([id, spec.id]);
}

async function importPGraph(): Promise<PGraphModule | undefined> {
	// Not a literal: the types must not ask for a package that need not be there.
	const name: string = "p-graph";
	try {
		return (await import(name)) as PGraphModule;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
		throw error;
	}
}
