import type { RunId } from "../../core/ids.js";
import type { Journal } from "../../journal/journal.js";
import { isGone } from "../../recovery.js";
import { readRun } from "../../run-reader.js";
import { watchRun } from "../../run-watch.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { RunProgress } from "../live/run-progress.js";
import { viewerOf } from "../live/viewer.js";
import { findRunId, readStore } from "../read-store.js";
import { exitCodeAfter } from "../report/end-report.js";
import { commandLine, tellEnd } from "../stay.js";
import type { Shared, World } from "../world.js";

/** `dagswarm watch`: looks at a run that whatever process writes, until it has ended. */
export const watch: Command = (program, world) => {
	program
		.command("watch")
		.description("Shows a run live, whichever process has it, until it has ended. Ctrl-C ends only the watching.")
		.argument("[run]", "its id or a beginning of it", "@last")
		.action(
			action(world, (shared: Shared, text: string) =>
				readStore(shared, async (journal) => watchIt(journal, await findRunId(journal, text), shared, world)),
			),
		);
};

async function watchIt(journal: Journal, run: RunId, shared: Shared, world: World): Promise<number> {
	const line = commandLine(shared, world);
	const { outcome, summary, ...before } = await look(journal, run);
	if (outcome === undefined) {
		const viewer = viewerOf(new RunProgress(run, before.snapshot), shared, world);
		if (summary.writer === undefined || isGone(summary.writer))
			viewer.say(`No process has it at the moment: \`${line("resume", run)}\` goes on with it.`);
		try {
			const from = before.snapshot.seq + 1;
			for await (const event of watchRun(journal, run, { from, signal: world.signal })) viewer.observe(event);
		} finally {
			viewer.end();
		}
	}
	const ended = outcome ?? (await look(journal, run)).outcome;
	if (ended === undefined) {
		world.error(`Not watched any more: ${run} goes on, if a process has it.`);
		return EXIT.interrupted;
	}
	const attended = { type: "ended", outcome: ended } as const;
	tellEnd({ run, attended, line }, shared, world);
	return exitCodeAfter(attended);
}

async function look(journal: Journal, run: RunId) {
	const stored = await readRun(journal, run);
	return { outcome: stored.outcome, summary: stored.summary, snapshot: stored.snapshot() };
}
