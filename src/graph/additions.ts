import type { Refusal } from "../core/errors.js";
import type { Author } from "./author.js";
import type { CheckLevel } from "./checker.js";
import { COMMITTED_EARLY, EAGER } from "./node-table.js";
import type { PolicySource } from "./policies.js";
import { agentName, checkSpec, freezeSpec, refuse } from "./spec.js";
import { sameSpec, sortSpecs } from "./spec-order.js";
import { joinLeft } from "./terms.js";
import { pathText, type Transaction } from "./transaction.js";
import type { Mutation, NodeSpec, Patch, StoredSpec } from "./types.js";

/** What {@link addAll} is told beside the patch. */
export interface AdditionRules {
	readonly policies: PolicySource;
	/** Says what is frozen. */
	readonly check: CheckLevel;
	readonly maxNodes: number;
	readonly maxDepth: number;
}

/** The new nodes that a mutation brings, and none for most. */
export function specsOf(mutation: Mutation): readonly NodeSpec[] {
	switch (mutation.type) {
		case "addNode":
		case "injectBefore":
			return [mutation.node];
		case "addNodes":
			return mutation.nodes;
		case "splitNode":
			return mutation.into;
		default:
			return NONE;
	}
}

const NONE: readonly NodeSpec[] = [];

/**
 * Adds the new nodes of a patch: the first of its phases.
 *
 * @returns a refusal; what was added by then is the caller's to roll back
 */
export function addAll(tx: Transaction, patch: Patch, author: Author, rules: AdditionRules): Refusal | undefined {
	const taken: Taken = { specs: [], replaced: [] };
	const readds = author.n >= 0 && (author.early || tx.state.graph.nodes.has(author.n, COMMITTED_EARLY));
	for (const mutation of patch) {
		for (const spec of specsOf(mutation)) {
			const stored = toStored(tx, spec, mutation, patch, rules);
			if ("code" in stored) return stored;
			if (!readds) taken.specs.push(stored);
			else {
				const refusal = takeAgain(tx, stored, author, taken);
				if (refusal !== undefined) return refusal;
			}
		}
	}
	return (
		growthRefusal(tx, taken.specs.length, author, rules) ??
		insert(tx, taken.specs, author) ??
		noteNeeds(tx, taken.specs, rules.policies) ??
		replaceAll(tx, taken.replaced, author)
	);
}

/** The specs of a patch, sorted by what is to be done with them. */
interface Taken {
	readonly specs: StoredSpec[];
	/** Specs that take the place of what an earlier attempt added. */
	readonly replaced: StoredSpec[];
}

function takeAgain(tx: Transaction, spec: StoredSpec, author: Author, taken: Taken): Refusal | undefined {
	const known = readd(tx, spec, author);
	if (typeof known === "object") return known;
	if (known === undefined) taken.specs.push(spec);
	else if (known === "replace") taken.replaced.push(spec);
	return undefined;
}

function growthRefusal(tx: Transaction, count: number, author: Author, rules: AdditionRules): Refusal | undefined {
	if (author.n < 0 || count === 0) return undefined;
	const { graph } = tx.state;
	const id = graph.id(author.n);
	if (graph.added + count > rules.maxNodes) {
		return refuse(
			"LIMIT_EXCEEDED",
			`node "${id}" adds ${count} nodes; agents have added ${graph.added} of at most ${rules.maxNodes}`,
			{
				nodes: [id],
				hint: "raise maxNodes",
			},
		);
	}
	const depth = graph.depth(author.n) + 1;
	if (depth <= rules.maxDepth) return undefined;
	return refuse("LIMIT_EXCEEDED", `node "${id}" adds nodes at depth ${depth}, of at most ${rules.maxDepth}`, {
		nodes: [id],
		hint: "raise maxDepth",
	});
}

/** A checked spec as the graph keeps it: the caller's own object where nothing has to be filled in. */
function toStored(
	tx: Transaction,
	spec: NodeSpec,
	by: Mutation,
	patch: Patch,
	rules: AdditionRules,
): StoredSpec | Refusal {
	const checked = checkSpec(spec, rules.policies);
	if (checked !== undefined) return checked;
	const { id } = spec;
	// The border fills in ids; a driver of decide who left one out has a bug.
	if (id === undefined) return refuse("INVALID_SPEC", "a node reached the graph without an id");
	let stored = spec as StoredSpec;
	if (typeof spec.agent !== "string") stored = { ...spec, id, agent: agentName(spec.agent) ?? "" };
	if (by.type === "splitNode") {
		const inherited = inherit(tx, stored, by.id, patch);
		if ("code" in inherited) return inherited;
		stored = inherited;
	}
	return freezeSpec(stored, rules.check);
}

/** A part is held or eager like the node it is part of, and starts under the same join unless it says its own. */
function inherit(tx: Transaction, part: StoredSpec, originalId: string, patch: Patch): StoredSpec | Refusal {
	const { graph } = tx.state;
	const n = graph.index.get(originalId);
	// The node that is split may come with the same patch.
	const original = n === undefined ? patch.flatMap(specsOf).find(({ id }) => id === originalId) : graph.spec(n);
	if (original === undefined) return part;
	if (Object.values(part.dependsOn ?? []).includes(originalId)) {
		return refuse("INVALID_SPEC", `"${part.id}" is a part of "${originalId}" and cannot depend on it`, {
			nodes: [part.id, originalId],
		});
	}
	const join = n === undefined ? original.join : joinLeft(graph, n);
	const marked = n !== undefined && (graph.isHeld(n) ? "hold" : graph.nodes.has(n, EAGER) ? "eager" : undefined);
	const speculative = n === undefined ? original.speculative : marked || undefined;
	return {
		...part,
		...(part.join === undefined && part.dependsOn === undefined && join !== undefined && { join }),
		...(part.speculative === undefined && speculative !== undefined && { speculative }),
	};
}

/**
 * What adding an id again means for a node that committed early: `same` spec, nothing to do; another
 * one takes its place while it has not started.
 */
function readd(tx: Transaction, spec: StoredSpec, author: Author): "same" | "replace" | Refusal | undefined {
	const { graph } = tx.state;
	const n = graph.index.get(spec.id);
	if (n === undefined) return undefined;
	const addedIn = graph.extras.get(n)?.addedIn;
	if (graph.nodes.creator(n) !== author.n + 1 || addedIn === undefined || addedIn >= author.attempt)
		return duplicate(spec.id);
	if (sameSpec(graph.spec(n), spec)) {
		tx.early(author.n, n, author.attempt);
		return "same";
	}
	return graph.isUnstarted(n) ? "replace" : duplicate(spec.id);
}

function duplicate(id: string): Refusal {
	return refuse("DUPLICATE_NODE", `the id "${id}" has been used in this run`, {
		nodes: [id],
		hint: "ids are never used twice",
	});
}

function insert(tx: Transaction, specs: readonly StoredSpec[], author: Author): Refusal | undefined {
	if (specs.length === 0) return undefined;
	const { graph } = tx.state;
	const by = {
		creator: author.n + 1,
		depth: author.n < 0 ? 0 : graph.depth(author.n) + 1,
		early: author.early ? author.attempt : undefined,
	};
	const start = tx.savepoint();
	let problem = tx.addNodes(specs, by);
	if (problem !== undefined && "missing" in problem) {
		// Specs may name each other in any order: only then they have to be sorted.
		tx.rollback(start);
		const sorted = sortSpecs(specs);
		if ("cycle" in sorted) {
			return refuse("CYCLE", `the new nodes depend on each other: ${pathText(sorted.cycle)}`, { nodes: sorted.cycle });
		}
		if ("duplicate" in sorted) return duplicate(sorted.duplicate);
		problem = tx.addNodes(sorted.specs, by);
	}
	if (problem === undefined) return undefined;
	if ("duplicate" in problem) return duplicate(problem.duplicate);
	return refuse(
		"UNKNOWN_DEPENDENCY",
		`node "${problem.of}" depends on "${problem.missing}", which is not in the graph`,
		{
			nodes: [problem.of, problem.missing],
			hint: "add it in the same patch or earlier",
		},
	);
}

/** What agents declare of the dependencies of their nodes is looked at when all edges of the patch are there. */
function noteNeeds(tx: Transaction, specs: readonly StoredSpec[], { needs }: PolicySource): undefined {
	if (needs === undefined) return;
	for (const { id, agent } of specs)
		if (needs(agent) !== undefined) tx.unchecked.add(tx.state.graph.index.get(id) as number);
}

/** A different spec takes the place of a node that an earlier attempt added and that has not started. */
function replaceAll(tx: Transaction, specs: readonly StoredSpec[], author: Author): Refusal | undefined {
	const { graph } = tx.state;
	for (const spec of specs) {
		const n = graph.index.get(spec.id) as number;
		tx.removeEdgesInto(n);
		const { speculative } = graph.spec(n);
		tx.update(n, spec, author.attempt);
		// What the host has decided since about a node whose specs agree on this stays.
		if (spec.speculative !== speculative) tx.respeculate(n, spec.speculative);
		for (const [alias, id] of Object.entries(spec.dependsOn ?? {})) {
			const from = graph.index.get(id);
			if (from === undefined) {
				return refuse("UNKNOWN_DEPENDENCY", `node "${spec.id}" depends on "${id}", which is not in the graph`, {
					nodes: [spec.id, id],
				});
			}
			const refusal = tx.addEdge(from, n, Array.isArray(spec.dependsOn) || alias === id ? undefined : [alias]);
			if (refusal !== undefined) return refusal;
		}
		tx.unchecked.add(n);
		tx.updated.add(n);
	}
	return undefined;
}
