import { callerIn } from "../../core/call-id.js";
import { NODE_STATES } from "../../core/lifecycle.js";
import type { Journal } from "../../journal/journal.js";
import { readRun, type StoredRun } from "../../run-reader.js";
import { action, type Command } from "../action.js";
import { awaitedBy } from "../awaited.js";
import { EXIT } from "../exit-code.js";
import { wholeOption, wordsOption } from "../option-values.js";
import { findRunId, readStore } from "../read-store.js";
import { json } from "../report/json.js";
import { readTimes } from "../report/node-times.js";
import { listOf, type TreeLine, treeOf } from "../report/node-tree.js";
import { painter } from "../report/paint.js";
import { type RunOrigin, type RunReport, runReportJson, runReportText } from "../report/run-report.js";
import { commandLine } from "../stay.js";
import type { Shared } from "../world.js";

interface Options {
	readonly seq?: string;
	readonly depth?: string;
	readonly state?: string;
	readonly limit?: string;
}

/** So many nodes fit on a few screens. */
const DEFAULT_LIMIT = 200;

/** `dagswarm show`: one run with its nodes. */
export const show: Command = (program, world) => {
	program
		.command("show")
		.description("Shows a run: how it stands, what it waits for, and its nodes as a tree.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.option("--seq <n>", "as it stood after this event")
		.option("--depth <n>", "nodes so deep in the tree at most; 0 shows those that depend on nothing")
		.option("--state <states>", `only nodes in these states, as a list: ${NODE_STATES.join(", ")}`)
		.option("--limit <n>", `at most so many nodes (default: ${DEFAULT_LIMIT}, with --json all)`)
		.action(
			action(world, (shared: Shared, run: string, options: Options) =>
				readStore(shared, async (journal) => {
					const atSeq = wholeOption(options.seq, "--seq", 1);
					const given = wholeOption(options.limit, "--limit", 1);
					const limit = given ?? (shared.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
					const depth = wholeOption(options.depth, "--depth");
					const states = wordsOption(options.state, "--state", NODE_STATES);
					const id = await findRunId(journal, run);
					const stored = await readRun(journal, id, atSeq === undefined ? {} : { atSeq });
					const report = await reportOf(journal, stored, {
						limit,
						depth,
						states,
						flat: shared.json,
						now: world.clock.now(),
					});
					if (shared.json) world.out(json(runReportJson(report), world));
					else {
						const width = world.isTerminal ? world.columns : undefined;
						world.out(
							runReportText(report, { width, paint: painter(world), line: commandLine(shared, world) }).join("\n"),
						);
					}
					return EXIT.completed;
				}),
			),
		);
};

/** Which nodes are shown. */
export interface Shown {
	readonly limit: number;
	readonly depth: number | undefined;
	readonly states: readonly string[] | undefined;
	/** As they were added, where nothing else asks for a tree. */
	readonly flat: boolean;
	readonly now: number;
}

/** Looks at a run for a report of it: beside the state no more is kept than what is shown. */
export async function reportOf(
	journal: Journal,
	run: StoredRun,
	{ limit, depth, states, flat, now }: Shown,
): Promise<RunReport> {
	const lines: TreeLine[] = [];
	let omitted = 0;
	const isTree = depth !== undefined || !(flat || states !== undefined);
	for (const line of isTree ? treeOf(run.snapshot(), depth) : listOf(run.snapshot())) {
		if (states !== undefined && !states.includes(line.node.state)) continue;
		if (lines.length >= limit) omitted++;
		// A list of some is no tree.
		else lines.push(states === undefined ? line : { ...line, lead: "", also: [] });
	}
	const origin = await originOf(run);
	const wanted = new Set(lines.map(({ node }) => node.id));
	// As far as the events are kept that say it.
	const { times, lastAt } = await readTimes(run.events({ from: run.summary.firstSeq }), wanted);
	const isLast = run.snapshot().seq === run.summary.lastSeq;
	// What a run that it has called stood at then, nobody can say.
	const awaited = isLast ? await awaitedBy(journal, run) : run.waiting();
	return {
		run,
		origin,
		calledBy: callerIn(run.id),
		awaited,
		lines,
		omitted,
		times,
		now,
		seenAt: isLast ? now : lastAt,
	};
}

/** What the first event says; undefined where it is no longer kept. */
export async function originOf(run: StoredRun): Promise<RunOrigin | undefined> {
	if (run.summary.firstSeq > 1) return undefined;
	for await (const event of run.events({ from: 1 })) {
		if (event.type !== "run.created") return undefined;
		const { metadata, forkedFrom } = event;
		return { ...(metadata !== undefined && { metadata }), ...(forkedFrom !== undefined && { forkedFrom }) };
	}
	return undefined;
}
