import { NODE_STATES, type NodeState } from "../core/lifecycle.js";
import type { Graph } from "./graph.js";
import { ABANDONED, CHANGED, COMPLETED, EAGER, FAILURE_CAUSE, SKIPPED, SPECULATIVE } from "./node-table.js";
import type { RunState } from "./state.js";
import type { NodeView, Snapshot, StateCounts } from "./types.js";

const BITS = 8;
const PAGE = 1 << BITS;

type Page = readonly NodeView[];

/**
 * Snapshots that share what did not change: nodes stand in pages, and only pages with a changed node
 * are made anew. The first snapshot costs the whole graph, and from then on changes are noted.
 */
export class Snapshots {
	#pages: Page[] | undefined;
	readonly #dirty = new Set<number>();
	#latest: Snapshot | undefined;

	constructor(private readonly state: RunState) {}

	/** The state as it is now, which must be committed. */
	take(): Snapshot {
		const { state } = this;
		if (this.#latest?.seq === state.seq && this.#latest.status === state.status) return this.#latest;
		const pages = this.#pages === undefined ? this.#first() : this.#next(this.#pages);
		this.#pages = pages;
		this.#latest = new GraphSnapshot(state, pages);
		return this.#latest;
	}

	#first(): Page[] {
		const { graph } = this.state;
		graph.watch((n) => {
			if (graph.nodes.has(n, CHANGED)) return;
			graph.nodes.flag(n, CHANGED);
			this.#dirty.add(n >> BITS);
		});
		const pages: Page[] = [];
		for (let n = 0; n < graph.size; n += PAGE) pages.push(this.#page(n >> BITS, undefined));
		return pages;
	}

	#next(before: readonly Page[]): Page[] {
		const { graph } = this.state;
		// Pages that were added to or begun since: their new nodes were noted only if they changed again.
		for (let p = before.length - 1; p << BITS < graph.size; p++) {
			if (p >= 0 && (before[p]?.length ?? 0) < Math.min(PAGE, graph.size - (p << BITS))) this.#dirty.add(p);
		}
		if (this.#dirty.size === 0) return before as Page[];
		const pages = before.slice();
		for (const p of this.#dirty) if (p << BITS < graph.size) pages[p] = this.#page(p, before[p]);
		this.#dirty.clear();
		return pages;
	}

	#page(p: number, before: Page | undefined): Page {
		const { graph } = this.state;
		const end = Math.min((p + 1) << BITS, graph.size);
		const page: NodeView[] = [];
		for (let n = p << BITS; n < end; n++) {
			const known = before?.[n - (p << BITS)];
			page.push(known !== undefined && !graph.nodes.has(n, CHANGED) ? known : viewNode(graph, n));
			graph.nodes.unflag(n, CHANGED);
		}
		return Object.freeze(page);
	}
}

/** One node as plain, frozen data. */
export function viewNode(graph: Graph, n: number): NodeView {
	const { nodes } = graph;
	const spec = graph.spec(n);
	const extras = graph.extras.get(n);
	const state = nodes.state(n);
	const creator = nodes.creator(n);
	const dependsOn: string[] = [];
	for (let edge = nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge))
		dependsOn.push(graph.id(graph.edges.from(edge)));
	const held = state === SPECULATIVE && graph.isHeld(n);
	return Object.freeze({
		id: spec.id,
		agent: spec.agent,
		state: NODE_STATES[state] as NodeState,
		attempt: nodes.attempt(n),
		...(spec.input !== undefined && { input: spec.input }),
		...(state === COMPLETED && { output: graph.outputs.get(n) }),
		...(extras?.error !== undefined && { error: extras.error }),
		dependsOn: Object.freeze(dependsOn),
		join: spec.join ?? "all",
		priority: spec.priority ?? 0,
		...((held || nodes.has(n, EAGER)) && { speculative: held ? "hold" : "eager" }),
		...(extras?.wait !== undefined && { wait: extras.wait }),
		...(state === SKIPPED && {
			skipped: { cause: nodes.has(n, FAILURE_CAUSE) ? "failure" : "not-needed", root: graph.id(nodes.root(n) - 1) },
		}),
		...(state === ABANDONED && extras?.abandoned !== undefined && { abandoned: extras.abandoned }),
		...(creator !== 0 && { addedBy: graph.id(creator - 1) }),
		depth: graph.depth(n),
		...(spec.metadata !== undefined && { metadata: spec.metadata }),
	} as const) as NodeView;
}

class GraphSnapshot implements Snapshot {
	readonly run: string;
	readonly seq: number;
	readonly status: Snapshot["status"];
	readonly reason?: string;
	readonly size: number;
	readonly counts: StateCounts;
	/** Ids are never used twice, so the live index serves every snapshot. */
	readonly #index: ReadonlyMap<string, number>;
	readonly #pages: readonly Page[];

	constructor(state: RunState, pages: readonly Page[]) {
		this.run = state.run;
		this.seq = state.seq;
		this.status = state.status;
		if (state.reason !== undefined) this.reason = state.reason;
		this.size = state.graph.size;
		this.counts = countsOf(state.graph.counts);
		this.#index = state.graph.index;
		this.#pages = pages;
		Object.freeze(this);
	}

	get(id: string): NodeView | undefined {
		const n = this.#index.get(id);
		return n === undefined || n >= this.size ? undefined : this.#pages[n >> BITS]?.[n & (PAGE - 1)];
	}

	*nodes(filter: { readonly state?: NodeState; readonly addedBy?: string } = {}): IterableIterator<NodeView> {
		for (const page of this.#pages) {
			for (const node of page) {
				if (filter.state !== undefined && node.state !== filter.state) continue;
				if (filter.addedBy !== undefined && node.addedBy !== filter.addedBy) continue;
				yield node;
			}
		}
	}

	*changedSince(before: Snapshot): IterableIterator<readonly [number, NodeView]> {
		const known = before instanceof GraphSnapshot && before.#index === this.#index ? before.#pages : [];
		for (let p = 0; p < this.#pages.length; p++) {
			const page = this.#pages[p] as Page;
			const other = known[p];
			if (page === other) continue;
			for (let i = 0; i < page.length; i++) {
				const node = page[i] as NodeView;
				if (other?.[i] !== node) yield [(p << BITS) + i, node];
			}
		}
	}

	toJSON(): unknown {
		const { run, seq, status, reason, size, counts } = this;
		return { run, seq, status, ...(reason !== undefined && { reason }), size, counts, nodes: this.#pages.flat() };
	}
}

/** How many nodes are in each state, as plain data. */
export function countsOf(numbers: Int32Array): StateCounts {
	const counts: Record<string, number> = {};
	for (let state = 0; state < NODE_STATES.length; state++)
		counts[NODE_STATES[state] as string] = numbers[state] as number;
	return Object.freeze(counts) as StateCounts;
}
