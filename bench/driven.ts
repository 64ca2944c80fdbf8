import { GraphActor, type GraphHandle, type Mutation } from "./product.ts";
import type { Spec } from "./workloads.ts";

const most = 10_000_000;

/** A graph that is driven by hand, with room for everything the trials add. */
export function driven(nodes: readonly Spec[]): GraphHandle {
	return GraphActor.create({ nodes, maxNodes: most, maxPatchSize: most }).handle;
}

/** Sends each mutation as a command of its own and waits for each answer, as a caller would. */
export async function oneByOne(handle: GraphHandle, mutations: readonly Mutation[]): Promise<undefined> {
	for (const mutation of mutations) {
		const reply = await handle.mutate([mutation]);
		if (!reply.ok) throw new Error(`${mutation.type} was refused: ${reply.code}: ${reply.message}`);
	}
}

/** Sends all mutations as one patch. */
export async function asOnePatch(handle: GraphHandle, mutations: readonly Mutation[]): Promise<undefined> {
	const reply = await handle.mutate(mutations);
	if (!reply.ok) throw new Error(`the patch was refused: ${reply.code}: ${reply.message}`);
}

/** Throws unless the graph has as many nodes as it should. */
export function expectSize(handle: GraphHandle, size: number): void {
	const found = handle.snapshot().size;
	if (found !== size) throw new Error(`expected ${size} nodes, found ${found}`);
}
