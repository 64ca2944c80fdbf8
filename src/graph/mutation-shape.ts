import type { Refusal } from "../core/errors.js";
import { refuse, show } from "./spec.js";
import type { Mutation, Targets } from "./types.js";

type FieldKind = "id" | "spec" | "specs" | "object" | "string" | "boolean" | readonly string[];

interface Shape {
	readonly required: Readonly<Record<string, FieldKind>>;
	readonly optional?: Readonly<Record<string, FieldKind>>;
	/** Names nodes by `id` or `ids`. */
	readonly targets?: true;
}

const SHAPES: Readonly<Record<Mutation["type"], Shape>> = {
	addNode: { required: { node: "spec" } },
	addNodes: { required: { nodes: "specs" } },
	addEdge: { required: { from: "id", to: "id" }, optional: { alias: "string" } },
	removeEdge: { required: { from: "id", to: "id" } },
	removeNode: { required: {}, targets: true, optional: { mode: ["bridge", "detach", "reject"] } },
	updateNode: { required: { id: "id", changes: "object" } },
	splitNode: { required: { id: "id", into: "specs" } },
	injectBefore: { required: { id: "id", node: "spec" }, optional: { inherit: "boolean" } },
	pruneSubgraph: { required: {}, targets: true, optional: { scope: ["descendants", "exclusive"] } },
	markSpeculative: { required: {}, targets: true, optional: { mode: ["hold", "eager"] } },
	confirmSpeculative: { required: {}, targets: true },
	discardSpeculative: { required: {}, targets: true },
};

/** Checks that a value is a list of mutations with the fields their types ask for. */
export function checkPatchShape(patch: unknown): Refusal | undefined {
	if (!Array.isArray(patch)) return refuse("INVALID_SPEC", `a patch is a list of mutations, not ${show(patch)}`);
	for (let i = 0; i < patch.length; i++) {
		const problem = problemOf(patch[i]);
		if (problem !== undefined) return refuse("INVALID_SPEC", `mutation ${i} of the patch: ${problem}`);
	}
	return undefined;
}

function problemOf(mutation: unknown): string | undefined {
	if (typeof mutation !== "object" || mutation === null) return `${show(mutation)} is no mutation`;
	const fields = mutation as Record<string, unknown>;
	const type = fields["type"];
	const shape = typeof type === "string" && Object.hasOwn(SHAPES, type) ? SHAPES[type as Mutation["type"]] : undefined;
	if (shape === undefined)
		return `there is no mutation of type ${show(type)} (types: ${Object.keys(SHAPES).join(", ")})`;
	for (const name in shape.required) {
		const problem = fieldProblem(fields[name], name, shape.required[name] as FieldKind);
		if (problem !== undefined) return `${String(type)}: ${problem}`;
	}
	for (const name in fields) {
		if (name === "type" || name in shape.required || fields[name] === undefined) continue;
		if (shape.targets && (name === "id" || name === "ids")) continue;
		const kind = shape.optional?.[name];
		if (kind === undefined) return `${String(type)} has no field "${name}"`;
		const problem = fieldProblem(fields[name], name, kind);
		if (problem !== undefined) return `${String(type)}: ${problem}`;
	}
	return shape.targets ? targetsProblem(fields, String(type)) : undefined;
}

function targetsProblem(fields: Record<string, unknown>, type: string): string | undefined {
	const { id, ids } = fields;
	if ((id === undefined) === (ids === undefined)) return `${type} names its nodes by either id or ids`;
	if (id !== undefined) return fieldProblem(id, "id", "id");
	if (!Array.isArray(ids) || ids.some((each) => typeof each !== "string")) return `${type}: ids is no list of ids`;
	return undefined;
}

function fieldProblem(value: unknown, name: string, kind: FieldKind): string | undefined {
	if (kind === "specs") return Array.isArray(value) ? undefined : `${name} is no list of node specs`;
	if (kind === "spec" || kind === "object") {
		return typeof value === "object" && value !== null && !Array.isArray(value)
			? undefined
			: `${name} is ${show(value)}, no object`;
	}
	if (kind === "boolean") return typeof value === "boolean" ? undefined : `${name} is neither true nor false`;
	if (kind === "id" || kind === "string") {
		return typeof value === "string" && value !== "" ? undefined : `${name} is ${show(value)}, no ${kind}`;
	}
	return typeof value === "string" && kind.includes(value)
		? undefined
		: `${name} is ${show(value)}: use ${kind.join(", ")}`;
}

/** The ids that a mutation names its nodes by. */
export function targetsOf(targets: Targets): readonly string[] {
	return targets.id !== undefined ? [targets.id] : targets.ids;
}
