import { sha256 } from "../core/checksum.js";
import { milliseconds } from "../core/durations.js";
import { canonicalJson } from "../core/plain.js";
import type { MemoPolicy, Mutation, NodeSpec } from "../graph/types.js";
import type { AnyAgent } from "./agent.js";
import type { Attempt, Remembered } from "./attempt.js";
import type { Returned } from "./returned.js";

/** How the outcome of one call is found again. */
export interface MemoPlan {
	/** SHA-256, 64 hexadecimal digits. */
	readonly key: string;
	/** Milliseconds. */
	readonly ttl: number | undefined;
	/** The outcome comes from an earlier call. */
	hit: boolean;
}

/**
 * Under what the outcome of a call is remembered: what the agent is, and all that it is given.
 */
export function memoPlan(
	attempt: Attempt,
	memo: true | MemoPolicy | NonNullable<Exclude<AnyAgent["memo"], boolean>>,
	input: unknown,
): MemoPlan {
	const { agent } = attempt;
	const { key, ttl } = memo === true ? {} : memo;
	// A key that the agent's function cannot give is a failure of the attempt, as any other throw.
	const own = typeof key === "function" ? key(input) : key;
	const given = own === undefined ? { input, deps: attempt.context.deps, ends: endsOf(attempt) } : { key: own };
	const text = canonicalJson({ agent: agent.name, version: agent.version, ...given });
	return { key: sha256(text), ttl: ttl === undefined ? undefined : milliseconds(ttl), hit: false };
}

/** How dependencies ended that have not completed: what a function makes of these depends on that. */
function endsOf({ context }: Attempt): object | undefined {
	const ends = Object.entries(context.settled).filter(([, { status }]) => status !== "completed");
	if (ends.length === 0) return undefined;
	return Object.fromEntries(ends.map(([name, { status, error }]) => [name, [status, error?.code, error?.message]]));
}

/** An outcome as it can be kept: agents by their names, and new nodes without the ids that they were given here. */
export function remembered({ context, lease }: Attempt, { output, raw }: Returned): Remembered {
	if (raw === undefined) return { output, patch: undefined };
	// What was staged may refer to each other by default ids, so it keeps them.
	const ids = context.stagedGraph?.defaults ?? [];
	return {
		output,
		patch: { ...raw, mutations: raw.mutations.map((mutation) => mapNodes(mutation, withName)) },
		...(ids.length > 0 && { ids }),
		self: lease.node,
	};
}

/** An outcome as this call would have given it: with default ids of its own. */
export function replayed({ context, lease }: Attempt, found: Remembered): Remembered {
	const { output, ids = [], self = lease.node } = found;
	const swap = (id: string): string => (id === self ? lease.node : id);
	const patch = found.patch && {
		...found.patch,
		mutations:
			self === lease.node ? found.patch.mutations : found.patch.mutations.map((each) => withTargets(each, swap)),
	};
	if (patch === undefined || ids.length === 0) return { output, patch };
	const before = new Set(ids);
	const fresh = new Map<string, string>();
	const note = (node: NodeSpec): NodeSpec => {
		const { id, ...spec } = node;
		if (id !== undefined && before.has(id)) fresh.set(id, context.graph.named(withIds(spec, fresh) as NodeSpec).id);
		return node;
	};
	for (const mutation of patch.mutations) mapNodes(mutation, note);
	return withIds({ output, patch }, fresh) as Remembered;
}

/** A mutation of other nodes: where it names the node that made it, that is another one now. */
function withTargets(mutation: Mutation, swap: (id: string) => string): Mutation {
	const moved = { ...mapNodes(mutation, (node) => withDependencies(node, swap)) } as Record<string, unknown>;
	for (const key of ["id", "from", "to"]) if (typeof moved[key] === "string") moved[key] = swap(moved[key]);
	if (Array.isArray(moved["ids"])) moved["ids"] = (moved["ids"] as string[]).map(swap);
	return moved as Mutation;
}

function withDependencies(node: NodeSpec, swap: (id: string) => string): NodeSpec {
	const { dependsOn } = node;
	if (dependsOn === undefined) return node;
	if (Array.isArray(dependsOn)) return { ...node, dependsOn: dependsOn.map(swap) };
	const named = Object.entries(dependsOn as Readonly<Record<string, string>>);
	return { ...node, dependsOn: Object.fromEntries(named.map(([alias, id]) => [alias, swap(id)])) };
}

/** Plain data with other ids, wherever one stands: its depth is bounded. */
function withIds(value: unknown, fresh: ReadonlyMap<string, string>): unknown {
	if (typeof value === "string") return fresh.get(value) ?? value;
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map((member) => withIds(member, fresh));
	const entries = Object.entries(value).map(([key, member]) => [fresh.get(key) ?? key, withIds(member, fresh)]);
	return Object.fromEntries(entries);
}

/** A mutation with other specs for the nodes that it adds. */
function mapNodes(mutation: Mutation, change: (node: NodeSpec) => NodeSpec): Mutation {
	switch (mutation.type) {
		case "addNode":
		case "injectBefore":
			return { ...mutation, node: change(mutation.node) };
		case "addNodes":
			return { ...mutation, nodes: mutation.nodes.map(change) };
		case "splitNode":
			return { ...mutation, into: mutation.into.map(change) };
		default:
			return mutation;
	}
}

function withName(node: NodeSpec): NodeSpec {
	return typeof node.agent === "object" ? { ...node, agent: node.agent.name } : node;
}
