import { SwarmError } from "../core/errors.js";
import { NODE_STATES } from "../core/lifecycle.js";
import type { Graph } from "./graph.js";
import { type NodeImage, type RunImage, setFlags } from "./image-format.js";
import { extrasFrom } from "./image-node.js";
import { AWAITS, NodeTable, PENDING, READY, RUNNING, SKIPPED, WAITING } from "./node-table.js";
import { linkDependencies, setTerms } from "./shape.js";
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
		this.#finishNodes();
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
		for (const key of this.layers.keys) state.keys.add(key);
		for (const { name, kept } of signals) {
			const restored = kept.map((signal) => ({ payload: signal.payload, for: signal.for }));
			state.signals.set(name, restored);
		}
		for (const { name, nodes } of listening) {
			for (const n of nodes) {
				if (this.layers.nodes[n]?.state !== WAITING) throw this.#unfit(`has node ${n} wait for a signal, and it does not`);
			}
			state.listening.set(name, new Set(nodes));
		}
	}

	#addNode({ spec, creator = 0 }: NodeImage): void {
		const { size } = this.layers.nodes;
		if (!(creator >= 0 && creator <= size)) throw this.#unfit(`has "${spec.id}" added by a node that is not there`);
		if (this.#graph.addNode(spec, creator) < 0) throw this.#unfit(`has two nodes "${spec.id}"`);
	}
}
