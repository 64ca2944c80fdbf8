import type { Refusal } from "../core/errors.js";
import { NODE_STATES } from "../core/lifecycle.js";
import { type AdditionRules, addAll, specsOf } from "./additions.js";
import type { Author } from "./author.js";
import { checkPatchShape } from "./mutation-shape.js";
import { COMMITTED_EARLY, HAS_ALIASES, SPECULATIVE } from "./node-table.js";
import { pruned } from "./prune.js";
import { checkSpec, refuse } from "./spec.js";
import { expandPlan, injectNode, removeNode, splitInto } from "./surgery.js";
import type { Transaction } from "./transaction.js";
import type { Mutation, StagedPatch, StoredSpec, Targets } from "./types.js";

/** What a patch is checked against. */
export interface PatchRules extends AdditionRules {
	readonly maxPatchSize: number;
}

/** What a patch leaves to be done once it stands. */
export interface PatchOutcome {
	/** Nodes to abandon, in order. */
	readonly pruned: readonly number[];
	readonly discarded: readonly number[];
	/** Nodes whose withheld outcomes count from now on. */
	readonly released: readonly number[];
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
	const refusal =
		checkPatchShape(patch.mutations) ??
		(author.completing ? undefined : checkExpectations(tx, patch)) ??
		checkRights(tx, patch, author) ??
		checkSize(patch, rules) ??
		addAll(tx, patch.mutations, author, rules) ??
		reshape(tx, patch.mutations, author, rules) ??
		(patch.expand === true && author.completing ? expandPlan(tx, author.n, planOf(tx, author)) : undefined) ??
		tx.checkTerms();
	if (refusal !== undefined) return refusal;
	return mark(tx, patch.mutations, author);
}

/** @returns a refusal when a node is not in the state that a patch expects it to be in */
export function checkExpectations(tx: Transaction, patch: StagedPatch): Refusal | undefined {
	const { graph } = tx.state;
	for (const [id, expected] of Object.entries(patch.expect ?? {})) {
		const n = graph.index.get(id);
		if (n === undefined) return unknown(id);
		const actual = NODE_STATES[graph.nodes.state(n)];
		if (actual === expected) continue;
		return refuse("EXPECTATION_FAILED", `node "${id}" is ${actual}, not ${expected}`, { nodes: [id] });
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

/** The nodes that a mutation changes: what `canMutate: "own"` is about. */
function changedBy(mutation: Mutation): readonly string[] {
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

function targetsOf(targets: Targets): readonly string[] {
	return targets.id !== undefined ? [targets.id] : targets.ids;
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
			if (n === undefined || n === author.n || fresh.has(target) || graph.nodes.creator(n) === author.n + 1) continue;
			return refuse("NOT_PERMITTED", `node "${id}" may only change what it added, and "${target}" is not of these`, {
				nodes: [id, target],
				hint: 'set canMutate: true instead of "own"',
			});
		}
	}
	return undefined;
}

type ReshapePhase = "removeEdge" | "addEdge" | "injectBefore" | "splitNode" | "removeNode" | "updateNode";

const RESHAPE: readonly ReshapePhase[] = [
	"removeEdge",
	"addEdge",
	"injectBefore",
	"splitNode",
	"removeNode",
	"updateNode",
];

function reshape(tx: Transaction, patch: readonly Mutation[], author: Author, rules: PatchRules): Refusal | undefined {
	let others = false;
	for (const mutation of patch) if (mutation.type !== "addNode" && mutation.type !== "addNodes") others = true;
	if (!others) return undefined;
	for (const phase of RESHAPE) {
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
	rules: PatchRules,
): Refusal | undefined {
	const { graph } = tx.state;
	if (mutation.type === "addEdge" || mutation.type === "removeEdge") {
		const from = graph.index.get(mutation.from);
		if (from === undefined) return unknown(mutation.from);
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
		const called = alias ?? graph.id(from);
		for (let edge = graph.nodes.firstIn(to); edge !== 0; edge = graph.edges.nextIn(edge)) {
			// An edge that is there already is a no-op, whatever it is called.
			if (graph.edges.from(edge) === from) return undefined;
			const name = graph.aliasOf(edge)?.[0] ?? graph.id(graph.edges.from(edge));
			if (name === called)
				return refuse("INVALID_SPEC", `"${graph.id(to)}" already has a dependency called "${called}"`, {
					nodes: [graph.id(to)],
				});
		}
	}
	return tx.addEdge(from, to, alias === undefined || alias === graph.id(from) ? undefined : [alias]);
}

function updateNode(
	tx: Transaction,
	n: number,
	mutation: Extract<Mutation, { type: "updateNode" }>,
	rules: PatchRules,
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
	if ("code" in checked) return checked;
	tx.update(n, updated);
	tx.unchecked.add(n);
	if ("join" in mutation.changes) tx.updated.add(n);
	return undefined;
}

/** The last phase: pruning and speculation, at most one of these for each node. */
function mark(tx: Transaction, patch: readonly Mutation[], author: Author): Refusal | PatchOutcome {
	const { graph } = tx.state;
	const seen = new Set<number>();
	const roots = new Set<number>();
	const outcome = { pruned: [] as number[], discarded: [] as number[], released: [] as number[] };
	const marks: (() => void)[] = [];
	for (const mutation of patch) {
		switch (mutation.type) {
			case "pruneSubgraph":
			case "markSpeculative":
			case "confirmSpeculative":
			case "discardSpeculative":
				break;
			default:
				continue;
		}
		for (const id of targetsOf(mutation)) {
			const n = graph.index.get(id);
			if (n === undefined) return unknown(id);
			if (seen.has(n))
				return refuse("INVALID_SPEC", `the patch prunes or speculates on "${id}" twice`, { nodes: [id] });
			seen.add(n);
			if (mutation.type === "pruneSubgraph") {
				roots.add(n);
				continue;
			}
			const refusal = checkSpeculation(tx, n, mutation, author);
			if (refusal !== undefined) return refusal;
			if (mutation.type === "discardSpeculative") outcome.discarded.push(n);
			else if (mutation.type === "markSpeculative") marks.push(() => tx.speculate(n, mutation.mode ?? "hold"));
			else {
				if (graph.nodes.state(n) === SPECULATIVE && !graph.isHeld(n)) outcome.released.push(n);
				marks.push(() => tx.confirm(n));
			}
		}
		if (mutation.type !== "pruneSubgraph") continue;
		const named = targetsOf(mutation).map((id) => graph.index.get(id) as number);
		for (const each of pruned(graph, named, mutation.scope ?? "descendants", outcome.pruned)) outcome.pruned.push(each);
	}
	const gone = new Set(outcome.pruned);
	for (const n of seen) {
		if (!gone.has(n) || roots.has(n)) continue;
		const id = graph.id(n);
		return refuse("INVALID_SPEC", `the patch speculates on "${id}" and prunes it`, { nodes: [id] });
	}
	for (const apply of marks) apply();
	return { ...outcome, pruned: [...gone] };
}

function checkSpeculation(tx: Transaction, n: number, mutation: Mutation, author: Author): Refusal | undefined {
	const { graph } = tx.state;
	const id = graph.id(n);
	if (mutation.type === "markSpeculative") {
		if (graph.isUnstarted(n)) return undefined;
		return refuse(
			"ILLEGAL_STATE",
			`"${id}" is ${stateOf(tx, n)}: only a node that has not started can be made speculative`,
			{ nodes: [id] },
		);
	}
	if (n !== author.n && !graph.isTerminal(n) && (graph.nodes.state(n) === SPECULATIVE || tx.isEager(n)))
		return undefined;
	return refuse("ILLEGAL_STATE", `"${id}" is ${stateOf(tx, n)} and not speculative`, { nodes: [id] });
}

/** The number of a node that has not started, or why it is none. */
function unstarted(tx: Transaction, id: string, what: string): number | Refusal {
	const { graph } = tx.state;
	const n = graph.index.get(id);
	if (n === undefined) return unknown(id);
	if (graph.isUnstarted(n)) return n;
	const state = stateOf(tx, n);
	return refuse("ILLEGAL_STATE", `${what}: node "${id}" is ${state}${graph.isTerminal(n) ? "" : " and has started"}`, {
		nodes: [id],
		hint: "only a node that has not started can be changed so",
	});
}

function stateOf(tx: Transaction, n: number): string {
	return NODE_STATES[tx.state.graph.nodes.state(n)] as string;
}

function unknown(id: string): Refusal {
	return refuse("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] });
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
	return plan;
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
