import type { NodeId } from "./core/ids.js";
import { sealed } from "./core/sealed-text.js";
import { taggedText } from "./core/tagged-json.js";
import type { CheckpointStore } from "./executor/attempt.js";
import type { GraphActor } from "./graph/actor.js";
import { unsealed } from "./journal/codec.js";
import type { RunJournal } from "./journal/run-journal.js";
import type { PortCheckpoints } from "./port-checkpoints.js";

/** The saved progress of a run's nodes: in memory for the attempts to come, and in its journal for those of another process. */
export class RunCheckpoints implements CheckpointStore {
	readonly #latest = new Map<NodeId, unknown>();
	readonly #journal: RunJournal | undefined;
	/** Where the host keeps it itself. */
	#port: PortCheckpoints | undefined;
	#actor: GraphActor | undefined;
	#watching = false;

	constructor(journal: RunJournal | undefined, stored: ReadonlyMap<NodeId, string>) {
		this.#journal = journal;
		for (const [node, body] of stored) this.#latest.set(node, unsealed(`the checkpoint of node "${node}"`, body));
		journal?.knowCheckpoints(stored.keys());
	}

	/**
	 * Keeps progress in the host's own store.
	 *
	 * @param loaded - what that has of the run's earlier processes
	 */
	keepIn(port: PortCheckpoints, loaded: ReadonlyMap<NodeId, unknown>): void {
		this.#port = port;
		for (const [node, state] of loaded) this.#latest.set(node, state);
	}

	/** Whose nodes these are. */
	bind(actor: GraphActor): void {
		this.#actor = actor;
		if (this.#latest.size > 0) this.#watch();
	}

	load(node: NodeId): unknown {
		return this.#latest.get(node);
	}

	note(node: NodeId, state: unknown): void {
		this.#latest.set(node, state);
		this.#watch();
	}

	async save(node: NodeId, state: unknown): Promise<void> {
		if (this.#port !== undefined) return this.#port.save(node, state);
		try {
			await this.#journal?.saveCheckpoint(node, state === undefined ? undefined : sealed(taggedText(state)));
		} catch (error) {
			// By one code, whatever the store throws: it has stopped the run.
			throw this.#actor?.poison ?? error;
		}
	}

	/** This process is done with the run. */
	async close(ended: boolean): Promise<void> {
		await this.#port?.close(ended);
	}

	/** What a node has saved goes with it. Who saves nothing pays nothing. */
	#watch(): void {
		if (this.#watching || this.#actor === undefined) return;
		this.#watching = true;
		const { graph } = this.#actor.state;
		this.#actor.subscribe((events) => {
			for (const event of events) {
				if (!("node" in event) || event.node === undefined || !this.#latest.has(event.node)) continue;
				const n = graph.index.get(event.node);
				if (n === undefined || !graph.isTerminal(n)) continue;
				this.#latest.delete(event.node);
				this.#port?.clear(event.node);
			}
		});
	}
}
