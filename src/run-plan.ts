import { limitsOfAgent } from "./agent-limits.js";
import type { NodeId } from "./core/ids.js";
import { addUsage, checkUsage, emptyUsage, type Usage } from "./core/usage.js";
import type { AnyAgent } from "./executor/agent.js";
import { DEAD, judgeCounts, MET } from "./graph/frontier.js";
import type { Graph } from "./graph/graph.js";
import { EAGER, HAS_REFS, JOIN_AT_LEAST } from "./graph/node-table.js";
import { type PolicySource, type Retry, retryPolicy, type Timeouts, timeouts } from "./graph/policies.js";
import type { StoredSpec } from "./graph/types.js";
import { ListScheduler } from "./scheduler/list-scheduler.js";
import { PlannedRanks, taskGraphOf } from "./scheduler/planned-ranks.js";
import { Ranks } from "./scheduler/ranks.js";
import type { SchedulingPolicy } from "./scheduler/run-queue.js";

/** What a node would do if every node before it completed. */
export interface PlannedNode {
	readonly id: NodeId;
	readonly agent: string;
	/** The nodes it depends on, in order of insertion. */
	readonly after: readonly NodeId[];
	/** How many nodes are on the longest path that ends before it. */
	readonly level: number;
	/** `skip`: its join could not be met any more. `hold`: it, or what it waits for, is speculative and not confirmed. */
	readonly would: "run" | "skip" | "hold";
	/** When it would start, of nodes that would run; milliseconds from the start of the run. */
	readonly startMs?: number;
	/** The limits that it takes one unit of, its agent's among them. */
	readonly limits: readonly string[];
	/** In milliseconds. */
	readonly timeout?: Timeouts;
	readonly retry?: Retry;
	readonly estimateMs?: number;
	/** What its agent expects to use, where it says so and the input is known. */
	readonly estimate?: Usage;
}

/**
 * What a run would do, as far as it can be known beforehand: every node completes at its first attempt and takes as
 * long as its `estimateMs` says (no time without one), every join waits for all its dependencies that run, no other run
 * takes slots, no limit is used up. What agents would add is not known.
 */
export interface RunPlan {
	/** The nodes that would run, in the order in which they would start; then those that would not. */
	readonly nodes: readonly PlannedNode[];
	readonly counts: { readonly run: number; readonly skip: number; readonly hold: number };
	/** How many nodes of each agent would run, by its name. */
	readonly agents: Readonly<Record<string, number>>;
	/** What all of it is expected to use: a `nodes` for each that would run, and what the agents say. */
	readonly estimate: Usage;
	/** How many of the nodes that would run say no `estimateMs`. */
	readonly untimed: number;
	/** Attempts at a time. */
	readonly concurrency: number;
	/** The longest path, and the sum of all estimates: the run takes at least the longest path, or the sum over the slots. */
	readonly criticalPathMs: number;
	readonly workMs: number;
	/** How long the run would take. */
	readonly makespanMs: number;
}

/** What a plan is made with. */
export interface PlanSource {
	readonly policies: PolicySource;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly policy: SchedulingPolicy | undefined;
	readonly concurrency: number;
}

const RUN = 1;
const SKIP = 2;
const HOLD = 3;
const VERDICTS = { [RUN]: "run", [SKIP]: "skip", [HOLD]: "hold" } as const;
type Verdict = keyof typeof VERDICTS;

/** Plans a graph of which nothing has run. Costs as much as scheduling it: O(edges + nodes · log nodes). */
export function planGraph(graph: Graph, source: PlanSource): RunPlan {
	const order = Array.from({ length: graph.size }, (_, n) => n);
	order.sort((a, b) => graph.nodes.label(a) - graph.nodes.label(b));
	const { verdicts, levels } = foresee(graph, order);
	const running = order.filter((n) => verdicts[n] === RUN);
	const tasks = taskGraphOf(graph, running);
	const scheduler = new ListScheduler(tasks, source.concurrency);
	const makespanMs = scheduler.schedule(ranksOf(graph, running, source));
	const nodes: PlannedNode[] = [];
	const agents: Record<string, number> = Object.create(null);
	const estimate = addUsage(emptyUsage(), { nodes: running.length });
	let untimed = 0;
	for (const task of scheduler.sequence) {
		const n = running[task] as number;
		const node = { ...describe(graph, n, "run", levels, source), startMs: scheduler.starts[task] as number };
		agents[node.agent] = (agents[node.agent] ?? 0) + 1;
		if (node.estimate !== undefined) addUsage(estimate, { ...node.estimate, nodes: 0 });
		if (node.estimateMs === undefined) untimed++;
		nodes.push(node);
	}
	for (const n of order)
		if (verdicts[n] !== RUN) nodes.push(describe(graph, n, VERDICTS[verdicts[n] as Verdict], levels, source));
	const skip = verdicts.reduce((count, verdict) => count + (verdict === SKIP ? 1 : 0), 0);
	return {
		nodes,
		counts: { run: running.length, skip, hold: graph.size - running.length - skip },
		agents,
		estimate,
		untimed,
		concurrency: source.concurrency,
		criticalPathMs: tasks.bottomLevels().reduce((most, level) => Math.max(most, level), 0),
		workMs: tasks.work,
		makespanMs,
	};
}

/** Which nodes would run if each that does completed, and how far each is from the start. */
function foresee(
	graph: Graph,
	order: readonly number[],
): { readonly verdicts: Uint8Array; readonly levels: Int32Array } {
	const { nodes, edges } = graph;
	const verdicts = new Uint8Array(graph.size);
	const levels = new Int32Array(graph.size);
	for (const n of order) {
		let [open, ok, lost, level] = [0, 0, 0, 0];
		for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
			const from = edges.from(edge);
			level = Math.max(level, (levels[from] as number) + 1);
			if (verdicts[from] === SKIP) lost++;
			// What an eager node comes to is withheld.
			else if (verdicts[from] === HOLD || nodes.has(from, EAGER)) open++;
			else ok++;
		}
		levels[n] = level;
		const join = nodes.join(n);
		const judged = judgeCounts(join, join === JOIN_AT_LEAST ? nodes.need(n) : 0, open, ok, 0, lost, 0);
		// Joins die for held nodes too.
		if (judged === DEAD) verdicts[n] = SKIP;
		else verdicts[n] = judged === MET && !graph.isHeld(n) ? RUN : HOLD;
	}
	return { verdicts, levels };
}

/** What the run's queue would go by. */
function ranksOf(
	graph: Graph,
	running: readonly number[],
	{ policy, concurrency }: PlanSource,
): Float64Array | undefined {
	if (policy === "fifo") return undefined;
	if (policy === undefined && running.every((n) => graph.spec(n).estimateMs === undefined)) return undefined;
	const ranks = policy === "planned" ? new PlannedRanks(graph, concurrency) : new Ranks(graph);
	ranks.refresh(graph.size);
	return Float64Array.from(running, (n) => ranks.of(n));
}

function describe(
	graph: Graph,
	n: number,
	would: PlannedNode["would"],
	levels: Int32Array,
	{ agents, policies }: PlanSource,
): PlannedNode {
	const spec = graph.spec(n);
	const after: string[] = [];
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge))
		after.push(graph.id(graph.edges.from(edge)));
	const agent = agents.get(spec.agent);
	const known = !graph.nodes.has(n, HAS_REFS);
	const timeout = timeouts(policies, spec);
	const retry = retryPolicy(policies, spec);
	const estimate = estimateOf(agent, spec, known);
	return {
		id: spec.id,
		agent: spec.agent,
		after,
		level: levels[n] as number,
		would,
		limits: limitsOf(agent, spec, known),
		...(timeout !== undefined && { timeout }),
		...(retry !== undefined && { retry }),
		...(spec.estimateMs !== undefined && { estimateMs: spec.estimateMs }),
		...(estimate !== undefined && { estimate }),
	};
}

/** The limits by their names; what bounds a single agent has none. */
function limitsOf(agent: AnyAgent | undefined, { limits: own = [], input }: StoredSpec, known: boolean): string[] {
	const { names = [], of } = (agent && limitsOfAgent(agent)) ?? {};
	const computed = of === undefined ? undefined : asked(() => of(input as never), known);
	return [...new Set([...own, ...names.filter((name) => !name.includes("\0")), ...(computed ?? [])])];
}

function estimateOf(agent: AnyAgent | undefined, { input }: StoredSpec, known: boolean): Usage | undefined {
	const estimate = agent?.estimate;
	if (typeof estimate !== "function") return estimate;
	return asked(() => {
		const usage: unknown = estimate(input);
		checkUsage(usage, "an estimate");
		return usage;
	}, known);
}

/** What a function of an agent says of an input: nothing while outputs are missing in it, or where it throws. */
function asked<Value>(ask: () => Value, known: boolean): Value | undefined {
	if (!known) return undefined;
	try {
		return ask();
	} catch {
		// It is only a plan: in a run the attempt fails, and says why.
		return undefined;
	}
}
