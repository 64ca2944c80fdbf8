import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import type { RunOutcome } from "./outcome.js";

/** What `swarm.run` throws when the run did not complete; its `cause` is how the first node failed. */
export class RunFailedError extends SwarmError {
	constructor(
		id: RunId,
		readonly outcome: RunOutcome,
	) {
		const { status, reason, failures } = outcome;
		const [first] = failures;
		const why = first === undefined ? "" : ` (first ${first.id}: ${first.code}: ${first.message})`;
		super(
			"RUN_FAILED",
			`the run "${id}" ended ${status}${reason === undefined ? "" : `: ${reason}`}${why}`,
			{ nodes: failures.slice(0, 8).map(({ id: node }) => node) },
			first?.cause === undefined ? {} : { cause: first.cause },
		);
	}
}
