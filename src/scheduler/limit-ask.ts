import type { RunId } from "../core/ids.js";
import type { ReadyEntry } from "./ready-queue.js";

/** What a node asks of limits before it may start. */
export interface Ask {
	/** The limits, each once. */
	readonly names: readonly string[];
	/** A new call of a function, which counts as a request; else an attempt that goes on after a wait. */
	readonly calls: boolean;
	/** How many tokens the call will take, as far as is known. */
	readonly tokens: number;
}

/** Nothing. */
export const NO_ASK: Ask = Object.freeze({ names: Object.freeze([]) as readonly string[], calls: true, tokens: 0 });

/** Who is told when one of its waiting nodes may try again. */
export interface LimitWaiter {
	/** Whose turns it shares: the run that calls of calls began with, or itself. */
	readonly root: RunId;
	/** Whether it could start a node now. A turn is of no use to one that could not. */
	readonly isOpen: boolean;
	retry(entry: ReadyEntry): void;
}

/** The promise that there is room at a key for one that has waited there. */
export interface Turn {
	/** The limit's name. */
	readonly key: string;
	readonly ask: Ask;
	/** Whether the room is still kept. */
	kept: boolean;
}
