import { milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { findNotPlain } from "./core/plain.js";
import { checkWhole } from "./core/whole.js";
import type { AnyAgent } from "./executor/agent.js";
import { checkPolicies, show } from "./graph/spec.js";
import type { NodePolicies } from "./graph/types.js";
import { checkKnown } from "./known-options.js";
import type { VersionPolicy } from "./recovery.js";
import { type SchedulingPolicy, schedulingPolicies } from "./scheduler/run-queue.js";
import type { GraphSpec, StartOptions, SwarmOptions } from "./swarm-options.js";
import { checkBudgetBehaviour, checkPorts } from "./swarm-ports.js";

export function checkOptions(options: SwarmOptions): void {
	if (!Array.isArray(options?.agents)) throw new SwarmError("INVALID_OPTION", "createSwarm needs a list of agents");
	for (const agent of options.agents) {
		if (typeof agent?.name !== "string" || typeof agent.run !== "function") {
			throw new SwarmError("INVALID_OPTION", `${show(agent)} is no agent`, { hint: "make it with defineAgent" });
		}
		const { limits, ...policies } = agent;
		// What a function gives is looked at when it gives it.
		const problem = checkPolicies(
			typeof limits === "function" || limits === undefined ? policies : { ...policies, limits },
		);
		if (problem !== undefined) throw new SwarmError("INVALID_OPTION", `agent "${agent.name}": ${problem}`);
	}
	checkKnown(options, "createSwarm");
	checkJournal(options);
	checkPorts(options.ports, options.portPolicies);
	checkBudgetBehaviour(options.budget);
	checkCalls(options);
	checkWhole(options.concurrency, "concurrency", 1, 100_000);
	checkWhole(options.maxNodes, "maxNodes", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.maxDepth, "maxDepth", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.maxPatchSize, "maxPatchSize", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.snapshotEvery, "snapshotEvery", 1, Number.MAX_SAFE_INTEGER);
	checkWhole(options.eventBuffer, "eventBuffer", 1, 100_000_000);
	checkWhole(options.chunkBuffer, "chunkBuffer", 1, 1_000_000);
	checkCommon(options);
	if (options.grace !== undefined) milliseconds(options.grace, "grace");
	if (options.check !== undefined && !["off", "local", "full"].includes(options.check)) {
		throw new SwarmError("INVALID_OPTION", `check is ${show(options.check)}: use off, local or full`);
	}
}

export function checkStart(graph: GraphSpec, options: StartOptions): void {
	if (typeof graph !== "object" || graph === null || !Array.isArray(graph.nodes)) {
		throw new SwarmError("INVALID_SPEC", "a graph is { nodes: [...] }");
	}
	checkWhole(options.concurrency, "concurrency", 1, 100_000);
	checkWhole(options.onStall?.times, "onStall.times", 1, 1_000);
	checkCommon(options);
	checkBudgetBehaviour(options.budget);
	if (options.deadline !== undefined) milliseconds(options.deadline, "deadline");
	if (options.dryRun !== undefined && typeof options.dryRun !== "boolean")
		throw new SwarmError("INVALID_OPTION", `dryRun is ${show(options.dryRun)}: use true or false`);
	const { signal } = options;
	if (signal !== undefined && (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function")) {
		throw new SwarmError("INVALID_OPTION", "signal is no AbortSignal");
	}
	const wrong = options.metadata === undefined ? undefined : findNotPlain(options.metadata);
	if (wrong !== undefined) throw new SwarmError("INVALID_OPTION", `metadata holds ${wrong.found} at "${wrong.path}"`);
	const { runId } = options;
	if (runId !== undefined && (typeof runId !== "string" || runId === ""))
		throw new SwarmError("INVALID_OPTION", "runId is not a string with a character in it");
	// Half a character is stored as another one, and two such ids as the same.
	if (runId?.isWellFormed() === false) throw new SwarmError("INVALID_OPTION", "runId holds half a character");
}

function checkCommon(options: Omit<NodePolicies, "limits"> & { readonly policy?: SchedulingPolicy }): void {
	const problem = checkPolicies(options);
	if (problem !== undefined) throw new SwarmError("INVALID_OPTION", problem);
	if (options.policy !== undefined && !schedulingPolicies.includes(options.policy)) {
		throw new SwarmError("INVALID_OPTION", `policy is ${show(options.policy)}: use ${schedulingPolicies.join(" or ")}`);
	}
}

function checkCalls({ skills = [], maxCallDepth }: SwarmOptions): void {
	checkWhole(maxCallDepth, "maxCallDepth", 0, 1_000);
	if (!Array.isArray(skills)) throw new SwarmError("INVALID_OPTION", "skills is no list");
	for (const skill of skills) {
		if (typeof skill?.name !== "string" || typeof skill.graph !== "function")
			throw new SwarmError("INVALID_OPTION", `${show(skill)} is no skill`, { hint: "make it with defineSkill" });
	}
}

function checkJournal({ journal, durability }: SwarmOptions): void {
	if (durability !== undefined && !["strict", "relaxed"].includes(durability))
		throw new SwarmError("INVALID_OPTION", `durability is ${show(durability)}: use strict or relaxed`);
	if (journal === undefined || typeof journal === "function") return;
	if (typeof journal !== "object" || journal === null || typeof journal.append !== "function")
		throw new SwarmError("INVALID_OPTION", `${show(journal)} is no journal`, {
			hint: "use sqliteJournal or memoryJournal",
		});
}

export function checkVersionPolicy(policy: VersionPolicy): void {
	if (["fail", "run", "ask"].includes(policy)) return;
	throw new SwarmError("INVALID_OPTION", `onVersionMismatch is ${show(policy)}: use fail, run or ask`);
}

/** @throws SwarmError `DUPLICATE_AGENT` */
export function agentsByName(agents: readonly AnyAgent[]): Map<string, AnyAgent> {
	const byName = new Map<string, AnyAgent>();
	for (const agent of agents) {
		if (byName.has(agent.name)) throw new SwarmError("DUPLICATE_AGENT", `there are two agents called "${agent.name}"`);
		byName.set(agent.name, agent);
	}
	return byName;
}

/** Why a run cannot be started with an id that there is. */
export function existing(run: RunId, how: string): SwarmError {
	return new SwarmError("RUN_EXISTS", `the run "${run}" exists`, { hint: `${how}; or use another runId` });
}

/** Why a swarm without a journal cannot do something. */
export function unkept(what: string): SwarmError {
	return new SwarmError("INVALID_OPTION", `${what} needs a swarm with a journal`, {
		hint: 'createSwarm({ journal: sqliteJournal("runs.db"), … })',
	});
}
