import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import type { RunOutcome } from "./outcome.js";

/** What `swarm.run` throws when the run did not complete. */
export class RunFailedError extends SwarmError {
	constructor(
		id: RunId,
		readonly outcome: RunOutcome,
	) {
		const failed = outcome.failures.slice(0, 8).map(({ id: node }) => node);
		super(
			"RUN_FAILED",
			`the run "${id}" ended ${outcome.status}${outcome.reason === undefined ? "" : `: ${outcome.reason}`}`,
			{ nodes: failed },
		);
	}
}
