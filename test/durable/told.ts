import { existsSync, readFileSync } from "node:fs";
import type { RunEvent, RunSummary, Snapshot } from "dagswarm";
import { foldProblem, judgeTrace } from "dagswarm/testing";
import { checkState } from "../../src/graph/invariants.js";
import { Snapshots } from "../../src/graph/snapshot.js";
import type { RunState } from "../../src/graph/state.js";
import { readEvents } from "../../src/journal/reader.js";
import { loadState } from "../../src/stored-run.js";
import { openJournal } from "../journal/journal-file.js";
import type { Effect } from "./programs/effects.js";

/** What a journal tells of a run. */
export interface Told {
	readonly summary: RunSummary;
	/** Those that are kept. */
	readonly events: readonly RunEvent[];
	readonly state: RunState;
	readonly snapshot: Snapshot;
}

/** Reads a run from its file; undefined when it is not there. */
export async function readRun(file: string, run: string): Promise<Told | undefined> {
	const journal = openJournal(file);
	try {
		const summary = journal.find(run);
		if (summary === undefined) return undefined;
		const events: RunEvent[] = [];
		await readEvents(journal, run, summary.firstSeq, (event) => events.push(event));
		const state = await loadState(journal, run);
		return { summary, events, state, snapshot: new Snapshots(state).take() };
	} finally {
		journal.close();
	}
}

/** What is wrong with a run's events; nothing may be, at whatever moment its process died. */
export function problemsOf({ events, snapshot, state, summary }: Told): string[] {
	// Where the first events are not kept any more, the state came from a snapshot alone.
	const isWhole = summary.firstSeq === 1;
	const problems = isWhole ? judgeTrace(events) : [];
	const wrong = isWhole ? foldProblem(events, snapshot) : checkState(state);
	if (wrong !== undefined) problems.push(wrong);
	if (summary.lastSeq !== state.seq)
		problems.push(`the run is said to have ${summary.lastSeq} events, of ${state.seq}`);
	if (summary.ended !== state.ended) problems.push("the run's end is not its own");
	return problems;
}

/** What everybody may compare: the same graph comes to the same, however often its process died. */
export function resultOf({ snapshot }: Pick<Told, "snapshot">): unknown {
	const nodes = [...snapshot.nodes()].map(({ id, agent, state, output, error, skipped, abandoned }) => [
		id,
		{ agent, state, output, skipped, abandoned, ...(state === "failed" && { error: [error?.code, error?.message] }) },
	]);
	return { status: snapshot.status, nodes: Object.fromEntries(nodes) };
}

/** The effects so far; one that was cut off by a crash was not written. */
export function readEffects(file: string): Effect[] {
	if (!existsSync(file)) return [];
	return readFileSync(file, "utf8")
		.split("\n")
		.filter((line) => line.endsWith("}"))
		.map((line) => JSON.parse(line) as Effect);
}
