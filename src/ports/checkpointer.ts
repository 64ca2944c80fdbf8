import type { NodeId } from "../core/ids.js";
import type { PortAnswer, RunInfo } from "./port.js";

/** Where `ctx.checkpoint` keeps the progress of nodes, in place of the journal. A factory: no two runs share a store. */
export interface CheckpointerPort {
	/** A run begins, or goes on in another process. */
	open(run: RunInfo): PortAnswer<CheckpointerStore>;
}

/** The progress of one run's nodes. */
export interface CheckpointerStore {
	/** What was saved and not cleared, by node: read when the run goes on in another process. */
	load(): PortAnswer<ReadonlyMap<NodeId, unknown>>;
	/** Keeps the latest state of a node. Resolves when it is kept. */
	save(node: NodeId, state: unknown): PortAnswer<void>;
	/** The node has ended, well or badly. */
	clear(node: NodeId): PortAnswer<void>;
	/** This process is done with the run. What is saved stays where the run is to go on elsewhere. */
	close?(ended: boolean): PortAnswer<void>;
}
