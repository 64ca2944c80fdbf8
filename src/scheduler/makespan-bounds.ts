import type { TaskGraph } from "./task-graph.js";

/** What no schedule of a task graph can be shorter than. */
export interface MakespanBounds {
	/** The longest path. */
	readonly criticalPath: number;
	/** The sum of all durations. */
	readonly work: number;
	/** The longest path, or the work spread evenly over the slots, whichever is larger. */
	readonly simple: number;
	/** At least the simple one: it also counts slots that must be idle, and slots that must take several of the long tasks. */
	readonly tighter: number;
}

/** About so many visits of tasks the sweep is allowed. */
const MOST_VISITS = 2_000_000;
const MOST_THRESHOLDS = 256;
const LEAST_THRESHOLDS = 16;
/** Heads times tails: at least so many of each. */
const LEAST_SIDE = 4;

/**
 * Lower bounds of the makespan on so many slots.
 *
 * The tighter one is the bound of Carlier ("Scheduling jobs with release dates and tails on identical
 * machines to minimize makespan", EJOR 29, 1987) over sets of tasks with a long path before or after
 * them, of which Fernandez and Bussell ("Bounds on the number of processors and time for multiprocessor
 * optimal schedules", IEEE TC 22, 1973) showed the use for graphs: the slots cannot all begin on a set before
 * the smallest heads in it, nor all work on it to the end. The sets are those whose head, or whose
 * tail, reaches a threshold; of large graphs only some thresholds are looked at, which keeps it valid.
 *
 * Besides, of `k · slots + 1` tasks some slot has to take `k + 1` one after the other (the counting bound of Dell'Amico and
 * Martello, "Optimal scheduling of tasks on identical parallel processors", ORSA J. Computing 7, 1995), after
 * the smallest head and before the smallest tail among them.
 */
export function makespanBounds(graph: TaskGraph, slots: number): MakespanBounds {
	const heads = graph.topLevels();
	const levels = graph.bottomLevels();
	const criticalPath = largest(levels);
	const { work } = graph;
	const simple = Math.max(criticalPath, work / slots);
	const tails = levels.map((level, i) => level - (graph.durations[i] as number));
	const tighter = Math.max(
		simple,
		subsetBound(graph.durations, heads, tails, slots),
		subsetBound(graph.durations, tails, heads, slots),
		countingBound(graph.durations, heads, tails, slots),
	);
	// A sum of rounded numbers may come out a hair above the path that it adds up.
	return { criticalPath, work, simple, tighter: tighter <= simple * (1 + 1e-12) ? simple : tighter };
}

/** The best bound over the sets of tasks whose head reaches a threshold and whose tail is among the longest. */
function subsetBound(durations: Float64Array, heads: Float64Array, tails: Float64Array, slots: number): number {
	const size = durations.length;
	const byTail = Int32Array.from({ length: size }, (_, i) => i).sort((a, b) => at(tails, b) - at(tails, a));
	const smallestHeads = new SmallestSum(slots);
	const latestTails = new Float64Array(slots);
	let best = 0;
	const most = Math.max(LEAST_THRESHOLDS, Math.min(MOST_THRESHOLDS, Math.floor(MOST_VISITS / (size + 1))));
	for (const threshold of thresholds(heads, most)) {
		smallestHeads.clear();
		let work = 0;
		let tailSum = 0;
		let count = 0;
		for (let k = 0; k < size; k++) {
			const task = byTail[k] as number;
			const head = at(heads, task);
			if (head < threshold) continue;
			const tail = at(tails, task);
			work += at(durations, task);
			smallestHeads.add(head);
			// Tails come in falling order: the smallest are always the latest.
			const place = count % slots;
			tailSum += tail - (count < slots ? 0 : at(latestTails, place));
			latestTails[place] = tail;
			count++;
			if (count >= slots) best = Math.max(best, (smallestHeads.sum + work + tailSum) / slots);
		}
	}
	return best;
}

/** The best bound over sets of tasks between two thresholds, from how many of the longest one slot has to take. */
function countingBound(durations: Float64Array, heads: Float64Array, tails: Float64Array, slots: number): number {
	const size = durations.length;
	if (size <= slots) return 0;
	const byDuration = Int32Array.from({ length: size }, (_, i) => i).sort((a, b) => at(durations, b) - at(durations, a));
	/** Of the tasks between the thresholds, the longest first: the sum of the durations before each place. */
	const sums = new Float64Array(size + 1);
	const side = Math.max(LEAST_SIDE, Math.floor(Math.sqrt(MOST_VISITS / size)));
	const tailThresholds = thresholds(tails, side);
	let best = 0;
	for (const head of thresholds(heads, side)) {
		for (const tail of tailThresholds) {
			let count = 0;
			for (let k = 0; k < size; k++) {
				const task = byDuration[k] as number;
				if (at(heads, task) < head || at(tails, task) < tail) continue;
				sums[count + 1] = at(sums, count) + at(durations, task);
				count++;
			}
			for (let more = 1; more * slots < count; more++) {
				const last = more * slots + 1;
				best = Math.max(best, head + at(sums, last) - at(sums, last - more - 1) + tail);
			}
		}
	}
	return best;
}

/** Some of the distinct values in rising order, evenly spaced, the smallest among them. */
function thresholds(values: Float64Array, most: number): number[] {
	const sorted = values.slice().sort();
	const distinct = Array.from(sorted).filter((value, k) => k === 0 || value !== sorted[k - 1]);
	if (distinct.length <= most) return distinct;
	return Array.from({ length: most }, (_, k) => distinct[Math.floor((k * distinct.length) / most)] as number);
}

/** The sum of the smallest of the values that were added: a heap of so many, the largest at its top. */
class SmallestSum {
	readonly #heap: Float64Array;
	#count = 0;
	sum = 0;

	constructor(most: number) {
		this.#heap = new Float64Array(most);
	}

	clear(): void {
		this.#count = 0;
		this.sum = 0;
	}

	add(value: number): void {
		const heap = this.#heap;
		if (this.#count < heap.length) {
			this.sum += value;
			let i = this.#count++;
			for (; i > 0; i = (i - 1) >> 1) {
				const above = at(heap, (i - 1) >> 1);
				if (above >= value) break;
				heap[i] = above;
			}
			heap[i] = value;
			return;
		}
		const top = at(heap, 0);
		if (value >= top) return;
		this.sum += value - top;
		let i = 0;
		for (let child = 1; child < heap.length; child = 2 * i + 1) {
			if (child + 1 < heap.length && at(heap, child + 1) > at(heap, child)) child++;
			if (at(heap, child) <= value) break;
			heap[i] = at(heap, child);
			i = child;
		}
		heap[i] = value;
	}
}

function largest(values: Float64Array): number {
	return values.reduce((most, value) => Math.max(most, value), 0);
}

function at(column: Float64Array, i: number): number {
	return column[i] as number;
}
