import { canonicalJson } from "../core/plain.js";
import type { StoredSpec } from "./types.js";

/** Whether two specs say the same, whatever the order of their fields. */
export function sameSpec(a: StoredSpec, b: StoredSpec): boolean {
	return a === b || canonicalJson(a) === canonicalJson(b);
}

/**
 * Specs in an order in which each comes after those it depends on, otherwise as given (Kahn,
 * "Topological sorting of large networks", CACM 5, 1962). Dependencies on others are not looked at.
 *
 * @returns the order, or the ids of a cycle (the first repeated at the end), or an id that is given twice
 */
export function sortSpecs(
	specs: readonly StoredSpec[],
): { readonly specs: StoredSpec[] } | { readonly cycle: string[] } | { readonly duplicate: string } {
	const index = new Map<string, number>();
	for (let i = 0; i < specs.length; i++) {
		const { id } = specs[i] as StoredSpec;
		if (index.has(id)) return { duplicate: id };
		index.set(id, i);
	}
	const open = new Int32Array(specs.length);
	const dependents: number[][] = specs.map(() => []);
	for (let i = 0; i < specs.length; i++) {
		for (const id of new Set(Object.values((specs[i] as StoredSpec).dependsOn ?? []))) {
			const from = index.get(id);
			if (from === undefined) continue;
			open[i] = (open[i] as number) + 1;
			dependents[from]?.push(i);
		}
	}
	const order: number[] = [];
	for (let i = 0; i < specs.length; i++) if (open[i] === 0) order.push(i);
	for (let k = 0; k < order.length; k++) {
		for (const next of dependents[order[k] as number] as number[]) {
			open[next] = (open[next] as number) - 1;
			if (open[next] === 0) order.push(next);
		}
	}
	if (order.length < specs.length) return { cycle: findCycle(specs, index, open) };
	return { specs: order.map((i) => specs[i] as StoredSpec) };
}

/** Follows open dependencies until one comes again; every node with an open one has another before it. */
function findCycle(specs: readonly StoredSpec[], index: ReadonlyMap<string, number>, open: Int32Array): string[] {
	const at = new Map<number, number>();
	const path: number[] = [];
	let i = open.findIndex((count) => count > 0);
	while (!at.has(i)) {
		at.set(i, path.length);
		path.push(i);
		const ids = Object.values((specs[i] as StoredSpec).dependsOn ?? []);
		i = ids.map((id) => index.get(id)).find((k) => k !== undefined && (open[k] as number) > 0) as number;
	}
	const cycle = path.slice(at.get(i)).map((k) => (specs[k] as StoredSpec).id);
	cycle.reverse();
	return [...cycle, cycle[0] as string];
}
