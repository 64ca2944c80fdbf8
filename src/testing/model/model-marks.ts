import type { Mutation, StagedPatch } from "../../graph/types.js";
import { ENDED, idsOf, type ModelNode, refuse } from "./model-node.js";
import type { ModelRun } from "./model-run.js";

type Of<Type extends Mutation["type"]> = Extract<Mutation, { readonly type: Type }>;
type Mark = Of<"pruneSubgraph" | "markSpeculative" | "confirmSpeculative" | "discardSpeculative">;

/** What the last phase of a patch leaves to be done: marks at once, ends when the rest stands. */
interface Verdict {
	readonly marks: (() => void)[];
	readonly ends: (() => void)[];
	/** What is pruned. */
	readonly gone: ReadonlySet<string>;
}

function isMark(mutation: Mutation): mutation is Mark {
	return ["pruneSubgraph", "markSpeculative", "confirmSpeculative", "discardSpeculative"].includes(mutation.type);
}

/** Checks pruning and speculation, at most one of them for each node. */
export function judgeMarks(model: ModelRun, { mutations }: StagedPatch): Verdict {
	const named = new Set<string>();
	const roots = new Set<string>();
	const gone = new Set<string>();
	const marks: (() => void)[] = [];
	const discards: (() => void)[] = [];
	const releases: (() => void)[] = [];
	for (const mutation of mutations.filter(isMark)) {
		for (const id of idsOf(mutation)) {
			const node = model.node(id);
			if (named.has(id)) refuse("INVALID_SPEC");
			named.add(id);
			if (mutation.type === "pruneSubgraph") roots.add(id);
			else if (mutation.type === "markSpeculative") {
				if (!model.isUnstarted(id)) refuse("ILLEGAL_STATE");
				marks.push(() => speculate(model.node(id), mutation.mode ?? "hold"));
			} else if (ENDED.has(node.state) || !(node.eager || node.state === "speculative")) refuse("ILLEGAL_STATE");
			else if (mutation.type === "discardSpeculative") discards.push(() => model.abandon(id, "discarded"));
			else {
				marks.push(() => confirm(model.node(id)));
				if (node.withheld !== undefined) releases.push(() => model.release(id));
			}
		}
		if (mutation.type === "pruneSubgraph") prune(model, idsOf(mutation), mutation.scope ?? "descendants", gone);
	}
	if ([...named].some((id) => gone.has(id) && !roots.has(id))) refuse("INVALID_SPEC");
	const pruning = (): void => {
		for (const id of gone) model.abandon(id, "pruned");
	};
	return { marks, ends: [pruning, ...discards, ...releases], gone };
}

function speculate(node: ModelNode, mode: "hold" | "eager"): void {
	node.eager = mode === "eager";
	node.state = mode === "hold" ? "speculative" : "pending";
}

function confirm(node: ModelNode): void {
	node.eager = false;
	if (node.state === "speculative" && node.withheld === undefined) node.state = "pending";
}

/** Adds to `gone` what pruning these roots takes along; roots that have ended stay as they are. */
function prune(model: ModelRun, roots: readonly string[], scope: "descendants" | "exclusive", gone: Set<string>): void {
	const below = new Set(roots);
	for (const id of below) for (const next of model.dependents(id)) below.add(next);
	const inside = new Set([...roots, ...gone]);
	for (let before = -1; before !== inside.size; ) {
		before = inside.size;
		for (const id of below) {
			const node = model.node(id);
			if (inside.has(id) || ENDED.has(node.state)) continue;
			const falls = node.deps.every((dep) => inside.has(dep)) || model.joinOf(node, inside) === "dead";
			if (scope === "descendants" || (node.deps.some((dep) => inside.has(dep)) && falls)) inside.add(id);
		}
	}
	for (const id of inside) if (!ENDED.has(model.node(id).state)) gone.add(id);
}
