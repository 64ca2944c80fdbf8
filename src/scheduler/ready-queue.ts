import type { Ask, Turn } from "./limit-ask.js";

/** A ready node as a scheduler weighs it. */
export interface ReadyEntry {
	/** The node, opaque to the scheduler. */
	readonly n: number;
	/** Larger first. */
	readonly priority: number;
	/** Among equal priorities: larger first. The length of the longest path from here, 0 under first come, first served. */
	rank: number;
	/** Among equals: smaller first. The order of becoming ready. */
	readonly order: number;
	/** What it asks of limits, once that was found out. */
	ask?: Ask | undefined;
	/** The turn at a limit that lets it try again; whoever cannot use it hands it on. */
	turn?: Turn | undefined;
}

/** Whether one entry goes before another. */
export function before(a: ReadyEntry, b: ReadyEntry): boolean {
	if (a.priority !== b.priority) return a.priority > b.priority;
	if (a.rank !== b.rank) return a.rank > b.rank;
	return a.order < b.order;
}

/** A binary heap of ready nodes: taking the best one costs O(log ready). */
export class ReadyQueue {
	readonly #heap: ReadyEntry[] = [];

	get size(): number {
		return this.#heap.length;
	}

	/** The best one, left where it is. */
	get first(): ReadyEntry | undefined {
		return this.#heap[0];
	}

	push(entry: ReadyEntry): void {
		const heap = this.#heap;
		let i = heap.length;
		heap.push(entry);
		while (i > 0) {
			const parent = (i - 1) >> 1;
			const above = heap[parent] as ReadyEntry;
			if (!before(entry, above)) break;
			heap[i] = above;
			i = parent;
		}
		heap[i] = entry;
	}

	pop(): ReadyEntry | undefined {
		const heap = this.#heap;
		const best = heap[0];
		const last = heap.pop();
		if (best === undefined || last === undefined || heap.length === 0) return best;
		this.#sink(0, last);
		return best;
	}

	/** Weighs every entry anew. */
	rerank(rankOf: (n: number) => number): void {
		const heap = this.#heap;
		for (const entry of heap) entry.rank = rankOf(entry.n);
		for (let i = (heap.length >> 1) - 1; i >= 0; i--) this.#sink(i, heap[i] as ReadyEntry);
	}

	#sink(start: number, entry: ReadyEntry): void {
		const heap = this.#heap;
		let i = start;
		for (;;) {
			let child = 2 * i + 1;
			if (child >= heap.length) break;
			if (child + 1 < heap.length && before(heap[child + 1] as ReadyEntry, heap[child] as ReadyEntry)) child++;
			const below = heap[child] as ReadyEntry;
			if (!before(below, entry)) break;
			heap[i] = below;
			i = child;
		}
		heap[i] = entry;
	}
}
