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
	const given = own === undefined ? { input, deps: attempt.context.deps } : { key: own };
	const text = canonicalJson({ agent: agent.name, version: agent.version, ...given });
	return { key: sha256(text), ttl: ttl === undefined ? undefined : milliseconds(ttl), hit: false };
}

/** An outcome as it can be kept: agents by their names, and new nodes without the ids that they were given here. */
export function remembered({ output, raw }: Returned): Remembered {
	return { output, patch: raw && { ...raw, mutations: raw.mutations.map(withNames) } };
}

function withNames(mutation: Mutation): Mutation {
	switch (mutation.type) {
		case "addNode":
		case "injectBefore":
			return { ...mutation, node: withName(mutation.node) };
		case "addNodes":
			return { ...mutation, nodes: mutation.nodes.map(withName) };
		case "splitNode":
			return { ...mutation, into: mutation.into.map(withName) };
		default:
			return mutation;
	}
}

function withName(node: NodeSpec): NodeSpec {
	return typeof node.agent === "object" ? { ...node, agent: node.agent.name } : node;
}
