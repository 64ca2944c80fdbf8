import type { Refusal } from "../core/errors.js";
import { type AdditionRules, addAll, specsOf } from "./additions.js";
import { type Author, strangerRefusal } from "./author.js";
import { runEnded } from "./fence.js";
import { mark, type PatchOutcome } from "./marking.js";
import { checkPatchShape, targetsOf } from "./mutation-shape.js";
import { COMMITTED_EARLY } from "./node-table.js";
import { reshape } from "./reshape.js";
import { refuse, show, unknownNode } from "./spec.js";
import { expandPlan } from "./surgery.js";
import type { Transaction } from "./transaction.js";
import type { Mutation, StagedPatch } from "./types.js";

/** What a patch is checked against. */
export interface PatchRules extends AdditionRules {
	readonly maxPatchSize: number;
}

/**
 * Tries a patch: all of its phases, up to those that cannot be refused any more. On a refusal the
 * caller rolls the transaction back to where it was.
 */
export function tryPatch(
	tx: Transaction,
	patch: StagedPatch,
	author: Author,
	rules: PatchRules,
): Refusal | PatchOutcome {
	// Nodes that still run after a failure may end, and not grow the run again.
	if (tx.state.stopping !== undefined) return runEnded(tx);
	tx.by = author.n < 0 ? undefined : tx.state.graph.id(author.n);
	const tried = tryPhases(tx, patch, author, rules);
	tx.by = undefined;
	return tried;
}

function tryPhases(tx: Transaction, patch: StagedPatch, author: Author, rules: PatchRules): Refusal | PatchOutcome {
	const refusal =
		checkPatchShape(patch.mutations) ??
		(author.completing ? undefined : checkExpectations(tx, patch)) ??
		checkRights(tx, patch, author) ??
		checkSize(patch, rules) ??
		addAll(tx, patch.mutations, author, rules) ??
		reshape(tx, patch.mutations, author, rules) ??
		(patch.expand === true && author.completing ? expandPlan(tx, author.n, planOf(tx, author)) : undefined) ??
		tx.checkTerms(rules.policies);
	if (refusal !== undefined) return refusal;
	return mark(tx, patch.mutations, author);
}

/** @returns a refusal when a node is not in the state that a patch expects it to be in */
export function checkExpectations(tx: Transaction, patch: StagedPatch): Refusal | undefined {
	const { graph } = tx.state;
	for (const [id, expected] of Object.entries(patch.expect ?? {})) {
		const n = graph.index.get(id);
		if (n === undefined) return unknownNode(id);
		const actual = graph.stateName(n);
		if (actual === expected) continue;
		return refuse("EXPECTATION_FAILED", `node "${id}" is ${actual}, not ${show(expected)}`, { nodes: [id] });
	}
	return undefined;
}

function checkSize(patch: StagedPatch, rules: PatchRules): Refusal | undefined {
	let size = 0;
	for (const mutation of patch.mutations) {
		if (mutation.type === "addNodes") size += mutation.nodes.length;
		else if (mutation.type === "splitNode") size += mutation.into.length + 1;
		else if ("ids" in mutation && mutation.ids !== undefined) size += mutation.ids.length;
		else size++;
	}
	if (size <= rules.maxPatchSize) return undefined;
	return refuse("LIMIT_EXCEEDED", `the patch makes ${size} changes, of at most ${rules.maxPatchSize}`, {
		hint: "raise maxPatchSize",
	});
}

/** The nodes that a mutation changes, beside those it adds. */
export function changedBy(mutation: Mutation): readonly string[] {
	switch (mutation.type) {
		case "addNode":
		case "addNodes":
			return [];
		case "addEdge":
		case "removeEdge":
			return [mutation.to];
		default:
			return targetsOf(mutation);
	}
}

function checkRights(tx: Transaction, patch: StagedPatch, author: Author): Refusal | undefined {
	if (author.right === true || patch.mutations.length === 0) return undefined;
	const { graph } = tx.state;
	const id = graph.id(author.n);
	if (author.right === false) {
		return refuse("NOT_PERMITTED", `node "${id}" may not change the graph`, { nodes: [id], hint: "set canMutate" });
	}
	const fresh = new Set(patch.mutations.flatMap((mutation) => specsOf(mutation).map((spec) => spec.id)));
	for (const mutation of patch.mutations) {
		for (const target of changedBy(mutation)) {
			const n = graph.index.get(target);
			if (n === undefined || fresh.has(target)) continue;
			const refusal = strangerRefusal(graph, n, author);
			if (refusal !== undefined) return refusal;
		}
	}
	return undefined;
}

/** What a node has added: in this command, and by early commits of this attempt. */
function planOf(tx: Transaction, author: Author): number[] {
	const { graph } = tx.state;
	const plan: number[] = [];
	for (const id of graph.extras.get(author.n)?.early ?? []) {
		const n = graph.index.get(id);
		if (n !== undefined && !tx.isFresh(n) && graph.extras.get(n)?.addedIn === author.attempt) plan.push(n);
	}
	for (let n = tx.freshFrom; n < graph.size; n++) plan.push(n);
	// What was split or removed is out of the plan; whoever waited for it would be skipped.
	return plan.filter((n) => {
		const abandoned = graph.extras.get(n)?.abandoned;
		return abandoned !== "split" && abandoned !== "removed";
	});
}

/** Nodes that earlier attempts of a node added and this one did not. */
export function superseded(tx: Transaction, n: number, attempt: number): number[] {
	const { graph } = tx.state;
	if (!graph.nodes.has(n, COMMITTED_EARLY)) return [];
	const stale: number[] = [];
	for (const id of graph.extras.get(n)?.early ?? []) {
		const added = graph.index.get(id);
		if (added === undefined || !graph.isUnstarted(added)) continue;
		if (graph.extras.get(added)?.addedIn !== attempt) stale.push(added);
	}
	return stale;
}
