import type { NodeId } from "./core/ids.js";
import type { RunEvent, RunEventType } from "./graph/types.js";

/** Events that patches are made of. */
const CHANGES: ReadonlySet<RunEventType> = new Set([
	"node.added",
	"node.updated",
	"node.abandoned",
	"node.speculated",
	"node.confirmed",
	"edge.added",
	"edge.removed",
]);

/**
 * Whether an event belongs to the patch that the one before it belongs to, or to the graph that the run began with:
 * of what was decided as one no part counts without the others.
 */
export function goesWith(before: RunEvent, event: RunEvent): boolean {
	if (event.at !== before.at) return false;
	if (event.type === "run.started") return true;
	// The first event of a patch carries its key.
	if (!isChange(event) || ("key" in event && event.key !== undefined)) return false;
	const author = authorOf(before);
	return author !== undefined && author.by === authorOf(event)?.by;
}

function isChange(event: RunEvent): boolean {
	return CHANGES.has(event.type) && !(event.type === "node.speculated" && event.outcome !== undefined);
}

/** Whose patch an event belongs to, or begins; none for the caller of the run. */
function authorOf(event: RunEvent): { readonly by: NodeId | undefined } | undefined {
	if (event.type === "run.created") return { by: undefined };
	if (event.type === "node.completed") return { by: event.node };
	if (!isChange(event)) return undefined;
	if ("addedBy" in event) return { by: event.addedBy };
	return { by: "by" in event ? event.by : undefined };
}
