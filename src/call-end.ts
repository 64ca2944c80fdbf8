import { type ErrorInfo, errorInfo, SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { findNotPlain } from "./core/plain.js";
import type { Wake } from "./graph/types.js";
import type { RunOutcome } from "./outcome.js";
import type { RunHandle } from "./run.js";
import type { Toolbox } from "./toolbox.js";

/** How a call ended, as the node that waits for it is told. */
export type ChildWake = Extract<Wake, { readonly kind: "child" }>;

/**
 * What a call came to.
 *
 * @param call - the run that was called, and the agent or skill
 */
export function callEnd(
	{ run, name }: { readonly run: RunId; readonly name: string },
	child: RunHandle,
	outcome: RunOutcome,
	toolbox: Toolbox,
): ChildWake {
	const { status } = outcome;
	if (status !== "completed") return { kind: "child", status, error: failureOf(run, outcome) };
	try {
		const output = outputOf(name, child, outcome, toolbox);
		return { kind: "child", status, ...(output !== undefined && { output }) };
	} catch (error) {
		return { kind: "child", status, error: errorInfo(error) };
	}
}

function outputOf(name: string, child: RunHandle, outcome: RunOutcome, toolbox: Toolbox): unknown {
	if (toolbox.isAgent(name)) return child.output(name);
	const pick = toolbox.skills.get(name)?.output;
	if (pick === undefined) return outcome.outputs;
	const output: unknown = pick(outcome.outputs, outcome);
	const wrong = findNotPlain(output);
	if (wrong === undefined) return output;
	throw new SwarmError("INVALID_OUTPUT", `the output of skill "${name}" holds ${wrong.found} at "${wrong.path}"`, {
		path: wrong.path,
	});
}

const CODES: Readonly<Record<string, string>> = {
	cancelled: "CANCELLED",
	timed_out: "TIMEOUT",
	budget_exceeded: "BUDGET_EXCEEDED",
};

/** Why a called run did not complete: its first failure, or how it ended. */
function failureOf(run: RunId, { status, reason, failures, blocked }: RunOutcome): ErrorInfo {
	const [first] = failures;
	// A failure that the run got over is not why it was cancelled or went no further.
	if (status === "failed" && first !== undefined) {
		const { cause } = first;
		return cause ?? { code: first.code, message: first.message, nodes: [first.id] };
	}
	const [stuck] = blocked;
	const why = [reason, stuck && `"${stuck.node}": ${stuck.why}`].filter((each) => each !== undefined).join("; ");
	return {
		code: CODES[status] ?? "RUN_FAILED",
		message: `the run "${run}" ended ${status}${why === "" ? "" : `: ${why}`}`,
		...(stuck !== undefined && { nodes: blocked.slice(0, MAX_NODES).map(({ node }) => node) }),
	};
}

const MAX_NODES = 16;
