import type { Refusal } from "../core/errors.js";
import { dependencyNames } from "./dependencies.js";
import type { Graph } from "./graph.js";
import { JOIN_ALL } from "./node-table.js";
import type { Needs, PolicySource } from "./policies.js";
import { checkJoinDegree, outputRefs, refuse } from "./spec.js";
import type { Join } from "./types.js";

/** The join of a node as it stands: what `atLeast` asks for has fallen to the number of dependencies left. */
export function joinLeft(graph: Graph, n: number): Join | undefined {
	const { join } = graph.spec(n);
	const left = graph.nodes.degree(n);
	if (typeof join !== "object" || join.atLeast <= left) return join;
	return left === 0 ? undefined : { atLeast: left };
}

/** @returns what a node's join, agent or references ask for that its dependencies do not give */
export function checkTerms(graph: Graph, n: number, joinToo: boolean, policies: PolicySource): Refusal | undefined {
	const spec = graph.spec(n);
	const problem = joinToo ? checkJoinDegree(spec.join, graph.nodes.degree(n)) : undefined;
	if (problem !== undefined) return refuse("INVALID_SPEC", `node "${spec.id}": ${problem}`, { nodes: [spec.id] });
	const needs = policies.needs?.(spec.agent);
	const lacking = needs && checkNeeds(graph, n, needs);
	if (lacking !== undefined) return lacking;
	if (typeof spec.input !== "object" || spec.input === null) return undefined;
	const refs = outputRefs(spec.input);
	if (refs.length === 0) return undefined;
	const names = dependencyNames(graph, n);
	const unknown = refs.find((name) => !names.has(name));
	if (unknown === undefined) return undefined;
	return refuse(
		"INVALID_SPEC",
		`the input of node "${spec.id}" refers to the output of "${unknown}", which it does not depend on`,
		{
			nodes: [spec.id, unknown],
			hint: "add it to dependsOn",
		},
	);
}

/** @returns which dependency a node does not have, or may start without, that its agent declares */
function checkNeeds(graph: Graph, n: number, needs: Needs): Refusal | undefined {
	const { id, agent } = graph.spec(n);
	const names = new Set<string>();
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) names.add(graph.nameOf(edge));
	const missing = needs.names.find((name) => !names.has(name));
	if (missing !== undefined) {
		return refuse("INVALID_SPEC", `node "${id}" has no dependency "${missing}", which its agent "${agent}" declares`, {
			nodes: [id],
			hint: `dependsOn: { ${missing}: "id" }, or declare it { agent, optional: true }`,
		});
	}
	if (needs.completed === undefined || graph.nodes.join(n) === JOIN_ALL) return undefined;
	return refuse(
		"INVALID_SPEC",
		`node "${id}" may start without the dependency "${needs.completed}", which its agent "${agent}" declares`,
		{ nodes: [id], hint: 'use the join "all", or declare it { agent, optional: true }' },
	);
}
