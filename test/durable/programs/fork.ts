import { createSwarm, sqliteJournal } from "dagswarm";
import { Fate, type Kill, mortalJournal } from "./kills.js";
import { agentsOfTexts } from "./texts.js";

/** What this process is told by its argument. */
export interface ForkTask {
	readonly file: string;
	readonly from: string;
	readonly to: string;
	readonly kill: Kill;
}

/** Makes a fork of a run, and dies meanwhile. */
const { file, from, to, kill } = JSON.parse(process.argv[2] ?? "") as ForkTask;
const journal = mortalJournal(sqliteJournal(file), new Fate(kill), false);
const swarm = createSwarm({ agents: agentsOfTexts, journal });
const edit = [{ type: "updateNode", id: "n3", changes: { input: "edited" } }] as const;
await (await swarm.fork(from, { runId: to, edit })).result();
await journal.close();
