/**
 * Tasks with known run times and what each waits for, as a list scheduler sees them: tasks are numbers,
 * and each comes after those it depends on. Neighbours lie in columns, so that a graph of a hundred
 * thousand tasks is a few arrays.
 */
export class TaskGraph {
	readonly size: number;
	/** What depends on task i: from `firstSuccessor[i]` to before `firstSuccessor[i + 1]`. */
	readonly firstSuccessor: Int32Array;
	readonly successors: Int32Array;
	/** How many dependencies each task has. */
	readonly inDegree: Int32Array;

	/**
	 * @param durations - of each task, in milliseconds, at least 0
	 * @param from - of each edge the task that comes first, and at the same place
	 * @param to - the one that waits for it: a larger number
	 * @param priorities - larger first, before any rank; none when left out
	 */
	constructor(
		readonly durations: Float64Array,
		from: ArrayLike<number>,
		to: ArrayLike<number>,
		readonly priorities?: Float64Array | undefined,
	) {
		const size = durations.length;
		this.size = size;
		this.firstSuccessor = new Int32Array(size + 1);
		this.successors = new Int32Array(from.length);
		this.inDegree = new Int32Array(size);
		const { firstSuccessor, successors, inDegree } = this;
		for (let e = 0; e < from.length; e++) add(firstSuccessor, (from[e] as number) + 1, 1);
		for (let i = 0; i < size; i++) add(firstSuccessor, i + 1, firstSuccessor[i] as number);
		const place = firstSuccessor.slice();
		for (let e = 0; e < from.length; e++) {
			const source = from[e] as number;
			successors[place[source] as number] = to[e] as number;
			add(place, source, 1);
			add(inDegree, to[e] as number, 1);
		}
	}

	/** How many tasks wait for task i. */
	outDegree(i: number): number {
		return (this.firstSuccessor[i + 1] as number) - (this.firstSuccessor[i] as number);
	}

	/** The sum of all durations. */
	get work(): number {
		return this.durations.reduce((sum, duration) => sum + duration, 0);
	}

	/** The same tasks with every edge turned round: task i is number `size - 1 - i` there. */
	reversed(): TaskGraph {
		const { size, firstSuccessor, successors } = this;
		const from = new Int32Array(successors.length);
		const to = new Int32Array(successors.length);
		for (let i = size - 1, e = 0; i >= 0; i--) {
			for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++, e++) {
				from[e] = size - 1 - (successors[s] as number);
				to[e] = size - 1 - i;
			}
		}
		return new TaskGraph(this.durations.slice().reverse(), from, to, this.priorities?.slice().reverse());
	}

	/** Of each task the longest path that starts with it, its own duration included (its bottom level). */
	bottomLevels(): Float64Array {
		const { size, durations, firstSuccessor, successors } = this;
		const levels = new Float64Array(size);
		for (let i = size - 1; i >= 0; i--) {
			let longest = 0;
			for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++) {
				const level = levels[successors[s] as number] as number;
				if (level > longest) longest = level;
			}
			levels[i] = longest + (durations[i] as number);
		}
		return levels;
	}

	/** Of each task the longest path that ends before it: the earliest it could start (its top level). */
	topLevels(): Float64Array {
		const { size, durations, firstSuccessor, successors } = this;
		const levels = new Float64Array(size);
		for (let i = 0; i < size; i++) {
			const end = (levels[i] as number) + (durations[i] as number);
			for (let s = firstSuccessor[i] as number; s < (firstSuccessor[i + 1] as number); s++) {
				const next = successors[s] as number;
				if (end > (levels[next] as number)) levels[next] = end;
			}
		}
		return levels;
	}
}

function add(column: Int32Array, i: number, amount: number): void {
	column[i] = (column[i] as number) + amount;
}
