import { validated } from "../core/standard-schema.js";
import { isThenable } from "../core/thenable.js";
import { type AgentResult, type AnyAgent, branded, isResult } from "./agent.js";
import type { Attempt } from "./attempt.js";

/**
 * Calls the function of an agent for an attempt. Where the agent has schemas, what goes in and what comes out is what they
 * make of it.
 *
 * @param agent - the attempt's own, or the one that stands in for it
 * @returns what the function returns, at once or later; may throw
 */
export function callAgent(attempt: Attempt, agent: AnyAgent, input: unknown): unknown {
	const { context, run } = attempt;
	// Whatever set this going: the function sees what whoever started its run had stored for it.
	if (agent.input === undefined && agent.output === undefined) {
		run.queue.called(attempt.lease);
		return run.scope.runInAsyncScope(agent.run, agent, input, context);
	}
	return run.scope.runInAsyncScope(callWithin, undefined, attempt, agent, input);
}

function callWithin(attempt: Attempt, agent: AnyAgent, input: unknown): unknown {
	const given = admitted(attempt, agent, input);
	if (!(given instanceof Promise)) return callInside(attempt, agent, given);
	return given.then((value) => {
		// It was stopped while its input was looked at: its function is not called at all.
		if (attempt.over !== undefined) throw attempt.signal.reason;
		return callInside(attempt, agent, value);
	});
}

function callInside(attempt: Attempt, agent: AnyAgent, input: unknown): unknown {
	attempt.run.queue.called(attempt.lease);
	const returned: unknown = agent.run(input, attempt.context);
	if (agent.output === undefined) return returned;
	return isThenable(returned)
		? Promise.resolve(returned).then((value) => released(attempt, agent, value))
		: released(attempt, agent, returned);
}

/**
 * The input of an attempt as its agent's schema makes it.
 *
 * @returns a promise where the schema takes its time
 * @throws SwarmError `INVALID_INPUT` with the path, and what a schema throws; later as a rejection
 */
function admitted({ lease: { node } }: Attempt, agent: AnyAgent, input: unknown): unknown {
	if (agent.input === undefined) return input;
	return validated(agent.input, input, "INVALID_INPUT", `the input of node "${node}"`, [node]);
}

/**
 * What a function returned as its agent's schema makes it; a patch that came with it stays beside it.
 *
 * @returns a promise where the schema takes its time
 * @throws SwarmError `INVALID_OUTPUT` with the path, and what a schema throws; later as a rejection
 */
function released({ lease: { node } }: Attempt, agent: AnyAgent, returned: unknown): unknown {
	if (agent.output === undefined) return returned;
	const patch = isResult(returned) ? returned.patch : undefined;
	const value = isResult(returned) ? returned.output : returned;
	const output: unknown = validated(agent.output, value, "INVALID_OUTPUT", `the output of node "${node}"`, [node]);
	if (patch === undefined) return output;
	const together = (made: unknown): AgentResult<unknown> => branded(made, patch);
	return output instanceof Promise ? output.then(together) : together(output);
}
