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
