/** What the model is made of; the same words as in SEMANTICS, and nothing of the sources. */

export type State =
	| "pending"
	| "ready"
	| "running"
	| "waiting"
	| "speculative"
	| "completed"
	| "failed"
	| "skipped"
	| "abandoned"
	| "cancelled";

export type ModelJoin = "all" | "any" | "settled" | "failed" | "always" | { readonly atLeast: number };

export interface ModelSpec {
	readonly id: string;
	readonly agent: string;
	readonly dependsOn?: readonly string[];
	readonly input?: { readonly value: { readonly $output: string } };
	readonly join?: ModelJoin;
	readonly retry?: { readonly maxAttempts: number; readonly delay: number };
	readonly onFailure?: "skip" | "block" | "failRun";
	readonly onPatchRejected?: "fail" | "complete";
	readonly canMutate?: boolean | "own";
	readonly speculative?: "hold" | "eager";
	readonly priority?: number;
}

export type ModelMutation =
	| { readonly type: "addNode"; readonly node: ModelSpec }
	| { readonly type: "addNodes"; readonly nodes: readonly ModelSpec[] }
	| { readonly type: "addEdge" | "removeEdge"; readonly from: string; readonly to: string }
	| { readonly type: "removeNode"; readonly ids: readonly string[]; readonly mode?: "bridge" | "detach" | "reject" }
	| {
			readonly type: "updateNode";
			readonly id: string;
			readonly changes: { readonly join?: ModelJoin; readonly priority?: number };
	  }
	| { readonly type: "splitNode"; readonly id: string; readonly into: readonly ModelSpec[] }
	| { readonly type: "injectBefore"; readonly id: string; readonly node: ModelSpec; readonly inherit?: boolean }
	| {
			readonly type: "pruneSubgraph";
			readonly ids: readonly string[];
			readonly scope?: "descendants" | "exclusive";
	  }
	| { readonly type: "markSpeculative"; readonly ids: readonly string[]; readonly mode?: "hold" | "eager" }
	| { readonly type: "confirmSpeculative" | "discardSpeculative"; readonly ids: readonly string[] };

export interface ModelPatch {
	readonly mutations: readonly ModelMutation[];
	readonly expand?: boolean;
	readonly expect?: Readonly<Record<string, State>>;
}

/** A lease as the model knows it: which attempt, and a number that is never used twice. */
export interface ModelLease {
	readonly node: string;
	readonly attempt: number;
	readonly token: number;
}

export type Withheld =
	| { readonly ok: true; readonly output: unknown; readonly patch: ModelPatch | undefined }
	| { readonly ok: false };

export interface ModelNode {
	spec: ModelSpec;
	join: ModelJoin;
	/** Ready is derived: only a started node is ever stored as ready. */
	state: State;
	started: boolean;
	eager: boolean;
	attempt: number;
	token: number;
	/** Dependencies in order of insertion: the edges. */
	deps: string[];
	/** Under which names a node sees dependencies that came in the place of another. */
	names: Record<string, readonly string[]>;
	output?: unknown;
	cause?: "failure" | "not-needed";
	abandoned?: string;
	addedBy?: string;
	depth: number;
	/** The attempt of its adder that committed it early. */
	addedIn?: number;
	withheld?: Withheld | undefined;
	wakesAt?: number | undefined;
	awaits?: string | undefined;
	/** The next lease continues the same attempt. */
	continues?: boolean;
}

export interface ModelLimits {
	readonly maxNodes: number;
	readonly maxDepth: number;
	readonly maxPatchSize: number;
}

/** Whose patch it is; the caller of the run has none. */
export interface PatchAuthor {
	readonly id: string;
	readonly attempt: number;
	readonly early: boolean;
	readonly completing: boolean;
}

/** Thrown by whatever refuses; the copy that was worked on is dropped. */
export class ModelRefusal extends Error {
	constructor(readonly code: string) {
		super(code);
	}
}

export function refuse(code: string): never {
	throw new ModelRefusal(code);
}

export const ENDED = new Set<State>(["completed", "failed", "skipped", "abandoned", "cancelled"]);

/** What SEMANTICS leaves open is asked of the implementation: which of two causes came first. */
export type CauseHint = (id: string) => "failure" | "not-needed" | undefined;

/** When edges have gone, `atLeast` has fallen to the number left. */
export function joinLeft({ join, deps }: Pick<ModelNode, "join" | "deps">): ModelJoin {
	if (typeof join !== "object" || join.atLeast <= deps.length) return join;
	return deps.length === 0 ? "all" : { atLeast: deps.length };
}

export function specsOf(mutation: ModelMutation): readonly ModelSpec[] {
	if (mutation.type === "addNode" || mutation.type === "injectBefore") return [mutation.node];
	if (mutation.type === "addNodes") return mutation.nodes;
	return mutation.type === "splitNode" ? mutation.into : [];
}

/** The nodes that a mutation changes: what `canMutate: "own"` is about. */
export function targetsOf(mutation: ModelMutation): readonly string[] {
	if (mutation.type === "addNode" || mutation.type === "addNodes") return [];
	if ("to" in mutation) return [mutation.to];
	return "ids" in mutation ? mutation.ids : [mutation.id];
}

/** Whether the input of a node refers to a dependency, by id or by the name under which it sees it. */
export function hasReference({ spec, deps, names }: Pick<ModelNode, "spec" | "deps" | "names">): boolean {
	const name = spec.input?.value.$output;
	return name === undefined || deps.includes(name) || deps.some((dep) => names[dep]?.[0] === name);
}

export function sorted(spec: ModelSpec): [string, unknown][] {
	return Object.entries(spec)
		.filter(([, value]) => value !== undefined)
		.sort(([a], [b]) => (a < b ? -1 : 1));
}
