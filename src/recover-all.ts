import { callerIn } from "./core/call-id.js";
import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import type { RunHandle } from "./run.js";

/** What came of `swarm.recoverAll`. Runs that agents had called are with those that called them. */
export interface Recovered {
	readonly runs: readonly RunHandle[];
	/** Runs that are as they were. */
	readonly refused: readonly { readonly run: RunId; readonly error: SwarmError }[];
}

/**
 * Brings back runs, and with them those that their nodes have called and wait for: these come after, so that it is known
 * whether anybody waits.
 *
 * @param open - those that have not ended, oldest first
 * @param isHere - whether a run goes on here
 */
export async function recoverOpen(
	open: readonly RunId[],
	isHere: (run: RunId) => boolean,
	recover: (run: RunId) => Promise<RunHandle>,
): Promise<Recovered> {
	const runs: RunHandle[] = [];
	const refused = new Map<RunId, SwarmError>();
	const take = async (asked: readonly RunId[]): Promise<void> => {
		const answers = await Promise.allSettled(asked.map(recover));
		for (const [i, answer] of answers.entries()) {
			if (answer.status === "rejected") {
				if (!SwarmError.is(answer.reason)) throw answer.reason;
				refused.set(asked[i] ?? "", answer.reason);
			} else if (answer.value.parent === undefined) runs.push(answer.value);
		}
	};
	const there = new Set(open);
	const called = (run: RunId): boolean => there.has(callerIn(run) ?? "");
	// Side by side: it may take a while to see that the writer of one of them is dead.
	await take(open.filter((run) => !isHere(run) && !called(run)));
	for (const run of open.filter(called)) {
		if (isHere(run)) continue;
		// Whoever has the caller has use for it.
		const error = refused.get(callerIn(run) ?? "");
		if (error === undefined) await take([run]);
		else refused.set(run, error);
	}
	return { runs, refused: Array.from(refused, ([run, error]) => ({ run, error })) };
}
