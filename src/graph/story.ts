import type { EventLog } from "../core/event-log.js";
import type { Batch } from "./batch.js";
import type { RunEvent } from "./types.js";

const MAX_EVENTS = 12;

/** What a bug's error is told with: the last events of the node that it names, those not committed included. */
export function storyOf(cause: unknown, log: EventLog<RunEvent>, batch: Batch): { readonly hint: string } {
	const message = cause instanceof Error ? cause.message : String(cause);
	const name = /"([^"]+)"/.exec(message)?.[1];
	const story: string[] = [];
	for (const events of [log.kept(), batch.recent(0)]) {
		for (const event of events) {
			if (!("node" in event) || event.node !== name) continue;
			story.push(`${event.seq} ${event.type}`);
			if (story.length > MAX_EVENTS) story.shift();
		}
	}
	const whose = name === undefined ? "" : ` of "${name}"`;
	return { hint: `please report it; last events${whose}: ${story.join(", ") || "none are kept"}` };
}
