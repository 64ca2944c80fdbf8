import type { Graph } from "./graph.js";

const GOLDEN = 0.618_033_988_749_894_9;

/**
 * A topological order, kept up to date edge by edge: every edge goes from a smaller label to a larger
 * one. An edge that already does costs nothing; another one costs a search of the nodes between the
 * two labels only.
 *
 * The algorithm is Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic
 * graphs" (ACM JEA 11, 2007), with two changes: both searches advance in turns and stop where they
 * meet, so that a cycle is found without searching the whole region; and labels are doubles, so that
 * a node can be placed between two others without moving any.
 */
export class Topology {
	#last = 0;

	constructor(private readonly graph: Graph) {}

	/** Places a fresh node behind all others. */
	append(n: number): void {
		this.graph.nodes.setLabel(n, ++this.#last);
	}

	/**
	 * Makes room for an edge before it is linked. What it moves stays moved when the edge is taken back
	 * again: an order that is right for more edges is right for fewer.
	 *
	 * @returns undefined when the order now allows the edge; else the cycle it would close, from `from`
	 * through `to` back to `from`, and nothing was moved
	 */
	admit(from: number, to: number): number[] | undefined {
		const { nodes } = this.graph;
		if (from === to) return [from, from];
		if (nodes.label(from) < nodes.label(to)) return undefined;
		const search = new Search(this.graph, from, to, this.graph.marks.fresh(this.graph.size, 2));
		const cycle = search.run();
		if (cycle !== undefined) return cycle;
		this.#reorder(search.backward, search.forward);
		return undefined;
	}

	/** Gives the labels of both groups to the ancestors first, then to the descendants, each in their order. */
	#reorder(before: number[], after: number[]): void {
		const { nodes } = this.graph;
		const byLabel = (a: number, b: number): number => nodes.label(a) - nodes.label(b);
		const order = before.sort(byLabel).concat(after.sort(byLabel));
		const labels = new Float64Array(order.length);
		for (let i = 0; i < order.length; i++) labels[i] = nodes.label(order[i] as number);
		labels.sort();
		if (hasRepeats(labels)) {
			// Two nodes squeezed into one gap may share a label by chance; after renumbering none do.
			this.renumber();
			for (let i = 0; i < order.length; i++) labels[i] = nodes.label(order[i] as number);
			labels.sort();
		}
		for (let i = 0; i < order.length; i++) nodes.setLabel(order[i] as number, labels[i] as number);
	}

	/**
	 * Moves a group of fresh nodes into the gap between the labels of two nodes, keeping their order.
	 *
	 * @param group - in topological order
	 * @param after - -1 when they may stand anywhere before `before`
	 * @returns false when there is no such gap; nothing was moved then
	 */
	squeeze(group: readonly number[], after: number, before: number): boolean {
		const { nodes } = this.graph;
		const lower = (): number => (after < 0 ? nodes.label(before) - 1 : nodes.label(after));
		if (lower() >= nodes.label(before)) return false;
		if (this.#place(group, lower(), nodes.label(before))) return true;
		// The gap is used up, which takes some thirty patches on one spot.
		this.renumber();
		return this.#place(group, lower(), nodes.label(before));
	}

	#place(group: readonly number[], lower: number, upper: number): boolean {
		const { nodes } = this.graph;
		const step = (upper - lower) / (group.length + 1);
		const last = group[group.length - 1];
		if (last === undefined || !(step > 0)) return false;
		// Nodes that go before the same target would all get the same middle; the fraction keeps them apart.
		const shift = (((last + 1) * GOLDEN) % 1) * 0.5 - 0.25;
		let previous = lower;
		for (let i = 0; i < group.length; i++) {
			const label = lower + step * (i + 1 + shift);
			if (!(label > previous && label < upper)) return false;
			previous = label;
		}
		for (let i = 0; i < group.length; i++) nodes.setLabel(group[i] as number, lower + step * (i + 1 + shift));
		return true;
	}

	/** Numbers all labels anew with equal gaps, in the order they stand in. */
	renumber(): void {
		const { nodes } = this.graph;
		const order = Array.from({ length: this.graph.size }, (_, n) => n);
		order.sort((a, b) => nodes.label(a) - nodes.label(b) || a - b);
		for (let i = 0; i < order.length; i++) nodes.setLabel(order[i] as number, i + 1);
		this.#last = order.length;
	}
}

function hasRepeats(sorted: Float64Array): boolean {
	for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) return true;
	return false;
}

/** The nodes between two labels that `to` leads to and that lead to `from`. */
class Search {
	readonly forward: number[] = [];
	readonly backward: number[] = [];
	readonly #ahead: number[] = [];
	readonly #behind: number[] = [];
	readonly #lower: number;
	readonly #upper: number;

	constructor(
		private readonly graph: Graph,
		private readonly from: number,
		private readonly to: number,
		private readonly mark: number,
	) {
		this.#lower = graph.nodes.label(to);
		this.#upper = graph.nodes.label(from);
	}

	/** @returns the cycle where the searches meet, or undefined when both have ended */
	run(): number[] | undefined {
		const { marks } = this.graph;
		marks.setMark(this.to, this.mark);
		marks.setMark(this.from, this.mark + 1);
		this.#ahead.push(this.to);
		this.#behind.push(this.from);
		while (this.#ahead.length > 0 || this.#behind.length > 0) {
			const met = this.#stepForward() ?? this.#stepBackward();
			if (met !== undefined) return this.#path(met[0], met[1]);
		}
		return undefined;
	}

	#stepForward(): readonly [number, number] | undefined {
		const { nodes, edges, marks } = this.graph;
		const n = this.#ahead.pop();
		if (n === undefined) return undefined;
		this.forward.push(n);
		// The one nearest to `from` goes on top: a cycle is found by running towards it, not by flooding.
		let nearest = -1;
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
			const next = edges.to(edge);
			const mark = marks.mark(next);
			if (mark === this.mark || nodes.label(next) > this.#upper) continue;
			if (mark === this.mark + 1) return [n, next];
			marks.setMark(next, this.mark);
			marks.setVia(next, n + 1);
			if (nearest < 0) nearest = next;
			else if (nodes.label(next) > nodes.label(nearest)) {
				this.#ahead.push(nearest);
				nearest = next;
			} else this.#ahead.push(next);
		}
		if (nearest >= 0) this.#ahead.push(nearest);
		return undefined;
	}

	#stepBackward(): readonly [number, number] | undefined {
		const { nodes, edges, marks } = this.graph;
		const n = this.#behind.pop();
		if (n === undefined) return undefined;
		this.backward.push(n);
		for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
			const previous = edges.from(edge);
			const mark = marks.mark(previous);
			if (mark === this.mark + 1 || nodes.label(previous) < this.#lower) continue;
			if (mark === this.mark) return [previous, n];
			marks.setMark(previous, this.mark + 1);
			marks.setVia(previous, n + 1);
			this.#behind.push(previous);
		}
		return undefined;
	}

	/** `from`, `to`, and on through the edge on which the searches met, back to `from`. */
	#path(left: number, right: number): number[] {
		const { marks } = this.graph;
		const path = [left];
		for (let n = left; n !== this.to; path.push(n)) n = marks.via(n) - 1;
		path.push(this.from);
		path.reverse();
		path.push(right);
		for (let n = right; n !== this.from; path.push(n)) n = marks.via(n) - 1;
		return path;
	}
}
