import { type Contender, concurrency, type Work, works } from "./contender.ts";
import { completedIn } from "./outcome.ts";
import { type AnyAgent, createSwarm, defineAgent, result } from "./product.ts";

/** The product with every optional feature off. The swarm is made anew for every run, and that is in the figures. */
export const dagswarm: Contender = {
	name: "dagswarm",
	peer: false,
	run: async (load) => {
		const agents = Object.entries(works(load)).map(asAgent);
		const swarm = createSwarm({ agents, concurrency, check: "off", maxNodes: load.size, maxPatchSize: load.size });
		const run = swarm.start({ nodes: load.specs });
		const outcome = await run.result();
		await swarm.close();
		return { completed: completedIn(outcome), held: run };
	},
};

function asAgent([name, work]: [name: string, work: Work]): AnyAgent {
	if (name !== "root") return defineAgent({ name, run: work });
	return defineAgent({ name, run: async () => result(undefined, { nodes: (await work())! }) });
}
