import { SwarmError } from "../../core/errors.js";
import { OCCURRENCE_STATES } from "../../triggers/occurrence.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { wholeOption, wordsOption } from "../option-values.js";
import { json } from "../report/json.js";
import { occurrenceJson, occurrenceListText } from "../report/occurrence-list.js";
import { painter } from "../report/paint.js";
import { leaderOf, withBooks } from "../use-books.js";
import type { Shared } from "../world.js";

interface Options {
	readonly trigger?: string;
	readonly submitted?: boolean;
	readonly state?: string;
	readonly limit?: string;
}

/** `dagswarm occurrences`: what was started, is to start, or was left out. */
export const occurrences: Command = (program, world) => {
	program
		.command("occurrences")
		.description("Lists what triggers and submissions have started, the newest first.")
		.option("--trigger <trigger>", "only those of this trigger")
		.option("--submitted", "only those that were handed in")
		.option("--state <states>", `only those that stand so: ${OCCURRENCE_STATES.join(", ")}`)
		.option("--limit <n>", "at most so many", "20")
		.action(
			action(world, (shared: Shared, { trigger, submitted = false, state, limit: most }: Options) =>
				withBooks("read", shared, world, async (books) => {
					const states = wordsOption(state, "--state", OCCURRENCE_STATES);
					const limit = wholeOption(most, "--limit", 1) ?? 20;
					if (submitted && trigger !== undefined)
						throw new SwarmError("INVALID_OPTION", "what was handed in is of no trigger: leave one of them out");
					if (trigger !== undefined) await books.triggers.get(trigger);
					const owner = submitted ? { trigger: null } : trigger === undefined ? {} : { trigger };
					const found = await books.occurrences.list({ ...owner, ...(states && { states }), limit: limit + 1 });
					const [rows, more] = [found.slice(0, limit), found.length > limit];
					if (shared.json) {
						const leader = (await leaderOf(books, world)) ?? null;
						world.out(json({ occurrences: rows.map(occurrenceJson), more, leader }, world));
						return EXIT.completed;
					}
					const look = {
						now: world.wall.now(),
						paint: painter(world),
						width: world.isTerminal ? world.columns : undefined,
					};
					const lines = occurrenceListText(rows, look);
					if (more) lines.push(look.paint("gray", `… there are older ones: --limit ${limit * 10}`));
					world.out(lines.join("\n"));
					return EXIT.completed;
				}),
			),
		);
};
