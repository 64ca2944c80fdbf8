import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createSwarm, type Journal, type RunHandle, type RunId, type Swarm, sqliteJournal } from "dagswarm";
import { agents, startGraph } from "./agents.ts";
import { type Durable, OWN_JOURNAL } from "./arguments.ts";
import { CONCURRENCY, followed, type Inspection, inspectionOf } from "./inspection.ts";
import type { Progress } from "./progress.ts";
import { ProjectError } from "./project-error.ts";

/** How many runs the demo's own journal keeps; one that the user named is left as it is. */
const KEPT_RUNS = 20;

/** How long what is being read may take when the run is let go of. */
const PATIENCE = "5s";

/** The process has let go of the run, which goes on where it is resumed. */
export class Suspended extends Error {
	readonly run: RunId;

	constructor(run: RunId) {
		super(`let go of the run ${run}`);
		this.run = run;
	}
}

/** It was stopped before there was a run. */
export class Stopped extends Error {}

/** What a durable run is told and tells while it goes on. */
export interface Watch {
	/** Lets go of the run when it aborts. */
	readonly signal: AbortSignal;
	/** Called once the run is on the disk: from now on it can be resumed. */
	readonly onKept: (run: RunId) => void;
}

/**
 * Plans and executes over the installed packages of a project, or goes on with that, in a journal that survives
 * the process.
 *
 * @throws Suspended when the signal aborts before the run has ended, Stopped before it has begun; SwarmError where the journal or the run refuses
 */
export async function inspectDurably(asked: Durable, progress: Progress, watch: Watch): Promise<Inspection> {
	if (watch.signal.aborted) throw new Stopped();
	const journal = await journalOf(asked);
	try {
		const swarm = createSwarm({ agents, concurrency: CONCURRENCY, journal, durability: "strict" });
		let letting: Promise<void> | undefined;
		const letGo = (): void => {
			letting = swarm.drain(PATIENCE);
		};
		try {
			const run = await runOf(asked, swarm);
			if (watch.signal.aborted) letGo();
			watch.signal.addEventListener("abort", letGo, { once: true });
			const outcome = await followed(
				run,
				tellingFirst(progress, () => watch.onKept(run.id)),
			);
			if (outcome.status === "suspended") throw new Suspended(run.id);
			return await inspectionOf(run, outcome);
		} finally {
			watch.signal.removeEventListener("abort", letGo);
			await (letting ?? swarm.drain(0));
		}
	} finally {
		await journal.close();
	}
}

async function journalOf(asked: Durable): Promise<Journal> {
	const { journal: file } = asked;
	// Opening it would make it.
	if ("resume" in asked && !existsSync(file)) throw new ProjectError(`there is no journal ${file}`);
	const own = file === OWN_JOURNAL;
	if (own) mkdirSync(dirname(file), { recursive: true });
	const journal = sqliteJournal(file);
	if (own) await journal.prune({ maxRuns: KEPT_RUNS }, Date.now());
	return journal;
}

async function runOf(asked: Durable, swarm: Swarm<(typeof agents)[number]>): Promise<RunHandle> {
	// No deadline: the time until somebody resumes it would count.
	if ("project" in asked) return swarm.start(startGraph(asked.project));
	const run = await swarm.recover(asked.resume);
	const snapshot = run.snapshot();
	if (snapshot.get("plan")?.agent === "plan" && snapshot.get("report")?.agent === "report") return run;
	throw new ProjectError(`the run ${asked.resume} is none of this demo`);
}

/** Progress whose first event is told of: what a strict run shows is on the disk. */
function tellingFirst(progress: Progress, tell: () => void): Progress {
	let told = false;
	return {
		observe: (event, counts) => {
			if (!told) tell();
			told = true;
			progress.observe(event, counts);
		},
		end: progress.end,
	};
}
