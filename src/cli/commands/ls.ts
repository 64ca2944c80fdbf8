import { callerIn } from "../../core/call-id.js";
import { RUN_STATES, type RunStatus } from "../../core/lifecycle.js";
import type { Journal, RunSummary } from "../../journal/journal.js";
import { readRun } from "../../run-reader.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { wholeOption, wordsOption } from "../option-values.js";
import { readStore } from "../read-store.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import { type ListedRun, type RunList, runListJson, runListText } from "../report/run-list.js";
import type { Shared } from "../world.js";

interface Options {
	readonly state?: string;
	readonly all?: boolean;
	readonly limit?: string;
}

/** `dagswarm ls`: the runs of the store. */
export const ls: Command = (program, world) => {
	program
		.command("ls")
		.description("Lists the runs, the newest first.")
		.option("--state <states>", `only those that stand so: ${RUN_STATES.join(", ")}`)
		.option("--all", "with the runs that nodes have called")
		.option("--limit <n>", "at most so many", "20")
		.action(
			action(world, (shared: Shared, options: Options) =>
				readStore(shared, async (journal) => {
					const states = wordsOption(options.state, "--state", RUN_STATES);
					const limit = wholeOption(options.limit, "--limit", 1) ?? 20;
					const list = await listRuns(journal, { states, limit, all: options.all === true });
					const now = world.clock.now();
					if (shared.json) world.out(json(runListJson(list, now), world));
					else {
						const width = world.isTerminal ? world.columns : undefined;
						world.out(runListText(list, { now, width, paint: painter(world) }).join("\n"));
					}
					return EXIT.completed;
				}),
			),
		);
};

/** Which runs are listed. */
export interface Listing {
	readonly states: readonly RunStatus[] | undefined;
	readonly limit: number;
	/** With those that were called. */
	readonly all: boolean;
}

/** So many events are read to tell how many nodes there are; runs that would need more say how long they are. */
const MAX_EVENTS = 50_000;

/** Looks for the runs that are wanted, and into them as far as that costs little. */
export async function listRuns(journal: Journal, wanted: Listing): Promise<RunList> {
	const { found, more } = await findRuns(journal, wanted);
	let events = 0;
	const runs: ListedRun[] = [];
	for (const summary of found) {
		const { run, lastSeq } = summary;
		const calledBy = callerIn(run);
		const isCheap = events + lastSeq <= MAX_EVENTS;
		if (isCheap) events += lastSeq;
		runs.push({ summary, calledBy, ...(isCheap && (await contentOf(journal, run))) });
	}
	return { runs, more };
}

async function findRuns(
	journal: Journal,
	{ states, limit, all }: Listing,
): Promise<{ readonly found: readonly RunSummary[]; readonly more: boolean }> {
	// Most runs fit mostly, so that few are looked at; where they do not, all are in the end.
	for (let page = limit * 4; ; page *= 8) {
		const runs = await journal.runs({ limit: page });
		const fitting = runs.filter(
			({ run, status }) => (all || callerIn(run) === undefined) && (states?.includes(status) ?? true),
		);
		if (fitting.length > limit || runs.length < page)
			return { found: fitting.slice(0, limit), more: fitting.length > limit };
	}
}

async function contentOf(journal: Journal, run: string): Promise<Pick<ListedRun, "nodes" | "waiting">> {
	try {
		const stored = await readRun(journal, run);
		return { nodes: stored.snapshot().counts, waiting: stored.waiting() };
	} catch {
		// A damaged run is no reason to show none: `show` says what is wrong with it.
		return {};
	}
}
