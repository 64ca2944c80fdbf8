import type { ErrorInfo } from "../core/errors.js";
import { NODE_STATES, NODE_TABLE, NODE_TRIGGERS, type NodeState } from "../core/lifecycle.js";
import type { UsageTotal } from "../core/usage.js";
import { EdgeTable } from "./edge-table.js";
import { Frontier } from "./frontier.js";
import { Marks } from "./marks.js";
import { COMPLETED, EAGER, HAS_ALIASES, JOIN_ALL, NodeTable, OK, RUNNING, SPECULATIVE, STARTED } from "./node-table.js";
import { RefColumn } from "./rows.js";
import { Topology } from "./topology.js";
import { TRIGGER } from "./triggers.js";
import type { AbandonReason, StoredSpec, Wait, Wake, WithheldOutcome } from "./types.js";

const TRIGGERS = NODE_TRIGGERS.length;

/** What only few nodes have. */
export interface Extras {
	/** Failed, or failed an attempt. */
	error?: ErrorInfo;
	/** While waiting. */
	wait?: Wait | { readonly kind: "retry"; readonly until: number };
	/** What the next lease of a parked attempt continues with. */
	wake?: Wake;
	withheld?: WithheldOutcome;
	abandoned?: AbandonReason;
	/** When the first attempt started, and how long approvals and signals have taken since. */
	firstStart?: number;
	excused?: number;
	parkedAt?: number;
	/** The limit of the total time, where there is one, from the first start on. */
	total?: number | undefined;
	/** When the lease was granted, and how long earlier leases of the same attempt have held a slot. */
	leasedAt?: number;
	held?: number;
	/** How many attempts ended by a crash, and how many did not end by themselves at all: these cost no retry. */
	crashes?: number;
	interruptions?: number;
	/** The function that waited is gone with its process: the next lease starts a new attempt. */
	lost?: boolean;
	/** A person let it run with another version of its agent. */
	admitted?: boolean;
	/** What its attempts have used. */
	usage?: UsageTotal;
	/** Messages to its agent, oldest first. */
	inbox?: unknown[];
	/** Results of steps, by name. */
	steps?: Map<string, unknown>;
	/** What ended the waits so far, for an attempt that starts from the top: see {@link waitKey}. */
	waited?: Map<string, Wake[]>;
	/** The first spec, once it has another: the event that it was added says it. */
	addedSpec?: StoredSpec;
	/** The attempt of its creator that added it last, by an early commit. */
	addedIn?: number;
	/** The ids this node added by early commits. */
	early?: Set<string>;
}

/**
 * The nodes and edges of a run with the primitive changes that can be made to them. It judges
 * nothing: what may happen is decided before it is called.
 */
export class Graph {
	readonly nodes = new NodeTable();
	readonly edges = new EdgeTable();
	readonly marks = new Marks();
	/** From id to number; ids are never used twice, so it only grows. */
	readonly index = new Map<string, number>();
	readonly ids = new RefColumn<string>();
	readonly specs = new RefColumn<StoredSpec>();
	readonly outputs = new RefColumn<unknown>();
	/** How many nodes are in each state, by number. */
	readonly counts = new Int32Array(NODE_STATES.length);
	/** The names under which a dependent sees a dependency, where it is not the dependency's id. */
	readonly aliases = new Map<number, readonly string[]>();
	readonly extras = new Map<number, Extras>();
	readonly frontier = new Frontier(this);
	readonly topology = new Topology(this);
	/** Nodes added by agents. */
	added = 0;
	/** No node says anything that a scheduler has to weigh: first come, first served. */
	plain = true;
	/** Rises with every node and edge that comes or goes. */
	version = 0;
	/** Called for each node that changes, once somebody watches. */
	onChange: ((n: number) => void) | undefined;

	/** Makes room for so many nodes and as many edges, before the first is added. */
	reserve(nodes: number): void {
		this.nodes.reserve(nodes);
		this.edges.reserve(nodes + 1);
	}

	/** Hears of each node that changes its state, its edges or its spec, a change that is undone included. */
	watch(listener: (n: number) => void): void {
		const before = this.onChange;
		this.onChange =
			before === undefined
				? listener
				: (n) => {
						before(n);
						listener(n);
					};
	}

	get size(): number {
		return this.nodes.size;
	}

	id(n: number): string {
		// Every row gets its id when it is added.
		return this.ids.get(n) as string;
	}

	stateName(n: number): NodeState {
		// One name for each number.
		return NODE_STATES[this.nodes.state(n)] as NodeState;
	}

	spec(n: number): StoredSpec {
		// Every row gets its spec when it is added.
		return this.specs.get(n) as StoredSpec;
	}

	/** The spec that a node was added with, whatever it was given since. */
	addedSpec(n: number): StoredSpec {
		return this.extras.get(n)?.addedSpec ?? this.spec(n);
	}

	/** Gives a node another spec. */
	setSpec(n: number, spec: StoredSpec): void {
		const extras = this.extrasOf(n);
		extras.addedSpec ??= this.spec(n);
		this.specs.set(n, spec);
		this.weigh(spec);
	}

	extrasOf(n: number): Extras {
		let extras = this.extras.get(n);
		if (extras === undefined) {
			extras = {};
			this.extras.set(n, extras);
		}
		return extras;
	}

	/**
	 * Adds a node without edges at the end of the order.
	 *
	 * @returns its number, or -1 when the id is taken and nothing was added
	 */
	addNode(spec: StoredSpec, creator: number): number {
		// One lookup in place of two: the map's size tells whether the id was new.
		const known = this.index.size;
		this.index.set(spec.id, this.size);
		if (this.index.size === known) {
			this.#restoreIndex(spec.id);
			return -1;
		}
		const n = this.nodes.add();
		this.version++;
		this.weigh(spec);
		this.ids.set(n, spec.id);
		this.specs.set(n, spec);
		if (creator !== 0) {
			this.nodes.setCreator(n, creator);
			this.added++;
		}
		this.topology.append(n);
		this.counts[0] = (this.counts[0] as number) + 1;
		if (spec.speculative === "eager") this.nodes.flag(n, EAGER);
		else if (spec.speculative === "hold") this.transition(n, TRIGGER.HOLD);
		return n;
	}

	/** Notes whether a scheduler has to weigh a spec. */
	weigh(spec: StoredSpec): void {
		if (spec.priority !== undefined || spec.limits !== undefined || spec.estimateMs !== undefined) this.plain = false;
	}

	#restoreIndex(id: string): void {
		let n = this.size - 1;
		while (this.ids.get(n) !== id) n--;
		this.index.set(id, n);
	}

	/** Takes the nodes from `size` on away again, the last first. Their edges must be the newest of their dependencies. */
	truncate(size: number): void {
		for (let n = this.size - 1; n >= size; n--) {
			for (let edge = this.nodes.lastIn(n); edge !== 0; edge = this.nodes.lastIn(n)) {
				this.unlink(edge);
				this.release(edge);
			}
			const state = this.nodes.state(n);
			this.counts[state] = (this.counts[state] as number) - 1;
			if (this.nodes.creator(n) !== 0) this.added--;
			this.index.delete(this.id(n));
			this.extras.delete(n);
		}
		this.nodes.truncate(size);
		this.ids.truncate(size);
		this.specs.truncate(size);
		this.outputs.truncate(size);
	}

	/** Adds an edge at the end of both lists. The order must already allow it. */
	link(from: number, to: number, alias?: readonly string[]): number {
		const { nodes, edges } = this;
		const edge = edges.take(from, to);
		edges.setPrevOut(edge, nodes.lastOut(from));
		edges.setNextOut(edge, 0);
		edges.setPrevIn(edge, nodes.lastIn(to));
		edges.setNextIn(edge, 0);
		this.relink(edge);
		this.version++;
		if (alias !== undefined) {
			this.aliases.set(edge, alias);
			nodes.flag(to, HAS_ALIASES);
		}
		return edge;
	}

	/** Takes an edge out of both lists. It keeps its own links, so that {@link relink} can put it back. */
	unlink(edge: number): void {
		const { nodes, edges } = this;
		const from = edges.from(edge);
		const to = edges.to(edge);
		const prevOut = edges.prevOut(edge);
		const nextOut = edges.nextOut(edge);
		if (prevOut === 0) nodes.setFirstOut(from, nextOut);
		else edges.setNextOut(prevOut, nextOut);
		if (nextOut === 0) nodes.setLastOut(from, prevOut);
		else edges.setPrevOut(nextOut, prevOut);
		const prevIn = edges.prevIn(edge);
		const nextIn = edges.nextIn(edge);
		if (prevIn === 0) nodes.setFirstIn(to, nextIn);
		else edges.setNextIn(prevIn, nextIn);
		if (nextIn === 0) nodes.setLastIn(to, prevIn);
		else edges.setPrevIn(nextIn, prevIn);
		edges.count--;
		this.version++;
		nodes.count(to, nodes.counterOf(from), -1);
	}

	/** Puts an edge between its neighbours. To undo the latest {@link unlink}, they must be as they were. */
	relink(edge: number): void {
		const { nodes, edges } = this;
		const from = edges.from(edge);
		const to = edges.to(edge);
		const prevOut = edges.prevOut(edge);
		const nextOut = edges.nextOut(edge);
		if (prevOut === 0) nodes.setFirstOut(from, edge);
		else edges.setNextOut(prevOut, edge);
		if (nextOut === 0) nodes.setLastOut(from, edge);
		else edges.setPrevOut(nextOut, edge);
		const prevIn = edges.prevIn(edge);
		const nextIn = edges.nextIn(edge);
		if (prevIn === 0) nodes.setFirstIn(to, edge);
		else edges.setNextIn(prevIn, edge);
		if (nextIn === 0) nodes.setLastIn(to, edge);
		else edges.setPrevIn(nextIn, edge);
		edges.count++;
		nodes.count(to, nodes.counterOf(from), 1);
	}

	/** Forgets an unlinked edge for good. */
	release(edge: number): void {
		this.aliases.delete(edge);
		this.edges.release(edge);
	}

	/** The edge between two nodes, 0 where there is none; costs the smaller of the two degrees. */
	findEdge(from: number, to: number): number {
		const { nodes, edges } = this;
		let out = nodes.firstOut(from);
		let into = nodes.firstIn(to);
		while (out !== 0 && into !== 0) {
			if (edges.to(out) === to) return out;
			if (edges.from(into) === from) return into;
			out = edges.nextOut(out);
			into = edges.nextIn(into);
		}
		return 0;
	}

	/** Moves a node along its lifecycle; an illegal step is a bug of the caller and throws. */
	transition(n: number, trigger: number): void {
		const state = this.nodes.state(n);
		const next = NODE_TABLE[state * TRIGGERS + trigger] as number;
		if (next < 0) {
			throw new Error(`${NODE_TRIGGERS[trigger]} reached node "${this.id(n)}", which is ${NODE_STATES[state]}`);
		}
		this.counts[state] = (this.counts[state] as number) - 1;
		this.counts[next] = (this.counts[next] as number) + 1;
		this.nodes.setState(n, next);
		if (this.onChange !== undefined) this.onChange(n);
	}

	/** Ends a node and counts it anew in its dependents, whose joins then wait to be evaluated. */
	end(n: number, trigger: number): void {
		const { nodes, edges, frontier } = this;
		const before = nodes.counterOf(n);
		const wasRunning = nodes.state(n) === RUNNING;
		this.transition(n, trigger);
		if (wasRunning) nodes.setLease(n, 0);
		const after = nodes.counterOf(n);
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
			const to = edges.to(edge);
			nodes.count(to, before, -1);
			nodes.count(to, after, 1);
			// The common case costs no evaluation: an `all` join with another dependency still open stays unmet.
			if (after === OK && nodes.join(to) === JOIN_ALL && nodes.open(to) > 0) continue;
			frontier.touch(to);
		}
	}

	/** Puts a node into a state without asking the lifecycle: only to undo what a refused patch tried. */
	restore(n: number, state: number): void {
		const { nodes, edges } = this;
		const before = nodes.counterOf(n);
		const current = nodes.state(n);
		this.counts[current] = (this.counts[current] as number) - 1;
		this.counts[state] = (this.counts[state] as number) + 1;
		nodes.setState(n, state);
		const after = nodes.counterOf(n);
		if (this.onChange !== undefined) this.onChange(n);
		if (before === after) return;
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
			const to = edges.to(edge);
			nodes.count(to, before, -1);
			nodes.count(to, after, 1);
		}
	}

	isTerminal(n: number): boolean {
		return this.nodes.state(n) >= COMPLETED;
	}

	/** Neither started nor ended. */
	isUnstarted(n: number): boolean {
		return !this.isTerminal(n) && !this.nodes.has(n, STARTED);
	}

	/** Held back by hand, not by a withheld outcome. */
	isHeld(n: number): boolean {
		return this.nodes.state(n) === SPECULATIVE && !this.nodes.has(n, STARTED);
	}

	/** What a node has completed with; undefined as long as it has not. */
	outputOf(n: number): unknown {
		return this.nodes.state(n) === COMPLETED ? this.outputs.get(n) : undefined;
	}

	/** How many nodes added nodes above this one. Bounded by `maxDepth`. */
	depth(n: number): number {
		let depth = 0;
		for (let creator = this.nodes.creator(n); creator !== 0; creator = this.nodes.creator(creator - 1)) depth++;
		return depth;
	}

	/** What the dependent of an edge calls the dependency. */
	nameOf(edge: number): string {
		return this.aliasOf(edge)?.[0] ?? this.id(this.edges.from(edge));
	}

	/** The names under which the dependent of an edge sees its output. */
	aliasOf(edge: number): readonly string[] | undefined {
		return this.aliases.get(edge);
	}
}
