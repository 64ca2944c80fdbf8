import {
	type AnyAgent,
	createSwarm,
	defineAgent,
	type NodeSpec,
	type RunHandle,
	type Swarm,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { rest } from "../rest.js";

export { rest };

/** A swarm whose one agent runs until it is told to end, and notes what starts. */
export class Gate {
	readonly started: string[] = [];
	readonly #ends = new Map<string, () => void>();
	/** The most that ran at a time. */
	peak = 0;
	readonly clock = new VirtualClock();
	readonly swarm: Swarm<AnyAgent>;

	constructor(options: Partial<SwarmOptions> = {}) {
		const work = defineAgent({
			name: "work",
			run: (_: unknown, ctx) => {
				this.started.push(ctx.nodeId);
				return new Promise<void>((resolve) => {
					this.#ends.set(ctx.nodeId, resolve);
					this.peak = Math.max(this.peak, this.#ends.size);
				});
			},
		});
		const quick = defineAgent({ name: "quick", run: (_: unknown, ctx) => void this.started.push(ctx.nodeId) });
		const agents: AnyAgent[] = [work, quick, ...(options.agents ?? [])];
		this.swarm = createSwarm<AnyAgent>({ clock: this.clock, check: "full", concurrency: 1, ...options, agents });
	}

	async start(nodes: readonly NodeSpec[], options: Parameters<Swarm["start"]>[1] = {}): Promise<RunHandle> {
		const run = this.swarm.start({ nodes }, options);
		await rest();
		return run;
	}

	/** Lets running nodes end. */
	async end(...ids: readonly string[]): Promise<void> {
		for (const id of ids) {
			const end = this.#ends.get(id);
			if (end === undefined) throw new Error(`"${id}" does not run; started: ${this.started.join()}`);
			this.#ends.delete(id);
			end();
		}
		await rest();
	}

	/** Lets whatever runs end, until nothing does. */
	async drain(): Promise<string[]> {
		while (this.#ends.size > 0) await this.end(...this.#ends.keys());
		return this.started;
	}

	get running(): string[] {
		return [...this.#ends.keys()];
	}
}
