import type { RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import type { UsageTotal } from "../core/usage.js";
import { Graph } from "./graph.js";
import { PENDING, READY, RUNNING, SPECULATIVE, WAITING } from "./node-table.js";
import type { AgentVersions, RunSettings } from "./types.js";

/** A signal that waits for a node to wait for it; for any node, or for one. */
export interface KeptSignal {
	readonly payload: unknown;
	readonly for: string | undefined;
}

/** Everything that a run's events say, and nothing else: state is only a fold of them. */
export class RunState {
	readonly graph = new Graph();
	/** The number of the last event. */
	seq = 0;
	run: RunId = "";
	epoch = 1;
	open = false;
	status: RunStatus = "created";
	reason: string | undefined;
	/** While stopping: how the run will have ended, and the node that did it. */
	stopping: { readonly status: RunStatus; readonly reason?: string } | undefined;
	settings: RunSettings = {};
	/** Versions of the agents, as of the process that writes the run now. */
	versions: AgentVersions | undefined;
	/** Agents whose nodes below a number wait for a person before they run, as their version is another. */
	asking: { readonly agents: ReadonlySet<string>; readonly below: number } | undefined;
	/** When the last event was decided. */
	at = 0;
	/** Keys of patches that were applied. */
	readonly keys = new Set<string>();
	/** Signals that came before anyone waited for them, oldest first. */
	readonly signals = new Map<string, KeptSignal[]>();
	/** Nodes that wait for a signal, by its name, in the order in which they were parked. */
	readonly listening = new Map<string, Set<number>>();
	/** Nodes that have given their lease back to wait for something, in the order in which they did. */
	readonly parked = new Set<number>();
	/** Nodes that wait for a person or a signal. */
	awaiting = 0;

	/** What its attempts have used, once one has said so. */
	usage: UsageTotal | undefined;

	/** Whether the run has ended: asked after each command. */
	ended = false;

	/** Nodes that will move on without anybody's help: running, ready, in retry wait or asleep. */
	get active(): number {
		const { counts } = this.graph;
		return this.count(RUNNING) + this.count(READY) + (counts[WAITING] as number) - this.awaiting;
	}

	/** Nodes that have not ended. */
	get unfinished(): number {
		return (
			this.count(PENDING) + this.count(READY) + this.count(RUNNING) + this.count(WAITING) + this.count(SPECULATIVE)
		);
	}

	count(state: number): number {
		// One counter for each state.
		return this.graph.counts[state] as number;
	}
}
