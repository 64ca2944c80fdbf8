import { createSwarm, type Durability } from "dagswarm";
import type { Random } from "dagswarm/testing";
import { expect } from "vitest";
import { isTerminal } from "../../src/core/lifecycle.js";
import { unsealed } from "../../src/journal/codec.js";
import { openJournal } from "../journal/journal-file.js";
import type { Program, Programs } from "./processes.js";
import type { Effect } from "./programs/effects.js";
import { type Kill, PLACES } from "./programs/kills.js";
import { agentsOfPlan, nodesOfPlan } from "./programs/plan.js";
import type { RunTask } from "./programs/run.js";
import { problemsOf, readEffects, readRun, resultOf, type Told } from "./told.js";

/** Events that a relaxed run may be ahead of the disk. */
const BATCH = 1_000;
/** Crashes that a node survives. */
const SURVIVED = 2;

/** How one run is to be treated. */
export interface Ordeal {
	readonly durability: Durability;
	readonly later: boolean;
	/** Between two processes the journal forgets what it can. */
	readonly pruning: boolean;
	/** At most so many; fewer when it ends before. */
	readonly kills: number;
	readonly random: Random;
}

/** What the plan comes to when nobody disturbs it. */
export async function undisturbed(): Promise<unknown> {
	const swarm = createSwarm({ agents: agentsOfPlan(() => {}), concurrency: 6 });
	const handle = swarm.start({ nodes: nodesOfPlan() });
	await handle.result();
	return resultOf({ snapshot: handle.snapshot() });
}

/**
 * Runs the plan in one process after the other, each of which is killed at a moment drawn at random, until it has
 * ended, and holds each to what is promised.
 *
 * @returns how often it was killed, and what came of it
 */
export async function killedRun(
	{ start, path }: Programs,
	{ durability, later, pruning, kills, random }: Ordeal,
): Promise<{ readonly kills: number; readonly told: Told }> {
	const file = path("runs.db");
	const effects = path("effects.jsonl");
	const run = "plan";
	let killed = 0;
	/** Effects before the last process, where that one let go of the run. */
	let drainedFrom: number | undefined;
	for (;;) {
		if (pruning) await prune(file);
		const before = await readRun(file, run);
		const saved = savedParts(file, run);
		const earlier = readEffects(effects);
		if (before !== undefined) expect(problemsOf(before)).toEqual([]);
		expect(unkept(earlier, before, durability)).toEqual([]);
		// Who lets go of a run loses nothing, however far ahead of the disk it was.
		if (drainedFrom !== undefined) expect(unkept(earlier.slice(drainedFrom), before, "strict")).toEqual([]);
		if (before?.summary.ended === true) return { kills: killed, told: before };
		const spared = before === undefined ? [] : crashedTwice(before);
		const end = killed < kills ? drawEnd(random, durability, spared.length === 0) : {};
		const program = start("run", { file, effects, run, durability, later, spared, ...end } satisfies RunTask);
		if (end.outside !== undefined) await killFromOutside(program, end.outside);
		const exit = await program.ended;
		drainedFrom = end.drain === undefined ? undefined : earlier.length;
		if (exit.signal === "SIGKILL") killed++;
		else expect(exit).toEqual({ code: 0, signal: null, stderr: "" });
		expect(repeated(readEffects(effects).slice(earlier.length), before, saved)).toEqual([]);
	}
}

async function prune(file: string): Promise<void> {
	const journal = openJournal(file);
	await journal.prune({ maxTailAge: 0 }, Number.MAX_SAFE_INTEGER);
	journal.close();
}

/** How a process ends before its run does. */
interface End {
	readonly kill?: Kill;
	readonly drain?: NonNullable<RunTask["drain"]>;
	/** Killed by another process, which has heard of so many effects. */
	readonly outside?: number;
}

function drawEnd(random: Random, durability: Durability, anywhere: boolean): End {
	const at = random.pick([...PLACES, "drain", ...(anywhere ? ["outside" as const] : [])] as const) ?? "effect";
	const n = 1 + random.below(90);
	if (at === "outside") return { outside: n };
	if (at === "drain") return { drain: { n, within: random.pick([0, 1, 20]) ?? 0 } };
	if (at === "effect") return { kill: { at, n } };
	if (at.endsWith("snapshot")) return { kill: { at, n: 1 + random.below(4) } };
	return { kill: { at, n: 1 + random.below(durability === "strict" ? 25 : 5) } };
}

async function killFromOutside(program: Program, n: number): Promise<void> {
	await program.line(".", n);
	if (!program.over) program.signal("SIGKILL");
}

/** Nodes that will have crashed as often as they may when the run goes on. */
function crashedTwice({ state: { graph }, snapshot }: Told): string[] {
	const crashed: string[] = [];
	for (const { id, state } of snapshot.nodes()) {
		const before = graph.extras.get(graph.index.get(id) ?? -1)?.crashes ?? 0;
		if (!isTerminal(state) && before + (state === "running" ? 1 : 0) >= SURVIVED) crashed.push(id);
	}
	return crashed;
}

/** Whether a step can be found again, or its node needs it no more. */
function isRecorded(told: Told | undefined, node: string, step: string): boolean {
	const graph = told?.state.graph;
	return isOver(told, node) || graph?.extras.get(graph.index.get(node) ?? -1)?.steps?.has(step) === true;
}

function isOver(told: Told | undefined, node: string): boolean {
	return isTerminal(told?.snapshot.get(node)?.state ?? "pending");
}

/** What was reported, to dependents or to a reader, and is not in the journal; strict: nothing. */
function unkept(effects: readonly Effect[], told: Told | undefined, durability: Durability): string[] {
	const lost = new Set<string>();
	for (const { phase, node, of = [] } of effects) {
		if (phase === "seen" && !isOver(told, node)) lost.add(node);
		if (phase === "start") for (const dependency of of) if (!isOver(told, dependency)) lost.add(dependency);
		if (phase === "stepped" && !isRecorded(told, node, of[0] ?? "")) lost.add(`step ${of[0]} of ${node}`);
		if (phase === "result" && of[0] !== "suspended" && told?.summary.ended !== true) return [`the end of ${node}`];
	}
	return durability === "relaxed" && lost.size <= BATCH ? [] : [...lost];
}

/** What the journal had as done, and was done again. */
function repeated(effects: readonly Effect[], before: Told | undefined, saved: ReadonlyMap<string, number>): string[] {
	return effects
		.filter(({ phase, node, of: [name = ""] = [] }) => {
			if (phase === "start") return isOver(before, node);
			if (phase === "step") return isRecorded(before, node, name);
			return phase === "part" && Number(name) < (saved.get(node) ?? 0);
		})
		.map((effect) => JSON.stringify(effect));
}

/** How many parts of the nodes with checkpoints are kept. */
function savedParts(file: string, run: string): Map<string, number> {
	const journal = openJournal(file);
	try {
		const saved = [...journal.checkpoints(run)];
		return new Map(saved.map(([node, body]) => [node, (unsealed(node, body) as { readonly next: number }).next]));
	} finally {
		journal.close();
	}
}
