import type { Parameters } from "fast-check";

/**
 * The same cases every time, unless DAGSWARM_SEED says otherwise; DAGSWARM_RUNS changes how many.
 * fast-check prints the seed and the path of what failed.
 */
export function cases<T>(runs: number): Parameters<T> {
	const { DAGSWARM_SEED, DAGSWARM_RUNS } = process.env;
	return {
		seed: DAGSWARM_SEED === undefined ? 20_260 : Number(DAGSWARM_SEED),
		numRuns: DAGSWARM_RUNS === undefined ? runs : Number(DAGSWARM_RUNS),
		endOnFailure: false,
	};
}
