import type { RunId } from "../core/ids.js";
import { createSwarm } from "../create-swarm.js";
import type { AnyAgent } from "../executor/agent.js";
import type { Journal } from "../journal/journal.js";
import { isGone } from "../recovery.js";
import { findRun } from "../stored-run.js";
import type { Swarm } from "../swarm.js";
import { askRun, carryOut, type RunCommand } from "../triggers/run-requests.js";
import { sqliteStore } from "../triggers/sqlite-store.js";
import type { Store } from "../triggers/store.js";
import { loadProject, swarmOf } from "./project.js";
import { projectOf } from "./project-of-run.js";
import { checkStore, findRunId } from "./read-store.js";
import type { Shared, World } from "./world.js";

/** Who has done what was asked: the process that has the run, or this one, as none has. */
export type DoneBy = { readonly pid: number; readonly host: string } | "here";

/** What somebody wants of a run. */
export interface Wanted {
	/** As it was typed. */
	readonly run: string;
	/** The run's module, where it does not say itself, or is another file now. */
	readonly file?: string | undefined;
	/** @param run - the id that was meant */
	readonly command: (journal: Journal, run: RunId) => Promise<{ readonly run: RunId; readonly command: RunCommand }>;
}

/** What came of it. */
export interface Told {
	readonly run: RunId;
	readonly command: RunCommand;
	readonly by: DoneBy;
}

/**
 * Has something done to a run by the process that has it; where none has, it is brought back for as long as that takes.
 *
 * @throws SwarmError what the run refuses it with, and what `askRun`, `loadProject` and `swarm.recover` throw
 */
export async function tellRun(wanted: Wanted, shared: Shared, world: World): Promise<Told> {
	checkStore(shared.store);
	const store = sqliteStore(shared.store);
	try {
		const asked = await wanted.command(store.journal, await findRunId(store.journal, wanted.run));
		const by = await tell(asked.run, asked.command, wanted.file, store, world);
		return { ...asked, by };
	} finally {
		await store.close();
	}
}

async function tell(
	run: RunId,
	command: RunCommand,
	file: string | undefined,
	store: Store,
	world: World,
): Promise<DoneBy> {
	const { ended, writer } = await findRun(store.journal, run);
	if (ended || (writer !== undefined && !isGone(writer))) {
		await askRun(store, run, command, { clock: world.clock, ids: world.ids });
		return { pid: writer?.pid ?? 0, host: writer?.host ?? "" };
	}
	if (command.type === "cancel") await cancelHere(run, command.reason, store.journal, world);
	else await doHere(run, command, file, store.journal, world);
	return "here";
}

/** Nothing of it runs any more, so that nothing of its module is needed. */
async function cancelHere(run: RunId, reason: string | undefined, journal: Journal, { clock }: World): Promise<void> {
	const swarm = createSwarm({ agents: [], journal, clock });
	const cancelled = await swarm.recover(run, { signal: AbortSignal.abort(reason ?? "cancelled") });
	await cancelled.result();
	await swarm.close();
}

async function doHere(
	run: RunId,
	command: RunCommand,
	file: string | undefined,
	journal: Journal,
	world: World,
): Promise<void> {
	const project = await loadProject(file ?? (await projectOf(journal, run, "name it with --file")), world.cwd);
	const swarm: Swarm = swarmOf({ ...project, agents: project.agents.map(still) }, journal);
	try {
		await carryOut(await swarm.recover(run), command);
	} finally {
		await swarm.drain(0);
	}
}

/** An agent that does nothing until it is aborted: who answers a question does not start work that is broken off at once. */
function still(agent: AnyAgent): AnyAgent {
	const run: AnyAgent["run"] = async (_input, { signal }) =>
		new Promise<never>((_, reject) => {
			if (signal.aborted) reject(signal.reason);
			else signal.addEventListener("abort", () => reject(signal.reason));
		});
	return { ...agent, run };
}
