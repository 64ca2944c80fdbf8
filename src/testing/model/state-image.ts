import type { Extras } from "../../graph/graph.js";
import { EAGER, STARTED, WITHHELD } from "../../graph/node-table.js";
import type { RunState } from "../../graph/state.js";

const NONE: Extras = {};

/**
 * Everything that can be told of a state, in a flat list that is quick to take and to compare: numbers,
 * strings, and the identity of what is kept as it was given. Order labels are left out, since any order
 * that agrees with the edges is as good. One is taken before each command, so its room is used again.
 */
export class StateImage {
	readonly #values: unknown[] = [];
	#length = 0;

	#add(value: unknown): void {
		this.#values[this.#length++] = value;
	}

	/** @param seen - what else must not change */
	take(seen: readonly unknown[], state: RunState | undefined): void {
		this.#length = 0;
		for (const value of seen) this.#add(value);
		if (state === undefined) return;
		this.#takeRun(state);
		for (let n = 0; n < state.graph.size; n++) this.#takeNode(state, n);
	}

	#takeRun(state: RunState): void {
		const { graph } = state;
		for (const value of [state.seq, state.status, state.open, state.stopping, state.awaiting, state.ended])
			this.#add(value);
		for (const value of [graph.size, graph.added, graph.edges.count]) this.#add(value);
		for (const count of graph.counts) this.#add(count);
		for (const key of state.keys) this.#add(key);
		for (const [name, kept] of state.signals) {
			this.#add(name);
			for (const signal of kept) this.#add(signal);
		}
		for (const [name, listening] of state.listening) {
			this.#add(name);
			for (const n of listening) this.#add(n);
		}
		for (const n of state.parked) this.#add(n);
		for (let n = graph.frontier.first(); n >= 0; n = graph.frontier.next(n)) this.#add(n);
	}

	#takeNode({ graph }: RunState, n: number): void {
		const { nodes, edges } = graph;
		this.#add(nodes.state(n) * 16 + nodes.join(n));
		this.#add(nodes.need(n));
		this.#add(nodes.attempt(n));
		this.#add(nodes.lease(n));
		this.#add(nodes.root(n));
		this.#add(nodes.open(n));
		this.#add(nodes.ok(n));
		this.#add(nodes.failed(n));
		this.#add(nodes.lost(n));
		this.#add(nodes.blockFailed(n));
		this.#add(Number(nodes.has(n, STARTED)) + 2 * Number(nodes.has(n, EAGER)) + 4 * Number(nodes.has(n, WITHHELD)));
		this.#add(graph.spec(n));
		this.#add(graph.outputs.get(n));
		for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
			this.#add(edges.from(edge));
			this.#add(graph.aliasOf(edge));
		}
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) this.#add(edges.to(edge));
		// Empty extras say as little as none.
		const extras = graph.extras.get(n) ?? NONE;
		for (const key of EXTRAS) if (extras[key] !== undefined) this.#add(extras[key]);
		for (const id of extras.early ?? []) this.#add(id);
	}

	equals(other: StateImage): boolean {
		if (this.#length !== other.#length) return false;
		for (let i = 0; i < this.#length; i++) if (!Object.is(this.#values[i], other.#values[i])) return false;
		return true;
	}
}

const EXTRAS = [
	"error",
	"wait",
	"wake",
	"withheld",
	"abandoned",
	"firstStart",
	"excused",
	"parkedAt",
	"total",
	"leasedAt",
	"held",
	"addedIn",
] as const satisfies readonly (keyof Extras)[];
