import { SwarmError } from "../core/errors.js";
import { COMMITTED_EARLY, HAS_REFS } from "./node-table.js";
import { joinNeed, joinNumber, outputRefs } from "./spec.js";
import type { RunState } from "./state.js";
import type { StoredSpec } from "./types.js";

/** A join that changed its dependencies, or its own terms, waits to be evaluated. */
export function changed(state: RunState, n: number): void {
	state.graph.frontier.touch(n);
	state.graph.onChange?.(n);
}

/** @returns the number of the added node; its dependencies must be there */
export function applyAdded(
	state: RunState,
	spec: StoredSpec,
	addedBy: string | undefined,
	early: number | undefined,
): number {
	const { graph } = state;
	const creator = addedBy === undefined ? 0 : nodeNumber(state, addedBy) + 1;
	const n = graph.addNode(spec, creator);
	setTerms(state, n, spec);
	const missing = linkDependencies(state, n, spec.dependsOn);
	if (missing !== undefined) throw new SwarmError("INTERNAL", `node "${spec.id}" is added before "${missing}"`);
	graph.frontier.touchFresh(n);
	if (early !== undefined) applyEarly(state, creator - 1, n, early);
	return n;
}

/** Sets what a node's spec says of its join and input. */
export function setTerms(state: RunState, n: number, spec: StoredSpec): void {
	const { nodes } = state.graph;
	if (spec.join !== undefined || nodes.join(n) !== 0) nodes.setJoin(n, joinNumber(spec.join), joinNeed(spec.join));
	if (typeof spec.input === "object" && spec.input !== null && outputRefs(spec.input).length > 0)
		nodes.flag(n, HAS_REFS);
	else nodes.unflag(n, HAS_REFS);
}

/**
 * Links a fresh node to the dependencies its spec names, each once.
 *
 * @returns the first id that is not there
 */
export function linkDependencies(state: RunState, n: number, dependsOn: StoredSpec["dependsOn"]): string | undefined {
	if (dependsOn === undefined) return undefined;
	const { graph } = state;
	if (!Array.isArray(dependsOn)) return linkAliases(state, n, dependsOn as Readonly<Record<string, string>>);
	const ids = dependsOn as readonly string[];
	// A few are compared with each other; many are marked.
	const seen = ids.length > FEW ? graph.marks.fresh(graph.size) : 0;
	for (let i = 0; i < ids.length; i++) {
		const id = ids[i] as string;
		const from = graph.index.get(id);
		if (from === undefined || from === n) return id;
		if (seen === 0) {
			if (i > 0 && ids.indexOf(id) < i) continue;
		} else {
			if (graph.marks.mark(from) === seen) continue;
			graph.marks.setMark(from, seen);
		}
		graph.link(from, n);
	}
	return undefined;
}

const FEW = 4;

function linkAliases(state: RunState, n: number, dependsOn: Readonly<Record<string, string>>): string | undefined {
	for (const [alias, id] of Object.entries(dependsOn)) {
		const from = state.graph.index.get(id);
		if (from === undefined || from === n) return id;
		state.graph.link(from, n, alias === id ? undefined : [alias]);
	}
	return undefined;
}

/** Remembers that an attempt of `creator` added a node by an early commit. */
export function applyEarly(state: RunState, creator: number, n: number, attempt: number): void {
	const { graph } = state;
	graph.extrasOf(n).addedIn = attempt;
	const extras = graph.extrasOf(creator);
	extras.early ??= new Set();
	extras.early.add(graph.id(n));
	graph.nodes.flag(creator, COMMITTED_EARLY);
	graph.onChange?.(n);
	graph.onChange?.(creator);
}

export function applyUpdated(state: RunState, n: number, spec: StoredSpec, early: number | undefined): void {
	const { graph } = state;
	graph.setSpec(n, spec);
	setTerms(state, n, spec);
	if (early !== undefined) applyEarly(state, graph.nodes.creator(n) - 1, n, early);
	changed(state, n);
}

/** The number of a node that an event names. */
export function nodeNumber(state: RunState, id: string): number {
	const n = state.graph.index.get(id);
	if (n === undefined)
		throw new SwarmError("INTERNAL", `an event names node "${id}", which the run does not have`, { nodes: [id] });
	return n;
}
