import type { ErrorInfo, Refusal } from "../core/errors.js";
import { NODE_STATES, type NodeState } from "../core/lifecycle.js";
import { atPointer, findNotPlain } from "../core/plain.js";
import type { Graph } from "./graph.js";
import { COMPLETED } from "./node-table.js";
import { isOutputRef, refuse } from "./spec.js";

/** How a dependency stands. */
export interface Settled {
	readonly status: NodeState;
	readonly output?: unknown;
	readonly error?: ErrorInfo;
}

/** The names under which a node sees its dependencies: alias or id, whichever applies. Ids are names too. */
export function dependencyNames(graph: Graph, n: number): Set<string> {
	const names = new Set<string>();
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) {
		const alias = graph.aliasOf(edge);
		if (alias !== undefined) names.add(alias[0] as string);
		names.add(graph.id(graph.edges.from(edge)));
	}
	return names;
}

/**
 * The outputs of a node's dependencies, by alias or id. One that has no output is `undefined`; where
 * a dependency was split into several, its name holds an object of theirs.
 */
export function outputsOf(graph: Graph, n: number): Record<string, unknown> {
	return collect(graph, n, (from) => graph.outputOf(from));
}

/** The outputs of those of a node's dependencies that one name stands for, an agent has worked on and have completed: by id. */
export function outputsUnder(graph: Graph, n: number, name: string, agent: string): Record<string, unknown> {
	const values: Record<string, unknown> = Object.create(null);
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) {
		const from = graph.edges.from(edge);
		if (graph.nodes.state(from) !== COMPLETED || graph.nameOf(edge) !== name) continue;
		if (graph.spec(from).agent === agent) values[graph.id(from)] = graph.outputs.get(from);
	}
	return values;
}

/** How a node's dependencies stand, by alias or id. */
export function settledOf(graph: Graph, n: number): Record<string, Settled> {
	return collect(graph, n, (from): Settled => {
		const state = graph.nodes.state(from);
		const error = graph.extras.get(from)?.error;
		return {
			status: NODE_STATES[state] as NodeState,
			...(state === COMPLETED && { output: graph.outputs.get(from) }),
			...(error !== undefined && state !== COMPLETED && { error }),
		};
	}) as Record<string, Settled>;
}

function collect<Value>(graph: Graph, n: number, valueFor: (from: number) => Value): Record<string, unknown> {
	// Without a prototype: an id may be "__proto__" or "constructor".
	const values: Record<string, unknown> = Object.create(null);
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) {
		const from = graph.edges.from(edge);
		const path = graph.aliasOf(edge);
		if (path === undefined) values[graph.id(from)] = valueFor(from);
		else setAt(values, path, valueFor(from));
	}
	return values;
}

function setAt(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
	let group = root;
	for (let i = 0; i < path.length - 1; i++) {
		const key = path[i] as string;
		let inner = group[key] as Record<string, unknown> | undefined;
		if (typeof inner !== "object" || inner === null) {
			inner = Object.create(null) as Record<string, unknown>;
			group[key] = inner;
		}
		group = inner;
	}
	group[path[path.length - 1] as string] = value;
}

/**
 * An input with every reference replaced by what it refers to.
 *
 * @returns the input, or why a reference leads nowhere
 */
export function resolveInput(graph: Graph, n: number): { readonly input: unknown } | Refusal {
	const outputs = outputsOf(graph, n);
	const byId = new Map<string, unknown>();
	for (let edge = graph.nodes.firstIn(n); edge !== 0; edge = graph.edges.nextIn(edge)) {
		const from = graph.edges.from(edge);
		byId.set(graph.id(from), graph.outputOf(from));
	}
	const id = graph.id(n);
	let missing: Refusal | undefined;
	const replace = (value: unknown): unknown => {
		if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
		if (Array.isArray(value)) return value.map(replace);
		if (isOutputRef(value)) {
			const name = value.$output;
			const output = name in outputs ? outputs[name] : byId.get(name);
			const found = atPointer(output, value.path ?? "");
			if (found.found && found.value !== undefined) return found.value;
			missing ??= refuse(
				"INVALID_INPUT",
				`the input of node "${id}" refers to "${value.path ?? ""}" of "${name}", which is not there`,
				{
					nodes: [id, name],
					...(value.path !== undefined && { path: value.path }),
				},
			);
			return undefined;
		}
		return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replace(member)]));
	};
	const input = replace(graph.spec(n).input);
	return missing ?? { input };
}

/** What stands in an output that is not plain data, as an error. */
export function outputProblem(id: string, output: unknown): ErrorInfo | undefined {
	if (
		typeof output !== "object" &&
		typeof output !== "function" &&
		typeof output !== "symbol" &&
		typeof output !== "bigint"
	) {
		if (typeof output !== "number" || Number.isFinite(output)) return undefined;
	}
	const wrong = output === null ? undefined : findNotPlain(output);
	if (wrong === undefined) return undefined;
	return {
		code: "INVALID_OUTPUT",
		message: `node "${id}" returned ${wrong.found} at "${wrong.path}"; outputs are JSON values, undefined in objects, and Uint8Array`,
		nodes: [id],
		path: wrong.path,
	};
}
