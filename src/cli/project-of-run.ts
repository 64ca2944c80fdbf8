import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Journal } from "../journal/journal.js";
import { optionsOf } from "../run-settings.js";
import { loadState } from "../stored-run.js";
import { PROJECT_KEY } from "./project.js";

/** The module that a run is of, as it says itself. @throws SwarmError `INVALID_OPTION` when it does not */
export async function projectOf(journal: Journal, run: RunId): Promise<string> {
	const { metadata } = optionsOf((await loadState(journal, run)).settings);
	const file = metadata?.[PROJECT_KEY];
	if (typeof file === "string") return file;
	throw new SwarmError("INVALID_OPTION", `the run "${run}" does not say which module it is of`, {
		hint: "name it with --file",
	});
}
