import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { checkWhole } from "../core/whole.js";
import type { Retention, RunFilter } from "./journal.js";

/** @throws SwarmError `INVALID_OPTION` for what would take away more or less than was meant */
export function checkRetention({ maxRuns, ...limits }: Retention): void {
	checkWhole(maxRuns, "maxRuns", 0, Number.MAX_SAFE_INTEGER);
	for (const name of ["maxAge", "maxBytes", "maxTailAge"] as const) {
		const limit = limits[name];
		if (limit !== undefined && !(typeof limit === "number" && limit >= 0))
			throw new SwarmError("INVALID_OPTION", `${name} is ${String(limit)}, not a number from 0`);
	}
}

/** @throws SwarmError `INVALID_OPTION` for a limit that is none */
export function checkFilter({ limit }: RunFilter): void {
	checkWhole(limit, "limit", 0, Number.MAX_SAFE_INTEGER);
}

/**
 * The keys of the occurrences of which a run may be an attempt: its id is the key, with `#2`, `#3` and so on behind it from
 * the second one on. As long as such an occurrence has not ended, the run is what says that it was started: it is
 * not pruned, or the occurrence would start once more.
 */
export function attemptedKeys(run: RunId): readonly [string, string] {
	return [run, run.replace(/#\d+$/, "")];
}
