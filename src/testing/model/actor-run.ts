import type { ActorConfig } from "../../graph/actor-config.js";
import type { Lease, Reply, SkipCause } from "../../graph/types.js";
import { foldProblem } from "../fold.js";
import { judgeTrace } from "../trace-oracle.js";
import { type ActorFactory, ActorSide, type ModelStart } from "./actor-side.js";
import { answerDifference, difference, sameValue } from "./difference.js";
import { type ModelRequest, sourceOf } from "./model-request.js";
import { ModelSide } from "./model-side.js";
import type { ModelClaim } from "./reference-model.js";
import { StateImage } from "./state-image.js";

/** What was given in some runs, and what came of it. */
export interface ModelTally {
	/** Commands that both sides were given. */
	commands: number;
	/** Those among them that were refused. */
	refused: number;
	/** Patches of several mutations from outside, while the run had not ended. */
	patches: number;
	/** Those among them that were accepted. */
	accepted: number;
}

/** How actor and model are compared. */
export interface ModelRunOptions {
	/** Makes what is compared with the model; default `GraphActor.create`. */
	readonly create?: ActorFactory;
	/** How closely the actor checks itself; default `full`. With `off` everything is left to the model. */
	readonly check?: ActorConfig["check"];
	/** Is added to. */
	readonly tally?: ModelTally;
}

/** The actor did what the model does not. Its message holds the case, as source that can be kept. */
export class ModelDisagreement extends Error {
	override readonly name = "ModelDisagreement";

	constructor(
		/** What differs. */
		readonly problem: string,
		/** How the run began. */
		readonly start: ModelStart,
		/** What was asked, up to where they differ. */
		readonly requests: readonly ModelRequest[],
		options?: ErrorOptions,
	) {
		super(`${problem}\n${[start, ...requests].map((each) => `  ${sourceOf(each)},`).join("\n")}`, options);
	}
}

/** An actor and the model side by side: each request goes to both, and afterwards they must look the same. */
export class ActorRun {
	readonly actor: ActorSide;
	readonly side: ModelSide;
	/** What was asked so far. */
	readonly requests: ModelRequest[] = [];
	/** The number of the request that was granted each lease. */
	readonly claims: number[] = [];
	readonly #tally: ModelTally | undefined;
	readonly #before = new StateImage();
	readonly #after = new StateImage();
	/** Whether anything has changed since the first of them was taken. */
	#changed = true;

	/** @throws ModelDisagreement; Error when both refuse the graph */
	constructor(
		readonly start: ModelStart,
		options: ModelRunOptions = {},
	) {
		this.#tally = options.tally;
		const actor = attempted(() => new ActorSide(start, options.create, options.check));
		const causeOf = (id: string): SkipCause | undefined => actor.made?.handle.snapshot().get(id)?.skipped?.cause;
		const side = attempted(() => new ModelSide(start, causeOf));
		if (side.made === undefined) {
			if (actor.made === undefined) throw new Error("the graph is refused", { cause: actor.error });
			throw new ModelDisagreement(`the actor takes a graph that the model refuses: ${side.error}`, start, []);
		}
		if (actor.made === undefined) throw new ModelDisagreement(`the actor broke: ${actor.error}`, start, []);
		this.actor = actor.made;
		this.side = side.made;
		this.#guarded(() => this.#demand(difference(this.actor.handle, this.side.model)));
	}

	/** @throws ModelDisagreement; Error when the request names a lease that was never granted */
	async give(request: ModelRequest): Promise<void> {
		const { actor, side } = this;
		if ("lease" in request && side.leases[request.lease] === undefined)
			throw new Error(`there is no lease ${request.lease}: ${side.leases.length} were granted`);
		this.requests.push(request);
		if (this.#changed) this.#look(this.#before);
		this.#changed = true;
		const ended = side.model.isEnded;
		const real = await actor.give(request).catch((error: unknown) => this.#broken(error));
		const answer = side.give(request);
		if (answer.lease !== undefined) this.claims.push(this.requests.length - 1);
		this.#count(request, ended, answer);
		this.#demand(answerDifference(request, real, answer) ?? leaseDifference(real, answer));
		this.#guarded(() => this.#compare(request, real));
	}

	#compare(request: ModelRequest, real: Reply): void {
		this.#demand(difference(this.actor.handle, this.side.model));
		// A claim whose input leads nowhere has failed the attempt.
		const fails = request.type === "claim" && !real.ok && real.code === "INVALID_INPUT";
		if (real.ok || fails) return;
		this.#look(this.#after);
		if (!this.#after.equals(this.#before)) this.#demand("a refused command left something behind");
		this.#changed = false;
	}

	/** What must be as before when a command is refused. */
	#look(image: StateImage): void {
		const { actor, events, handle } = this.actor;
		const seen = [events.length, ...handle.ready()];
		if (actor === undefined) image.take([...seen, JSON.stringify(handle.snapshot())], undefined);
		else image.take(seen, actor.state);
	}

	/** The run is over: its events must tell a story that can have happened, and fold into its state. */
	finish(): void {
		const { events, handle, actor } = this.actor;
		const gap = events.find(({ seq }, i) => seq !== i + 1);
		this.#demand(gap && `event ${gap.seq} is out of order`);
		this.#demand(judgeTrace(events)[0]);
		this.#guarded(() => {
			this.#demand(foldProblem(events, handle.snapshot(), actor?.state));
		});
	}

	#count(request: ModelRequest, ended: boolean, { refused }: ModelClaim): void {
		if (this.#tally === undefined) return;
		this.#tally.commands++;
		if (refused !== undefined) this.#tally.refused++;
		if (request.type !== "mutate" || request.patch.mutations.length < 2 || ended) return;
		this.#tally.patches++;
		if (refused === undefined) this.#tally.accepted++;
	}

	#demand(problem: string | undefined): void {
		if (problem !== undefined) throw new ModelDisagreement(problem, this.start, [...this.requests]);
	}

	#broken(error: unknown): never {
		const problem = `the actor broke: ${error instanceof Error ? error.message : String(error)}`;
		throw new ModelDisagreement(problem, this.start, [...this.requests], { cause: error });
	}

	#guarded<Value>(look: () => Value): Value {
		try {
			return look();
		} catch (error) {
			if (error instanceof ModelDisagreement) throw error;
			return this.#broken(error);
		}
	}
}

function attempted<Made>(make: () => Made): { readonly made?: Made; readonly error?: unknown } {
	try {
		return { made: make() };
	} catch (error) {
		return { error };
	}
}

type ActorReply = Reply<{ readonly input?: unknown; readonly lease?: Lease }>;

function leaseDifference(real: ActorReply, model: ModelClaim): string | undefined {
	if (!real.ok || real.lease === undefined || model.lease === undefined) return undefined;
	const { attempt, node } = real.lease;
	if (node !== model.lease.node || attempt !== model.lease.attempt)
		return `the lease is of attempt ${attempt} of ${node}, and not of ${model.lease.attempt} of ${model.lease.node}`;
	if (sameValue(real.input, model.input)) return undefined;
	return `the input is ${sourceOf(real.input)} and not ${sourceOf(model.input)}`;
}

/**
 * Plays a case that was kept: gives each request to an actor and to the model, compares them after
 * each, and judges the events at the end.
 *
 * @throws ModelDisagreement with the case up to where they differ
 *
 * @example
 * ```ts
 * import { playRequests } from "dagswarm/testing";
 *
 * await playRequests({ nodes: [{ id: "a", agent: "work", retry: 2 }] }, [
 *   { type: "claim", id: "a" },
 *   { type: "fail", lease: 0 },
 *   { type: "claim", id: "a" },
 *   { type: "complete", lease: 0 }, // stale: both refuse it
 *   { type: "complete", lease: 1, output: 42 },
 * ]);
 * ```
 */
export async function playRequests(
	start: ModelStart,
	requests: readonly ModelRequest[],
	options: ModelRunOptions = {},
): Promise<void> {
	const run = new ActorRun(start, options);
	for (const request of requests) await run.give(request);
	run.finish();
}
