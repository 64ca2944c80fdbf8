import type { SkipCause } from "../../graph/types.js";
import { ENDED, type ModelNode } from "./model-node.js";
import type { ModelRun } from "./model-run.js";
import type { World } from "./model-world.js";

/**
 * How a join stands, counted from scratch.
 *
 * @param gone - dependencies that count as lost although they have not ended yet
 * @param late - dependencies that count as open although they have
 */
export function judgeJoin(
	{ join, deps }: ModelNode,
	nodes: ReadonlyMap<string, ModelNode>,
	gone: ReadonlySet<string> = NONE,
	late: ReadonlySet<string> = NONE,
): "met" | "dead" | "unmet" {
	let open = 0;
	let ok = 0;
	let failed = 0;
	let blocking = 0;
	let lost = 0;
	for (const id of deps) {
		const dep = nodes.get(id) as ModelNode;
		if (late.has(id)) open++;
		else if (!ENDED.has(dep.state)) gone.has(id) ? lost++ : open++;
		else if (dep.state === "completed") ok++;
		else if (dep.state === "failed" && dep.spec.onFailure === "block") blocking++;
		else if (dep.state === "failed" || dep.cause === "failure") failed++;
		else lost++;
	}
	if (join === "all") return failed + lost > 0 ? "dead" : open + blocking > 0 ? "unmet" : "met";
	if (join === "settled" || join === "always") return open === 0 ? "met" : "unmet";
	if (join === "failed") return failed + blocking > 0 ? "met" : open === 0 ? "dead" : "unmet";
	const least = Math.min(join === "any" ? 1 : join.atLeast, deps.length);
	return ok >= least ? "met" : ok + open + blocking < least ? "dead" : "unmet";
}

const NONE: ReadonlySet<string> = new Set();

/** Skips what can never start, round by round until nothing more dies. */
export function skipDead(model: ModelRun, causeOf: (id: string) => SkipCause | undefined): void {
	const dead = new Map<string, ModelNode>();
	for (;;) {
		const dying = [...model.nodes].filter(([id, node]) => model.isUnstarted(id) && model.joinOf(node) === "dead");
		if (dying.length === 0) break;
		const causes = dying.map(([id, node]) => causeFor(model, id, node, dead, causeOf));
		dying.forEach(([id, node], i) => {
			node.state = "skipped";
			node.cause = causes[i] as SkipCause;
			dead.set(id, node);
		});
	}
	// A hint is only a hint.
	for (const node of dead.values()) if (failingOf(model, node).length === 0) node.cause = "not-needed";
}

/** @param dead - what has died before it in this very command, in an order that is left open */
function causeFor(
	model: ModelRun,
	id: string,
	node: ModelNode,
	dead: ReadonlyMap<string, ModelNode>,
	causeOf: (id: string) => SkipCause | undefined,
): SkipCause {
	const failing = failingOf(model, node);
	if (failing.some((dep) => !dead.has(dep))) return "failure";
	// It may have died before those did, if it could without them.
	if (failing.length > 0 && judgeJoin(node, model.nodes, NONE, new Set(failing)) !== "dead") return "failure";
	// One that is still open may die of a failure in this very command, before or after this one is looked at.
	const undecided = failing.length > 0 || node.deps.some((dep) => !ENDED.has(model.node(dep).state));
	return (undecided ? causeOf(id) : undefined) ?? (failing.length > 0 ? "failure" : "not-needed");
}

/** The dependencies that failed, or were skipped because of a failure. */
function failingOf(model: ModelRun, { deps }: ModelNode): string[] {
	return deps.filter((dep) => {
		const { state, cause, spec } = model.node(dep);
		return (state === "failed" && spec.onFailure !== "block") || cause === "failure";
	});
}

/** What the run is, now that the joins have been looked at. */
export function statusNow(model: ModelRun, { status, stopping, open }: World): string {
	const states = [...model.nodes.keys()].map((id) => model.stateOf(id));
	const awaiting = [...model.nodes.values()].filter(isAwaiting).length;
	const busy = states.filter((state) => state === "running" || state === "ready" || state === "waiting").length;
	if (busy > awaiting) return status === "waiting" ? "running" : status;
	if (states.every((state) => ENDED.has(state))) {
		if (stopping) return "failed";
		return open ? status : verdict(model);
	}
	if (awaiting > 0) return status === "running" ? "waiting" : status;
	if (stopping) return "failed";
	return open || status === "paused" ? status : "stalled";
}

/** Whether a person or a signal has to come first. */
function isAwaiting({ state, wait }: ModelNode): boolean {
	return state === "waiting" && (wait?.kind === "signal" || wait?.kind === "approval");
}

function verdict(model: ModelRun): "failed" | "completed" {
	const sinks = [...model.nodes].filter(([id]) => model.dependents(id).length === 0);
	const bad = ([, { state, cause }]: [string, ModelNode]): boolean =>
		state === "failed" || (state === "skipped" && cause === "failure");
	return sinks.some(bad) ? "failed" : "completed";
}
