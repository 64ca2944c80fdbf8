import type { RunOutcome } from "../src/index.js";

/** How many nodes have completed, or an error that says what went wrong with the run. */
export function completedIn({ failures, stats, status }: RunOutcome): number {
	if (status === "completed") return stats.completed;
	throw new Error(`the run has ended as ${status}; first failure: ${JSON.stringify(failures[0])}`);
}
