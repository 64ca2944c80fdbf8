import { SwarmError } from "./core/errors.js";
import type { NodeId } from "./core/ids.js";
import type { Question } from "./executor/question.js";
import type { ApprovalAnswer } from "./graph/answers.js";
import type { RunState } from "./graph/state.js";

/**
 * Looks whether an answer fits what the node's function has asked, before it is given.
 *
 * @returns when that takes time
 * @throws SwarmError `INVALID_INPUT`; `ILLEGAL_STATE` when something else is asked by the time that it is known; later
 * as a rejection
 */
export function checkFit(
	{ graph }: RunState,
	questions: ReadonlyMap<NodeId, Question>,
	node: NodeId,
	question: Question,
	{ data, name, since }: ApprovalAnswer,
): Promise<void> | undefined {
	const n = graph.index.get(node);
	const { wait, parkedAt } = (n === undefined ? undefined : graph.extras.get(n)) ?? {};
	// An answer to another question is refused for that, whatever it says; so is one that comes too late.
	if (wait?.kind !== "approval" || (name ?? wait.name) !== wait.name || (since ?? parkedAt) !== parkedAt)
		return undefined;
	const taken = question.take(data);
	if (!(taken instanceof Promise)) return undefined;
	return taken.then(() => {
		if (questions.get(node) === question) return;
		throw new SwarmError("ILLEGAL_STATE", `"${node}" has stopped waiting while the answer was looked at`, {
			nodes: [node],
		});
	});
}
