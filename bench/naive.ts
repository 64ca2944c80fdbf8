import { type Contender, works } from "./contender.ts";
import type { Spec } from "./workloads.ts";

/** One promise per node over `Promise.all` of its dependencies. It knows no concurrency limit. */
export const naive: Contender = {
	name: "Promise.all",
	peer: true,
	run: async (load) => {
		const agents = works(load);
		const promises = new Map<string, Promise<unknown>>();
		const begin = (specs: readonly Spec[]) => {
			for (const spec of specs) {
				const work = agents[spec.agent]!;
				const dependencies = spec.dependsOn?.map((id) => promises.get(id));
				promises.set(spec.id, dependencies === undefined ? work() : Promise.all(dependencies).then(work));
			}
		};
		begin(load.specs);
		const outputs = await Promise.all(promises.values());
		if (load.grown.length === 0) return { completed: outputs.length, held: promises };
		begin(load.grown);
		return { completed: (await Promise.all(promises.values())).length, held: promises };
	},
};
