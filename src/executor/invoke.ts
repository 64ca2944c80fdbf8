import type { Attempt } from "./attempt.js";

/** Calls the function of an attempt. */
export function invoke(attempt: Attempt, input: unknown): unknown {
	const { agent, context, run } = attempt;
	// Whatever set this going: the function sees what whoever started its run had stored for it.
	if (run.control === undefined) return run.scope.runInAsyncScope(agent.run, agent, input, context);
	return run.control.call(attempt, input, (chosen) => run.scope.runInAsyncScope(chosen.run, chosen, input, context));
}
