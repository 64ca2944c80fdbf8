import { appendFileSync } from "node:fs";
import fc from "fast-check";

/**
 * Random tests have the same cases every time. The environment can ask for others: DAGSWARM_SEED,
 * DAGSWARM_RUNS (how many), DAGSWARM_CASE (the path of one case, as it is printed when it fails), and
 * DAGSWARM_TALLY (a file that takes how many cases there were, one line of JSON a property).
 */
const { DAGSWARM_SEED, DAGSWARM_RUNS, DAGSWARM_CASE, DAGSWARM_TALLY } = process.env;

export const SEED = DAGSWARM_SEED === undefined ? 20_260 : Number(DAGSWARM_SEED);

/** How many cases there are, `usual` unless the environment says otherwise. */
export function runsOf(usual: number): number {
	return DAGSWARM_RUNS === undefined ? usual : Number(DAGSWARM_RUNS);
}

/** What a random test is replayed by. */
export type Suite = "simulation" | "model" | "replay";

/**
 * Holds a property to its cases. What fails is thrown with the one command that shows it again.
 *
 * @param count - how much work the cases were, for the tally, for instance commands
 */
export async function hold<Value>(
	suite: Suite,
	property: fc.IAsyncProperty<Value>,
	runs: number,
	count: () => Readonly<Record<string, number>> = () => ({}),
): Promise<void> {
	const details = await fc.check(property, {
		seed: SEED,
		numRuns: runsOf(runs),
		...(DAGSWARM_CASE !== undefined && { path: DAGSWARM_CASE }),
	});
	if (DAGSWARM_TALLY !== undefined) {
		const { failed, numRuns, seed } = details;
		appendFileSync(DAGSWARM_TALLY, `${JSON.stringify({ suite, seed, cases: numRuns, failed, ...count() })}\n`);
	}
	if (!details.failed) return;
	const path = details.counterexamplePath ?? "0";
	const again = `npm run sim -- --suite ${suite} --seed ${details.seed} --case ${path}`;
	const cause =
		details.errorInstance instanceof Error ? details.errorInstance : new Error(String(details.errorInstance));
	const story = cause as Error & { readonly trace?: readonly string[] };
	throw new Error(
		[
			`case ${details.numRuns} fails, shrunk ${details.numShrinks} times: ${fc.stringify(details.counterexample)}`,
			cause.message,
			...(story.trace ?? []).slice(-60),
			`again: ${again}`,
		].join("\n"),
		{ cause },
	);
}
