import type { NodeId } from "../../core/ids.js";
import type { RunEvent } from "../../graph/types.js";

/** When a node was worked on; milliseconds since the Unix epoch. */
export interface NodeTimes {
	/** When its first attempt started. */
	readonly startedAt?: number;
	/** When its latest one did. */
	readonly attemptAt?: number;
	/** When it ended, by whatever end. */
	readonly endedAt?: number;
}

const ENDS: ReadonlySet<string> = new Set([
	"node.completed",
	"node.failed",
	"node.skipped",
	"node.abandoned",
	"node.cancelled",
]);

/**
 * Reads when nodes were worked on from the events of their run: the state does not keep it.
 *
 * @param wanted - these only, so that a large run costs no more memory than what is shown of it; all by default
 * @returns them, and when the last event was decided
 */
export async function readTimes(
	events: AsyncIterable<RunEvent>,
	wanted?: ReadonlySet<NodeId>,
): Promise<{ readonly times: ReadonlyMap<NodeId, NodeTimes>; readonly lastAt: number }> {
	const times = new Map<NodeId, NodeTimes>();
	let lastAt = 0;
	for await (const event of events) {
		lastAt = event.at;
		const isStart = event.type === "node.started";
		if (!isStart && !ENDS.has(event.type)) continue;
		const { node, at } = event as Extract<RunEvent, { type: "node.started" }>;
		if (wanted !== undefined && !wanted.has(node)) continue;
		const known = times.get(node);
		if (isStart) times.set(node, { startedAt: known?.startedAt ?? at, attemptAt: at });
		else times.set(node, { ...known, endedAt: at });
	}
	return { times, lastAt };
}
