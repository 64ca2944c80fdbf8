import { once } from "node:events";
import { createSwarm, defineAgent, sqliteJournal } from "dagswarm";
import { turn } from "./plan.js";

/** What this process is told by its argument. */
export interface LayersTask {
	readonly file: string;
	readonly run: string;
	readonly layers: number;
	readonly width: number;
}

/** Runs layers of nodes, the first when it is told to; says what came of it. */
const { file, run, layers, width } = JSON.parse(process.argv[2] ?? "") as LayersTask;
const journal = sqliteJournal(file);
const told = Promise.withResolvers<void>();
const work = defineAgent({
	name: "work",
	run: async (input: number, ctx) => {
		await (ctx.nodeId.startsWith("0.") ? told.promise : turn());
		return input;
	},
});
const swarm = createSwarm({ agents: [work], journal, concurrency: width });
const nodes = Array.from({ length: layers * width }, (_, n) => {
	const layer = Math.floor(n / width);
	const i = n % width;
	const dependsOn = layer === 0 ? [] : [`${layer - 1}.${i}`, `${layer - 1}.${(i + 1) % width}`];
	return { id: `${layer}.${i}`, agent: "work" as const, input: i, dependsOn };
});
const handle = swarm.start({ nodes }, { runId: run });
await journal.flush();
process.stdout.write("writing\n");
await once(process.stdin, "data");
told.resolve();
const { status, stats } = await handle.result();
process.stdin.destroy();
process.stdout.write(`${status} ${stats.completed} ${stats.events}\n`);
await journal.close();
