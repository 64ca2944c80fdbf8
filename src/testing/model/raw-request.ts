import fc from "fast-check";
import type { SpecConstraints } from "../arbitraries/raw-node.js";
import { type MutationWeights, type RawMutation, rawMutations } from "../arbitraries/raw-patch.js";

/** A patch as numbers. */
export interface RawPatch {
	readonly mutations: readonly RawMutation[];
	readonly expand: number;
	readonly expect: number;
	/** Whether the mutations come in the opposite order: new nodes may name each other in any. */
	readonly backwards: boolean;
}

/**
 * A command as numbers, which shrink well. What they mean is decided when its turn comes, from the
 * state of the model: so that most commands are legal, whatever came before them.
 */
export interface RawRequest {
	readonly kind: RequestKind;
	readonly a: number;
	readonly b: number;
	readonly patch?: RawPatch;
}

/** How often each kind of command comes, out of their sum. */
const WEIGHTS = {
	claim: 30,
	/** Of any node, in whatever state it is. */
	claimAny: 3,
	complete: 18,
	completeWithPatch: 10,
	fail: 10,
	/** An outcome with a lease that is over, or with a forged one. */
	stale: 4,
	mutate: 18,
	commit: 8,
	park: 6,
	signal: 3,
	answer: 3,
	advance: 6,
	pause: 1,
	resume: 6,
	close: 1,
	cancel: 1,
};

/** The kinds of command that runs are made of. */
export type RequestKind = keyof typeof WEIGHTS;

/** How often each kind of command comes, in relation to the others; default for those left out. */
export type RequestWeights = Readonly<Partial<Record<RequestKind, number>>>;

const PATCHING: ReadonlySet<string> = new Set<RequestKind>(["completeWithPatch", "mutate", "commit"]);

export function rawRequests(
	weights: RequestWeights,
	specs: SpecConstraints,
	mutations: MutationWeights | undefined,
): fc.Arbitrary<RawRequest> {
	const number = fc.nat({ max: 999 });
	const patch = fc.record({
		mutations: fc.array(rawMutations(specs, mutations), { maxLength: 5, size: "max" }),
		expand: fc.nat({ max: 9 }),
		expect: fc.nat({ max: 99 }),
		backwards: fc.boolean(),
	});
	const kinds = Object.entries({ ...WEIGHTS, ...weights }) as [RequestKind, number][];
	return fc.oneof(
		...kinds.map(([kind, weight]) => {
			const plain = { kind: fc.constant(kind), a: number, b: number };
			return { weight, arbitrary: PATCHING.has(kind) ? fc.record({ ...plain, patch }) : fc.record(plain) };
		}),
	);
}
