import { createSwarm, defineAgent, sqliteJournal } from "dagswarm";
import { effectsFile } from "./effects.js";
import { die } from "./kills.js";

/** What this process is told by its argument. */
export interface WideTask {
	readonly file: string;
	readonly effects: string;
	readonly run: string;
	readonly nodes: number;
	/** It dies when so many nodes have started. */
	readonly killAt?: number;
}

/** Many nodes at once that never wait for anything: between two commits there are as many events as there may be. */
const { file, effects, run, nodes, killAt } = JSON.parse(process.argv[2] ?? "") as WideTask;
const note = effectsFile(effects);
let started = 0;
let published = 0;
const echo = defineAgent({
	name: "echo",
	run: async (input: number, ctx) => {
		if (++started !== killAt) return input;
		note("seen", ctx.nodeId, ctx.attempt, [String(published)]);
		return die();
	},
});
const journal = sqliteJournal(file);
const swarm = createSwarm({ agents: [echo], journal, durability: "relaxed", concurrency: 64 });
const spec = { nodes: Array.from({ length: nodes }, (_, i) => ({ id: `n${i}`, agent: "echo", input: i }) as const) };
const known = await journal.find(run);
const handle = known === undefined ? swarm.start(spec, { runId: run }) : await swarm.recover(run);
handle.view().subscribe(({ seq }) => {
	published = seq;
});
await handle.result();
await journal.close();
