import type { Refusal } from "../core/errors.js";
import type { AdditionRules } from "./additions.js";
import type { Author } from "./author.js";
import { targetsOf } from "./mutation-shape.js";
import { HAS_ALIASES } from "./node-table.js";
import { checkSpec, freezeSpec, nameTaken, refuse, unknownNode } from "./spec.js";
import { injectNode, removeNode, splitInto } from "./surgery.js";
import type { Transaction } from "./transaction.js";
import type { Mutation, StoredSpec } from "./types.js";

type ReshapePhase = "removeEdge" | "addEdge" | "injectBefore" | "splitNode" | "removeNode" | "updateNode";

const RESHAPE: readonly ReshapePhase[] = [
	"removeEdge",
	"addEdge",
	"injectBefore",
	"splitNode",
	"removeNode",
	"updateNode",
];

/** The phases of a patch that change what is there: edges, injected nodes, splits, removals, updates. */
export function reshape(
	tx: Transaction,
	patch: readonly Mutation[],
	author: Author,
	rules: AdditionRules,
): Refusal | undefined {
	const types = new Set(patch.map(({ type }) => type));
	for (const phase of RESHAPE) {
		if (!types.has(phase)) continue;
		for (const mutation of patch) {
			if (mutation.type !== phase) continue;
			const refusal = reshapeOne(tx, mutation as Extract<Mutation, { type: ReshapePhase }>, author, rules);
			if (refusal !== undefined) return refusal;
		}
	}
	return undefined;
}

function reshapeOne(
	tx: Transaction,
	mutation: Extract<Mutation, { type: ReshapePhase }>,
	author: Author,
	rules: AdditionRules,
): Refusal | undefined {
	const { graph } = tx.state;
	if (mutation.type === "addEdge" || mutation.type === "removeEdge") {
		const from = graph.index.get(mutation.from);
		if (from === undefined) return unknownNode(mutation.from);
		const to = unstarted(tx, mutation.to, `${mutation.type} ${mutation.from} → ${mutation.to}`);
		if (typeof to === "object") return to;
		if (mutation.type === "addEdge") return connect(tx, from, to, mutation.alias);
		const edge = graph.findEdge(from, to);
		if (edge === 0) {
			return refuse("UNKNOWN_DEPENDENCY", `"${mutation.to}" does not depend on "${mutation.from}"`, {
				nodes: [mutation.from, mutation.to],
			});
		}
		tx.removeEdge(edge);
		tx.unchecked.add(to);
		return undefined;
	}
	if (mutation.type === "removeNode") {
		for (const id of targetsOf(mutation)) {
			const n = unstarted(tx, id, "removeNode");
			if (typeof n === "object") return n;
			const refusal = removeNode(tx, n, mutation.mode ?? "bridge");
			if (refusal !== undefined) return refusal;
		}
		return undefined;
	}
	if (mutation.type === "splitNode" && author.completing && graph.index.get(mutation.id) === author.n) {
		return splitInto(tx, author.n, mutation.into, true);
	}
	const n = unstarted(tx, mutation.id, mutation.type);
	if (typeof n === "object") return n;
	if (mutation.type === "splitNode") return splitInto(tx, n, mutation.into, false);
	if (mutation.type === "injectBefore") return injectNode(tx, n, mutation);
	return updateNode(tx, n, mutation, rules);
}

function connect(tx: Transaction, from: number, to: number, alias: string | undefined): Refusal | undefined {
	const { graph } = tx.state;
	if (alias !== undefined || graph.nodes.has(to, HAS_ALIASES)) {
		// An edge that is there already is a no-op, whatever it or another is called.
		if (graph.findEdge(from, to) !== 0) return undefined;
		const called = alias ?? graph.id(from);
		for (let edge = graph.nodes.firstIn(to); edge !== 0; edge = graph.edges.nextIn(edge)) {
			if (graph.nameOf(edge) === called) return nameTaken(graph.id(to), called);
		}
	}
	return tx.addEdge(from, to, alias === undefined || alias === graph.id(from) ? undefined : [alias]);
}

function updateNode(
	tx: Transaction,
	n: number,
	mutation: Extract<Mutation, { type: "updateNode" }>,
	rules: AdditionRules,
): Refusal | undefined {
	const { graph } = tx.state;
	for (const key of ["id", "agent", "dependsOn", "speculative"]) {
		if (key in mutation.changes) {
			return refuse("INVALID_SPEC", `updateNode "${mutation.id}": ${key} cannot be changed`, {
				nodes: [mutation.id],
				hint: key === "dependsOn" ? "use addEdge and removeEdge" : "remove the node and add another",
			});
		}
	}
	const spec: Record<string, unknown> = { ...graph.spec(n) };
	for (const [key, value] of Object.entries(mutation.changes)) {
		if (value === undefined) delete spec[key];
		else spec[key] = value;
	}
	const updated = spec as unknown as StoredSpec;
	const checked = checkSpec(updated, rules.policies);
	if (checked !== undefined) return checked;
	tx.update(n, freezeSpec(updated, rules.check));
	tx.unchecked.add(n);
	if ("join" in mutation.changes) tx.updated.add(n);
	return undefined;
}

/** The number of a node that has not started, or why it is none. */
function unstarted(tx: Transaction, id: string, what: string): number | Refusal {
	const { graph } = tx.state;
	const n = graph.index.get(id);
	if (n === undefined) return unknownNode(id);
	if (graph.isUnstarted(n)) return n;
	const state = graph.stateName(n);
	return refuse("ILLEGAL_STATE", `${what}: node "${id}" is ${state}${graph.isTerminal(n) ? "" : " and has started"}`, {
		nodes: [id],
		hint: "only a node that has not started can be changed so",
	});
}
