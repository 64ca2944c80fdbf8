import { SwarmError } from "./core/errors.js";
import type { NodeId } from "./core/ids.js";
import type { CheckpointerPort, CheckpointerStore } from "./ports/checkpointer.js";
import type { Guarded, PortGuard } from "./ports/guard.js";
import type { RunInfo } from "./ports/port.js";

/** The progress of a run's nodes, where the host keeps it itself. What is asked of its store is asked in order. */
export class PortCheckpoints {
	readonly #guard: PortGuard;
	/** What was asked last. */
	#last: Promise<unknown>;
	#store: CheckpointerStore | undefined;

	/** @param store - where it is open already: of a run that goes on */
	constructor(port: CheckpointerPort, guard: PortGuard, run: RunInfo, store?: CheckpointerStore) {
		this.#guard = guard;
		this.#store = store;
		this.#last = store === undefined ? this.#open(() => guard.ask("open", () => port.open(run))) : Promise.resolve();
	}

	async #open(ask: () => Guarded<CheckpointerStore> | Promise<Guarded<CheckpointerStore>>): Promise<void> {
		const answer = await ask();
		if (answer.ok) this.#store = answer.value;
	}

	/** @returns when it is kept; rejects with `PORT_FAILED` when it is not */
	save(node: NodeId, state: unknown): Promise<void> {
		return this.#do("save", (store) => (state === undefined ? store.clear(node) : store.save(node, state)));
	}

	clear(node: NodeId): void {
		this.#do("clear", (store) => store.clear(node)).catch(reported);
	}

	async close(ended: boolean): Promise<void> {
		await this.#do("close", (store) => store.close?.(ended)).catch(reported);
	}

	#do(operation: string, ask: (store: CheckpointerStore) => void | PromiseLike<void>): Promise<void> {
		const done = this.#last.then(async () => {
			const store = this.#store;
			if (store === undefined) throw new SwarmError("PORT_FAILED", "checkpointer: it could not be opened");
			const answer = await this.#guard.ask(operation, () => ask(store));
			if (!answer.ok) throw answer.error;
		});
		this.#last = done.catch(reported);
		return done;
	}
}

/** The guard has told the run. */
function reported(): void {}
