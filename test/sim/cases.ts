import type { Join, MutationRight, NodeSpec, ResumePolicy, StartOptions } from "dagswarm";
import { type Behaviour, behaviours, type Faults, type SimulateOptions } from "dagswarm/testing";
import fc from "fast-check";

export const LIMITS = { x: 1, y: 2, z: { requests: { limit: 1, per: 40 } } };

/** One of these, mostly the first. */
function mostly<Value>(usual: Value, ...others: readonly Value[]): fc.Arbitrary<Value> {
	return fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

interface Draft {
	readonly input: Behaviour;
	readonly dependsOn: readonly number[];
	readonly join: Join | "every" | undefined;
	readonly limits: readonly string[];
	readonly agent: "work" | "prompt";
	readonly policies: Partial<NodeSpec>;
}

/** A few policies at a time: a node with all of them hardly ever starts. */
const policies: fc.Arbitrary<Partial<NodeSpec>> = fc
	.array(
		fc.oneof(
			fc.record({ priority: fc.integer({ min: -2, max: 2 }) }),
			fc.record({ estimateMs: fc.nat({ max: 50 }) }),
			fc.record({
				retry: fc.record({
					maxAttempts: fc.integer({ min: 2, max: 4 }),
					delay: fc.constantFrom(0, 15),
					jitter: fc.constantFrom(0, 0.5),
				}),
			}),
			fc.record({ timeout: fc.constantFrom(30, { attempt: 25, total: 60 }, { total: 40 }, { attempt: 40, grace: 5 }) }),
			fc.record({ onFailure: fc.constantFrom("block", "failRun", "skip") }),
			fc.record({ onPatchRejected: fc.constantFrom("complete", "fail") }),
			fc.record({ canMutate: fc.constantFrom<MutationRight[]>("own", false) }),
			fc.record({ speculative: fc.constantFrom("hold", "eager") }),
		),
		{ maxLength: 2, size: "max" },
	)
	.map((parts) => Object.assign({}, ...parts) as Partial<NodeSpec>);

function drafts(hanging: boolean): fc.Arbitrary<Draft> {
	return fc.record({
		input: fc.oneof(
			{ weight: 1, arbitrary: behaviours({ hanging }) },
			{ weight: 3, arbitrary: behaviours({ failing: false }) },
		),
		dependsOn: fc.array(fc.nat({ max: 9 }), { maxLength: 3, size: "max" }),
		join: mostly<Draft["join"]>(undefined, "any", "settled", "always", "failed", "every"),
		limits: mostly<readonly string[]>([], ["x"], ["y"], ["x", "y"], ["z"]),
		agent: mostly<Draft["agent"]>("work", "prompt"),
		policies,
	});
}

function specOf({ dependsOn, join, limits, policies, ...rest }: Draft, i: number): NodeSpec {
	const ids = i === 0 ? [] : [...new Set(dependsOn.map((dep) => `n${dep % i}`))];
	const chosen = join === "every" ? { atLeast: ids.length } : join;
	return {
		id: `n${i}`,
		...rest,
		...policies,
		...(limits.length > 0 && { limits }),
		...(ids.length > 0 && { dependsOn: ids, ...(chosen !== undefined && { join: chosen }) }),
	};
}

const starts: fc.Arbitrary<StartOptions> = mostly<StartOptions>(
	{},
	{ open: true },
	{ deadline: 60 },
	{ deadline: 500 },
	{ concurrency: 1 },
	{ onStall: { agent: "work", input: [], times: 2 } },
);

const chance = fc.constantFrom(0, 50, 300);
const faults: fc.Arbitrary<Faults> = fc.record({
	delay: chance,
	reorder: chance,
	duplicate: chance,
	drop: chance,
	crash: chance,
	interfere: fc.constantFrom(0, 50, 300),
	cancel: mostly(0, 20),
});

/**
 * Whole simulations: one or two runs that share slots and limits, scripts of every kind, every policy,
 * and faults. They shrink to few nodes that do nothing and to no faults.
 */
export const simulations: fc.Arbitrary<SimulateOptions> = fc.boolean().chain((timed) =>
	fc
		.record({
			seed: fc.nat(),
			concurrency: fc.integer({ min: 1, max: 4 }),
			retry: fc.constantFrom(1, 2, { maxAttempts: 3, delay: 10, jitter: 0.5 }),
			timeout: fc.constantFrom(40, 1_000),
			graphs: fc.array(fc.array(drafts(timed), { minLength: 1, maxLength: 9, size: "max" }), {
				minLength: 1,
				maxLength: 2,
			}),
			start: fc.array(starts, { minLength: 2, maxLength: 2 }),
			faults: fc.oneof({ weight: 1, arbitrary: fc.constant<Faults>({}) }, { weight: 3, arbitrary: faults }),
		})
		.map(({ seed, concurrency, retry, timeout, graphs, start, faults: struck }) => ({
			seed,
			graph: graphs.map((nodes) => ({ nodes: nodes.map(specOf) as never })),
			start,
			// What is lost without a time limit is lost for ever.
			faults: timed ? struck : { ...struck, drop: 0, crash: 0 },
			swarm: { concurrency, limits: LIMITS, maxDepth: 4, maxNodes: 40, retry, timeout: timed ? timeout : NEVER },
		})),
);

/** No time limit that could matter: attempts end by themselves. */
const NEVER = 1_000_000_000;

/** Simulations whose process dies now and then, in the middle of a write too, with every policy of what ran then. */
export const restarts: fc.Arbitrary<SimulateOptions> = fc
	.record({
		options: simulations,
		restart: fc.constantFrom(20, 100, 300),
		onResume: fc.array(fc.constantFrom<ResumePolicy[]>("retry", "ask", "fail"), { minLength: 1, maxLength: 4 }),
		snapshotEvery: fc.constantFrom(3, 10, 1_000),
	})
	.map(({ options, restart, onResume, snapshotEvery }) => ({
		...options,
		swarm: { ...options.swarm, snapshotEvery },
		graph: (options.graph as readonly { readonly nodes: readonly NodeSpec[] }[]).map(({ nodes }) => ({
			nodes: nodes.map((node, i) => ({ ...node, onResume: onResume[i % onResume.length] })) as never,
		})),
		faults: { ...options.faults, restart },
	}));
