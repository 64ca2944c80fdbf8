import fc from "fast-check";
import type { FailurePolicy, Join, NodeSpec } from "../../graph/types.js";

/** What the specs of generated nodes may say. Everything that is not named here stays at its default. */
export interface SpecConstraints {
	/** Joins that nodes with dependencies may have; `atLeast` stands for every number there can be. Default all six. */
	readonly joins?: readonly (Exclude<Join, object> | "atLeast")[];
	/** Failure policies; default `skip` and `block`. */
	readonly onFailure?: readonly FailurePolicy[];
	/** Whether nodes may be tried again: up to four attempts, 0 to 160 ms between them; default true. */
	readonly retries?: boolean;
	/** Whether nodes may have time limits of 1 to 60 ms; default false. */
	readonly timeouts?: boolean;
	/** Whether nodes may have priorities; default true. */
	readonly priorities?: boolean;
	/** Whether nodes may say how long they take (`estimateMs`, 0 to 99); default true. */
	readonly estimates?: boolean;
	/** Names of limits that nodes may take; default none. */
	readonly limits?: readonly string[];
	/** How nodes may be speculative; default not at all, since somebody has to confirm them. */
	readonly speculative?: readonly ("hold" | "eager")[];
	/** Whether nodes may be kept from changing the graph, and complete with a patch that is refused; default false. */
	readonly rights?: boolean;
	/** Whether dependencies may have aliases; default false. */
	readonly aliases?: boolean;
	/**
	 * Whether inputs may refer to outputs of dependencies; default false, since a join that does not wait
	 * for all may start a node before the output is there. Takes the place of `inputs` where it comes up.
	 */
	readonly references?: boolean;
	/** Names of agents; default only `work`. */
	readonly agents?: readonly string[];
	/** Inputs; default none. */
	readonly inputs?: fc.Arbitrary<unknown>;
}

const FIELDS = [
	"join",
	"onFailure",
	"retry",
	"timeout",
	"priority",
	"estimateMs",
	"limits",
	"speculative",
	"rights",
	"alias",
	"reference",
	"agent",
] as const;

type Field = (typeof FIELDS)[number];

/**
 * A node as numbers, which shrink well. What they mean depends on the nodes that are there before it,
 * so that it stays valid when others go.
 */
export interface RawNode {
	/** Which of the nodes before it are its dependencies: each counts back among those not taken yet. */
	readonly deps: readonly number[];
	/** Fields that are not at their default. */
	readonly tweaks: readonly (readonly [Field, number])[];
	readonly input: unknown;
}

/** What a raw node turns into within given constraints. */
export function rawNodes(constraints: SpecConstraints, maxDeps = 3): fc.Arbitrary<RawNode> {
	const fields = fieldsOf(constraints);
	const tweaks = (): fc.Arbitrary<[Field, number][]> =>
		fc.array(fc.tuple(fc.constantFrom(...fields), fc.nat({ max: 99 })), { maxLength: 3, size: "max" });
	return fc.record({
		deps: fc.array(fc.nat({ max: 99 }), { maxLength: maxDeps, size: "max" }),
		tweaks: fields.length === 0 ? fc.constant([]) : tweaks(),
		input: constraints.inputs ?? fc.constant(undefined),
	});
}

/** The fields that constraints leave open; joins more often, for they decide what a graph does. */
function fieldsOf(constraints: SpecConstraints): Field[] {
	const { retries = true, priorities = true, estimates = true, joins, onFailure, agents, limits } = constraints;
	const open: Readonly<Record<Field, boolean>> = {
		join: joins === undefined || joins.length > 0,
		onFailure: onFailure === undefined || onFailure.length > 0,
		retry: retries,
		timeout: constraints.timeouts === true,
		priority: priorities,
		estimateMs: estimates,
		limits: limits !== undefined && limits.length > 0,
		speculative: constraints.speculative !== undefined && constraints.speculative.length > 0,
		rights: constraints.rights === true,
		alias: constraints.aliases === true,
		reference: constraints.references === true,
		agent: agents !== undefined && agents.length > 1,
	};
	const fields = FIELDS.filter((field) => open[field]);
	return fields.includes("join") ? ["join", "join", ...fields] : fields;
}

/**
 * The spec that a raw node stands for.
 *
 * @param dependsOn - ids of its dependencies
 */
export function specFrom(
	raw: RawNode,
	id: string,
	dependsOn: readonly string[],
	constraints: SpecConstraints,
): NodeSpec & { readonly id: string } {
	let spec: NodeSpec & { readonly id: string } = {
		id,
		agent: constraints.agents?.[0] ?? "work",
		...(dependsOn.length > 0 && { dependsOn }),
		...(raw.input !== undefined && { input: raw.input }),
	};
	for (const [field, value] of raw.tweaks) spec = { ...spec, ...tweaked(field, value, dependsOn, constraints) };
	return spec;
}

const JOINS = ["any", "settled", "always", "failed", "atLeast", "all"] as const;

function tweaked(
	field: Field,
	value: number,
	dependsOn: readonly string[],
	constraints: SpecConstraints,
): Partial<NodeSpec> {
	const { joins = JOINS, onFailure = ["skip", "block"], limits = [], speculative = [], agents = [] } = constraints;
	const dependency = pick(dependsOn, value);
	switch (field) {
		case "join": {
			const join = pick(joins, value);
			if (join === undefined || dependsOn.length === 0) return {};
			return { join: join === "atLeast" ? { atLeast: 1 + (value % dependsOn.length) } : join };
		}
		case "onFailure":
			return optional("onFailure", pick(onFailure, value));
		case "retry":
			return { retry: value % 3 === 0 ? 2 : { maxAttempts: 2 + (value % 3), delay: (value % 5) * 10 } };
		case "timeout":
			return { timeout: value % 3 === 0 ? 1 + (value % 20) : { total: 1 + (value % 60) } };
		case "priority":
			return { priority: value % 7 };
		case "estimateMs":
			return { estimateMs: value };
		case "limits":
			return { limits: limits.filter((_, i) => i === value % limits.length || value % 10 === 9) };
		case "speculative":
			return optional("speculative", pick(speculative, value));
		case "rights":
			return pick([{ canMutate: "own" }, { onPatchRejected: "complete" }, { canMutate: false }] as const, value) ?? {};
		case "alias":
			return dependency === undefined ? {} : { dependsOn: aliased(dependsOn, dependency) };
		case "reference": {
			if (dependency === undefined) return {};
			const path = pick(["", "/parts/0", undefined, undefined] as const, value);
			return { input: { from: { $output: dependency, ...(path !== undefined && { path }) } } };
		}
		case "agent":
			return optional("agent", pick(agents, value));
	}
}

function optional<Key extends keyof NodeSpec>(key: Key, value: NodeSpec[Key] | undefined): Partial<NodeSpec> {
	return value === undefined ? {} : { [key]: value };
}

/** Dependencies as an object in which one of them has another name. */
function aliased(dependsOn: readonly string[], renamed: string): Record<string, string> {
	return Object.fromEntries(dependsOn.map((id) => [id === renamed ? `as-${id}` : id, id]));
}

/**
 * Lists of at least so many items. Those beyond the least can go wherever they stand: of a list with a
 * `minLength` fast-check would keep the last ones.
 */
export function listOf<Item>(item: fc.Arbitrary<Item>, least: number, most: number): fc.Arbitrary<Item[]> {
	const more = fc.array(item, { maxLength: Math.max(0, most - least), size: "max" });
	if (least === 0) return more;
	return fc
		.tuple(fc.array(item, { minLength: least, maxLength: least, size: "max" }), more)
		.map(([first, rest]) => [...first, ...rest]);
}

/** An item by a number of any size, undefined where there are none. */
export function pick<Item>(items: readonly Item[], number: number): Item | undefined {
	return items[number % items.length];
}

/** Items by numbers, the last ones first, each at most once. */
export function pickBack<Item>(items: readonly Item[], numbers: readonly number[]): Item[] {
	const left = [...items];
	const picked: Item[] = [];
	for (const number of numbers) {
		if (left.length > 0) picked.push(...left.splice(left.length - 1 - (number % left.length), 1));
	}
	return picked;
}
