import { apply } from "../graph/apply.js";
import { checkState } from "../graph/invariants.js";
import { Snapshots } from "../graph/snapshot.js";
import { RunState } from "../graph/state.js";
import type { RunEvent, Snapshot } from "../graph/types.js";

/** A state that was folded from events, as a journal would give them back: plain data, no shared objects. */
function fold(events: readonly RunEvent[]): RunState {
	const state = new RunState();
	for (const event of events) apply(state, JSON.parse(JSON.stringify(event)) as RunEvent);
	return state;
}

/** @returns how the fold of a run's events differs from what its snapshot shows, or undefined */
export function foldProblem(events: readonly RunEvent[], snapshot: Snapshot): string | undefined {
	const folded = fold(events);
	const wrong = checkState(folded);
	if (wrong !== undefined) return `the fold is wrong: ${wrong}`;
	const is = plain(new Snapshots(folded).take());
	const should = plain(snapshot);
	return is === should ? undefined : `the fold is another state:\n    is ${is}\nshould ${should}`;
}

/** @returns how the fold of a run's events differs from its state beyond the nodes, or undefined */
export function hiddenProblem(events: readonly RunEvent[], state: RunState): string | undefined {
	const folded = fold(events);
	// The key of a patch that changed nothing has no event to stand in, so the fold may know fewer.
	for (const key of folded.keys) if (!state.keys.has(key)) return `the fold knows the key ${key}`;
	const is = hidden(folded);
	const should = hidden(state);
	return is === should ? undefined : `the fold is another state:\n    is ${is}\nshould ${should}`;
}

function plain(snapshot: Snapshot): string {
	return JSON.stringify(JSON.parse(JSON.stringify(snapshot.toJSON())));
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
