import fc from "fast-check";
import { graphs } from "../arbitraries/graphs.js";
import type { SpecConstraints } from "../arbitraries/raw-node.js";
import type { MutationWeights } from "../arbitraries/raw-patch.js";
import { ActorRun, type ModelRunOptions } from "./actor-run.js";
import type { ActorHandle, ModelStart } from "./actor-side.js";
import { aimRequest, type RequestTerms } from "./aim-request.js";
import { type ModelRequest, sourceOf } from "./model-request.js";
import { type RawRequest, type RequestWeights, rawRequests } from "./raw-request.js";

/** What the commands of a run are like. */
export interface ActorCommandOptions {
	/** Most commands of one run, those included that turn out to have no meaning; default 60. */
	readonly maxCommands?: number;
	/** Which kinds of command come how often. */
	readonly weights?: RequestWeights;
	/** Which types of mutation come how often. */
	readonly mutations?: MutationWeights;
	/** What the nodes are like that patches add; by default as varied as can be. */
	readonly specs?: SpecConstraints;
	/** The share of mutations that are wrong on purpose, 0 to 1; default 0.04. */
	readonly illegal?: number;
	/** As a failure printed it: leaves out the commands that were not run then. */
	readonly replayPath?: string;
}

const SPECS: SpecConstraints = {
	onFailure: ["skip", "block", "skip", "block", "skip", "block", "skip", "failRun"],
	timeouts: true,
	estimates: false,
	speculative: ["hold", "eager"],
	rights: true,
	aliases: true,
	references: true,
};

/** A command whose meaning is decided when its turn comes, and is the same whenever it comes to that. */
class ActorCommand implements fc.AsyncCommand<ActorRun, ActorHandle> {
	#request: ModelRequest | undefined;

	constructor(
		private readonly raw: RawRequest,
		private readonly terms: RequestTerms,
	) {}

	check(run: Readonly<ActorRun>): boolean {
		this.#request = aimRequest(this.raw, run.side, this.terms);
		return this.#request !== undefined;
	}

	async run(run: ActorRun): Promise<void> {
		if (this.#request !== undefined) await run.give(this.#request);
	}

	toString(): string {
		return this.#request === undefined ? this.raw.kind : sourceOf(this.#request);
	}

	/** While a failing case shrinks, each try needs commands that remember their own meaning. */
	[fc.cloneMethod](): ActorCommand {
		return new ActorCommand(this.raw, this.terms);
	}
}

/**
 * Commands for {@link runActorModel}: claims, outcomes, patches, waits and whatever else a handle takes,
 * most of them legal whatever came before, and some wrong in every way. Each prints as one line that
 * can be kept for {@link playRequests}.
 *
 * @param options - how many, which and how wrong; `replayPath` to see a failure again
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { actorCommands, runActorModel } from "dagswarm/testing";
 *
 * const [commands = []] = fc.sample(actorCommands({ maxCommands: 10 }), { numRuns: 1, seed: 3 });
 * await runActorModel({ nodes: [{ id: "a", agent: "work" }] }, commands);
 * String(commands).startsWith("{ type: "); // true: each as playRequests takes it
 * ```
 */
export function actorCommands(
	options: ActorCommandOptions = {},
): fc.Arbitrary<Iterable<fc.AsyncCommand<ActorRun, ActorHandle>>> {
	const { maxCommands = 60, weights = {}, mutations, specs = SPECS, illegal = 0.04, replayPath } = options;
	const command = rawRequests(weights, specs, mutations).map((raw) => new ActorCommand(raw, { specs, illegal }));
	return fc.commands([command], { maxCommands, size: "max", ...(replayPath !== undefined && { replayPath }) });
}

const NO_LIMITS = {};

/**
 * How runs begin: a graph, limits on what agents may make of it, and whether it stays open.
 *
 * @param specs - what the nodes are like; by default as varied as can be
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { actorStarts, ReferenceModel } from "dagswarm/testing";
 *
 * fc.assert(fc.property(actorStarts(), (start) => new ReferenceModel(start).nodes.size === start.nodes.length));
 * ```
 */
export function actorStarts(specs: SpecConstraints = SPECS): fc.Arbitrary<ModelStart> {
	const limits = fc.constantFrom<Omit<ModelStart, "nodes">>(
		NO_LIMITS,
		NO_LIMITS,
		NO_LIMITS,
		NO_LIMITS,
		{ maxNodes: 5 },
		{ maxDepth: 1 },
		{ maxPatchSize: 5 },
		{ open: false },
	);
	return fc.tuple(graphs({ ...specs, maxNodes: 10 }), limits).map(([nodes, bounds]) => ({ nodes, ...bounds }));
}

/**
 * Runs commands against an actor and the model side by side. After each they must have given the same
 * answer and look the same, and a command that was refused must have changed nothing; at the end the
 * trace is judged and folded.
 *
 * @throws ModelDisagreement
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { actorCommands, actorStarts, runActorModel } from "dagswarm/testing";
 *
 * await fc.assert(
 *   fc.asyncProperty(actorStarts(), actorCommands({ maxCommands: 20 }), (start, commands) =>
 *     runActorModel(start, commands),
 *   ),
 *   { numRuns: 20, seed: 1 },
 * );
 * ```
 */
export async function runActorModel(
	start: ModelStart,
	commands: Iterable<fc.AsyncCommand<ActorRun, ActorHandle>>,
	options: ModelRunOptions = {},
): Promise<void> {
	const run = new ActorRun(start, options);
	await fc.asyncModelRun(() => ({ model: run, real: run.actor.handle }), commands);
	run.finish();
}
