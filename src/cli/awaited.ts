import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Journal } from "../journal/journal.js";
import { readRun, type StoredRun } from "../run-reader.js";
import type { WaitingNode } from "../waiting-list.js";
import { shellLine } from "./report/one-line.js";

/** So many called runs are looked into. */
const MAX_RUNS = 100;

/**
 * What a run waits for: in place of the runs that its nodes have called and wait for, what these wait for, as each says
 * itself which run it is in.
 */
export async function awaitedBy(journal: Journal, run: StoredRun): Promise<readonly WaitingNode[]> {
	const found: WaitingNode[] = [];
	const runs = [run];
	for (const each of runs) {
		for (const waiting of each.waiting()) {
			const called =
				waiting.kind === "child" && runs.length < MAX_RUNS ? await calledBy(journal, each, waiting) : undefined;
			if (called === undefined) found.push(waiting);
			else runs.push(called);
		}
	}
	return found;
}

async function calledBy(journal: Journal, run: StoredRun, { node }: WaitingNode): Promise<StoredRun | undefined> {
	const wait = run.snapshot().get(node)?.wait;
	// Of what is called together no run has this very id.
	if (wait?.kind !== "child" || (await journal.find(wait.run))?.ended !== false) return undefined;
	const called = await readRun(journal, wait.run);
	return called.waiting().length === 0 ? undefined : called;
}

/**
 * The only question that waits in a run, or in those that it has called and waits for.
 *
 * @throws SwarmError `INVALID_OPTION` when there is none, or more than one
 */
export async function onlyQuestion(journal: Journal, run: RunId): Promise<WaitingNode> {
	const found = (await awaitedBy(journal, await readRun(journal, run))).filter(({ kind }) => kind === "approval");
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
