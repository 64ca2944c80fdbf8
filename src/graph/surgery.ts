import type { Refusal } from "../core/errors.js";
import type { Graph } from "./graph.js";
import { ABANDONED, HAS_ALIASES, JOIN_AT_LEAST, JOIN_FAILED } from "./node-table.js";
import { nameTaken, refuse } from "./spec.js";
import { joinLeft } from "./terms.js";
import type { Transaction } from "./transaction.js";
import type { Mutation, NodeSpec } from "./types.js";

/** Takes a node out; its unstarted dependents inherit its dependencies, or just lose it. */
export function removeNode(tx: Transaction, n: number, mode: "bridge" | "detach" | "reject"): Refusal | undefined {
	const { graph } = tx.state;
	const { nodes } = graph;
	if (mode === "reject" && nodes.firstOut(n) !== 0) {
		const dependents = dependentsOf(graph, n).map((d) => graph.id(d));
		return refuse("ILLEGAL_STATE", `"${graph.id(n)}" has dependents: ${dependents.slice(0, 8).join(", ")}`, {
			nodes: [graph.id(n), ...dependents.slice(0, 8)],
			hint: 'use mode "bridge" or "detach"',
		});
	}
	const dependencies = dependenciesOf(graph, n);
	const dependents = dependentsOf(graph, n);
	tx.removeEdgesOutOf(n);
	tx.removeEdgesInto(n);
	for (const dependent of dependents) {
		tx.unchecked.add(dependent);
		if (mode !== "bridge" || !graph.isUnstarted(dependent)) continue;
		const refusal = adoptAll(tx, dependencies, dependent);
		if (refusal !== undefined) return refusal;
	}
	tx.abandon(n, "removed");
	return undefined;
}

/** Splits a node into parts, which were added: they take its place between its dependencies and its dependents. */
export function splitInto(
	tx: Transaction,
	n: number,
	into: readonly NodeSpec[],
	running: boolean,
): Refusal | undefined {
	const { graph } = tx.state;
	const id = graph.id(n);
	const parts = partsOf(graph, into);
	if (parts.length === 0) return refuse("INVALID_SPEC", `"${id}" is split into nothing`, { nodes: [id] });
	const dependencies = dependenciesOf(graph, n);
	for (const part of parts) {
		// Its own split came first, or it is there from an earlier commit and has started.
		if (graph.isUnstarted(part)) continue;
		const fits = graph.nodes.state(part) !== ABANDONED && dependencies.every(({ from }) => graph.findEdge(from, part));
		if (!fits)
			return refuse("ILLEGAL_STATE", `"${graph.id(part)}" can be no part of "${id}" any more`, { nodes: [id] });
	}
	settle(tx, parts, n);
	for (const part of parts) {
		const refusal = adoptAll(tx, dependencies, part);
		if (refusal !== undefined) return refusal;
	}
	const refusal = moveDependents(tx, n, parts);
	if (refusal !== undefined || running) return refusal;
	tx.removeEdgesInto(n);
	tx.abandon(n, "split");
	return undefined;
}

/** Whoever waits for a planner that completed waits for the sinks of its plan from now on. */
export function expandPlan(tx: Transaction, n: number, plan: readonly number[]): Refusal | undefined {
	if (plan.length === 0) return undefined;
	settle(tx, plan, n);
	return moveDependents(tx, n, plan);
}

function partsOf(graph: Graph, specs: readonly NodeSpec[]): number[] {
	// Every spec of the patch was added in its first phase, or is there from an earlier commit.
	const parts = specs.map((spec) => graph.index.get(spec.id as string) as number);
	return [...new Set(parts)].sort((a, b) => graph.nodes.label(a) - graph.nodes.label(b));
}

/**
 * Moves the edges out of a node to those of a group that no other of the group waits for. A dependent
 * goes on seeing them under the name it had for the node.
 */
function moveDependents(tx: Transaction, n: number, group: readonly number[]): Refusal | undefined {
	const { graph } = tx.state;
	const { nodes, edges } = graph;
	const members = new Set(group);
	const endings = group.filter((member) => !leadsInto(graph, member, members));
	const moving: number[] = [];
	for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
		const to = edges.to(edge);
		if (!members.has(to) && graph.isUnstarted(to)) moving.push(edge);
	}
	for (const edge of moving) {
		const to = edges.to(edge);
		const name = graph.aliasOf(edge) ?? [graph.id(n)];
		tx.removeEdge(edge);
		tx.unchecked.add(to);
		for (const ending of endings) {
			const alias = endings.length === 1 ? name : [...name, graph.id(ending)];
			const refusal = tx.addEdge(ending, to, alias);
			if (refusal !== undefined) return refusal;
		}
	}
	return undefined;
}

function leadsInto(graph: Graph, n: number, members: ReadonlySet<number>): boolean {
	for (let edge = graph.nodes.firstOut(n); edge !== 0; edge = graph.edges.nextOut(edge)) {
		if (members.has(graph.edges.to(edge))) return true;
	}
	return false;
}

/** Puts a new node before an unstarted one, which then waits for it. */
export function injectNode(
	tx: Transaction,
	target: number,
	mutation: Extract<Mutation, { type: "injectBefore" }>,
): Refusal | undefined {
	const { graph } = tx.state;
	const n = graph.index.get(mutation.node.id as string) as number;
	const id = graph.id(target);
	const join = graph.nodes.join(target);
	if (mutation.inherit !== true && (join === JOIN_AT_LEAST || join === JOIN_FAILED)) {
		return refuse("INVALID_SPEC", `"${graph.id(n)}" would not gate "${id}", whose join does not wait for all`, {
			nodes: [graph.id(n), id],
			hint: "use inherit: true",
		});
	}
	settle(tx, [n], target, true);
	if (mutation.inherit === true) {
		const refusal = inheritFrom(tx, n, target);
		if (refusal !== undefined) return refusal;
	}
	tx.unchecked.add(target);
	return adoptAll(tx, [{ from: n }], target);
}

function inheritFrom(tx: Transaction, n: number, target: number): Refusal | undefined {
	const { graph } = tx.state;
	const join = joinLeft(graph, target);
	const dependencies = dependenciesOf(graph, target);
	tx.removeEdgesInto(target);
	const refusal = adoptAll(tx, dependencies, n);
	if (refusal !== undefined) return refusal;
	const { join: before, ...rest } = graph.spec(target);
	const { join: own, ...spec } = graph.spec(n);
	// The join moves as it is: one that the new node brings gives way, to the default as well.
	if (own !== join) tx.update(n, join === undefined ? spec : { ...spec, join });
	if (before !== undefined) tx.update(target, rest);
	tx.unchecked.add(n);
	return undefined;
}

/**
 * Gives fresh nodes labels between their dependencies and the dependents they get, so that adding
 * those edges moves nothing else.
 */
function settle(tx: Transaction, group: readonly number[], around: number, before = false): void {
	const { graph } = tx.state;
	const { nodes, edges } = graph;
	if (!group.every((n) => tx.isFresh(n))) return;
	const members = new Set(group);
	let lower = before ? -1 : around;
	const raise = (n: number): void => {
		for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge)) {
			const from = edges.from(edge);
			if (!members.has(from) && (lower < 0 || nodes.label(from) > nodes.label(lower))) lower = from;
		}
	};
	for (const n of group) raise(n);
	let upper = before ? around : -1;
	if (before) raise(around);
	else {
		for (let edge = nodes.firstOut(around); edge !== 0; edge = edges.nextOut(edge)) {
			const to = edges.to(edge);
			if (!members.has(to) && (upper < 0 || nodes.label(to) < nodes.label(upper))) upper = to;
		}
	}
	if (upper < 0) return;
	// Other nodes of the patch may wait for the group already.
	for (const n of group) {
		for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) {
			const to = edges.to(edge);
			if (!members.has(to) && nodes.label(to) < nodes.label(upper)) upper = to;
		}
	}
	// A plan's own mutations may have turned its order round.
	const ordered = [...group].sort((a, b) => nodes.label(a) - nodes.label(b));
	graph.topology.squeeze(ordered, lower, upper);
}

interface Dependency {
	readonly from: number;
	readonly alias?: readonly string[];
}

function dependenciesOf(graph: Graph, n: number): Dependency[] {
	const found: Dependency[] = [];
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) {
		const alias = graph.aliasOf(edge);
		found.push({ from: graph.edges.from(edge), ...(alias !== undefined && { alias }) });
	}
	return found;
}

/** The names by which a node sees its dependencies. */
function namesOf(graph: Graph, n: number): Set<string> {
	const names = new Set<string>();
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) names.add(graph.nameOf(edge));
	return names;
}

/** Gives a node more dependencies, under their aliases where it calls nothing else so, else under their ids. */
function adoptAll(tx: Transaction, dependencies: readonly Dependency[], n: number): Refusal | undefined {
	const { graph } = tx.state;
	const named = graph.nodes.has(n, HAS_ALIASES) || dependencies.some(({ alias }) => alias !== undefined);
	const taken = named ? namesOf(graph, n) : undefined;
	/** Names that came along: several of them may share one, as parts of a node that was split do. */
	const adopted = new Set<string>();
	for (const { from, alias } of dependencies) {
		if (taken !== undefined && graph.findEdge(from, n) !== 0) continue;
		const id = graph.id(from);
		const own = alias !== undefined && !taken?.has(alias[0] as string) ? alias : undefined;
		if (own !== undefined) adopted.add(own[0] as string);
		else if (taken?.has(id) || adopted.has(id)) return nameTaken(graph.id(n), id);
		else taken?.add(id);
		const refusal = tx.addEdge(from, n, own);
		if (refusal !== undefined) return refusal;
	}
	return undefined;
}

function dependentsOf(graph: Graph, n: number): number[] {
	const found: number[] = [];
	for (let edge = graph.nodes.firstOut(n); edge !== 0; edge = graph.edges.nextOut(edge))
		found.push(graph.edges.to(edge));
	return found;
}
