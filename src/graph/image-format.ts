import type { RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import type { Extras } from "./graph.js";
import {
	AWAITS,
	BLOCKS,
	COMMITTED_EARLY,
	EAGER,
	FAILURE_CAUSE,
	HAS_REFS,
	type NodeTable,
	STARTED,
	WITHHELD,
} from "./node-table.js";
import type { AgentVersions, RunSettings, StoredSpec, Wake } from "./types.js";

/*
 * What an image consists of is kept on disk: what is here may be added to, and not changed.
 */

/** The state of a run as plain data: all of it, or what has changed since an earlier image. */
export interface RunImage {
	/** The last event that is in it. */
	readonly seq: number;
	/** The image that it is a change of; undefined for one that stands alone. */
	readonly base: number | undefined;
	/** How many nodes the run has. */
	readonly size: number;
	readonly run: RunFields;
	/** Keys of patches; in a change those that came since. */
	readonly keys: readonly string[];
	readonly signals: readonly SignalImage[];
	/** Who waits for which signal, in the order in which they were parked. */
	readonly listening: readonly ListeningImage[];
	/** Who waits for anything but its next attempt, in the same order; missing in images of early versions. */
	readonly parked?: readonly number[];
	readonly ready: ReadyImage;
	/** In a change: which nodes it has, by rising number. */
	readonly numbers?: readonly number[];
	readonly nodes: readonly NodeImage[];
	/** Nodes whose edges out are not in the order of the nodes that they lead to: what they lead to, in their order. */
	readonly order: readonly OrderImage[];
}

/** What is said of the run itself. */
export interface RunFields {
	readonly id: RunId;
	readonly at: number;
	readonly epoch: number;
	readonly open: boolean;
	readonly status: RunStatus;
	readonly reason?: string;
	readonly stopping?: { readonly status: RunStatus; readonly reason?: string };
	readonly ended: boolean;
	readonly settings: RunSettings;
	readonly versions?: AgentVersions;
	readonly asking?: { readonly agents: readonly string[]; readonly below: number };
	readonly usage?: Readonly<Record<string, number>>;
	/** No node says anything that a scheduler has to weigh. */
	readonly plain: boolean;
}

export interface SignalImage {
	readonly name: string;
	readonly kept: readonly { readonly payload?: unknown; readonly for?: string }[];
}

export interface ListeningImage {
	readonly name: string;
	readonly nodes: readonly number[];
}

/** The ready nodes in their order. */
export interface ReadyImage {
	/** Whether those that were ready before and are not in this image stand before these. */
	readonly behind: boolean;
	readonly nodes: readonly number[];
}

/** A node, and what it leads to. */
export type OrderImage = readonly [from: number, to: readonly number[]];

/** An edge into a node: where it comes from, and its names where they are not the id. */
export type EdgeImage = readonly [from: number, alias?: readonly string[]];

export interface NodeImage {
	/** The place in `NODE_STATES`. */
	readonly state: number;
	readonly attempt: number;
	/** Bits in the order of {@link FLAGS}. */
	readonly flags: number;
	readonly spec: StoredSpec;
	/** Left out where there is none. */
	readonly output?: unknown;
	/** The node that added it plus one; left out for the caller of the run. */
	readonly creator?: number;
	/** Where the chain of skips began, plus one. */
	readonly root?: number;
	/** While running: the event that granted the lease. */
	readonly lease?: number;
	/** Edges into it, in order; left out where they are what the spec says. */
	readonly into?: readonly EdgeImage[];
	readonly extras?: ExtrasImage;
}

/** {@link Extras} as plain data, without what is of the process only. */
export type ExtrasImage = Omit<Extras, "total" | "steps" | "waited" | "early" | "usage" | "inbox"> & {
	readonly steps?: readonly { readonly name: string; readonly value?: unknown }[];
	readonly waited?: readonly { readonly key: string; readonly wakes: readonly Wake[] }[];
	readonly early?: readonly string[];
	readonly usage?: Readonly<Record<string, number>>;
	readonly inbox?: readonly { readonly payload?: unknown }[];
};

/** Flags that are part of a state. The others are of the process, or follow from the rest. */
const FLAGS = [STARTED, EAGER, WITHHELD, HAS_REFS, FAILURE_CAUSE, BLOCKS, AWAITS, COMMITTED_EARLY] as const;
const ALL_FLAGS = FLAGS.reduce((all, flag) => all | flag, 0);

/** A node's flags as they are kept. */
export function flagsOf(nodes: NodeTable, n: number): number {
	if (!nodes.has(n, ALL_FLAGS)) return 0;
	let flags = 0;
	for (let i = 0; i < FLAGS.length; i++) if (nodes.has(n, FLAGS[i] as number)) flags |= 1 << i;
	return flags;
}

/** Gives a node the flags that were kept. */
export function setFlags(nodes: NodeTable, n: number, flags: number): void {
	nodes.unflag(n, ALL_FLAGS);
	for (let i = 0; i < FLAGS.length; i++) if ((flags & (1 << i)) !== 0) nodes.flag(n, FLAGS[i] as number);
}
