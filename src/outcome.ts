import { inspect } from "node:util";
import type { ErrorInfo } from "./core/errors.js";
import type { NodeId } from "./core/ids.js";
import { hasEnded, type RunStatus } from "./core/lifecycle.js";
import type { Usage } from "./core/usage.js";
import type { GraphActor } from "./graph/actor.js";
import { explainBlocked } from "./graph/explain.js";
import { COMPLETED, FAILED } from "./graph/node-table.js";
import { countsOf } from "./graph/snapshot.js";
import type { Blocked } from "./graph/types.js";
import type { RunPlan } from "./run-plan.js";

/**
 * How a run ended; `suspended`: it has not ended, and goes on where it is recovered; `dry_run`: it was only planned, and
 * nothing has run.
 */
export type EndStatus =
	| Exclude<RunStatus, "created" | "running" | "waiting" | "paused" | "stopping">
	| "suspended"
	| "dry_run";

/** A node that failed, whether the run tolerated it or not. */
export interface Failure {
	readonly id: NodeId;
	readonly code: string;
	readonly message: string;
	readonly attempts: number;
	readonly cause?: ErrorInfo;
}

/** Figures of a run. */
export interface RunStats {
	readonly nodes: number;
	/** Nodes that agents added while it ran. */
	readonly added: number;
	readonly completed: number;
	readonly failed: number;
	readonly skipped: number;
	readonly abandoned: number;
	readonly cancelled: number;
	/** Calls of agent functions. */
	readonly attempts: number;
	/** Outcomes that came after their attempt was over, and changed nothing. */
	readonly stale: number;
	/** Functions that did not return within their grace after an abort; they may still run. */
	readonly leaked: number;
	/** What the attempts have used, as `ctx.usage` said. */
	readonly usage: Usage;
	/** Number of the last event. */
	readonly events: number;
	readonly wallMs: number;
}

/** What came of a run. The lists are made when they are first looked at. */
export interface RunOutcome {
	readonly status: EndStatus;
	readonly reason?: string;
	/** The outputs of the completed sinks (nodes without dependents), by id. */
	readonly outputs: Readonly<Record<NodeId, unknown>>;
	readonly failures: readonly Failure[];
	/** Why each node that had not ended could go no further. */
	readonly blocked: readonly Blocked[];
	readonly stats: RunStats;
	/** What would have run, of a `dry_run`. */
	readonly plan?: RunPlan;
}

/** What the figures need beside the state. */
export interface RunFigures {
	readonly attempts: number;
	readonly leaked: number;
	readonly wallMs: number;
}

/** The outcome of a run that has ended, or whose actor was stopped by a bug or its journal. */
export function outcomeOf(actor: GraphActor, figures: RunFigures): RunOutcome {
	const { state, poison } = actor;
	const reason = poison === undefined ? state.reason : `${poison.code}: ${poison.message}`;
	const status = statusOf(actor);
	const counts = countsOf(actor.committedCounts);
	let outputs: Readonly<Record<NodeId, unknown>> | undefined;
	let failures: readonly Failure[] | undefined;
	let blocked: readonly Blocked[] | undefined;
	return printable({
		status,
		...(reason !== undefined && { reason }),
		get outputs() {
			// What a stopped actor has in memory may not be committed.
			outputs ??= poison === undefined ? sinkOutputs(actor) : {};
			return outputs;
		},
		get failures() {
			failures ??= poison === undefined ? failuresOf(actor) : [];
			return failures;
		},
		get blocked() {
			blocked ??= status === "stalled" ? explainBlocked(state) : [];
			return blocked;
		},
		stats: {
			nodes: state.graph.size,
			added: state.graph.added,
			completed: counts.completed,
			failed: counts.failed,
			skipped: counts.skipped,
			abandoned: counts.abandoned,
			cancelled: counts.cancelled,
			usage: { ...state.usage },
			stale: actor.stale,
			events: actor.log.last,
			...figures,
		},
	});
}

/** Lists that are made when they are looked at are looked at when the outcome is printed. */
function printable(outcome: RunOutcome): RunOutcome {
	return Object.defineProperty(outcome, inspect.custom, { value: () => ({ ...outcome }) });
}

function statusOf({ state, poison }: GraphActor): EndStatus {
	if (poison !== undefined) return poison.code === "SUSPENDED" ? "suspended" : "failed";
	return hasEnded(state.status) ? (state.status as EndStatus) : "failed";
}

function sinkOutputs(actor: GraphActor): Record<NodeId, unknown> {
	const { graph } = actor.state;
	const outputs: Record<string, unknown> = {};
	for (let n = 0; n < graph.size; n++) {
		if (graph.nodes.state(n) !== COMPLETED || graph.nodes.firstOut(n) !== 0) continue;
		// An id may be "__proto__": assigning would lose it.
		Object.defineProperty(outputs, graph.id(n), {
			value: graph.outputs.get(n),
			enumerable: true,
			configurable: true,
			writable: true,
		});
	}
	return outputs;
}

function failuresOf(actor: GraphActor): Failure[] {
	const { graph } = actor.state;
	const failures: Failure[] = [];
	if (graph.counts[FAILED] === 0) return failures;
	for (let n = 0; n < graph.size; n++) {
		if (graph.nodes.state(n) !== FAILED) continue;
		const error = graph.extras.get(n)?.error;
		failures.push({
			id: graph.id(n),
			code: error?.code ?? "AGENT_ERROR",
			message: error?.message ?? "",
			attempts: graph.nodes.attempt(n),
			...(error !== undefined && { cause: error }),
		});
	}
	return failures;
}
