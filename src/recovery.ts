import type { Clock } from "./core/clock.js";
import { SwarmError } from "./core/errors.js";
import { isPredecessor, isProcessThere, isWriterHere, thisProcess } from "./core/host.js";
import type { NodeId, RunId } from "./core/ids.js";
import type { AnyAgent } from "./executor/agent.js";
import { agentName } from "./graph/spec.js";
import type { RunState } from "./graph/state.js";
import type { Journal, RunSummary, Writer, WriterStatus } from "./journal/journal.js";
import { TIME_TO_LIVE_MS } from "./journal/writer.js";
import { optionsOf } from "./run-settings.js";
import type { Limits } from "./scheduler/limits.js";
import { catchUp, findRun, load } from "./stored-run.js";

/** What is done with nodes whose agent has another major version than when the run was written last. */
export type VersionPolicy = "fail" | "run" | "ask";

/** What a run is taken over with. */
export interface TakeOver {
	readonly journal: Journal;
	readonly writer: Writer;
	readonly clock: Clock;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly limits: Pick<Limits, "has">;
	readonly onVersionMismatch: VersionPolicy;
	/** It is cancelled at once: none of its nodes needs its agent any more. */
	readonly isEnding?: boolean;
}

/** A run as its journal tells it, and the right to write it. */
export interface TakenOver {
	readonly state: RunState;
	readonly epoch: number;
	readonly ask: readonly string[];
	readonly checkpoints: ReadonlyMap<NodeId, string>;
	readonly createdAt: number;
	/** The last event that is in a snapshot, 0 without one. */
	readonly snapshotSeq: number;
}

/**
 * Takes a run over from a writer that is gone. Until it is sure that the run can go on here, nothing is changed.
 *
 * @throws SwarmError `RUN_BUSY`, `UNKNOWN_RUN`, `VERSION_MISMATCH`, `JOURNAL_CORRUPT`, `SEQ_PRUNED`
 */
export async function takeOver(run: RunId, how: TakeOver): Promise<TakenOver> {
	const { journal, writer, clock } = how;
	const summary = await findRun(journal, run);
	await assertAbandoned(summary, how);
	const { state, snapshotSeq } = await load(journal, run);
	const ask = how.isEnding === true ? [] : changedAgents(state, how);
	const epoch = await journal.claim(run, summary.epoch, writer, clock.now());
	if (epoch === undefined)
		throw new SwarmError("RUN_BUSY", `the run "${run}" was taken over by another process just now`);
	try {
		// What the old writer has added since it was read: it can add no more.
		await catchUp(journal, run, state);
		const checkpoints = await journal.checkpoints(run);
		return { state, epoch, ask, checkpoints, createdAt: summary.createdAt, snapshotSeq };
	} catch (error) {
		await giveBack(journal, run, epoch);
		throw error;
	}
}

/** A run that was taken over and cannot go on here: whoever else can need not wait. */
export async function giveBack(journal: Journal, run: RunId, epoch: number): Promise<void> {
	try {
		await journal.release(run, epoch);
	} catch {
		// Why it cannot go on is what is told: without a heartbeat it is given up soon in any case.
	}
}

async function assertAbandoned(summary: RunSummary, { journal, writer: own, clock }: TakeOver): Promise<void> {
	const { run, writer } = summary;
	if (writer === undefined || writer.id === own.id || isGone(writer)) return;
	const silence = clock.now() - writer.heartbeatAt;
	// A journal that does not survive its process has no heartbeat, and needs none: its writers are all here.
	if (!journal.durable) {
		if (isWriterHere(writer.id)) throw busy(run, writer, silence);
		return;
	}
	if (silence > TIME_TO_LIVE_MS && !isHere(writer)) return;
	if (Math.abs(silence) <= TIME_TO_LIVE_MS) throw busy(run, writer, silence);
	// Its clock, or this one, was moved by a lot; or a process of this machine is busy, or has the number of one that
	// died. Only watching tells whether its heart beats.
	await new Promise<void>((resolve) => {
		const release = clock.hold();
		clock.set(clock.now() + TIME_TO_LIVE_MS, () => {
			release();
			resolve();
		});
	});
	const later = (await findRun(journal, run)).writer;
	if (later !== undefined && (later.id !== writer.id || later.heartbeatAt !== writer.heartbeatAt))
		throw busy(run, later, 0);
}

/** Whether a writer was a process of this machine that is not there any more. */
export function isGone({ id, host, pid, since }: WriterStatus): boolean {
	const here = thisProcess();
	if (host !== here.host) return false;
	return pid === here.pid ? isPredecessor(id, since) : !isProcessThere(pid);
}

/** A process of this machine that is there, whatever it does. */
function isHere({ host, pid }: WriterStatus): boolean {
	return host === thisProcess().host && isProcessThere(pid);
}

function busy(run: RunId, { host, pid, since }: WriterStatus, silence: number): SwarmError {
	const heard = `last heard of ${Math.max(0, Math.round(silence / 1_000))} s ago`;
	return new SwarmError(
		"RUN_BUSY",
		`the run "${run}" is written by process ${pid} on ${host} since ${new Date(since).toISOString()}, ${heard}`,
		{ hint: "stop it there first; one that has died is found out after 15 s without a heartbeat" },
	);
}

/**
 * Looks whether what a run's open nodes need is here.
 *
 * @returns the agents that a person is asked about
 * @throws SwarmError `VERSION_MISMATCH`
 */
export function changedAgents(
	state: RunState,
	{ agents, limits: here, onVersionMismatch }: Pick<TakeOver, "agents" | "limits" | "onVersionMismatch">,
): string[] {
	const { graph } = state;
	const missing = new Map<string, NodeId[]>();
	const changed = new Map<string, NodeId[]>();
	const limits = new Set<string>();
	for (let n = 0; n < graph.size; n++) {
		if (graph.isTerminal(n)) continue;
		const { agent: name, limits: taken = [] } = graph.spec(n);
		for (const limit of taken) if (!here.has(limit)) limits.add(limit);
		const agent = agents.get(name);
		if (agent === undefined) note(missing, name, graph.id(n));
		else if (major(agent.version) !== major(state.versions?.[name])) note(changed, name, graph.id(n));
	}
	const { onStall } = optionsOf(state.settings);
	const replanner = agentName(onStall?.agent ?? "");
	if (replanner !== undefined && !agents.has(replanner)) note(missing, replanner, onStall?.id ?? "onStall");
	if (missing.size > 0) throw mismatch(state, missing, (name) => `there is no agent "${name}" here`);
	if (limits.size > 0) {
		const names = [...limits].map((name) => `"${name}"`).join(", ");
		throw new SwarmError("VERSION_MISMATCH", `run "${state.run}" needs limits that are not here: ${names}`);
	}
	if (onVersionMismatch === "run") return [];
	// What a process before this one was to ask about is still to be asked.
	const asked = state.asking?.agents ?? [];
	if (onVersionMismatch === "ask") return [...new Set([...asked, ...changed.keys()])];
	if (changed.size === 0) return [...asked];
	throw mismatch(state, changed, (name) => {
		const before = state.versions?.[name] ?? "without a version";
		return `agent "${name}" was ${before} and is ${agents.get(name)?.version ?? "without a version"} now`;
	});
}

function note(byAgent: Map<string, NodeId[]>, agent: string, node: NodeId): void {
	const nodes = byAgent.get(agent);
	if (nodes === undefined) byAgent.set(agent, [node]);
	else if (nodes.length < MAX_NAMED) nodes.push(node);
}

const MAX_NAMED = 16;

function mismatch(
	state: RunState,
	byAgent: ReadonlyMap<string, readonly NodeId[]>,
	say: (name: string) => string,
): SwarmError {
	const texts = [...byAgent].map(([name, nodes]) => `${say(name)}, which "${nodes[0] ?? ""}" needs`);
	return new SwarmError("VERSION_MISMATCH", `run "${state.run}" cannot go on here: ${texts.join("; ")}`, {
		nodes: [...byAgent.values()].flat().slice(0, MAX_NAMED),
		hint: "nothing was changed; deploy the agents, or pass onVersionMismatch where only versions differ",
	});
}

/** The part of a version that says whether old inputs fit: the first number of a semantic version, else all of it. */
export function major(version: string | undefined): string | undefined {
	if (version === undefined) return undefined;
	return /^v?(\d+)(?:\.|$)/.exec(version)?.[1] ?? version;
}

/** What goes wrong in the store itself is told by one code, whatever the store throws. */
export async function fromJournal<Value>(ask: () => Value | PromiseLike<Value>): Promise<Value> {
	try {
		return await ask();
	} catch (error) {
		if (SwarmError.is(error)) throw error;
		throw new SwarmError("JOURNAL_UNAVAILABLE", "the journal cannot be read", {}, { cause: error });
	}
}

/** Why a run cannot be taken over from the swarm that is asked to. */
export function busyHere(run: RunId, hint = "swarm.get(id) has it"): SwarmError {
	return new SwarmError("RUN_BUSY", `the run "${run}" goes on in this very swarm`, { hint });
}
