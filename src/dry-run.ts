import { actorSettings } from "./actor-settings.js";
import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { GraphActor } from "./graph/actor.js";
import type { NodeSpec } from "./graph/types.js";
import { outcomeOf, type RunOutcome } from "./outcome.js";
import { RunHandle } from "./run.js";
import { planGraph, type RunPlan } from "./run-plan.js";
import { policySource } from "./run-policies.js";
import { RunReaders } from "./run-readers.js";
import type { StartOptions } from "./swarm-options.js";
import type { SwarmParts } from "./swarm-parts.js";

/** What the swarm has that a plan is made with. */
export type PlanningParts = Omit<SwarmParts, "onEnd">;

/** The run that is only planned. */
export interface DryOrigin {
	readonly run: RunId;
	readonly nodes: readonly NodeSpec[];
}

/**
 * What a start would do, without doing it: the graph is checked by the actor that would run it, and goes nowhere.
 *
 * @throws SwarmError what a start throws
 */
export function planRun(origin: DryOrigin, options: StartOptions, parts: PlanningParts): RunPlan {
	return planOf(makeActor(origin, options, parts), options, parts);
}

/** The same as a run that is over: its graph can be looked at, and its result is the plan. */
export function dryRun(origin: DryOrigin, options: StartOptions, parts: PlanningParts): RunHandle {
	const actor = makeActor(origin, options, parts);
	actor.log.close();
	const plan = planOf(actor, options, parts);
	const { stats } = outcomeOf(actor, { attempts: 0, leaked: 0, wallMs: 0 });
	const outcome: RunOutcome = { status: "dry_run", outputs: {}, failures: [], blocked: [], stats, plan };
	const refusal = new SwarmError("RUN_ENDED", `the run "${origin.run}" was only planned`, {
		hint: "start it without dryRun",
	});
	return new RunHandle(actor, Promise.resolve(outcome), new RunReaders(actor, undefined), { refusal });
}

/** Whoever wants outputs cannot be given a plan. @throws SwarmError `INVALID_OPTION` */
export function refuseDryRun(options: StartOptions): void {
	if (options.dryRun !== true) return;
	throw new SwarmError("INVALID_OPTION", "a dry run has no outputs to return", {
		hint: "use swarm.plan(graph), or swarm.start(graph, { dryRun: true })",
	});
}

function makeActor({ run, nodes }: DryOrigin, options: StartOptions, parts: PlanningParts): GraphActor {
	const policies = policySource(parts, options);
	return GraphActor.create({ run, nodes, ...actorSettings(options, policies, parts, parts.clock.now()) }).actor;
}

function planOf({ state }: GraphActor, options: StartOptions, parts: PlanningParts): RunPlan {
	return planGraph(state.graph, {
		policies: policySource(parts, options),
		agents: parts.agents,
		policy: options.policy ?? parts.options.policy,
		concurrency: Math.min(options.concurrency ?? Number.POSITIVE_INFINITY, parts.executor.slots),
	});
}
