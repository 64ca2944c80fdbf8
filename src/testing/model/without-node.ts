import type { Mutation, NodeSpec } from "../../graph/types.js";
import type { ModelStart } from "./actor-side.js";
import { specsOf, targetsOf } from "./model-node.js";
import type { ModelRequest } from "./model-request.js";

/** A case that fails, or might. */
export interface ModelCase {
	readonly start: ModelStart;
	readonly requests: readonly ModelRequest[];
}

/** A case with the number of the request that was granted each lease. */
export interface PlayedCase extends ModelCase {
	readonly claims: readonly number[];
}

/** Leaves requests out. With a claim its lease goes as well, and later ones have other numbers. */
export function withoutRequests({ requests, claims }: PlayedCase, goes: (at: number) => boolean): ModelRequest[] {
	/** The new number of each lease, undefined for those that have gone. */
	const renumbered: (number | undefined)[] = [];
	let left = 0;
	for (const claim of claims) renumbered.push(goes(claim) ? undefined : left++);
	return requests.flatMap((request, at): ModelRequest[] => {
		if (goes(at)) return [];
		if (!("lease" in request)) return [request];
		const lease = renumbered[request.lease];
		return lease === undefined ? [] : [{ ...request, lease }];
	});
}

/** The ids of all nodes that a case brings in. */
export function idsIn({ start, requests }: ModelCase): string[] {
	const added = requests.flatMap((request) =>
		"patch" in request ? (request.patch?.mutations ?? []).flatMap(newSpecs) : [],
	);
	return [...new Set([...start.nodes, ...added].flatMap(({ id }) => (id === undefined ? [] : [id])))];
}

/** The specs of a mutation, as far as it has the shape of one. */
function newSpecs(mutation: Mutation): readonly NodeSpec[] {
	const specs: readonly unknown[] | undefined = specsOf(mutation);
	return (specs ?? []).filter((spec): spec is NodeSpec => typeof spec === "object" && spec !== null);
}

/** Leaves out a node with everything that is about it. */
export function withoutNode(played: PlayedCase, id: string): ModelCase {
	const { start, requests } = played;
	const nodes = start.nodes.filter((spec) => spec.id !== id).map((spec) => withoutDependency(spec, id));
	const isAbout = (request: ModelRequest | undefined): boolean =>
		(request?.type === "claim" && request.id === id) ||
		(request !== undefined && "node" in request && request.node === id);
	const left = withoutRequests(played, (at) => isAbout(requests[at]));
	return { start: { ...start, nodes }, requests: withoutMutationsOf(left, id) };
}

/** Has a node from the start that a patch brings in. */
export function withNodeAtStart({ start, requests }: ModelCase, id: string): ModelCase {
	const brought = requests.flatMap((request) =>
		"patch" in request ? (request.patch?.mutations ?? []).flatMap(newSpecs) : [],
	);
	const nodes = [...start.nodes, ...brought.filter((spec) => spec.id === id)];
	return { start: { ...start, nodes }, requests: withoutMutationsOf(requests, id) };
}

function withoutMutationsOf(requests: readonly ModelRequest[], id: string): ModelRequest[] {
	return requests.map((request) => {
		if (!("patch" in request) || request.patch === undefined) return request;
		const mutations = request.patch.mutations.flatMap((mutation) => mutationWithout(mutation, id));
		return { ...request, patch: { ...request.patch, mutations } };
	});
}

function mutationWithout(mutation: Mutation, id: string): Mutation[] {
	if (mutation.type === "addNodes" && Array.isArray(mutation.nodes))
		return [{ ...mutation, nodes: specsWithout(mutation.nodes, id) }];
	if (("from" in mutation && mutation.from === id) || targetsOf(mutation).includes(id)) return [];
	if (mutation.type === "splitNode") {
		const into = specsWithout(mutation.into, id);
		return into.length === 0 ? [] : [{ ...mutation, into }];
	}
	if (!("node" in mutation) || typeof mutation.node !== "object") return [mutation];
	return mutation.node.id === id ? [] : [{ ...mutation, node: withoutDependency(mutation.node, id) }];
}

function specsWithout(specs: readonly NodeSpec[], id: string): NodeSpec[] {
	return specs.filter((spec) => spec.id !== id).map((spec) => withoutDependency(spec, id));
}

export function withoutDependency(spec: NodeSpec, id: string): NodeSpec {
	const { dependsOn, ...rest } = spec;
	if (dependsOn === undefined) return spec;
	if (Array.isArray(dependsOn)) {
		const left = dependsOn.filter((each: string) => each !== id);
		return left.length === 0 ? rest : { ...rest, dependsOn: left };
	}
	const left = Object.entries(dependsOn).filter(([, each]) => each !== id);
	return left.length === 0 ? rest : { ...rest, dependsOn: Object.fromEntries(left) };
}
