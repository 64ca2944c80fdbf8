import type { NodeId, RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";

/** What a host may plug in. */
export type PortName = "audit" | "budget" | "critic" | "checkpointer" | "palette" | "delivery";

/** At once, or later. */
export type PortAnswer<Value> = Value | PromiseLike<Value>;

/** A run as a port sees it. */
export interface RunInfo {
	readonly run: RunId;
	/** The run whose node called this one, and those above it, nearest first; empty for one that was started by the host. */
	readonly ancestors: readonly RunId[];
	/** The node that called it and waits for it, of the nearest of {@link ancestors}. */
	readonly calledBy?: NodeId;
	readonly metadata: Readonly<Record<string, Plain>>;
	/** Whom the run is for and what it came by: the texts `caller` and `channel` of its metadata, where it has them. */
	readonly caller?: string;
	readonly channel?: string;
	/** Milliseconds since the Unix epoch. */
	readonly startedAt: number;
	/** It went on from its journal: this is not its first process. */
	readonly resumed: boolean;
}

/** One attempt of a node as a port sees it. */
export interface AttemptInfo {
	readonly node: NodeId;
	readonly agent: string;
	/** From 1. */
	readonly attempt: number;
}

/** What a run does when a port of it throws, rejects or hangs. */
export interface PortPolicy {
	/** How long a call of the port may take; milliseconds or text with a unit, default 10 seconds. */
	readonly deadline?: number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;
	/**
	 * `failRun`: the run ends `failed` with `PORT_FAILED`, the default of budget and checkpointer. `warn`: it is recorded, and
	 * the run goes on without that answer, the default of the others.
	 */
	readonly onFailure?: "failRun" | "warn";
}
