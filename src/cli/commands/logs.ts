import { SwarmError } from "../../core/errors.js";
import type { RunId } from "../../core/ids.js";
import type { RunEvent, RunEventType } from "../../graph/types.js";
import type { Journal } from "../../journal/journal.js";
import { readRun, storedEvents } from "../../run-reader.js";
import { watchRun } from "../../run-watch.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { nodeIn } from "../node-in.js";
import { wholeOption } from "../option-values.js";
import { findRunId, readStore } from "../read-store.js";
import { EVENT_TYPES, EventLines, nodeOf } from "../report/event-line.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import type { Shared } from "../world.js";

interface Options {
	readonly node?: string;
	readonly follow?: boolean;
	readonly types?: string;
	readonly from?: string;
}

/** `dagswarm logs`: what has happened in a run, event by event. */
export const logs: Command = (program, world) => {
	program
		.command("logs")
		.description("Prints the events of a run, one a line.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.option("--node <id>", "only those of this node")
		.option("-f, --follow", "go on as they are written, until the run has ended")
		.option("--types <types>", "only these, between commas: node.failed, or node.* for all of nodes")
		.option("--from <seq>", "from this one on")
		.action(
			action(world, (shared: Shared, run: string, { node, follow = false, types, from }: Options) =>
				readStore(shared, async (journal) => {
					const id = await findRunId(journal, run);
					const first = wholeOption(from, "--from", 1);
					const isWanted = wantedTypes(types);
					// A slip in the id would else be a log without a line; of a run that goes on the node may still come.
					if (node !== undefined && !follow) nodeIn(await readRun(journal, id), node);
					const lines = new EventLines(painter(world));
					for await (const event of eventsOf(journal, id, { first, follow, signal: world.signal })) {
						if (world.signal.aborted) return EXIT.interrupted;
						if (!isWanted(event.type) || (node !== undefined && nodeOf(event) !== node)) continue;
						world.out(shared.json ? json(event, { isTerminal: false }) : lines.next(event));
					}
					return world.signal.aborted ? EXIT.interrupted : EXIT.completed;
				}),
			),
		);
};

interface Reading {
	readonly first: number | undefined;
	readonly follow: boolean;
	readonly signal: AbortSignal;
}

async function* eventsOf(
	journal: Journal,
	run: RunId,
	{ first, follow, signal }: Reading,
): AsyncGenerator<RunEvent, void, undefined> {
	const summary = await journal.find(run);
	// What is pruned is not asked for, unless somebody names it.
	const from = first ?? summary?.firstSeq ?? 1;
	const last = summary?.lastSeq ?? 0;
	if (follow) yield* watchRun(journal, run, { from, signal });
	else if (from <= last) yield* storedEvents(journal, run, from, last);
}

/** @returns whether an event's type is wanted */
function wantedTypes(text: string | undefined): (type: RunEventType) => boolean {
	if (text === undefined) return () => true;
	const wanted = new Set<RunEventType>();
	for (const word of text.split(",").map((each) => each.trim())) {
		const isMeant = (type: string): boolean =>
			word.endsWith(".*") ? type.startsWith(word.slice(0, -1)) : type === word;
		const meant = EVENT_TYPES.filter(isMeant);
		if (meant.length === 0) {
			throw new SwarmError("INVALID_OPTION", `--types does not know ${JSON.stringify(word)}`, {
				hint: `it takes run.*, node.*, edge.*, patch.*, or single ones: ${EVENT_TYPES.join(", ")}`,
			});
		}
		for (const type of meant) wanted.add(type);
	}
	return (type) => wanted.has(type);
}
