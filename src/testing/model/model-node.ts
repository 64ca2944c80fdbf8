import type { NodeState } from "../../core/lifecycle.js";
import type {
	AbandonReason,
	GrowthLimits,
	Join,
	Mutation,
	SkipCause,
	StagedPatch,
	StoredSpec,
	Wait,
} from "../../graph/types.js";

/** What the model is made of: the words of the runtime's types, and nothing of its code. */

/** A lease as the model knows it: which attempt, and a number that is never used twice. */
export interface ModelLease {
	readonly node: string;
	readonly attempt: number;
	readonly token: number;
}

/** The outcome of an eager node, until it is confirmed. */
export type ModelOutcome =
	| { readonly ok: true; readonly output: unknown; readonly patch: StagedPatch | undefined }
	| { readonly ok: false };

/** Everything the model knows of one node. */
export interface ModelNode {
	spec: StoredSpec;
	join: Join;
	/** Ready is derived: only a started node is ever stored as ready. */
	state: NodeState;
	started: boolean;
	eager: boolean;
	attempt: number;
	token: number;
	/** Dependencies in order of insertion: the edges. */
	deps: readonly string[];
	/** Under which names a node sees dependencies that have an alias, or came in the place of another. */
	names: Readonly<Record<string, readonly string[]>>;
	output?: unknown;
	cause?: SkipCause;
	abandoned?: AbandonReason;
	addedBy?: string;
	depth: number;
	/** The attempt of its adder that committed it early. */
	addedIn?: number;
	withheld?: ModelOutcome | undefined;
	wait?: Wait | { readonly kind: "retry"; readonly until: number } | undefined;
	/** The next lease continues the same attempt. */
	continues?: boolean;
	/** When the lease was granted, and how long earlier leases of the attempt have held a slot. */
	leasedAt: number;
	held: number;
	/** When the first attempt started, and how long approvals and signals have taken since. */
	firstStart?: number;
	excused: number;
	parkedAt: number;
	/** When the attempt, and when all of them together, have taken too long. */
	attemptDue?: number | undefined;
	totalDue?: number | undefined;
}

export type ModelLimits = Required<GrowthLimits>;

/** Whose patch it is; the caller of the run has none. */
export interface PatchAuthor {
	readonly id: string;
	readonly attempt: number;
	readonly early: boolean;
	readonly completing: boolean;
}

/** Thrown by whatever refuses; the copy that was worked on is dropped. No error: its stack would be dear. */
export class ModelRefusal {
	constructor(readonly code: string) {}
}

export function refuse(code: string): never {
	throw new ModelRefusal(code);
}

/** The states that nothing leaves. */
export const ENDED: ReadonlySet<NodeState> = new Set<NodeState>([
	"completed",
	"failed",
	"skipped",
	"abandoned",
	"cancelled",
]);

/** What a dependent calls its dependencies, with what each of them is, as pairs. */
export function namedDependencies({ dependsOn = [] }: Pick<StoredSpec, "dependsOn">): [string, string][] {
	if (!Array.isArray(dependsOn)) return Object.entries(dependsOn);
	return [...new Set(dependsOn as readonly string[])].map((id) => [id, id]);
}

/** The name under which a node sees one of its dependencies. */
export function nameOf({ names }: Pick<ModelNode, "names">, dep: string): string {
	return names[dep]?.[0] ?? dep;
}

/** When edges have gone, `atLeast` has fallen to the number left. */
export function joinLeft({ join, deps }: Pick<ModelNode, "join" | "deps">): Join {
	if (typeof join !== "object" || join.atLeast <= deps.length) return join;
	return deps.length === 0 ? "all" : { atLeast: deps.length };
}

export function specsOf(mutation: Mutation): readonly StoredSpec[] {
	if (mutation.type === "addNode" || mutation.type === "injectBefore") return [mutation.node as StoredSpec];
	if (mutation.type === "addNodes") return mutation.nodes as readonly StoredSpec[];
	return mutation.type === "splitNode" ? (mutation.into as readonly StoredSpec[]) : [];
}

export function idsOf(targets: { readonly id?: string; readonly ids?: readonly string[] }): readonly string[] {
	return targets.ids ?? (targets.id === undefined ? [] : [targets.id]);
}

/** The nodes that a mutation changes: what `canMutate: "own"` is about. */
export function targetsOf(mutation: Mutation): readonly string[] {
	if (mutation.type === "addNode" || mutation.type === "addNodes") return [];
	return "to" in mutation ? [mutation.to] : idsOf(mutation);
}

/** A spec as something that can be compared, whatever the order of its fields. */
export function canonical(spec: StoredSpec): string {
	const fields = Object.entries(spec).filter(([, value]) => value !== undefined);
	return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}
