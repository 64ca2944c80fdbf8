import { type Contender, concurrency, works } from "./contender.ts";
import { completedIn } from "./outcome.ts";
import { type AnyAgent, createSwarm, defineAgent, result } from "./product.ts";

/** The product with every optional feature off. The swarm is made anew for every run, and that is in the figures. */
export const dagswarm: Contender = {
	name: "dagswarm",
	peer: false,
	run: async (load) => {
		const { noop, root } = works(load);
		const agents: readonly AnyAgent[] = [
			defineAgent({ name: "noop", run: noop! }),
			defineAgent({ name: "root", run: async () => result(undefined, { nodes: (await root!())! }) }),
		];
		const swarm = createSwarm({ agents, concurrency, check: "off", maxNodes: load.size, maxPatchSize: load.size });
		const run = swarm.start({ nodes: load.specs });
		const outcome = await run.result();
		await swarm.close();
		return { completed: completedIn(outcome), held: run };
	},
};
