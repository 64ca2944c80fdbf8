import fc from "fast-check";
import type { Plain } from "../../core/plain.js";
import { type Behaviour, RESHAPINGS, type Step } from "../behaviour.js";

/** What kinds of behaviour there may be. */
export interface BehaviourConstraints {
	/** Longest script, 0 to 100 steps; default 4. */
	readonly maxSteps?: number;
	/** Scripts may fail or throw; default true. */
	readonly failing?: boolean;
	/** Scripts may hang: the swarm or the node needs a time limit; default false. */
	readonly hanging?: boolean;
	/** Scripts may wait for signals and approvals; default true. */
	readonly waiting?: boolean;
	/** Scripts may change the graph; default true. */
	readonly mutating?: boolean;
}

const ODD: readonly Plain[] = ["text", null, 0, { retryable: false, message: "final" }, { code: "CYCLE" }, []];

/**
 * Scripts for {@link scriptedAgents}: they succeed, fail, throw what is no error, come late, hang, wait,
 * add nodes, split themselves, prune others, return much. They shrink towards doing nothing.
 *
 * @throws nothing; constraints out of their range are refused by fast-check
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { behaviours, simulate } from "dagswarm/testing";
 *
 * await fc.assert(
 *   fc.asyncProperty(fc.nat(), behaviours(), async (seed, input) => {
 *     await simulate({ seed, graph: { nodes: [{ id: "a", agent: "work", input }] } });
 *   }),
 *   { numRuns: 20, seed: 1 },
 * );
 * ```
 */
export function behaviours(constraints: BehaviourConstraints = {}): fc.Arbitrary<Behaviour> {
	const { maxSteps = 4, mutating = true } = constraints;
	const plain = stepsWithout(constraints);
	// What a script adds adds nothing in its turn, or a case would be read by nobody.
	const child = fc.array(fc.oneof(...plain), { maxLength: 2, size: "max" });
	const steps = mutating ? [...plain, ...changes(child)] : plain;
	return fc.array(fc.oneof(...steps), { maxLength: maxSteps, size: "max" });
}

function stepsWithout({ failing = true, hanging = false, waiting = true }: BehaviourConstraints): fc.Arbitrary<Step>[] {
	const steps: fc.Arbitrary<Step>[] = [
		fc.record({ do: fc.constant("yield"), times: fc.nat({ max: 6 }) }),
		fc.record({ do: fc.constant("work"), ms: fc.integer({ min: 1, max: 40 }) }),
		fc.record({ do: fc.constant("work"), ms: fc.integer({ min: 1, max: 120 }), deaf: fc.constant(true) }),
		fc.record({ do: fc.constant("sleep"), ms: fc.nat({ max: 40 }) }),
		fc.record({ do: fc.constant("return"), value: fc.constantFrom(...ODD) }),
		fc.record({ do: fc.constant("huge"), size: fc.constantFrom(100, 20_000) }),
	];
	if (failing)
		steps.push(
			fc.record({ do: fc.constant("fail") }),
			fc.record({ do: fc.constant("fail"), times: fc.integer({ min: 1, max: 2 }) }),
			fc.record({ do: fc.constant("fail"), final: fc.constant(true) }),
			fc.record({ do: fc.constant("throw"), value: fc.constantFrom(...ODD) }),
		);
	if (waiting) {
		const timeout = fc.integer({ min: 1, max: 40 });
		const name = fc.nat({ max: 2 }).map((k) => `s${k}`);
		steps.push(
			fc.record({ do: fc.constant("signal"), name, timeout }),
			fc.record({ do: fc.constant("approval"), timeout }),
		);
	}
	if (hanging) steps.push(fc.record({ do: fc.constant("hang"), deaf: fc.boolean() }));
	return steps;
}

function changes(child: fc.Arbitrary<Behaviour>): fc.Arbitrary<Step>[] {
	const children = fc.array(child, { minLength: 1, maxLength: 3 });
	const pick = fc.nat({ max: 30 });
	const early = fc.boolean();
	return [
		fc.record({ do: fc.constant("add"), nodes: children, early }),
		fc.record({ do: fc.constant("expand"), nodes: children }),
		fc.record({ do: fc.constant("split"), parts: children }),
		fc.record({ do: fc.constant("prune"), pick, scope: fc.constantFrom("descendants", "exclusive") }),
		fc.record({ do: fc.constant("reshape"), pick, how: fc.constantFrom(...RESHAPINGS), early }),
		fc.record({ do: fc.constant("spoil"), early }),
	];
}
