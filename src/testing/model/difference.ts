import { canonicalJson } from "../../core/plain.js";
import type { Join, NodeView, Reply, Snapshot } from "../../graph/types.js";
import type { ActorHandle } from "./actor-side.js";
import { type ModelNode, specsOf } from "./model-node.js";
import { type ModelRequest, sourceOf } from "./model-request.js";
import type { ModelClaim, ReferenceModel } from "./reference-model.js";

/** @returns the first difference between what an actor and the model show, in words, or undefined */
export function difference(handle: ActorHandle, model: ReferenceModel): string | undefined {
	const snapshot = handle.snapshot();
	if (snapshot.size !== model.nodes.size) return `there are ${snapshot.size} nodes and not ${model.nodes.size}`;
	const counts: Record<string, number> = {};
	for (const [id, node] of model.nodes) {
		const view = snapshot.get(id);
		const state = model.stateOf(id);
		if (view === undefined || state === undefined) return `there is no node ${id}`;
		const wrong = nodeDifference(view, node, state);
		if (wrong !== undefined) return `${id}: ${wrong}`;
		counts[state] = (counts[state] ?? 0) + 1;
	}
	if (snapshot.status !== model.status) return `the run is ${snapshot.status} and not ${model.status}`;
	return readyDifference(handle, counts["ready"] ?? 0, model) ?? countsDifference(snapshot, counts);
}

function readyDifference(handle: ActorHandle, count: number, model: ReferenceModel): string | undefined {
	const ready = handle.ready();
	// Started nodes that are ready again are among the counted, too.
	if (ready.length === count && new Set(ready).size === count && ready.every((id) => model.stateOf(id) === "ready"))
		return undefined;
	return `ready are ${ready.sort().join()} and not ${model.ready().sort().join()}`;
}

function countsDifference({ counts }: Snapshot, should: Readonly<Record<string, number>>): string | undefined {
	for (const [state, count] of Object.entries(counts))
		if (count !== (should[state] ?? 0)) return `${count} nodes are counted as ${state}, and not ${should[state] ?? 0}`;
	return undefined;
}

/** One node as both sides show it. */
function nodeDifference(view: NodeView, node: Readonly<ModelNode>, state: string): string | undefined {
	const differs = (what: string, is: unknown, should: unknown): string =>
		`${what} is ${sourceOf(is)} and not ${sourceOf(should)}`;
	if (view.state !== state) return differs("state", view.state, state);
	if (view.attempt !== node.attempt) return differs("attempt", view.attempt, node.attempt);
	if (!sameItems(view.dependsOn, node.deps)) return differs("dependsOn", view.dependsOn, node.deps);
	if (!sameJoin(view.join, node.join)) return differs("join", view.join, node.join);
	const held = state === "speculative" && !node.started;
	const speculative = held ? "hold" : node.eager ? "eager" : undefined;
	if (view.speculative !== speculative) return differs("speculative", view.speculative, speculative);
	if (view.skipped?.cause !== node.cause) return differs("cause", view.skipped?.cause, node.cause);
	if (view.abandoned !== node.abandoned) return differs("abandoned", view.abandoned, node.abandoned);
	if (view.addedBy !== node.addedBy) return differs("addedBy", view.addedBy, node.addedBy);
	if (view.depth !== node.depth) return differs("depth", view.depth, node.depth);
	if (view.priority !== (node.spec.priority ?? 0)) return differs("priority", view.priority, node.spec.priority);
	if (!sameValue(view.input, node.spec.input)) return differs("input", view.input, node.spec.input);
	const output = state === "completed" ? node.output : undefined;
	if (!sameValue(view.output, output)) return differs("output", view.output, output);
	const { kind, until } = view.wait ?? {};
	const waits =
		view.wait === undefined ? node.wait === undefined : node.wait?.kind === kind && node.wait?.until === until;
	return waits ? undefined : differs("wait", view.wait, node.wait);
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((item, i) => b[i] === item || b.includes(item));
}

function sameJoin(a: Join, b: Join): boolean {
	return a === b || (typeof a === "object" && typeof b === "object" && a.atLeast === b.atLeast);
}

/** Data that came from the same place is the same; else it is compared by its members, whatever their order. */
export function sameValue(a: unknown, b: unknown): boolean {
	return a === b || JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b);
}

/**
 * A patch that is wrong in several ways may be refused for any of them: only then the code is left open.
 *
 * @returns how the answers differ, or undefined
 */
export function answerDifference(request: ModelRequest, real: Reply, model: ModelClaim): string | undefined {
	const mutations = "patch" in request ? (request.patch?.mutations ?? []) : [];
	if (real.ok) return model.refused === undefined ? undefined : `the actor says yes, the model ${model.refused}`;
	const manifold = mutations.length > 1 || mutations.flatMap(specsIn).length > 1;
	const open = manifold || real.code === "LIMIT_EXCEEDED" || model.refused === "LIMIT_EXCEEDED";
	if (model.refused !== undefined && (open || real.code === model.refused)) return undefined;
	return `the actor says ${real.code} (${real.message}), the model ${model.refused ?? "yes"}`;
}

/** The specs of a mutation, as far as it has the shape of one. */
function specsIn(mutation: Parameters<typeof specsOf>[0]): readonly unknown[] {
	return specsOf(mutation) ?? [];
}
