import { readRun } from "../../run-reader.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { nodeIn } from "../node-in.js";
import { wholeOption } from "../option-values.js";
import { findRunId, readStore } from "../read-store.js";
import { json } from "../report/json.js";
import { storyJson, storyOf, storyText } from "../report/node-story.js";
import { painter } from "../report/paint.js";
import { commandLine } from "../stay.js";
import type { Shared } from "../world.js";

interface Options {
	readonly seq?: string;
}

/** `dagswarm explain`: why a node stands where it does. */
export const explain: Command = (program, world) => {
	program
		.command("explain")
		.description("Says why a node stands where it does, what has happened to it, and what to do.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.argument("<node>", "its id")
		.option("--seq <n>", "as it stood after this event")
		.action(
			action(world, (shared: Shared, run: string, node: string, options: Options) =>
				readStore(shared, async (journal) => {
					const atSeq = wholeOption(options.seq, "--seq", 1);
					const stored = await readRun(journal, await findRunId(journal, run), atSeq === undefined ? {} : { atSeq });
					const story = await storyOf(stored, nodeIn(stored, node), world.clock.now());
					const line = commandLine(shared, world);
					if (shared.json) world.out(json(storyJson(story, line), world));
					else {
						const width = world.isTerminal ? world.columns : undefined;
						world.out(storyText(story, { width, line, paint: painter(world) }).join("\n"));
					}
					return EXIT.completed;
				}),
			),
		);
};
