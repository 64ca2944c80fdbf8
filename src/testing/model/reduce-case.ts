import type { Mutation, NodeSpec } from "../../graph/types.js";
import { ActorRun, ModelDisagreement, type ModelRunOptions } from "./actor-run.js";
import type { ModelRequest, RequestPatch } from "./model-request.js";
import {
	idsIn,
	type ModelCase,
	type PlayedCase,
	withNodeAtStart,
	withoutDependency,
	withoutNode,
	withoutRequests,
} from "./without-node.js";

/** A case that fails, and how. */
interface FailingCase extends PlayedCase {
	readonly disagreement: ModelDisagreement;
}

/** Enough for a case of a hundred requests; a bound for what never gets smaller. */
const MAX_TRIES = 5_000;

/**
 * Makes a failing case small: leaves out requests, mutations, nodes, dependencies and fields one by one,
 * as long as actor and model still disagree. Numbers that shrink change the meaning of all that comes
 * after them, so that what fast-check leaves is often not the smallest case; requests stand for themselves.
 *
 * @returns the smallest disagreement that was found; `undefined` when the case does not fail
 *
 * @example
 * ```ts
 * import { GraphActor } from "dagswarm";
 * import { type ActorFactory, type ModelRequest, reduceCase } from "dagswarm/testing";
 *
 * const requests: ModelRequest[] = [{ type: "claim", id: "a" }, { type: "pause" }, { type: "claim", id: "b" }];
 * const create: ActorFactory = (config) => {
 *   const { actor, handle } = GraphActor.create(config);
 *   handle.pause = async () => ({ ok: true }); // which it is not
 *   return { actor, handle };
 * };
 * const nodes = ["a", "b"].map((id) => ({ id, agent: "work" }));
 * const smallest = await reduceCase({ start: { nodes }, requests }, { create });
 * smallest?.requests; // [{ type: "pause" }]
 * smallest?.start; // { nodes: [] }
 * ```
 *
 * @see Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002: here one part at a time
 */
export async function reduceCase(
	given: ModelCase,
	options: ModelRunOptions = {},
): Promise<ModelDisagreement | undefined> {
	const { tally: _, ...quietly } = options;
	let smallest = await failing(given, quietly);
	if (smallest === undefined) return undefined;
	let candidates = [...smallerThan(smallest)];
	let at = 0;
	/** Candidates in a row that did not fail: when all of them have had their turn, there is no smaller case. */
	let misses = 0;
	for (let tries = 0; misses < candidates.length && tries < MAX_TRIES; tries++) {
		const found = await failing(candidates[at % candidates.length] as ModelCase, quietly);
		if (found === undefined) {
			misses++;
			at++;
			continue;
		}
		// What follows in the new list is what followed in the old one, or near enough.
		smallest = found;
		at %= candidates.length;
		candidates = [...smallerThan(found)];
		misses = 0;
	}
	return smallest.disagreement;
}

async function failing({ start, requests }: ModelCase, options: ModelRunOptions): Promise<FailingCase | undefined> {
	let run: ActorRun | undefined;
	try {
		run = new ActorRun(start, options);
		for (const request of requests) await run.give(request);
		run.finish();
		return undefined;
	} catch (disagreement) {
		// Whatever else is thrown says that the case makes no sense any more.
		if (!(disagreement instanceof ModelDisagreement)) return undefined;
		return { start, requests: disagreement.requests, claims: run?.claims ?? [], disagreement };
	}
}

function* smallerThan(failing: FailingCase): Generator<ModelCase> {
	const { start, requests } = failing;
	const started = new Set(start.nodes.map(({ id }) => id));
	for (const id of idsIn(failing)) {
		yield withoutNode(failing, id);
		if (!started.has(id)) yield withNodeAtStart(failing, id);
	}
	for (let i = requests.length - 2; i >= 0; i--) yield { start, requests: withoutRequests(failing, (at) => at === i) };
	const { nodes, ...bounds } = start;
	if (Object.keys(bounds).length > 0) yield { start: { nodes }, requests };
	for (const smaller of listsWithin(nodes, smallerSpecs, false))
		yield { start: { ...start, nodes: smaller }, requests };
	for (const smaller of listsWithin(requests, smallerRequests, false)) yield { start, requests: smaller };
}

/** Lists in which one item is smaller or, if it may be, gone. */
function* listsWithin<Item>(
	items: readonly Item[],
	smaller: (item: Item) => Iterable<Item>,
	droppable: boolean,
): Generator<Item[]> {
	if (droppable) for (let i = items.length - 1; i >= 0; i--) yield items.filter((_, j) => j !== i);
	for (const [i, item] of items.entries()) for (const each of smaller(item)) yield items.with(i, each);
}

function* smallerRequests(request: ModelRequest): Generator<ModelRequest> {
	for (const field of ["forge", "key", "final", "after", "node", "output", "patch"] as const) {
		// A completion does without a patch, a patch from outside does not.
		if (!(field in request) || (field === "patch" && request.type !== "complete")) continue;
		const { [field]: _, ...rest } = request as unknown as Record<string, unknown>;
		if (field !== "node" || request.type === "signal") yield rest as unknown as ModelRequest;
	}
	if (!("patch" in request) || request.patch === undefined) return;
	for (const patch of smallerPatches(request.patch)) yield { ...request, patch };
}

function* smallerPatches(patch: RequestPatch): Generator<RequestPatch> {
	const { mutations, expand, expect } = patch;
	if (expand !== undefined || expect !== undefined) yield { mutations };
	for (const smaller of listsWithin(mutations, smallerMutations, true)) yield { ...patch, mutations: smaller };
}

function* smallerMutations(mutation: Mutation): Generator<Mutation> {
	if (mutation.type === "addNodes" && Array.isArray(mutation.nodes)) {
		for (const nodes of listsWithin(mutation.nodes, smallerSpecs, true)) yield { ...mutation, nodes };
	} else if (mutation.type === "splitNode" && Array.isArray(mutation.into)) {
		for (const into of listsWithin(mutation.into, smallerSpecs, true)) yield { ...mutation, into };
	} else if ("node" in mutation && typeof mutation.node === "object") {
		for (const node of smallerSpecs(mutation.node)) yield { ...mutation, node };
	} else if (mutation.type === "updateNode" && Object.keys(mutation.changes ?? {}).length > 1) {
		for (const changes of withoutOneField(mutation.changes, [])) yield { ...mutation, changes };
	}
	for (const field of ["alias", "mode", "scope", "inherit"]) {
		if (!(field in mutation)) continue;
		const { [field]: _, ...rest } = mutation as unknown as Record<string, unknown>;
		yield rest as unknown as Mutation;
	}
}

function* smallerSpecs(spec: NodeSpec): Generator<NodeSpec> {
	for (const id of Object.values(spec.dependsOn ?? {})) yield withoutDependency(spec, id as string);
	yield* withoutOneField(spec, ["id", "agent", "dependsOn"]);
}

function* withoutOneField<Fields extends object>(fields: Fields, kept: readonly string[]): Generator<Fields> {
	for (const field of Object.keys(fields)) {
		if (kept.includes(field)) continue;
		const { [field as keyof Fields]: _, ...rest } = fields;
		yield rest as unknown as Fields;
	}
}
