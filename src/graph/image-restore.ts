import { SwarmError } from "../core/errors.js";
import { NODE_STATES } from "../core/lifecycle.js";
import { addUsage, emptyUsage } from "../core/usage.js";
import type { Graph } from "./graph.js";
import { type NodeImage, type RunImage, setFlags } from "./image-format.js";
import { extrasFrom } from "./image-node.js";
import { AWAITS, NodeTable, PENDING, READY, RUNNING, SKIPPED, WAITING } from "./node-table.js";
import { linkDependencies } from "./shape.js";
import { joinNeed, joinNumber } from "./spec.js";
import { RunState } from "./state.js";

/**
 * Makes a state of its images: one that stands alone, then changes, each of the one before it. What it was
 * made from is not shared with it as far as it can be written. Timers, and what else is of a process only,
 * are not in it: they are set when a run is recovered.
 *
 * @throws SwarmError `JOURNAL_CORRUPT` when the images do not fit each other, or are not a state's
 */
export function restoreState(images: Iterable<RunImage>): RunState {
	const layers = new Layers();
	for (const image of images) layers.add(image);
	return new Restoring(layers).state;
}

/** Images put on top of each other: of each node the last is seen. */
class Layers {
	last: RunImage | undefined;
	readonly nodes: NodeImage[] = [];
	readonly keys: string[] = [];
	readonly order = new Map<number, readonly number[]>();
	ready: number[] = [];

	add(image: RunImage): void {
		const { last } = this;
		if (image.base !== last?.seq || (last !== undefined && image.seq <= last.seq)) {
			const is = image.base === undefined ? "stands alone" : `is a change of one at ${image.base}`;
			throw unfit(image, `${is}, and the one before it ${last === undefined ? "is missing" : `is at ${last.seq}`}`);
		}
		const { numbers, nodes } = image;
		if (numbers === undefined ? last !== undefined : numbers.length !== nodes.length)
			throw unfit(image, "does not say which nodes it has");
		for (let i = 0; i < nodes.length; i++) {
			const n = numbers === undefined ? i : (numbers[i] as number);
			if (!(n >= 0 && n <= this.nodes.length)) throw unfit(image, `has node ${n} and not the one before it`);
			this.nodes[n] = nodes[i] as NodeImage;
		}
		if (this.nodes.length !== image.size) throw unfit(image, `has ${this.nodes.length} of ${image.size} nodes`);
		for (const key of image.keys) this.keys.push(key);
		for (const [from, to] of image.order) this.order.set(from, to);
		this.#addReady(image);
		this.last = image;
	}

	#addReady({ ready, numbers }: RunImage): void {
		if (!ready.behind) {
			this.ready = ready.nodes.slice();
			return;
		}
		const changed = new Set(numbers);
		this.ready = this.ready.filter((n) => !changed.has(n));
		for (const n of ready.nodes) this.ready.push(n);
	}
}

class Restoring {
	readonly state = new RunState();
	readonly #graph: Graph;
	readonly #image: RunImage;
	/** Whether no edge leads to a node with a smaller number: then the numbers are an order. */
	#ascends = true;

	constructor(private readonly layers: Layers) {
		if (layers.last === undefined) throw new SwarmError("INTERNAL", "there is no image to restore a state from");
		this.#image = layers.last;
		this.#graph = this.state.graph;
		this.#graph.reserve(layers.nodes.length);
		this.#addRun();
		for (const node of layers.nodes) this.#addNode(node);
		this.#addParked();
		this.#graph.plain = this.#image.run.plain;
		for (let n = 0; n < layers.nodes.length; n++) this.#link(n, layers.nodes[n] as NodeImage);
		for (const [from, to] of layers.order) this.#reorder(from, to);
		if (!this.#ascends) this.#label();
		this.#enqueue();
	}

	#addRun(): void {
		const { state } = this;
		const { run, seq, signals, listening } = this.#image;
		state.seq = seq;
		state.run = run.id;
		state.at = run.at;
		state.epoch = run.epoch;
		state.open = run.open;
		state.status = run.status;
		state.reason = run.reason;
		state.stopping = run.stopping;
		state.ended = run.ended;
		state.settings = run.settings;
		state.versions = run.versions;
		state.asking = run.asking && { agents: new Set(run.asking.agents), below: run.asking.below };
		if (run.usage !== undefined) state.usage = addUsage(emptyUsage(), run.usage);
		for (const key of this.layers.keys) state.keys.add(key);
		for (const { name, kept } of signals) {
			const restored = kept.map((signal) => ({ payload: signal.payload, for: signal.for }));
			state.signals.set(name, restored);
		}
		for (const { name, nodes } of listening) {
			for (const n of nodes) {
				if (this.layers.nodes[n]?.state !== WAITING)
					throw this.#unfit(`has node ${n} wait for a signal, and it does not`);
			}
			state.listening.set(name, new Set(nodes));
		}
	}

	#addParked(): void {
		const { state, layers } = this;
		const { parked = layers.nodes.keys() } = this.#image;
		for (const n of parked) {
			const node = layers.nodes[n];
			const kind = node?.state === WAITING ? node.extras?.wait?.kind : undefined;
			if (kind !== undefined && kind !== "retry") state.parked.add(n);
			else if (this.#image.parked !== undefined) throw this.#unfit(`has node ${n} parked, and it is not`);
		}
	}

	#addNode(node: NodeImage): void {
		const { spec, state: nodeState, attempt, flags, creator = 0, root, lease, output, extras } = node;
		const graph = this.#graph;
		const { nodes } = graph;
		const { size } = this.#image;
		if (NODE_STATES[nodeState] === undefined || !(attempt >= 0 && attempt <= NodeTable.maxAttempt))
			throw this.#unfit(`has "${spec.id}" in no state that there is`);
		if (!(creator >= 0 && creator <= size)) throw this.#unfit(`has "${spec.id}" added by a node that is not there`);
		const n = graph.addNode(spec, creator);
		if (n < 0) throw this.#unfit(`has two nodes "${spec.id}"`);
		// A ready node becomes ready again when its turn in their list has come.
		const first = nodeState === READY ? PENDING : nodeState;
		if (nodes.state(n) !== first) graph.restore(n, first);
		setFlags(nodes, n, flags);
		if (spec.join !== undefined) nodes.setJoin(n, joinNumber(spec.join), joinNeed(spec.join));
		if (attempt !== 0) nodes.setAttempt(n, attempt);
		if (nodeState === SKIPPED) this.#setRoot(n, root);
		if (nodeState === RUNNING) nodes.setLease(n, lease ?? 0);
		if (nodes.has(n, AWAITS)) this.state.awaiting++;
		if (output !== undefined) graph.outputs.set(n, output);
		if (extras !== undefined) graph.extras.set(n, extrasFrom(extras));
	}

	#setRoot(n: number, root = 0): void {
		if (!(root > 0 && root <= this.#image.size)) throw this.#unfit(`has "${this.#graph.id(n)}" skipped for no reason`);
		this.#graph.nodes.setRoot(n, root);
	}

	#link(n: number, { spec, into }: NodeImage): void {
		const graph = this.#graph;
		const { nodes, edges, marks } = graph;
		if (into === undefined) {
			const missing = linkDependencies(this.state, n, spec.dependsOn);
			if (missing !== undefined) throw this.#unfit(`has "${spec.id}" depend on "${missing}", which is not there`);
		} else {
			const seen = marks.fresh(graph.size);
			for (const [from, alias] of into) {
				if (!(from >= 0 && from < graph.size) || from === n || marks.mark(from) === seen)
					throw this.#unfit(`has an edge from node ${from} to "${spec.id}", where there can be none`);
				marks.setMark(from, seen);
				graph.link(from, n, alias);
			}
		}
		for (let edge = nodes.firstIn(n); this.#ascends && edge !== 0; edge = edges.nextIn(edge))
			if (edges.from(edge) > n) this.#ascends = false;
	}

	/** Edges were linked in the order of the nodes that they lead to. Those that are not named came last. */
	#reorder(from: number, targets: readonly number[]): void {
		const { nodes, edges, size } = this.#graph;
		if (!(from >= 0 && from < size)) throw this.#unfit(`has an order of the edges of node ${from}, which is not there`);
		const left = new Map<number, number>();
		for (let edge = nodes.firstOut(from); edge !== 0; edge = edges.nextOut(edge)) left.set(edges.to(edge), edge);
		const ordered: number[] = [];
		for (const to of targets) {
			const edge = left.get(to);
			if (edge !== undefined && left.delete(to)) ordered.push(edge);
		}
		for (const edge of left.values()) ordered.push(edge);
		nodes.setFirstOut(from, ordered[0] ?? 0);
		nodes.setLastOut(from, ordered[ordered.length - 1] ?? 0);
		for (let i = 0; i < ordered.length; i++) {
			// Inside the list.
			const edge = ordered[i] as number;
			edges.setPrevOut(edge, ordered[i - 1] ?? 0);
			edges.setNextOut(edge, ordered[i + 1] ?? 0);
		}
	}

	/** Puts the nodes into an order that agrees with the edges: A. B. Kahn, CACM 5 (1962). */
	#label(): void {
		const { nodes, edges, size } = this.#graph;
		const open = new Int32Array(size);
		const order: number[] = [];
		for (let n = 0; n < size; n++) {
			open[n] = nodes.degree(n);
			if (open[n] === 0) order.push(n);
		}
		for (let i = 0; i < order.length; i++) {
			const n = order[i] as number;
			nodes.setLabel(n, i + 1);
			for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
				const to = edges.to(edge);
				open[to] = (open[to] as number) - 1;
				if (open[to] === 0) order.push(to);
			}
		}
		if (order.length < size) throw this.#unfit("has edges that lead in a circle");
	}

	#enqueue(): void {
		const { layers } = this;
		const { nodes, frontier } = this.#graph;
		for (const n of layers.ready) {
			if (layers.nodes[n]?.state !== READY || nodes.state(n) !== PENDING)
				throw this.#unfit(`lists node ${n} as ready, which it is not`);
			frontier.push(n);
		}
		const ready = layers.nodes.reduce((count, { state }) => (state === READY ? count + 1 : count), 0);
		if (ready !== layers.ready.length) throw this.#unfit(`lists ${layers.ready.length} of ${ready} ready nodes`);
	}

	#unfit(problem: string): SwarmError {
		return unfit(this.#image, problem);
	}
}

function unfit({ seq, run }: RunImage, problem: string): SwarmError {
	return new SwarmError("JOURNAL_CORRUPT", `the snapshot of run "${run.id}" at event ${seq} ${problem}`);
}
