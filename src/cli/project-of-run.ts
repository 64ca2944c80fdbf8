import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import type { Journal } from "../journal/journal.js";
import { optionsOf } from "../run-settings.js";
import { loadState } from "../stored-run.js";
import { PROJECT_KEY } from "./project.js";

/** What a run was started with, for whoever looks at it. */
export async function metadataOf(journal: Journal, run: RunId): Promise<Readonly<Record<string, Plain>>> {
	return optionsOf((await loadState(journal, run)).settings).metadata ?? {};
}

/**
 * The module that a run is of, as it says itself.
 *
 * @param hint - what to do where it does not
 * @throws SwarmError `INVALID_OPTION` when it does not
 */
export async function projectOf(journal: Journal, run: RunId, hint: string): Promise<string> {
	const file = (await metadataOf(journal, run))[PROJECT_KEY];
	if (typeof file === "string") return file;
	throw new SwarmError("INVALID_OPTION", `the run "${run}" does not say which module it is of`, { hint });
}
