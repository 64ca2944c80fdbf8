import type { TaskGraph } from "./task-graph.js";

/**
 * Lays a task graph out on slots in virtual time, by the rule that the runtime follows: whenever a
 * slot is free, the ready task with the largest priority takes it, then the largest rank, then the one
 * that became ready first (Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17,
 * 1969). A try costs O(edges + tasks · log tasks) and takes no memory.
 */
export class ListScheduler {
	/** When each task starts, after {@link schedule}. */
	readonly starts: Float64Array;
	/** The tasks in the order in which they start. */
	readonly sequence: Int32Array;
	readonly #graph: TaskGraph;
	readonly #slots: number;
	readonly #open: Int32Array;
	/** Ready tasks, a heap with the best at the top. */
	readonly #ready: Int32Array;
	#readyCount = 0;
	/** The order of becoming ready. */
	readonly #order: Int32Array;
	#orders = 0;
	/** Running tasks, a heap with the next to end at the top. */
	readonly #running: Int32Array;
	#runningCount = 0;
	readonly #ends: Float64Array;
	/** Where in the sequence each task is. */
	readonly #place: Int32Array;
	#ranks: Float64Array | undefined;

	/** @param slots - how many tasks may run at a time, at least 1 */
	constructor(graph: TaskGraph, slots: number) {
		const { size } = graph;
		this.#graph = graph;
		this.#slots = Math.min(slots, Math.max(size, 1));
		this.starts = new Float64Array(size);
		this.sequence = new Int32Array(size);
		this.#open = new Int32Array(size);
		this.#ready = new Int32Array(size);
		this.#order = new Int32Array(size);
		this.#running = new Int32Array(this.#slots);
		this.#ends = new Float64Array(size);
		this.#place = new Int32Array(size);
	}

	/**
	 * @param ranks - of each task, larger first; without them it is first come, first served
	 * @returns the makespan
	 */
	schedule(ranks?: Float64Array): number {
		const { size, durations } = this.#graph;
		this.#ranks = ranks;
		this.#readyCount = this.#runningCount = this.#orders = 0;
		this.#open.set(this.#graph.inDegree);
		for (let i = 0; i < size; i++) if (this.#open[i] === 0) this.#becomeReady(i);
		let now = 0;
		for (let started = 0; ; ) {
			// One end at a time, each with the starts that follow from it: so does the runtime.
			for (; this.#readyCount > 0 && this.#runningCount < this.#slots; started++) {
				const task = this.#nextReady();
				this.starts[task] = now;
				this.#ends[task] = now + (durations[task] as number);
				this.sequence[started] = task;
				this.#place[task] = started;
				this.#run(task);
			}
			if (this.#runningCount === 0) return now;
			const ended = this.#nextEnd();
			now = this.#ends[ended] as number;
			this.#release(ended);
		}
	}

	#release(task: number): void {
		const { firstSuccessor, successors } = this.#graph;
		const end = firstSuccessor[task + 1] as number;
		for (let s = firstSuccessor[task] as number; s < end; s++) {
			const next = successors[s] as number;
			const open = (this.#open[next] as number) - 1;
			this.#open[next] = open;
			if (open === 0) this.#becomeReady(next);
		}
	}

	#before(a: number, b: number): boolean {
		const { priorities } = this.#graph;
		if (priorities !== undefined) {
			const first = priorities[a] as number;
			const second = priorities[b] as number;
			if (first !== second) return first > second;
		}
		if (this.#ranks !== undefined) {
			const first = this.#ranks[a] as number;
			const second = this.#ranks[b] as number;
			if (first !== second) return first > second;
		}
		return (this.#order[a] as number) < (this.#order[b] as number);
	}

	#becomeReady(task: number): void {
		this.#order[task] = this.#orders++;
		const heap = this.#ready;
		let i = this.#readyCount++;
		while (i > 0) {
			const parent = (i - 1) >> 1;
			const above = heap[parent] as number;
			if (!this.#before(task, above)) break;
			heap[i] = above;
			i = parent;
		}
		heap[i] = task;
	}

	#nextReady(): number {
		const heap = this.#ready;
		const best = heap[0] as number;
		const count = --this.#readyCount;
		const last = heap[count] as number;
		let i = 0;
		for (let child = 1; child < count; child = 2 * i + 1) {
			if (child + 1 < count && this.#before(heap[child + 1] as number, heap[child] as number)) child++;
			const below = heap[child] as number;
			if (!this.#before(below, last)) break;
			heap[i] = below;
			i = child;
		}
		heap[i] = last;
		return best;
	}

	#endsBefore(a: number, b: number): boolean {
		const first = this.#ends[a] as number;
		const second = this.#ends[b] as number;
		return first < second || (first === second && (this.#place[a] as number) < (this.#place[b] as number));
	}

	#run(task: number): void {
		const heap = this.#running;
		let i = this.#runningCount++;
		while (i > 0) {
			const parent = (i - 1) >> 1;
			const above = heap[parent] as number;
			if (!this.#endsBefore(task, above)) break;
			heap[i] = above;
			i = parent;
		}
		heap[i] = task;
	}

	#nextEnd(): number {
		const heap = this.#running;
		const first = heap[0] as number;
		const count = --this.#runningCount;
		const last = heap[count] as number;
		let i = 0;
		for (let child = 1; child < count; child = 2 * i + 1) {
			if (child + 1 < count && this.#endsBefore(heap[child + 1] as number, heap[child] as number)) child++;
			const below = heap[child] as number;
			if (!this.#endsBefore(below, last)) break;
			heap[i] = below;
			i = child;
		}
		heap[i] = last;
		return first;
	}
}
