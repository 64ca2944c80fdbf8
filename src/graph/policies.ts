import { milliseconds } from "../core/durations.js";
import type {
	FailurePolicy,
	GrowthLimits,
	MutationRight,
	NodePolicies,
	RetryPolicy,
	StoredSpec,
	TimeoutPolicy,
} from "./types.js";

/** What the nodes of an agent must have in the way of dependencies. */
export interface Needs {
	/** The names under which they must have dependencies. */
	readonly names: readonly string[];
	/** The first of these that must have completed when a node starts; undefined where none must. */
	readonly completed: string | undefined;
}

/** The policies that agents, the run and the swarm give; a node's own come first. */
export interface PolicySource {
	/** What the agent's definition says, undefined when there is no such agent. */
	agent(name: string): Omit<NodePolicies, "limits"> | undefined;
	/** Whether there is a limit of this name; left out, any name will do. */
	hasLimit?(name: string): boolean;
	/** What nodes of an agent must have; left out where no agent asks for anything. */
	readonly needs?: ((agent: string) => Needs | undefined) | undefined;
	/** What the run and the swarm say, the run's first. */
	readonly defaults: NodePolicies;
}

/** Knows any agent and gives no policies: for actors driven by hand. */
export const ANY_AGENT: PolicySource = { agent: () => NONE, defaults: {} };

const NONE: NodePolicies = Object.freeze({});

/** The policies that agents, runs and swarms give as well as nodes. */
export const SHARED_POLICIES = [
	"retry",
	"timeout",
	"onFailure",
	"onPatchRejected",
	"canMutate",
	"onResume",
	"fallback",
] as const satisfies readonly (keyof NodePolicies)[];

/** The bounds that hold where none are given. */
export const DEFAULT_GROWTH: Required<GrowthLimits> = { maxNodes: 100_000, maxDepth: 10, maxPatchSize: 10_000 };

/** Resolves a policy by precedence: node, agent, run, swarm. */
export function policyOf<Key extends Exclude<keyof NodePolicies, "limits">>(
	source: PolicySource,
	spec: StoredSpec,
	key: Key,
): NodePolicies[Key] {
	return (spec as NodePolicies)[key] ?? source.agent(spec.agent)?.[key] ?? source.defaults[key];
}

export function failurePolicy(source: PolicySource, spec: StoredSpec): FailurePolicy {
	return policyOf(source, spec, "onFailure") ?? "skip";
}

export function mutationRight(source: PolicySource, spec: StoredSpec): MutationRight {
	return policyOf(source, spec, "canMutate") ?? true;
}

/** A retry policy with every field set, in milliseconds. */
export interface Retry {
	readonly maxAttempts: number;
	readonly delay: number;
	readonly factor: number;
	readonly maxDelay: number;
	readonly jitter: number;
}

export function retryPolicy(source: PolicySource, spec: StoredSpec): Retry | undefined {
	const retry = policyOf(source, spec, "retry");
	if (retry === undefined) return undefined;
	return normalRetry(retry);
}

export function normalRetry(policy: RetryPolicy | number): Retry {
	const retry = typeof policy === "number" ? { maxAttempts: policy } : policy;
	return {
		maxAttempts: retry.maxAttempts,
		delay: milliseconds(retry.delay ?? 0),
		factor: retry.factor ?? 2,
		maxDelay: milliseconds(retry.maxDelay ?? 3_600_000),
		jitter: retry.jitter ?? 0,
	};
}

/** Time limits in milliseconds. */
export interface Timeouts {
	readonly attempt?: number;
	readonly total?: number;
	readonly grace?: number;
}

export function timeouts(source: PolicySource, spec: StoredSpec): Timeouts | undefined {
	const timeout = policyOf(source, spec, "timeout");
	if (timeout === undefined) return undefined;
	const policy: TimeoutPolicy = typeof timeout === "object" ? timeout : { attempt: timeout };
	return {
		...(policy.attempt !== undefined && { attempt: milliseconds(policy.attempt) }),
		...(policy.total !== undefined && { total: milliseconds(policy.total) }),
		...(policy.grace !== undefined && { grace: milliseconds(policy.grace) }),
	};
}
