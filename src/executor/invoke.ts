import type { Attempt } from "./attempt.js";
import { callAgent } from "./borders.js";

/** Calls the function of an attempt. */
export function invoke(attempt: Attempt, input: unknown): unknown {
	const { control } = attempt.run;
	if (control === undefined) return callAgent(attempt, attempt.agent, input);
	return control.call(attempt, input, (chosen) => callAgent(attempt, chosen, input));
}
