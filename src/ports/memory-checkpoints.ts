import type { NodeId, RunId } from "../core/ids.js";
import { closedStore, corruptCheckpoint } from "./checkpoint-errors.js";
import { checkpointText, readCheckpoint } from "./checkpoint-text.js";
import type { CheckpointerPort, CheckpointerStore } from "./checkpointer.js";
import type { RunInfo } from "./port.js";

/**
 * Keeps the progress of nodes in memory, for tests: what a run has saved is there for one that goes on with it, as long
 * as the port is.
 *
 * @example
 * ```ts
 * import { memoryCheckpoints } from "dagswarm";
 *
 * const checkpoints = memoryCheckpoints();
 * const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const before = await checkpoints.open(run);
 * await before.save("n", { page: 7 });
 * await before.close?.(false);
 *
 * const after = await checkpoints.open({ ...run, resumed: true });
 * (await after.load()).get("n"); // { page: 7 }
 * ```
 */
export function memoryCheckpoints(): CheckpointerPort {
	const runs = new Map<RunId, Map<NodeId, string>>();
	const current = new Map<RunId, MemoryStore>();
	return {
		open({ run, resumed }: RunInfo): CheckpointerStore {
			if (!resumed) runs.delete(run);
			current.get(run)?.fence();
			const texts = runs.get(run) ?? new Map<NodeId, string>();
			runs.set(run, texts);
			const store = new MemoryStore(run, texts, (ended) => {
				current.delete(run);
				if (ended || texts.size === 0) runs.delete(run);
			});
			current.set(run, store);
			return store;
		},
	};
}

class MemoryStore implements CheckpointerStore {
	readonly #run: RunId;
	/** As text: nobody changes it from outside. */
	readonly #texts: Map<NodeId, string>;
	readonly #closed: (ended: boolean) => void;
	#isOpen = true;

	constructor(run: RunId, texts: Map<NodeId, string>, closed: (ended: boolean) => void) {
		this.#run = run;
		this.#texts = texts;
		this.#closed = closed;
	}

	load(): ReadonlyMap<NodeId, unknown> {
		const states = new Map<NodeId, unknown>();
		for (const [node, text] of this.#texts) {
			const saved = readCheckpoint(this.#run, text);
			if (saved === undefined) throw corruptCheckpoint(this.#run, node);
			states.set(node, saved.state);
		}
		return states;
	}

	save(node: NodeId, state: unknown): void {
		if (!this.#isOpen) throw closedStore(this.#run, node);
		this.#texts.set(node, checkpointText(this.#run, node, state));
	}

	clear(node: NodeId): void {
		if (!this.#isOpen) throw closedStore(this.#run, node);
		this.#texts.delete(node);
	}

	close(ended: boolean): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#closed(ended);
	}

	/** The run has gone on with another store. */
	fence(): void {
		this.#isOpen = false;
	}
}
