import { withoutStacks } from "../core/errors.js";
import type { RunEvent } from "../graph/types.js";

function stable(event: RunEvent): object {
	const { seq: _, at: __, type: ___, ...rest } = event;
	if ("error" in event) return { ...rest, error: withoutStacks(event.error) };
	if (event.type === "node.speculated" && event.outcome?.kind === "failed")
		return { ...rest, outcome: { ...event.outcome, error: withoutStacks(event.outcome.error) } };
	return rest;
}

/**
 * Events as lines of text: the number, the time, the type, then the rest as JSON. Stacks are left out:
 * they tell how the event loop came by, and differ between machines.
 *
 * @example
 * ```ts
 * import { traceLines } from "dagswarm/testing";
 *
 * traceLines([{ seq: 1, at: 0, type: "run.started" }]); // ["1 @0 run.started"]
 * ```
 */
export function traceLines(events: readonly RunEvent[]): string[] {
	return events.map((event) => {
		const { seq, at, type } = event;
		const text = JSON.stringify(stable(event));
		return `${seq} @${at} ${type}${text === "{}" ? "" : ` ${text}`}`;
	});
}
