import type { Load, Spec } from "./workloads.ts";

export const concurrency = 8;

/** What a contender hands back when a run has ended. */
export interface Ended {
	/** How many nodes it says have completed. */
	readonly completed: number;
	/** What keeps its graph alive, for the memory section. */
	readonly held: unknown;
}

/** Something that can run a load. */
export interface Contender {
	readonly name: string;
	/** Peers may be absent, fail or be stopped when they take too long; the others must do every case. */
	readonly peer: boolean;
	/** The package of a peer that has to be installed, and is imported by its first run. */
	readonly library?: string;
	run(load: Load): Promise<Ended>;
}

/** A node's work: it may add nodes. */
export type Work = () => Promise<readonly Spec[] | undefined>;

let calls = 0;

/** The agent of every node. It counts, so that each run proves that all of its nodes ran. */
export async function noop(): Promise<undefined> {
	calls++;
}

/** An agent with an output, which its dependents may be given as their input. */
export async function one(input: { readonly above: number } | undefined): Promise<number> {
	if (input !== undefined && input.above !== 1) throw new Error(`an input has not arrived: ${JSON.stringify(input)}`);
	calls++;
	return 1;
}

/** The work of each agent that a load names. */
export function works(load: Load): Readonly<Record<string, Work>> {
	if (load.works !== undefined) return load.works;
	return {
		noop,
		root: async () => {
			calls++;
			return load.grown;
		},
	};
}

/** Runs a load and checks that every node ran and completed. */
export async function runChecked(contender: Contender, load: Load): Promise<Ended> {
	calls = 0;
	const ended = await contender.run(load);
	if (calls !== load.size || ended.completed !== load.size) {
		throw new Error(
			`${contender.name}, ${load.workload}, ${load.size} nodes: ${calls} ran and ${ended.completed} completed`,
		);
	}
	return ended;
}

/** Runs a load whose nodes take note of each other: none may begin before its dependencies have ended, nor twice. */
export async function proveOrder(contender: Contender, load: Load): Promise<void> {
	const ended = new Set<string>();
	const begun = new Set<string>();
	const wrong: string[] = [];
	const traced = ({ id, dependsOn = [] }: Spec): Work => {
		return async () => {
			calls++;
			if (begun.has(id)) wrong.push(`${id} ran twice`);
			begun.add(id);
			const early = dependsOn.find((dependency) => !ended.has(dependency));
			if (early !== undefined) wrong.push(`${id} began before ${early} had ended`);
			await undefined;
			ended.add(id);
			return id === "root" ? grown : undefined;
		};
	};
	// An agent for every node tells the nodes apart, whatever the contender calls them.
	const named = (specs: readonly Spec[]) => specs.map((spec) => ({ ...spec, agent: spec.id }));
	const grown = named(load.grown);
	const all = [...load.specs, ...load.grown];
	const agents = Object.fromEntries(all.map((spec) => [spec.id, traced(spec)]));
	await runChecked(contender, { ...load, specs: named(load.specs), grown, works: agents });
	if (wrong.length > 0) throw new Error(`${contender.name}, ${load.workload}: ${wrong[0]}`);
}
