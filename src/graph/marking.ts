import type { Refusal } from "../core/errors.js";
import { type Author, strangerRefusal } from "./author.js";
import { targetsOf } from "./mutation-shape.js";
import { SPECULATIVE } from "./node-table.js";
import { pruned } from "./prune.js";
import { refuse, unknownNode } from "./spec.js";
import type { Transaction } from "./transaction.js";
import type { Mutation } from "./types.js";

/** What a patch leaves to be done once it stands. */
export interface PatchOutcome {
	/** Nodes to abandon, in order. */
	readonly pruned: readonly number[];
	readonly discarded: readonly number[];
	/** Nodes whose withheld outcomes count from now on. */
	readonly released: readonly number[];
}

const NOTHING: PatchOutcome = { pruned: [], discarded: [], released: [] };

type Mark = Extract<
	Mutation,
	{ readonly type: "pruneSubgraph" | "markSpeculative" | "confirmSpeculative" | "discardSpeculative" }
>;

const MARKS: ReadonlySet<Mutation["type"]> = new Set<Mark["type"]>([
	"pruneSubgraph",
	"markSpeculative",
	"confirmSpeculative",
	"discardSpeculative",
]);

function isMark(mutation: Mutation): mutation is Mark {
	return MARKS.has(mutation.type);
}

/** The last phase: pruning and speculation, at most one of these for each node. */
export function mark(tx: Transaction, patch: readonly Mutation[], author: Author): Refusal | PatchOutcome {
	if (!patch.some(({ type }) => MARKS.has(type))) return NOTHING;
	const { graph } = tx.state;
	const seen = new Set<number>();
	const roots = new Set<number>();
	const outcome = { pruned: [] as number[], discarded: [] as number[], released: [] as number[] };
	const marks: (() => void)[] = [];
	for (const mutation of patch) {
		if (!isMark(mutation)) continue;
		for (const id of targetsOf(mutation)) {
			const n = graph.index.get(id);
			if (n === undefined) return unknownNode(id);
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
	if (author.right === "own") {
		// What is downstream of a node of its own may be somebody else's.
		for (const n of gone) {
			const refusal = strangerRefusal(graph, n, author);
			if (refusal !== undefined) return refusal;
		}
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
			`"${id}" is ${graph.stateName(n)}: only a node that has not started can be made speculative`,
			{ nodes: [id] },
		);
	}
	if (n !== author.n && !graph.isTerminal(n) && (graph.nodes.state(n) === SPECULATIVE || tx.isEager(n)))
		return undefined;
	return refuse("ILLEGAL_STATE", `"${id}" is ${graph.stateName(n)} and not speculative`, { nodes: [id] });
}
