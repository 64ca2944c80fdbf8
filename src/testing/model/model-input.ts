import { type ModelNode, nameOf } from "./model-node.js";

/** References to outputs: `{ $output, path? }` anywhere in an input. */

interface Reference {
	readonly $output: string;
	readonly path?: string;
}

function isReference(value: unknown): value is Reference {
	return typeof value === "object" && value !== null && typeof (value as Partial<Reference>).$output === "string";
}

/** What an input refers to. */
export function referencesIn(input: unknown): Reference[] {
	if (isReference(input)) return [input];
	if (typeof input !== "object" || input === null || input instanceof Uint8Array) return [];
	return Object.values(input).flatMap(referencesIn);
}

/** Whether every reference in a node's input names a dependency, by its id or by what the node calls it. */
export function refersToDependencies(node: ModelNode): boolean {
	return referencesIn(node.spec.input).every(({ $output }) =>
		node.deps.some((dep) => dep === $output || nameOf(node, dep) === $output),
	);
}

/**
 * The input of a node with its references replaced.
 *
 * @param outputOf - of a dependency, undefined while it has none
 * @returns undefined when a reference leads nowhere
 */
export function fedInput(node: ModelNode, outputOf: (dep: string) => unknown): { readonly input: unknown } | undefined {
	let missing = false;
	const fed = (value: unknown): unknown => {
		if (isReference(value)) {
			const found = follow(seenAs(node, value.$output, outputOf), value.path ?? "");
			if (found === undefined) missing = true;
			return found;
		}
		if (Array.isArray(value)) return value.map(fed);
		if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
		return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fed(member)]));
	};
	const input = fed(node.spec.input);
	return missing ? undefined : { input };
}

/** What stands under a name: where a dependency was split into several, an object of their outputs. */
function seenAs(node: ModelNode, name: string, outputOf: (dep: string) => unknown): unknown {
	const under = node.deps.filter((dep) => nameOf(node, dep) === name);
	if (under.length === 0) return outputOf(name);
	let seen: unknown;
	for (const dep of under) seen = placed(seen, (node.names[dep] ?? [dep]).slice(1), outputOf(dep));
	return seen;
}

function placed(around: unknown, path: readonly string[], output: unknown): unknown {
	const [first, ...rest] = path;
	if (first === undefined) return output;
	const group = typeof around === "object" && around !== null ? (around as Record<string, unknown>) : {};
	return { ...group, [first]: placed(group[first], rest, output) };
}

/** The value at a JSON Pointer, undefined where there is none. */
function follow(value: unknown, path: string): unknown {
	let at = value;
	for (const step of path.split("/").slice(1)) {
		if (typeof at !== "object" || at === null) return undefined;
		at = (at as Record<string, unknown>)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
	}
	return at;
}
