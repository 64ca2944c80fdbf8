import { createSwarm, defineAgent, type Snapshot } from "dagswarm";

/** Nodes per round, reached by running the graph again: small graphs alone are below the clock's resolution. */
const NODES_PER_ROUND = 5_000;
const WARM_UP_NODES = 20_000;
const ROUNDS = 5;

export interface Overhead {
	/** CPU time of the whole process, garbage collection included, per node. */
	readonly microseconds: number;
	readonly rounds: number;
}

/** Runs the final shape of a graph again with agents that do nothing: all that is left is the library's own time. */
export async function measureOverhead(snapshot: Snapshot, concurrency: number): Promise<Overhead> {
	const nothing = defineAgent({ name: "nothing", run: async () => null });
	const nodes = [...snapshot.nodes()].map(({ id, dependsOn }) => ({ id, agent: nothing, dependsOn }));
	const swarm = createSwarm({ agents: [nothing], concurrency });
	const runs = async (atLeast: number) => {
		const times = Math.ceil(atLeast / nodes.length);
		const before = process.cpuUsage();
		for (let i = 0; i < times; i++) await swarm.run({ nodes });
		const { user, system } = process.cpuUsage(before);
		return (user + system) / (times * nodes.length);
	};
	try {
		await runs(WARM_UP_NODES);
		const rounds: number[] = [];
		for (let i = 0; i < ROUNDS; i++) rounds.push(await runs(NODES_PER_ROUND));
		rounds.sort((a, b) => a - b);
		return { microseconds: rounds[ROUNDS >> 1]!, rounds: ROUNDS };
	} finally {
		await swarm.close();
	}
}
