import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";

/** What is kept of a node is not what was saved. Where not even its id can be read, the file says which. */
export function corruptCheckpoint(run: RunId, node: NodeId | undefined, file?: string): SwarmError {
	const whose = node === undefined ? "a node" : `node "${node}"`;
	const where = file === undefined ? "" : `, in ${file},`;
	return new SwarmError(
		"JOURNAL_CORRUPT",
		`the checkpoint of ${whose} of run "${run}"${where} is not as it was written`,
		{
			...(node !== undefined && { nodes: [node] }),
			hint: "restore the file from a backup, or remove it: the node then starts from the top",
		},
	);
}

/** The run has ended, or has gone on with another store. */
export function closedStore(run: RunId, node: NodeId): SwarmError {
	return new SwarmError("ILLEGAL_STATE", `the checkpoints of run "${run}" are closed, or have been opened again`, {
		nodes: [node],
		hint: "save nothing after close(); a run has one store at a time",
	});
}
