import type { Work } from "./contender.ts";
import { seeded } from "./random.ts";

/** The part of a node's spec that every contender understands. */
export interface Spec {
	readonly id: string;
	readonly agent: string;
	readonly dependsOn?: readonly string[];
}

/** What one run is given: the specs it starts with, and those that its root adds. */
export interface Load {
	readonly workload: WorkloadName;
	/** Nodes in all. */
	readonly size: number;
	readonly specs: readonly Spec[];
	readonly grown: readonly Spec[];
	/** The work of the agents, where it is not the usual one. */
	readonly works?: Readonly<Record<string, Work>>;
}

/** Layers of `width`, each node on two random nodes of the layer above, seeded. */
export function layered(size: number, width = 32): Spec[] {
	const random = seeded(20);
	const specs: Spec[] = [];
	for (let at = 0; at < size; at++) {
		const id = `n${at}`;
		if (at < width) {
			specs.push({ id, agent: "noop" });
			continue;
		}
		const above = at - (at % width) - width;
		const first = Math.floor(random() * width);
		const second = (first + 1 + Math.floor(random() * (width - 1))) % width;
		specs.push({ id, agent: "noop", dependsOn: [specs[above + first]!.id, specs[above + second]!.id] });
	}
	return specs;
}

/** In every workload a spec comes after its dependencies. */
const shapes = {
	fan: (size: number): Spec[] => {
		const specs: Spec[] = [{ id: "n0", agent: "noop" }];
		const leaves: string[] = [];
		for (let at = 1; at < size - 1; at++) {
			const id = `n${at}`;
			leaves.push(id);
			specs.push({ id, agent: "noop", dependsOn: [specs[0]!.id] });
		}
		specs.push({ id: `n${size - 1}`, agent: "noop", dependsOn: leaves });
		return specs;
	},
	chain: (size: number): Spec[] => {
		const specs: Spec[] = [{ id: "n0", agent: "noop" }];
		for (let at = 1; at < size; at++) specs.push({ id: `n${at}`, agent: "noop", dependsOn: [specs[at - 1]!.id] });
		return specs;
	},
	layered: (size: number): Spec[] => layered(size),
	independent: (size: number): Spec[] => {
		const specs: Spec[] = [];
		for (let at = 0; at < size; at++) specs.push({ id: `n${at}`, agent: "noop" });
		return specs;
	},
} as const;

export const workloadNames = ["fan", "chain", "layered", "independent", "dynamic"] as const;

export type WorkloadName = (typeof workloadNames)[number];

/**
 * Fresh specs: a run may freeze them, and strings remember their hash once they were a key, so that no contender may
 * meet the ones that another has used.
 */
export function load(workload: WorkloadName, size: number): Load {
	if (workload !== "dynamic") return { workload, size, specs: shapes[workload](size), grown: [] };
	return { workload, size, specs: [{ id: "root", agent: "root" }], grown: shapes.independent(size - 1) };
}
