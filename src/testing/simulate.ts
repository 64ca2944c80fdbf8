import { VirtualClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { checkWhole } from "../core/whole.js";
import type { AnyAgent } from "../executor/agent.js";
import type { RunEvent } from "../graph/types.js";
import type { RunOutcome } from "../outcome.js";
import type { RunHandle } from "../run.js";
import type { GraphSpec, StartOptions } from "../swarm-options.js";
import { type FaultCounts, type Faults, resolveFaults } from "./faults.js";
import { relieve } from "./interference.js";
import { type ScriptedAgent, scriptedAgents } from "./scripted-agents.js";
import { type Problem, Simulation } from "./simulation.js";
import type { SimulatedSwarmOptions } from "./simulation-plan.js";
import { traceLines } from "./trace.js";

const START_MS = 1_000;

/** What is simulated. */
export interface SimulateOptions<A extends AnyAgent = ScriptedAgent> {
	/** A 32-bit integer; the same seed gives the same trace on every machine. */
	readonly seed: number;
	/** What to run; several graphs are several runs that share one swarm. */
	readonly graph: GraphSpec<A> | readonly GraphSpec<A>[];
	/**
	 * The agents. They may wait for promises, for `ctx` and for the clock, and for nothing real: no
	 * timers, no network. Default: {@link scriptedAgents}.
	 */
	readonly agents?: readonly A[];
	/** A fresh clock, where agents wait on it; by default one that starts at 1,000. */
	readonly clock?: VirtualClock;
	/** What goes wrong in the first phase; nothing by default. */
	readonly faults?: Faults;
	/** How long the phase with faults is, in steps; 0 to 1,000,000, default 300. */
	readonly steps?: number;
	/** Within how many further steps every run must end; 1 to 10,000,000, default 20,000. */
	readonly livenessSteps?: number;
	/**
	 * Options of the swarm. A simulation has 3 slots, checks everything, gives up an aborted function
	 * after 50 ms and ends an attempt after 1,000 virtual milliseconds unless it is told otherwise here.
	 */
	readonly swarm?: SimulatedSwarmOptions;
	/**
	 * What somebody outside does for a run when nothing moves any more. By default a paused run is resumed, an
	 * open one closed, an approval given and a signal sent, both without a payload.
	 */
	readonly relieve?: (run: RunHandle) => Promise<unknown>;
	/** Options of the run; of several runs in turn. */
	readonly start?: StartOptions | readonly StartOptions[];
}

/** What came of one run of a simulation. */
export interface SimulatedOutcome {
	readonly outcome: RunOutcome;
	/** All its events. */
	readonly events: readonly RunEvent[];
}

/** What came of a simulation in which nothing was wrong. */
export interface SimulationReport extends SimulatedOutcome {
	readonly seed: number;
	/** Turns of the event loop until the last run had ended. */
	readonly steps: number;
	/** How often each fault struck. */
	readonly faults: Readonly<FaultCounts>;
	/** Every run, in the order of the graphs; `outcome` and `events` beside it are the first one's. */
	readonly runs: readonly SimulatedOutcome[];
	/** The story of all runs, one line an event, without what differs between machines. */
	readonly trace: readonly string[];
}

/** Something was wrong in a simulation. */
export class SimulationFailedError extends SwarmError {
	/** @internal */
	constructor(
		readonly seed: number,
		/** What was wrong, and who found it. */
		readonly problems: readonly Problem[],
		/** The story of all runs, one line an event. */
		readonly trace: readonly string[],
	) {
		const shown = problems
			.slice(0, 8)
			.map(({ judge, what }) => `${judge}: ${what}`)
			.join("\n  ");
		super("SIMULATION_FAILED", `${problems.length} things went wrong with seed ${seed}:\n  ${shown}`, {
			hint: `the same options with seed ${seed} give the same trace; it is in \`trace\``,
		});
	}
}

/**
 * Runs graphs on a virtual clock with a pool that delays, reorders, doubles and loses outcomes, and
 * whose workers die; and demands that the graph is never wrong. There are two phases: in the first
 * one faults strike, and nothing that may never happen happens; then they stop, and every run has to
 * end, within a bound of steps, with the status that its nodes tell. Where nothing moves any more,
 * somebody outside helps: see `relieve`.
 *
 * Checked are all invariants after every command, the trace (see {@link judgeTrace}), that the events
 * fold into the state, that no function runs twice at a time, too early or too late, and that slots
 * and limits hold. All chances, delays and the order of things come from the seed.
 *
 * @returns what came of the runs
 * @throws SwarmError `SIMULATION_FAILED` ({@link SimulationFailedError}) when anything is wrong;
 * `INVALID_OPTION` for an option out of its range; and what `swarm.start` throws for a graph
 *
 * @example
 * ```ts
 * import { defineAgent } from "dagswarm";
 * import { simulate } from "dagswarm/testing";
 *
 * const search = defineAgent({
 *   name: "search",
 *   retry: 5,
 *   run: async (topic: string, ctx) => {
 *     await ctx.sleep("2m");
 *     return `about ${topic}`;
 *   },
 * });
 * const { outcome, faults } = await simulate({
 *   seed: 11,
 *   agents: [search],
 *   graph: { nodes: [{ id: "a", agent: search, input: "bees" }] },
 *   faults: { drop: 300, delay: 500, duplicate: 300 },
 *   swarm: { timeout: "10m" },
 * });
 * outcome.status; // "completed"
 * ```
 */
export async function simulate<const A extends AnyAgent = ScriptedAgent>(
	options: SimulateOptions<A>,
): Promise<SimulationReport> {
	const { seed, graph, clock = new VirtualClock(START_MS), faults = {}, start = {}, swarm = {} } = options;
	const steps = options.steps ?? 300;
	const livenessSteps = options.livenessSteps ?? 20_000;
	// Nothing stands in for a seed that a caller without types leaves out.
	checkWhole(seed ?? Number.NaN, "seed", -0x8000_0000, 0xffff_ffff);
	checkWhole(steps, "steps", 0, 1_000_000);
	checkWhole(livenessSteps, "livenessSteps", 1, 10_000_000);
	const simulation = new Simulation({
		seed,
		// The types of the agents were checked where the graph was written.
		graphs: (Array.isArray(graph) ? graph : [graph]) as unknown as readonly GraphSpec[],
		clock,
		agents: options.agents ?? scriptedAgents(clock),
		faults: resolveFaults(faults),
		steps,
		livenessSteps,
		swarm,
		scripted: options.agents === undefined,
		relieve: options.relieve ?? relieve,
		start: (Array.isArray(start) ? start : [start]) as readonly StartOptions[],
	});
	await simulation.play();
	const trace = simulation.runs.flatMap(({ handle, events }) =>
		traceLines(events).map((line) => `${handle.id} ${line}`),
	);
	const problems = simulation.problems();
	if (problems.length > 0) throw new SimulationFailedError(seed, problems, trace);
	// Without problems every run has an outcome, and there is at least an empty one.
	const runs = simulation.runs.map(({ outcome, events }) => ({ outcome: outcome as RunOutcome, events }));
	const [first] = runs;
	if (first === undefined) throw new SwarmError("INVALID_OPTION", "there is no graph to simulate");
	return { seed, steps: simulation.steps, faults: { ...simulation.counts }, runs, trace, ...first };
}
