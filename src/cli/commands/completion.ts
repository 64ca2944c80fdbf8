import { existsSync } from "node:fs";
import { Argument } from "commander";
import { sqliteStore } from "../../triggers/sqlite-store.js";
import { action, type Command } from "../action.js";
import { type Candidate, candidatesFor, type IdSources } from "../completion/candidates.js";
import { FILES, SCRIPTS, SHELLS, type Shell } from "../completion/scripts.js";
import { EXIT } from "../exit-code.js";
import { readStore } from "../read-store.js";
import { oneLine } from "../report/one-line.js";
import type { Shared } from "../world.js";

/** Nobody reads a longer list. */
const MOST_IDS = 50;

/** `dagswarm completion`: the script by which a shell completes command lines; and what that script asks. */
export const completion: Command = (program, world) => {
	program
		.command("completion")
		.description("Prints the script by which a shell completes what is typed.")
		.addArgument(new Argument("<shell>", "which one").choices(SHELLS))
		.action(
			action(world, (_: Shared, shell: Shell) => {
				world.out(SCRIPTS[shell]);
				return EXIT.completed;
			}),
		);
	program
		.command("__complete", { hidden: true })
		.argument("[words...]")
		.action(
			action(world, async (shared: Shared, words: readonly string[]) => {
				const { words: found, files } = await candidatesFor(program, words, idsOf(shared));
				for (const { text, about } of found) world.out(about === "" ? text : `${text}\t${oneLine(about, 80)}`);
				if (files) world.out(FILES);
				return EXIT.completed;
			}),
		);
};

/** Nothing where there is no store, or it cannot be read: nobody wants errors in the middle of what they type. */
function idsOf(shared: Shared): IdSources {
	const quietly = async (read: () => Promise<readonly Candidate[]>): Promise<readonly Candidate[]> => {
		try {
			return existsSync(shared.store) ? await read() : [];
		} catch {
			return [];
		}
	};
	return {
		runs: () =>
			quietly(() =>
				readStore(shared, async (journal) => {
					const runs = await journal.runs({ limit: MOST_IDS });
					return runs.map(({ run, status }) => ({ text: run, about: status }));
				}),
			),
		triggers: () =>
			quietly(async () => {
				const store = sqliteStore(shared.store, { readOnly: true });
				try {
					const triggers = await store.triggers();
					return triggers.map(({ spec }) => ({ text: spec.id, about: spec.description ?? spec.on.kind }));
				} finally {
					await store.close();
				}
			}),
	};
}
