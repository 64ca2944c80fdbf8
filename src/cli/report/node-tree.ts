import type { NodeId } from "../../core/ids.js";
import type { NodeView, Snapshot } from "../../graph/types.js";

/** A node in its place in the tree. */
export interface TreeLine {
	readonly node: NodeView;
	/** How many nodes stand above it. */
	readonly depth: number;
	/** What is drawn before it. */
	readonly lead: string;
	/** What it depends on beside the node that it stands below. */
	readonly also: readonly NodeId[];
}

/** The nodes as they were added, for those who draw no tree. */
export function* listOf(snapshot: Snapshot): Generator<TreeLine, void, undefined> {
	for (const node of snapshot.nodes()) yield { node, depth: 0, lead: "", also: [] };
}

/** Deeper nodes are not moved further to the right: a chain of a thousand has to fit on a screen. */
const DEEPEST_LEAD = 16;

/**
 * Lays a graph out as a tree: each node stands once, below the first one that it depends on. Nothing here recurs, as a
 * graph may be a chain of a hundred thousand, and no more is made than is asked for.
 *
 * @param depth - deeper nodes are left out; by default none
 */
export function* treeOf(snapshot: Snapshot, depth = Number.POSITIVE_INFINITY): Generator<TreeLine, void, undefined> {
	const nodes = [...snapshot.nodes()];
	const { first, next, roots } = linksOf(nodes);
	// What is still to be drawn, the next one last.
	const stack: { readonly n: number; readonly depth: number; readonly bars: string }[] = [];
	for (let i = roots.length - 1; i >= 0; i--) stack.push({ n: roots[i] as number, depth: 0, bars: "" });
	for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
		const node = nodes[place.n] as NodeView;
		const isLast = next[place.n] === NONE;
		yield { node, depth: place.depth, lead: leadOf(place, isLast), also: node.dependsOn.slice(1) };
		if (place.depth + 1 > depth) continue;
		const bars = barsBelow(place, isLast);
		const children: number[] = [];
		for (let child = first[place.n] as number; child !== NONE; child = next[child] as number) children.push(child);
		for (let i = children.length - 1; i >= 0; i--)
			stack.push({ n: children[i] as number, depth: place.depth + 1, bars });
	}
}

function leadOf({ depth, bars }: { readonly depth: number; readonly bars: string }, isLast: boolean): string {
	if (depth === 0) return "";
	const deep = depth > DEEPEST_LEAD ? `[${depth}] ` : "";
	return `${bars}${isLast ? "└─ " : "├─ "}${deep}`;
}

function barsBelow({ depth, bars }: { readonly depth: number; readonly bars: string }, isLast: boolean): string {
	if (depth === 0) return "";
	return depth >= DEEPEST_LEAD ? bars : `${bars}${isLast ? "   " : "│  "}`;
}

const NONE = -1;

/** Who stands below whom, as numbers: three arrays cost little, however many nodes there are. */
function linksOf(nodes: readonly NodeView[]): {
	readonly first: Int32Array;
	readonly next: Int32Array;
	readonly roots: readonly number[];
} {
	const numbers = new Map<NodeId, number>();
	for (const [n, { id }] of nodes.entries()) numbers.set(id, n);
	const first = new Int32Array(nodes.length).fill(NONE);
	const last = new Int32Array(nodes.length).fill(NONE);
	const next = new Int32Array(nodes.length).fill(NONE);
	const roots: number[] = [];
	for (const [n, { dependsOn }] of nodes.entries()) {
		const parent = dependsOn[0] === undefined ? undefined : numbers.get(dependsOn[0]);
		if (parent === undefined) {
			roots.push(n);
			continue;
		}
		const before = last[parent] as number;
		if (before === NONE) first[parent] = n;
		else next[before] = n;
		last[parent] = n;
	}
	return { first, next, roots };
}
