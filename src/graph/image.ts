import type { OrderImage, ReadyImage, RunFields, RunImage } from "./image-format.js";
import { nodeImage } from "./image-node.js";
import type { RunState } from "./state.js";

/** An image that is to be saved. */
export interface TakenImage {
	readonly image: RunImage;
	/** It has been saved: the next image need only say what has changed since. Unless a later one was taken. */
	commit(): void;
}

/** The image that the next one is a change of. */
interface Base {
	readonly seq: number;
	readonly size: number;
	readonly keys: number;
}

/**
 * Makes images of a state. Until the first is taken it costs nothing; from then on each change of a node
 * is noted, and images hold those nodes only that are not as in the last one that was saved.
 */
export class ImageSource {
	#base: Base | undefined;
	/** Changed between the base and the last image that was taken, saved or not. */
	#noted = new NodeMarks(0);
	/** Changed since. */
	#fresh: NodeMarks | undefined;
	#taken: TakenImage | undefined;
	/** Nodes that images have given an order of their edges. */
	readonly #ordered = new Set<number>();

	constructor(private readonly state: RunState) {}

	/**
	 * An image of the state as it is, which must be committed.
	 *
	 * @param whole - whether it is to stand alone; the first one does in any case
	 * @returns undefined when nothing has happened since the last one that was saved
	 */
	take(whole = false): TakenImage | undefined {
		const { state } = this;
		const { graph } = state;
		const { size } = graph;
		if (this.#base?.seq === state.seq) return undefined;
		if (this.#fresh === undefined) graph.watch((n) => this.#fresh?.add(n));
		else for (const n of this.#fresh.list) this.#noted.add(n);
		this.#fresh = new NodeMarks(size);
		const next: Base = { seq: state.seq, size, keys: state.keys.size };
		const image = this.#base === undefined || whole ? this.#whole() : this.#change(this.#base);
		const taken = { image, commit: () => this.#commit(taken, next) };
		this.#taken = taken;
		return taken;
	}

	#commit(taken: TakenImage, base: Base): void {
		if (this.#taken !== taken) return;
		this.#taken = undefined;
		this.#base = base;
		this.#noted = new NodeMarks(base.size);
	}

	#whole(): RunImage {
		const { state } = this;
		const { graph } = state;
		const nodes = Array.from({ length: graph.size }, (_, n) => nodeImage(graph, n));
		const ready = readyNodes(state);
		const order = this.#order(Array.from({ length: graph.size }, (_, n) => n));
		return { ...this.#rest(undefined), ready: { behind: false, nodes: ready }, nodes, order };
	}

	#change(base: Base): RunImage {
		const { graph } = this.state;
		const numbers = Array.from(Int32Array.from(this.#noted.list).sort());
		for (let n = base.size; n < graph.size; n++) numbers.push(n);
		const nodes = numbers.map((n) => nodeImage(graph, n));
		const ready = readyImage(readyNodes(this.state), (n) => n >= base.size || this.#noted.has(n));
		return { ...this.#rest(base), ready, numbers, nodes, order: this.#order(numbers) };
	}

	#rest(base: Base | undefined): Omit<RunImage, "ready" | "nodes" | "order"> {
		const { state } = this;
		return {
			seq: state.seq,
			base: base?.seq,
			size: state.graph.size,
			run: runFields(state),
			keys: [...state.keys].slice(base?.keys ?? 0),
			signals: Array.from(state.signals, ([name, kept]) => ({
				name,
				kept: kept.map(({ payload, for: node }) => ({
					...(payload !== undefined && { payload }),
					...(node !== undefined && { for: node }),
				})),
			})),
			listening: Array.from(state.listening, ([name, nodes]) => ({ name, nodes: [...nodes] })),
			parked: [...state.parked],
		};
	}

	/**
	 * Edges out of a node change with the nodes that they lead to, so it is enough to look at the edges into these:
	 * an edge that came stands behind others, and those that went leave the others in their order.
	 */
	#order(numbers: readonly number[]): OrderImage[] {
		const { nodes, edges } = this.state.graph;
		const found = new Set<number>();
		for (const n of numbers) {
			for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
				const before = edges.prevOut(edge);
				const after = edges.nextOut(edge);
				const ascends = (before === 0 || edges.to(before) < n) && (after === 0 || edges.to(after) > n);
				const from = edges.from(edge);
				if (!ascends) this.#ordered.add(from);
				if (!ascends || this.#ordered.has(from)) found.add(from);
			}
		}
		return Array.from(found, (from) => [from, this.#targets(from)] as const);
	}

	#targets(from: number): number[] {
		const { nodes, edges } = this.state.graph;
		const targets: number[] = [];
		for (let edge = nodes.firstOut(from); edge !== 0; edge = edges.nextOut(edge)) targets.push(edges.to(edge));
		return targets;
	}
}

function runFields(state: RunState): RunFields {
	const { reason, stopping, versions, asking, usage } = state;
	return {
		id: state.run,
		at: state.at,
		epoch: state.epoch,
		open: state.open,
		status: state.status,
		...(reason !== undefined && { reason }),
		...(stopping !== undefined && { stopping }),
		ended: state.ended,
		settings: state.settings,
		...(versions !== undefined && { versions }),
		...(asking !== undefined && { asking: { agents: [...asking.agents], below: asking.below } }),
		...(usage !== undefined && { usage: { ...usage } }),
		plain: state.graph.plain,
	};
}

function readyNodes({ graph: { frontier } }: RunState): number[] {
	const ready: number[] = [];
	for (let n = frontier.first(); n >= 0; n = frontier.next(n)) ready.push(n);
	return ready;
}

/** Those that were ready before need not be said again when all others stand behind them. */
function readyImage(ready: readonly number[], isChanged: (n: number) => boolean): ReadyImage {
	const first = ready.findIndex(isChanged);
	if (first < 0) return { behind: true, nodes: [] };
	const behind = ready.slice(first);
	return behind.every(isChanged) ? { behind: true, nodes: behind } : { behind: false, nodes: ready };
}

/** Nodes below a number, each once. One is added in a few nanoseconds. */
class NodeMarks {
	readonly #marked: Uint8Array;
	readonly list: number[] = [];

	constructor(size: number) {
		this.#marked = new Uint8Array(size);
	}

	/** Nodes that came later are left out: an image has them anyway. */
	add(n: number): void {
		if (this.#marked[n] !== 0) return;
		this.#marked[n] = 1;
		this.list.push(n);
	}

	has(n: number): boolean {
		return this.#marked[n] === 1;
	}
}
