import type { Graph } from "../graph/graph.js";
import { planSchedule } from "./plan.js";
import { Ranks } from "./ranks.js";
import { TaskGraph } from "./task-graph.js";

/**
 * What the planned policy goes by: a plan for the nodes that are there when the run first weighs them.
 * Joins count as `all`, limits are not reckoned with, and a node without an estimate takes no time.
 *
 * The plan is an order. Its ranks are the critical path's own numbers, dealt out in that order, so that a
 * node added later, which has the rank of its critical path, falls in among nodes of about its weight.
 */
export class PlannedRanks {
	readonly #ranks: Ranks;
	/** Of the planned nodes; NaN for nodes that had ended. */
	#planned: Float64Array | undefined;

	/** @param slots - how many nodes may run at a time */
	constructor(
		private readonly graph: Graph,
		private readonly slots: number,
	) {
		this.#ranks = new Ranks(graph);
	}

	of(n: number): number {
		const rank = this.#planned?.[n];
		return rank === undefined || Number.isNaN(rank) ? this.#ranks.of(n) : rank;
	}

	/** @returns whether ranks have changed, and entries have to be weighed anew */
	refresh(openNodes: number): boolean {
		const swept = this.#ranks.refresh(openNodes);
		if (this.#planned !== undefined) return swept;
		this.#planned = new Float64Array(this.graph.size).fill(Number.NaN);
		this.#plan(this.#planned);
		return true;
	}

	#plan(planned: Float64Array): void {
		const { graph } = this;
		const open: number[] = [];
		for (let n = 0; n < graph.size; n++) if (!graph.isTerminal(n)) open.push(n);
		open.sort((a, b) => graph.nodes.label(a) - graph.nodes.label(b));
		const tasks = taskGraphOf(graph, open);
		const { sequence } = planSchedule(tasks, Math.min(this.slots, open.length));
		const ranks = dealt(tasks.bottomLevels());
		for (let k = 0; k < sequence.length; k++) planned[open[sequence[k] as number] as number] = ranks[k] as number;
	}
}

/** Nodes as tasks, without the edges that lead elsewhere. @param open - each after those it depends on */
export function taskGraphOf(graph: Graph, open: readonly number[]): TaskGraph {
	const task = new Int32Array(graph.size).fill(-1);
	for (let i = 0; i < open.length; i++) task[open[i] as number] = i;
	const { nodes, edges } = graph;
	const durations = new Float64Array(open.length);
	const priorities = new Float64Array(open.length);
	const from: number[] = [];
	const to: number[] = [];
	for (let i = 0; i < open.length; i++) {
		const n = open[i] as number;
		const { estimateMs = 0, priority = 0 } = graph.spec(n);
		durations[i] = estimateMs;
		priorities[i] = priority;
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
			const next = task[edges.to(edge)] as number;
			if (next < 0) continue;
			from.push(i);
			to.push(next);
		}
	}
	return new TaskGraph(durations, from, to, priorities);
}

/** The values in falling order, those that are equal told apart by as little as can be. */
function dealt(values: Float64Array): Float64Array {
	const ranks = values.slice().sort().reverse();
	for (let k = 1; k < ranks.length; k++) {
		const above = ranks[k - 1] as number;
		if ((ranks[k] as number) < above) continue;
		ranks[k] = above - Math.max(Math.abs(above) * Number.EPSILON, Number.MIN_VALUE);
	}
	return ranks;
}
