import { appendFileSync } from "node:fs";
import fc from "fast-check";

/**
 * Random tests have the same cases every time. The environment can ask for others: DAGSWARM_SEED,
 * DAGSWARM_RUNS (how many), DAGSWARM_CASE (the path of one case, as it is printed when it fails),
 * DAGSWARM_REPLAY (which of its commands, likewise), and DAGSWARM_TALLY (a file that takes how many cases
 * there were, one line of JSON a property).
 */
const { DAGSWARM_SEED, DAGSWARM_RUNS, DAGSWARM_CASE, DAGSWARM_REPLAY, DAGSWARM_TALLY } = process.env;

/** Whether the cases are the ones that every test run has. */
export const isFixed = DAGSWARM_SEED === undefined && DAGSWARM_RUNS === undefined && DAGSWARM_CASE === undefined;

export const SEED = DAGSWARM_SEED === undefined ? 20_260 : Number(DAGSWARM_SEED);

/** How many cases there are, `usual` unless the environment says otherwise. */
export function runsOf(usual: number): number {
	return DAGSWARM_RUNS === undefined ? usual : Number(DAGSWARM_RUNS);
}

/** The file of a random test, without its folder: what its cases are replayed by. */
export type Suite =
	| "swarm"
	| "restarts"
	| "service"
	| "calls"
	| "same-seed"
	| "rates"
	| "commands"
	| "commands-growth"
	| "commands-marks"
	| "commands-waits"
	| "replay"
	| "ports";

/** The case that is asked for. */
export const asked = {
	...(DAGSWARM_CASE !== undefined && { path: DAGSWARM_CASE }),
	...(DAGSWARM_REPLAY !== undefined && { replayPath: DAGSWARM_REPLAY }),
};

/** The one command that shows a failing case again. */
export function again(suite: Suite, seed: number, path: string | undefined, replayPath?: string): string {
	const replay = replayPath === undefined ? "" : ` --replay ${replayPath}`;
	return `again: npm run sim -- --suite ${suite} --seed ${seed} --case ${path ?? "0"}${replay}`;
}

/** Writes down how much was run, for whoever asked for it. */
export function tally(suite: Suite, figures: Readonly<Record<string, number | boolean>>): void {
	if (DAGSWARM_TALLY !== undefined) appendFileSync(DAGSWARM_TALLY, `${JSON.stringify({ suite, ...figures })}\n`);
}

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
		...(asked.path !== undefined && { path: asked.path }),
	});
	const { failed, numRuns, seed } = details;
	tally(suite, { seed, cases: numRuns, failed, ...count() });
	if (!failed) return;
	const cause =
		details.errorInstance instanceof Error ? details.errorInstance : new Error(String(details.errorInstance));
	const story = cause as Error & { readonly trace?: readonly string[] };
	throw new Error(
		[
			`case ${numRuns} fails, shrunk ${details.numShrinks} times: ${fc.stringify(details.counterexample)}`,
			cause.message,
			...(story.trace ?? []).slice(-60),
			again(suite, seed, details.counterexamplePath ?? undefined),
		].join("\n"),
		{ cause },
	);
}
