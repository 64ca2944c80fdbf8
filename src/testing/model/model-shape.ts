import type { Mutation } from "../../graph/types.js";
import { refuse } from "./model-node.js";

/** What specs and mutations look like, by their fields: everything else is refused. */

type Test = (value: unknown) => boolean;

const text: Test = (value) => typeof value === "string" && value !== "";
const oneOf =
	(...values: readonly unknown[]): Test =>
	(value) =>
		values.includes(value);
const numberFrom =
	(least: number, most = Number.MAX_VALUE): Test =>
	(value) =>
		typeof value === "number" && value >= least && value <= most;
const isObject: Test = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const texts: Test = (value) => Array.isArray(value) && value.every(text);

const isJoin: Test = (value) => {
	if (!isObject(value)) return oneOf("all", "any", "settled", "failed", "always")(value);
	const { atLeast } = value as { atLeast?: unknown };
	return Number.isInteger(atLeast) && numberFrom(1)(atLeast);
};

const isRetry: Test = (value) =>
	numberFrom(1, 1_000)(value) ||
	(isObject(value) && numberFrom(1, 1_000)((value as { maxAttempts?: unknown }).maxAttempts));

const isDependsOn: Test = (value) => {
	if (!isObject(value)) return texts(value);
	const ids = Object.values(value as object);
	return texts(ids) && new Set(ids).size === ids.length;
};

const FIELDS: Readonly<Record<string, Test>> = {
	id: text,
	agent: text,
	input: () => true,
	dependsOn: isDependsOn,
	join: isJoin,
	priority: numberFrom(-Number.MAX_VALUE),
	estimateMs: numberFrom(0),
	retry: isRetry,
	timeout: (value) => numberFrom(0)(value) || isObject(value),
	limits: texts,
	onFailure: oneOf("skip", "block", "failRun"),
	onPatchRejected: oneOf("fail", "complete"),
	canMutate: oneOf(true, false, "own"),
	onResume: oneOf("retry", "fail", "ask"),
	memo: oneOf(true, false),
	speculative: oneOf("hold", "eager"),
	metadata: isObject,
};

/** Refuses a spec with a field that is unknown or holds what it cannot, or without an agent. */
export function checkSpecShape(spec: object): void {
	for (const [field, value] of Object.entries(spec)) {
		if (value === undefined) continue;
		if (field === "input" && !isPlain(value)) refuse("INVALID_INPUT");
		if (FIELDS[field]?.(value) !== true) refuse("INVALID_SPEC");
	}
	if (!("agent" in spec) || spec.agent === undefined) refuse("INVALID_SPEC");
}

function isPlain(value: unknown): boolean {
	if (typeof value === "number") return Number.isFinite(value);
	if (typeof value !== "object" || value === null) return !["function", "symbol", "bigint"].includes(typeof value);
	return Object.values(value).every(isPlain);
}

const MUTATION_FIELDS: Readonly<
	Record<Mutation["type"], readonly [Readonly<Record<string, Test>>, Readonly<Record<string, Test>>]>
> = (() => {
	const targets = { id: text, ids: texts };
	return {
		addNode: [{ node: isObject }, {}],
		addNodes: [{ nodes: Array.isArray }, {}],
		addEdge: [{ from: text, to: text }, { alias: text }],
		removeEdge: [{ from: text, to: text }, {}],
		removeNode: [{}, { ...targets, mode: oneOf("bridge", "detach", "reject") }],
		updateNode: [{ id: text, changes: isObject }, {}],
		splitNode: [{ id: text, into: Array.isArray }, {}],
		injectBefore: [{ id: text, node: isObject }, { inherit: oneOf(true, false) }],
		pruneSubgraph: [{}, { ...targets, scope: oneOf("descendants", "exclusive") }],
		markSpeculative: [{}, { ...targets, mode: oneOf("hold", "eager") }],
		confirmSpeculative: [{}, targets],
		discardSpeculative: [{}, targets],
	};
})();

/** Refuses a mutation of an unknown type, with a field missing, too many or with what it cannot hold. */
export function checkMutationShape(mutation: Mutation): void {
	const fields = MUTATION_FIELDS[mutation.type];
	if (fields === undefined) return refuse("INVALID_SPEC");
	const [required, optional] = fields;
	const { type: _, ...given } = mutation as unknown as Record<string, unknown>;
	for (const field in required) if (!(field in given)) refuse("INVALID_SPEC");
	for (const [field, value] of Object.entries(given)) {
		if (value !== undefined && (required[field] ?? optional[field])?.(value) !== true) refuse("INVALID_SPEC");
	}
	const named = Number("id" in given) + Number("ids" in given);
	if ("ids" in optional && named !== 1) refuse("INVALID_SPEC");
}

/** Refuses changes of what cannot be changed. */
export function checkChanges(changes: object): void {
	for (const field of ["id", "agent", "dependsOn", "speculative"]) if (field in changes) refuse("INVALID_SPEC");
}
