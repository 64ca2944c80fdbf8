import { addUsage, emptyUsage } from "../core/usage.js";
import type { Extras, Graph } from "./graph.js";
import { type EdgeImage, type ExtrasImage, flagsOf, type NodeImage } from "./image-format.js";
import { HAS_ALIASES, RUNNING, SKIPPED } from "./node-table.js";

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** One node as it is kept. Specs and values are never written once they are there, so they are shared. */
export function nodeImage(graph: Graph, n: number): NodeImage {
	const { nodes } = graph;
	const state = nodes.state(n);
	const image: Writable<NodeImage> = {
		state,
		attempt: nodes.attempt(n),
		flags: flagsOf(nodes, n),
		spec: graph.spec(n),
	};
	const output = graph.outputs.get(n);
	if (output !== undefined) image.output = output;
	const creator = nodes.creator(n);
	if (creator !== 0) image.creator = creator;
	if (state === SKIPPED) image.root = nodes.root(n);
	if (state === RUNNING) image.lease = nodes.lease(n);
	if (!isLinkedAsSpecified(graph, n)) image.into = edgesInto(graph, n);
	const extras = graph.extras.get(n);
	if (extras !== undefined) {
		const kept = extrasImage(extras);
		if (kept !== undefined) image.extras = kept;
	}
	return image;
}

/** Whether the edges into a node are those that its spec lists: most are, and need not be said twice. */
function isLinkedAsSpecified(graph: Graph, n: number): boolean {
	const { nodes, edges } = graph;
	const { dependsOn } = graph.spec(n);
	let edge = nodes.firstIn(n);
	if (dependsOn === undefined) return edge === 0;
	if (!Array.isArray(dependsOn) || nodes.has(n, HAS_ALIASES)) return false;
	for (let i = 0; i < dependsOn.length; i++, edge = edges.nextIn(edge))
		if (edge === 0 || graph.id(edges.from(edge)) !== dependsOn[i]) return false;
	return edge === 0;
}

function edgesInto(graph: Graph, n: number): EdgeImage[] {
	const { nodes, edges } = graph;
	const into: EdgeImage[] = [];
	for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
		const alias = graph.aliasOf(edge);
		into.push(alias === undefined ? [edges.from(edge)] : [edges.from(edge), alias]);
	}
	return into;
}

function extrasImage(extras: Extras): ExtrasImage | undefined {
	const { total: _, steps, waited, early, usage, inbox, ...rest } = extras;
	const image: Writable<ExtrasImage> = rest;
	if (steps !== undefined)
		image.steps = Array.from(steps, ([name, value]) => (value === undefined ? { name } : { name, value }));
	if (waited !== undefined) image.waited = Array.from(waited, ([key, wakes]) => ({ key, wakes: wakes.slice() }));
	if (early !== undefined) image.early = [...early];
	if (usage !== undefined) image.usage = { ...usage };
	if (inbox !== undefined) image.inbox = inbox.map((payload) => (payload === undefined ? {} : { payload }));
	// Many say nothing any more.
	for (const key in image) if (image[key as keyof ExtrasImage] !== undefined) return image;
	return undefined;
}

/** What a node's extras were made an image of. */
export function extrasFrom(image: ExtrasImage): Extras {
	const { steps, waited, early, usage, inbox, ...rest } = image;
	return {
		...rest,
		...(steps !== undefined && { steps: new Map(steps.map(({ name, value }) => [name, value])) }),
		...(waited !== undefined && { waited: new Map(waited.map(({ key, wakes }) => [key, wakes.slice()])) }),
		...(early !== undefined && { early: new Set(early) }),
		...(usage !== undefined && { usage: addUsage(emptyUsage(), usage) }),
		...(inbox !== undefined && { inbox: inbox.map(({ payload }) => payload) }),
	};
}
