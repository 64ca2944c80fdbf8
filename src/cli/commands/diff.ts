import { planDiff } from "../../plan-diff.js";
import { readRun } from "../../run-reader.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { wholeOption } from "../option-values.js";
import { findRunId, readStore } from "../read-store.js";
import { diffJson, diffText, isSame } from "../report/diff-text.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import type { Shared } from "../world.js";

interface Options {
	readonly limit?: string;
}

/** `dagswarm diff`: how two runs differ. */
export const diff: Command = (program, world) => {
	program
		.command("diff")
		.description("Says how two runs differ, in their plans and in what came of them.")
		.argument("<before>", "the id of a run or a beginning of it, or @last")
		.argument("<after>", "the run that it is compared with")
		.option("--limit <n>", "at most so many lines", "200")
		.addHelpText("after", "\nExit code: 0 they are the same, 1 they differ, 2 wrong arguments")
		.action(
			action(world, (shared: Shared, first: string, second: string, options: Options) =>
				readStore(shared, async (journal) => {
					const limit = wholeOption(options.limit, "--limit", 1) ?? 200;
					const before = (await readRun(journal, await findRunId(journal, first))).snapshot();
					const after = (await readRun(journal, await findRunId(journal, second))).snapshot();
					const runs = { before, after, diff: planDiff(before, after) };
					world.out(
						shared.json ? json(diffJson(runs), world) : diffText(runs, { limit, paint: painter(world) }).join("\n"),
					);
					return isSame(runs) ? EXIT.completed : EXIT.failed;
				}),
			),
		);
};
