import type { TaskGraph } from "./task-graph.js";

/** A rank for each task, larger first. */
export type PriorityRule = (graph: TaskGraph) => Float64Array;

/** Above so many tasks the work downstream would take too much memory: it is a bit for every pair of tasks. */
const MOST_FOR_DESCENDANTS = 8_192;

/** Largest bottom level first: highest level first with estimated times, the critical path policy. */
export const criticalPathRule: PriorityRule = (graph) => graph.bottomLevels();

/**
 * The rules that a plan tries beside first come, first served and the critical path; the survey is
 * Kolisch, "Efficient priority rules for the resource-constrained project scheduling problem" (J. Operations Management 14, 1996).
 */
export const priorityRules: Readonly<Record<string, PriorityRule>> = {
	/** The critical path, and among equals who more wait for. */
	"critical-path-successors": (graph) => {
		const levels = graph.bottomLevels();
		const most = levels.reduce((a, b) => Math.max(a, b), 0);
		// Too little to turn round any two levels that differ by more than rounding.
		const share = (most * 1e-9) / (graph.successors.length + 1);
		return levels.map((level, i) => level + share * graph.outDegree(i));
	},
	/** Latest finish time: the longest path behind it. */
	"longest-tail": (graph) => graph.bottomLevels().map((level, i) => level - (graph.durations[i] as number)),
	"longest-task": (graph) => graph.durations.slice(),
	"most-successors": (graph) => Float64Array.from(graph.durations, (_, i) => graph.outDegree(i)),
	"most-work-downstream": workDownstream,
	/** The work that becomes possible: a task's own level, and half of what its successors have. */
	"critical-path-and-fan": (graph) => {
		const levels = graph.bottomLevels();
		return levels.map((level, i) => {
			let sum = 0;
			for (let s = graph.firstSuccessor[i] as number; s < (graph.firstSuccessor[i + 1] as number); s++) {
				sum += (levels[graph.successors[s] as number] as number) / 2;
			}
			return level + sum;
		});
	},
};

/**
 * The durations of a task and all that come after it, each counted once ("ranked positional weight",
 * Helgeson and Birnie, J. Industrial Engineering 12, 1961). In large graphs a task that is reached in several ways is shared
 * out among them instead.
 */
function workDownstream(graph: TaskGraph): Float64Array {
	return graph.size <= MOST_FOR_DESCENDANTS ? exactWorkDownstream(graph) : sharedWorkDownstream(graph);
}

function exactWorkDownstream({ size, durations, firstSuccessor, successors }: TaskGraph): Float64Array {
	const words = (size + 31) >> 5;
	const reached = new Int32Array(size * words);
	const work = new Float64Array(size);
	for (let i = size - 1; i >= 0; i--) {
		const row = i * words;
		reached[row + (i >> 5)] = 1 << (i & 31);
		for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++) {
			const other = (successors[s] as number) * words;
			// Nothing that comes after a task has a smaller number.
			for (let w = i >> 5; w < words; w++) {
				reached[row + w] = (reached[row + w] as number) | (reached[other + w] as number);
			}
		}
		let sum = 0;
		for (let w = i >> 5; w < words; w++) {
			for (let bits = reached[row + w] as number; bits !== 0; bits &= bits - 1) {
				sum += durations[(w << 5) + 31 - Math.clz32(bits & -bits)] as number;
			}
		}
		work[i] = sum;
	}
	return work;
}

function sharedWorkDownstream({ size, durations, firstSuccessor, successors, inDegree }: TaskGraph): Float64Array {
	const work = new Float64Array(size);
	for (let i = size - 1; i >= 0; i--) {
		let sum = durations[i] as number;
		for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++) {
			const next = successors[s] as number;
			sum += (work[next] as number) / (inDegree[next] as number);
		}
		work[i] = sum;
	}
	return work;
}
