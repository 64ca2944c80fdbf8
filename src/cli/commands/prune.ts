import { SwarmError } from "../../core/errors.js";
import type { Journal, Retention } from "../../journal/journal.js";
import { sqliteJournal } from "../../journal/sqlite-journal.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { bytesOption, durationOption, wholeOption } from "../option-values.js";
import { checkStore, readStore } from "../read-store.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import { type PrunePlan, planPrune, prunedText, prunePlanJson, prunePlanText } from "../report/prune-plan.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly olderThan?: string;
	readonly keep?: string;
	readonly maxBytes?: string;
	readonly dryRun?: boolean;
	readonly yes?: boolean;
}

/** `dagswarm prune`: takes ended runs away. */
export const prune: Command = (program, world) => {
	program
		.command("prune")
		.description("Takes away runs that have ended, for good; those that have not ended stay.")
		.option("--older-than <time>", "those whose last event is older: 12h, 30d")
		.option("--keep <n>", "all but so many, the newest")
		.option("--max-bytes <size>", "the oldest, until what is left is no larger: 500MB, 2GiB")
		.option("--dry-run", "only say which would go")
		.option("--yes", "do not ask")
		.action(
			action(world, async (shared: Shared, options: Options) => {
				const retention = retentionOf(options);
				const now = world.clock.now();
				const planOf = async (journal: Journal): Promise<PrunePlan> => planPrune(await journal.runs(), retention, now);
				if (options.dryRun === true) {
					const plan = await readStore(shared, planOf);
					world.out(
						shared.json ? json(prunePlanJson(plan), world) : prunePlanText(plan, now, painter(world)).join("\n"),
					);
					return EXIT.completed;
				}
				if (options.yes !== true && !(await isMeant(await readStore(shared, planOf), now, world)))
					return EXIT.cancelled;
				checkStore(shared.store);
				const journal = sqliteJournal(shared.store);
				try {
					const pruned = await journal.prune(retention, now);
					world.out(shared.json ? json(pruned, world) : prunedText(pruned));
					return EXIT.completed;
				} finally {
					await journal.close();
				}
			}),
		);
};

function retentionOf({ olderThan, keep, maxBytes }: Options): Retention {
	const maxAge = durationOption(olderThan, "--older-than");
	const maxRuns = wholeOption(keep, "--keep");
	const most = bytesOption(maxBytes, "--max-bytes");
	if (maxAge === undefined && maxRuns === undefined && most === undefined) {
		throw new SwarmError("INVALID_OPTION", "nothing says which runs are to go", {
			hint: "name --older-than, --keep or --max-bytes; with --dry-run it only says which would",
		});
	}
	return {
		...(maxAge !== undefined && { maxAge }),
		...(maxRuns !== undefined && { maxRuns }),
		...(most !== undefined && { maxBytes: most }),
	};
}

/** Asks whoever sits there. @throws SwarmError `INVALID_OPTION` when nobody does */
async function isMeant(plan: PrunePlan, now: number, world: World): Promise<boolean> {
	if (world.questions === undefined) {
		throw new SwarmError("INVALID_OPTION", "what is pruned is gone for good, and nobody is here to be asked", {
			hint: "say --yes, or --dry-run to see what would go",
		});
	}
	world.error(prunePlanText(plan, now, painter({ colours: world.errorColours })).join("\n"));
	world.error("Take them away for good? [y/N]");
	for await (const line of world.questions) return /^y(es)?$/i.test(line.trim());
	return false;
}
