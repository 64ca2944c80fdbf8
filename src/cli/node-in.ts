import { SwarmError } from "../core/errors.js";
import type { NodeView } from "../graph/types.js";
import type { StoredRun } from "../run-reader.js";
import { shellLine } from "./report/one-line.js";

/** A node of a run. @throws SwarmError `UNKNOWN_NODE` with what to try */
export function nodeIn(run: StoredRun, id: string): NodeView {
	const node = run.snapshot().get(id);
	if (node !== undefined) return node;
	throw new SwarmError("UNKNOWN_NODE", `run "${run.id}" has no node "${id}"`, {
		nodes: [id],
		hint: `\`${shellLine("show", run.id)}\` lists them`,
	});
}
