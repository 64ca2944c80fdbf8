import { expect } from "vitest";
import { ImageSource } from "../../src/graph/image.js";
import type { RunImage } from "../../src/graph/image-format.js";
import { restoreState } from "../../src/graph/image-restore.js";
import {
	AWAITS,
	BLOCKS,
	COMMITTED_EARLY,
	EAGER,
	FAILURE_CAUSE,
	HAS_REFS,
	RUNNING,
	SKIPPED,
	STARTED,
	WITHHELD,
} from "../../src/graph/node-table.js";
import type { RunState } from "../../src/graph/state.js";
import { decodeSnapshots, encodeSnapshot } from "../../src/journal/snapshot-codec.js";

const FLAGS = { STARTED, EAGER, WITHHELD, HAS_REFS, FAILURE_CAUSE, BLOCKS, AWAITS, COMMITTED_EARLY };

/** As text, in which nothing that differs looks the same. */
function text(value: unknown): string {
	return JSON.stringify(value, function (this: unknown, _key, each: unknown) {
		if (each instanceof Uint8Array) return { bytes: [...each] };
		if (each instanceof Map || each instanceof Set) return [...each];
		if (each === undefined && Array.isArray(this)) return "undefined";
		return each;
	});
}

/**
 * Everything that a state holds, but for its order labels and what is of the process.
 *
 * @param exact - false leaves out what no event tells: the order in which nodes became ready within one command, what
 *   refused patches would have had to be weighed, and which attempt added a node again as it was
 */
export function picture(state: RunState, exact = true): string {
	const { graph } = state;
	const ready: number[] = [];
	for (let n = graph.frontier.first(); n >= 0; n = graph.frontier.next(n)) ready.push(n);
	if (!exact) ready.sort((a, b) => a - b);
	const rows = Array.from({ length: graph.size }, (_, n) => pictureNode(state, n, exact));
	const { seq, run, epoch, open, status, reason, stopping, settings, versions, asking, at, keys } = state;
	const { signals, listening, parked, awaiting, usage, ended } = state;
	const { added, counts, index } = graph;
	const plain = exact ? graph.plain : undefined;
	const own = {
		seq,
		run,
		epoch,
		open,
		status,
		reason,
		stopping,
		settings,
		versions,
		asking,
		at,
		keys,
		awaiting,
		usage: { ...usage },
		ended,
	};
	const lists = {
		ready,
		signals,
		listening,
		parked,
		added,
		plain,
		counts: [...counts],
		index,
		edges: graph.edges.count,
	};
	return text({ own, lists, rows });
}

function pictureNode({ graph }: RunState, n: number, exact: boolean): unknown {
	const { nodes, edges } = graph;
	const into: unknown[] = [];
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge))
		into.push([edges.from(edge), graph.aliasOf(edge)]);
	const out: number[] = [];
	for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) out.push(edges.to(edge));
	const state = nodes.state(n);
	const { total: _, addedSpec = graph.spec(n), early, addedIn, ...extras } = graph.extras.get(n) ?? {};
	const known = Object.entries(extras).filter(([, value]) => value !== undefined);
	// A refused early commit leaves an empty list and its flag behind, which say nothing.
	const hasCommitted = early !== undefined && early.size > 0;
	const flags = Object.entries(FLAGS).filter(
		([, flag]) => nodes.has(n, flag) && (flag !== COMMITTED_EARLY || hasCommitted),
	);
	return {
		id: graph.id(n),
		spec: graph.spec(n),
		state: graph.stateName(n),
		attempt: nodes.attempt(n),
		lease: state === RUNNING ? nodes.lease(n) : undefined,
		flags,
		join: [nodes.join(n), state === SKIPPED ? nodes.root(n) : graph.frontier.judge(n)],
		counters: [nodes.open(n), nodes.ok(n), nodes.failed(n), nodes.lost(n), nodes.blockFailed(n)],
		creator: nodes.creator(n),
		output: [graph.outputs.get(n)],
		into,
		out,
		addedSpec,
		addedIn: exact ? addedIn : undefined,
		early: hasCommitted ? early : undefined,
		extras: known.sort(([a], [b]) => (a < b ? -1 : 1)),
	};
}

/** Images as a journal would give them back. */
export function stored(images: readonly RunImage[]): RunImage[] {
	const snapshots = images.map((image) => encodeSnapshot("r", image));
	const blobs = new Map(snapshots.flatMap((snapshot) => snapshot.blobs.map(({ hash, body }) => [hash, body] as const)));
	return decodeSnapshots("r", snapshots, blobs);
}

export function expectSame(restored: RunState, state: RunState, exact = true): void {
	const is = picture(restored, exact);
	const should = picture(state, exact);
	// Compared as text first: it is done after every event.
	if (is !== should) expect(JSON.parse(is)).toEqual(JSON.parse(should));
	expect(is).toBe(should);
}

/** A chain of images of one state. A saving that fails leaves its image out. */
export class Chain {
	readonly source: ImageSource;
	saved: RunImage[] = [];

	constructor(readonly state: RunState) {
		this.source = new ImageSource(state);
	}

	/** Takes an image, and looks whether the state can be restored from it. */
	take(isSaved = true, whole = false): RunState | undefined {
		const taken = this.source.take(whole);
		if (taken === undefined) return undefined;
		const images = taken.image.base === undefined ? [taken.image] : [...this.saved, taken.image];
		const restored = restoreState(stored(images));
		expectSame(restored, this.state);
		if (isSaved) {
			taken.commit();
			this.saved = images;
		}
		return restored;
	}

	get last(): RunImage {
		// Asked for only after an image was saved.
		return this.saved[this.saved.length - 1] as RunImage;
	}
}
