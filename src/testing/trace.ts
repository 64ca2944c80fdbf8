import type { RunEvent } from "../graph/types.js";

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
	return events.map(({ seq, at, type, ...rest }) => {
		const text = JSON.stringify(rest, (key, value: unknown) => (key === "stack" ? undefined : value));
		return `${seq} @${at} ${type}${text === "{}" ? "" : ` ${text}`}`;
	});
}
