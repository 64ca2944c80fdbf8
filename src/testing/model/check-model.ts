import fc from "fast-check";
import { type ActorCommandOptions, actorCommands, actorStarts, runActorModel } from "./actor-commands.js";
import type { ActorRun } from "./actor-run.js";
import { ModelDisagreement, type ModelRunOptions, type ModelTally } from "./actor-run.js";
import type { ActorHandle, ModelStart } from "./actor-side.js";
import { reduceCase } from "./reduce-case.js";

type Commands = Iterable<fc.AsyncCommand<ActorRun, ActorHandle>>;

/** What is checked, and how. */
export interface ActorModelOptions extends ActorCommandOptions, ModelRunOptions {}

/**
 * The property that an actor agrees with the reference model whatever commands come: for `fc.assert`,
 * which prints seed, path and `replayPath` of a failure. To see it again give seed, path and
 * `endOnFailure: true` to `fc.assert`, and `replayPath` here.
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { actorAgreesWithModel } from "dagswarm/testing";
 *
 * await fc.assert(actorAgreesWithModel({ maxCommands: 20 }), { numRuns: 20, seed: 1 });
 * ```
 */
export function actorAgreesWithModel(
	options: ActorModelOptions = {},
): fc.IAsyncPropertyWithHooks<[ModelStart, Commands]> {
	return fc.asyncProperty(actorStarts(options.specs), actorCommands(options), (start, commands) =>
		runActorModel(start, commands, options),
	);
}

/** What {@link checkModel} is given. */
export interface CheckModelOptions extends Omit<ActorModelOptions, "tally"> {
	/** Where the cases come from, a 32-bit integer; default 1. */
	readonly seed?: number;
	/** How many runs, from 1; default 100. */
	readonly runs?: number;
	/** Whether to leave a failing case as it was found, which is quicker; by default it is made small. */
	readonly endOnFailure?: boolean;
	/** As a failure printed it: begins with that case. */
	readonly path?: string;
}

/** What {@link checkModel} found. */
export interface ModelReport extends ModelTally {
	readonly failed: boolean;
	readonly seed: number;
	/** Runs until the first that failed, that one included. */
	readonly runs: number;
	/** How often the failing case was made smaller. */
	readonly shrinks: number;
	/** With a failure: what differs, how the run began and what was asked, one line each. */
	readonly counterexample?: string;
	/** The same, as it can be given to {@link playRequests}: smaller still than what seed and path lead to. */
	readonly failure?: Pick<ModelDisagreement, "problem" | "start" | "requests">;
	readonly path?: string;
	readonly replayPath?: string;
}

/**
 * Compares an actor with the reference model in so many runs, and reports instead of throwing. It stops
 * at the first failure.
 *
 * @returns `failed`, what was run, and the failing case with all that is needed to see it again
 *
 * @example
 * ```ts
 * import { checkModel } from "dagswarm/testing";
 *
 * const { failed, counterexample } = await checkModel({ seed: 7, runs: 20, maxCommands: 20 });
 * failed; // false
 * counterexample; // undefined: there is none
 * ```
 */
export async function checkModel(options: CheckModelOptions = {}): Promise<ModelReport> {
	const { seed = 1, runs = 100, endOnFailure = false, path, ...rest } = options;
	const tally: ModelTally = { commands: 0, refused: 0, patches: 0, accepted: 0 };
	const details = await fc.check(actorAgreesWithModel({ ...rest, tally }), {
		seed,
		numRuns: runs,
		endOnFailure,
		...(path !== undefined && { path }),
	});
	const found = { failed: details.failed, seed: details.seed, runs: details.numRuns, shrinks: details.numShrinks };
	if (!details.failed) return { ...tally, ...found };
	let error: unknown = details.errorInstance;
	if (error instanceof ModelDisagreement && !endOnFailure) error = (await reduceCase(error, rest)) ?? error;
	const replayPath = /replayPath="([^"]*)"/.exec(String(details.counterexample?.[1]))?.[1];
	return {
		...tally,
		...found,
		counterexample: error instanceof Error ? error.message : String(error),
		...(error instanceof ModelDisagreement && { failure: error }),
		...(details.counterexamplePath !== null && { path: details.counterexamplePath }),
		...(replayPath !== undefined && { replayPath }),
	};
}
