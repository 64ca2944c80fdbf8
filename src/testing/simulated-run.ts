import { SwarmError } from "../core/errors.js";
import { isTerminal } from "../core/lifecycle.js";
import type { RunEvent, Snapshot } from "../graph/types.js";
import type { RunOutcome } from "../outcome.js";
import type { RunHandle } from "../run.js";
import type { GraphSpec } from "../swarm-options.js";

/** One run of a simulation. */
export interface SimulatedRun {
	readonly graph: GraphSpec;
	/** As the process has it that goes on with it. */
	handle: RunHandle;
	readonly events: RunEvent[];
	outcome: RunOutcome | undefined;
}

/** None of a run that has broken down. */
export function snapshotOf({ handle }: SimulatedRun): Snapshot[] {
	try {
		return [handle.snapshot()];
	} catch (error) {
		if (!SwarmError.is(error)) throw error;
		return [];
	}
}

/** Why a run does not end. */
export function stuck(run: SimulatedRun, steps: number): string {
	const { handle } = run;
	const [snapshot] = snapshotOf(run);
	if (snapshot === undefined) return `${handle.id} has broken down and never ends (${steps} steps)`;
	const open = [...snapshot.nodes()].filter(({ state }) => !isTerminal(state));
	const why = open.map(({ id }) => `${id}: ${handle.explain(id).why}`);
	return `${handle.id} is ${snapshot.status} and never ends (${steps} steps): ${why.slice(0, 8).join("; ")}`;
}

/** Whether the outcome says what the events and the nodes do. */
export function outcomeProblem(
	snapshot: Snapshot,
	events: readonly RunEvent[],
	outcome: RunOutcome,
): string | undefined {
	const last = events.at(-1);
	if (last?.type !== "run.ended" || last.status !== outcome.status)
		return `it is ${outcome.status} (${outcome.reason}) after ${last?.type}`;
	const nodes = [...snapshot.nodes()];
	const waitedFor = new Set(nodes.flatMap(({ dependsOn }) => dependsOn));
	const sinks = nodes.filter(({ id, state }) => state === "completed" && !waitedFor.has(id)).map(({ id }) => id);
	const given = Object.keys(outcome.outputs).sort().join();
	return given === sinks.sort().join() ? undefined : `it has outputs of ${given} and not of ${sinks.join()}`;
}
