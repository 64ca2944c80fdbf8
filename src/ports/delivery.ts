import type { ErrorInfo } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import type { PortAnswer } from "./port.js";

/** Takes what a run came to where it is wanted. It is called until it succeeds, so the same may come more than once. */
export interface DeliveryPort {
	/**
	 * Takes a delivery. One that throws, rejects or hangs is tried again.
	 *
	 * @param signal - aborts when its time is over
	 */
	deliver(delivery: Delivery, signal: AbortSignal): PortAnswer<void>;
}

/** What a run came to: its outputs, or its error. */
export interface Delivery {
	/** The same for every try: who has it needs no second one. */
	readonly key: string;
	readonly run: RunId;
	/** From 1. */
	readonly attempt: number;
	readonly status: string;
	readonly reason?: string;
	/** The outputs of the completed sinks, by id. */
	readonly outputs: Readonly<Record<string, unknown>>;
	/** Of every completed node, in the order in which they were added. */
	readonly artifacts: readonly Artifact[];
	/** Of a run that did not complete, or of one that could not even begin. */
	readonly error?: ErrorInfo;
	readonly metadata: Readonly<Record<string, Plain>>;
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
}

/** Something made, with a name: a file, a picture, a report. */
export interface Artifact {
	/** The node that made it. */
	readonly node: string;
	readonly name: string;
	readonly contentType: string;
	readonly content: string | Uint8Array;
}
