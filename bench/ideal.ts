import { type Contender, concurrency, type Work, works } from "./contender.ts";
import type { Spec } from "./workloads.ts";

/**
 * What a careful author would write by hand for this one purpose: a Map from id to integer, in-degree counters,
 * successor lists in columns, a ring of what is ready, and pumps that take node after node. It validates ids, lets
 * nodes be added while it runs and finds a stall, and does nothing else.
 */
class IdealLoop {
	readonly #works: Readonly<Record<string, Work>>;
	readonly #index = new Map<string, number>();
	readonly #specs: Spec[] = [];
	#open = new Int32Array(1024);
	#firstOut = new Int32Array(1024);
	#edges = 1;
	#edgeTo = new Int32Array(1024);
	#nextOut = new Int32Array(1024);
	#ring = new Int32Array(1024);
	#head = 0;
	#waiting = 0;
	#pumps = 0;
	#completed = 0;
	#ended!: () => void;
	#crashed!: (error: unknown) => void;
	readonly #end = new Promise<void>((resolve, reject) => {
		this.#ended = resolve;
		this.#crashed = reject;
	});

	constructor(works: Readonly<Record<string, Work>>) {
		this.#works = works;
	}

	get completed(): number {
		return this.#completed;
	}

	async run(specs: readonly Spec[]): Promise<void> {
		this.#add(specs);
		this.#wake();
		await this.#end;
		if (this.#completed !== this.#specs.length) throw new Error("the loop has stalled");
	}

	#add(specs: readonly Spec[]): void {
		const first = this.#specs.length;
		const size = first + specs.length;
		if (size > this.#open.length) {
			this.#open = grown(this.#open, size);
			this.#firstOut = grown(this.#firstOut, size);
		}
		for (const spec of specs) {
			if (this.#index.has(spec.id)) throw new Error(`duplicate node ${spec.id}`);
			this.#index.set(spec.id, this.#specs.length);
			this.#specs.push(spec);
		}
		for (let node = first; node < size; node++) {
			const dependencies = this.#specs[node]!.dependsOn;
			if (dependencies !== undefined) for (const id of dependencies) this.#connect(id, node);
			if (this.#open[node] === 0) this.#ready(node);
		}
	}

	#connect(id: string, node: number): void {
		const from = this.#index.get(id);
		if (from === undefined) throw new Error(`unknown node ${id}`);
		const edge = this.#edges++;
		if (edge === this.#edgeTo.length) {
			this.#edgeTo = grown(this.#edgeTo, edge + 1);
			this.#nextOut = grown(this.#nextOut, edge + 1);
		}
		this.#edgeTo[edge] = node;
		this.#nextOut[edge] = this.#firstOut[from]!;
		this.#firstOut[from] = edge;
		this.#open[node]!++;
	}

	#ready(node: number): void {
		const size = this.#ring.length;
		if (this.#waiting === size) {
			const ring = new Int32Array(size * 2);
			ring.set(this.#ring.subarray(this.#head));
			ring.set(this.#ring.subarray(0, this.#head), size - this.#head);
			this.#ring = ring;
			this.#head = 0;
		}
		this.#ring[(this.#head + this.#waiting++) & (this.#ring.length - 1)] = node;
	}

	#wake(): void {
		for (let free = Math.min(concurrency - this.#pumps, this.#waiting); free > 0; free--) {
			this.#pumps++;
			this.#pump().catch(this.#crashed);
		}
	}

	async #pump(): Promise<void> {
		while (this.#waiting > 0) {
			const node = this.#ring[this.#head]!;
			this.#head = (this.#head + 1) & (this.#ring.length - 1);
			this.#waiting--;
			const added = await this.#works[this.#specs[node]!.agent]!();
			if (added !== undefined) this.#add(added);
			this.#complete(node);
			if (this.#waiting > 1) this.#wake();
		}
		if (--this.#pumps === 0) this.#ended();
	}

	#complete(node: number): void {
		this.#completed++;
		for (let edge = this.#firstOut[node]!; edge !== 0; edge = this.#nextOut[edge]!) {
			const next = this.#edgeTo[edge]!;
			if (--this.#open[next]! === 0) this.#ready(next);
		}
	}
}

function grown(column: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
	const wider = new Int32Array(Math.max(size, column.length * 2));
	wider.set(column);
	return wider;
}

export const ideal: Contender = {
	name: "ideal loop",
	peer: false,
	run: async (load) => {
		const loop = new IdealLoop(works(load));
		await loop.run(load.specs);
		return { completed: loop.completed, held: loop };
	},
};
