import { apply } from "../graph/apply.js";
import { checkState } from "../graph/invariants.js";
import { Snapshots } from "../graph/snapshot.js";
import { RunState } from "../graph/state.js";
import type { RunEvent, Snapshot } from "../graph/types.js";

/**
 * Folds events as a journal would give them back: plain data, no shared objects.
 *
 * @returns the state, or why the events can not be this run's
 */
function fold(events: readonly RunEvent[]): RunState | string {
	const state = new RunState();
	try {
		for (const event of events) apply(state, JSON.parse(JSON.stringify(event)) as RunEvent);
	} catch (error) {
		return `the events do not fold: ${(error as Error).message}`;
	}
	return state;
}

/**
 * Folds the events of a run anew and compares: state is only a fold of its events.
 *
 * @param events - all events of the run, from the first
 * @param snapshot - the run's, after the last of them
 * @param state - where it is at hand: what a snapshot does not show is compared, too
 * @returns how they differ, or undefined
 *
 * @example
 * ```ts
 * import { foldProblem } from "dagswarm/testing";
 * import { GraphActor, type RunEvent } from "dagswarm";
 *
 * const events: RunEvent[] = [];
 * const { handle } = GraphActor.create({
 *   nodes: [{ id: "a", agent: "work" }],
 *   journal: { append: (batch) => void events.push(...batch) },
 * });
 * foldProblem(events, handle.snapshot()); // undefined
 * foldProblem(events.slice(0, 1), handle.snapshot()) === undefined; // false
 * ```
 */
export function foldProblem(events: readonly RunEvent[], snapshot: Snapshot, state?: RunState): string | undefined {
	const folded = fold(events);
	if (typeof folded === "string") return folded;
	const wrong = checkState(folded);
	if (wrong !== undefined) return `the fold is wrong: ${wrong}`;
	const is = plain(new Snapshots(folded).take());
	const should = plain(snapshot);
	if (is !== should) return `the fold is another state:\n    is ${is}\nshould ${should}`;
	return state === undefined ? undefined : hiddenDifference(folded, state);
}

function hiddenDifference(folded: RunState, state: RunState): string | undefined {
	// The key of a patch that changed nothing has no event to stand in, so the fold may know fewer.
	for (const key of folded.keys) if (!state.keys.has(key)) return `the fold knows the key ${key}`;
	const is = hidden(folded);
	const should = hidden(state);
	return is === should ? undefined : `the fold is another state:\n    is ${is}\nshould ${should}`;
}

function plain(snapshot: Snapshot): string {
	return JSON.stringify(snapshot.toJSON());
}

function hidden({ graph, stopping, awaiting, signals }: RunState): string {
	const ready: string[] = [];
	for (let n = graph.frontier.first(); n >= 0; n = graph.frontier.next(n)) ready.push(graph.id(n));
	// In which order nodes became ready within one command is not told by its events.
	ready.sort();
	return JSON.stringify({
		ready,
		stopping,
		awaiting,
		signals: [...signals],
		added: graph.added,
		edges: graph.edges.count,
	});
}
