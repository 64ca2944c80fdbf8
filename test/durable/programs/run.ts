import { createSwarm, type Durability, type RunHandle, SwarmError, sqliteJournal } from "dagswarm";
import { effectsFile } from "./effects.js";
import { Fate, type Kill, mortalJournal } from "./kills.js";
import { agentsOfPlan, nodesOfPlan } from "./plan.js";

/** What this process is told by its argument. */
export interface RunTask {
	readonly file: string;
	readonly effects: string;
	readonly run: string;
	readonly durability: Durability;
	/** The journal answers by promises. */
	readonly later: boolean;
	readonly kill?: Kill;
	readonly spared?: readonly string[];
	/** Lets go of the run after so many effects, and how many milliseconds that may take. */
	readonly drain?: { readonly n: number; readonly within: number };
}

const ENDS = new Set(["node.completed", "node.failed", "node.skipped", "node.abandoned", "node.cancelled"]);

const { file, effects, run, durability, later, kill, spared, drain } = JSON.parse(process.argv[2] ?? "") as RunTask;
let effectCount = 0;
let draining: Promise<void> | undefined;
const fate = new Fate(kill, spared);
const note = effectsFile(effects, () => {
	// Whoever kills from outside counts these.
	process.stdout.write(".\n");
	fate.pass("effect");
	// Not in the middle of what has the effect: a signal comes between two turns.
	if (drain === undefined || ++effectCount !== drain.n) return;
	setImmediate(() => {
		draining = swarm.drain(drain.within);
	});
});
const journal = mortalJournal(sqliteJournal(file), fate, later);
const swarm = createSwarm({ agents: agentsOfPlan(note), journal, durability, concurrency: 6, snapshotEvery: 60 });
// A process that died before its first append left no run behind.
const known = await journal.find(run);
const handle = known === undefined ? swarm.start({ nodes: nodesOfPlan() }, { runId: run }) : await swarm.recover(run);
const reading = read(handle);
const { status } = await handle.result();
await draining;
await reading;
note("result", run, 0, [status]);
await journal.close();

async function read(from: RunHandle): Promise<void> {
	try {
		for await (const event of from.events()) {
			if (!("node" in event) || event.node === undefined || !ENDS.has(event.type)) continue;
			note("seen", event.node, 0, [event.type]);
			fate.ended(event.node);
		}
	} catch (error) {
		if (!SwarmError.is(error) || error.code !== "SUSPENDED") throw error;
	}
}
