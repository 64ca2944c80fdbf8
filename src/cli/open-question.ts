import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import type { Journal } from "../journal/journal.js";
import { readRun } from "../run-reader.js";
import type { WaitingNode } from "../waiting-list.js";
import { shellLine } from "./report/one-line.js";

/** A question that waits for its answer. */
export type OpenQuestion = Pick<WaitingNode, "run" | "node" | "since"> & { readonly name?: string };

/**
 * The only question that waits in a run, or in those that it has called and waits for.
 *
 * @throws SwarmError `INVALID_OPTION` when there is none, or more than one
 */
export async function onlyQuestion(journal: Journal, run: RunId): Promise<OpenQuestion> {
	const found: WaitingNode[] = [];
	const runs = [run];
	for (const each of runs) {
		for (const waiting of (await readRun(journal, each)).waiting()) {
			if (waiting.kind === "approval") found.push(waiting);
			else if (waiting.kind === "child") runs.push(...(await calledBy(journal, each, waiting.node)));
		}
	}
	const [only, ...others] = found;
	if (only === undefined) {
		throw new SwarmError("INVALID_OPTION", `nothing in the run "${run}" waits for approval`, {
			hint: `\`${shellLine("show", run)}\` says what it waits for`,
		});
	}
	if (others.length === 0) return only;
	const some = found.slice(0, 5).map((each) => shellLine("approve", each.run, each.node));
	throw new SwarmError("INVALID_OPTION", `${found.length} nodes wait for approval`, {
		nodes: found.map(({ node }) => node),
		hint: `name the one that is meant: ${some.join(", ")}${found.length > some.length ? ", …" : ""}`,
	});
}

async function calledBy(journal: Journal, run: RunId, node: NodeId): Promise<RunId[]> {
	const wait = (await readRun(journal, run)).snapshot().get(node)?.wait;
	if (wait?.kind !== "child") return [];
	// What is called together has no run of this very id.
	return (await journal.find(wait.run))?.ended === false ? [wait.run] : [];
}
