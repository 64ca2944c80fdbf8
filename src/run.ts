import type { Clock } from "./core/clock.js";
import { type ErrorInfo, SwarmError } from "./core/errors.js";
import { type ReadOptions, wantedTypes } from "./core/event-log.js";
import type { NodeId, RunId } from "./core/ids.js";
import { toDot, toMermaid } from "./diagram.js";
import { readBoth } from "./event-reader.js";
import { type Answer, GraphActor } from "./graph/actor.js";
import type { Command } from "./graph/command.js";
import { explain } from "./graph/explain.js";
import { ask } from "./graph/handle.js";
import { withIds } from "./graph/name-nodes.js";
import { show } from "./graph/spec.js";
import type { RunState } from "./graph/state.js";
import type { Blocked, Patch, PatchOptions, RunEvent, RunEventType, Snapshot } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import { outcomeOf, type RunOutcome } from "./outcome.js";
import type { DeliveryResult } from "./ports/delivery-loop.js";
import type { GraphTypes } from "./swarm-options.js";
import { RunView } from "./view.js";

/** A run that has ended, as its journal tells it. */
export function endedRun(
	state: RunState,
	{ createdAt }: { readonly createdAt: number },
	{ clock, journal }: { readonly clock: Clock; readonly journal: Journal | undefined },
	deliver?: (actor: GraphActor, outcome: RunOutcome) => Promise<DeliveryResult | undefined>,
): RunHandle {
	const { actor } = GraphActor.create({ recovered: { state }, clock, eventBuffer: 1 });
	actor.log.close();
	const outcome = outcomeOf(actor, { attempts: attemptsOf(state), leaked: 0, wallMs: state.at - createdAt });
	return new RunHandle(actor, Promise.resolve(outcome), journal, undefined, deliver?.(actor, outcome));
}

/** Calls of functions, as the nodes count them: in processes before this one, too. */
export function attemptsOf({ graph }: RunState): number {
	let attempts = 0;
	for (let n = 0; n < graph.size; n++) attempts += graph.nodes.attempt(n);
	return attempts;
}

/**
 * A run that was started: what can be seen of it and done to it. Requests that are refused throw a
 * {@link SwarmError} and change nothing.
 *
 * @typeParam Types - what is known of its outputs, where its graph is made by {@link defineGraph}
 */
export class RunHandle<Types extends GraphTypes = GraphTypes> {
	readonly id: RunId;
	readonly #actor: GraphActor;
	readonly #result: Promise<RunOutcome>;
	#view: RunView | undefined;

	readonly #journal: Journal | undefined;
	readonly #delivered: Promise<DeliveryResult | undefined>;
	readonly #flushed: () => Promise<void>;

	/** @internal Runs are made by `swarm.start`. */
	constructor(
		actor: GraphActor,
		result: Promise<RunOutcome>,
		journal: Journal | undefined,
		flushed: () => Promise<void> = () => Promise.resolve(),
		delivered: Promise<DeliveryResult | undefined> = Promise.resolve(undefined),
	) {
		this.#delivered = delivered;
		this.id = actor.state.run;
		this.#journal = journal;
		this.#flushed = async () => {
			try {
				await flushed();
			} catch (error) {
				throw actor.poison ?? error;
			}
		};
		this.#actor = actor;
		this.#result = result;
	}

	/** What came of the run, once it has ended and its functions have returned. Never rejects. */
	result(): Promise<RunOutcome> {
		return this.#result;
	}

	/**
	 * How the delivery of what the run came to went, where its swarm has the port: once it was taken, or is given up. It
	 * comes after the result. Never rejects.
	 *
	 * @returns undefined where there is nothing to deliver to, or this process let go of the run
	 */
	delivered(): Promise<DeliveryResult | undefined> {
		return this.#delivered;
	}

	/**
	 * Reads the run's events as they come: from the first when opened in the same tick as the run was
	 * started, otherwise from the next one or from `from`. With a journal a reader that falls behind reads on there.
	 *
	 * @throws SwarmError in the loop: `LAGGED` with `from`, when the reader was too slow and there is no journal;
	 * `SEQ_PRUNED` when the journal does not keep the event any more
	 */
	events<Type extends RunEventType = RunEventType>(
		options: ReadOptions<Type> = {},
	): AsyncGenerator<Extract<RunEvent, { readonly type: Type }>, void, undefined> {
		const { log } = this.#actor;
		return this.#journal === undefined ? log.read<Type>(options) : this.#readOn<Type>(this.#journal, options);
	}

	/** What the memory has, and where that begins too late what the journal has. */
	#readOn<Type extends RunEventType>(
		journal: Journal,
		options: ReadOptions<Type>,
	): AsyncGenerator<Extract<RunEvent, { readonly type: Type }>, void, undefined> {
		const { log } = this.#actor;
		const wanted = wantedTypes(options);
		// Opened now, and not when the loop begins: what happens until then belongs to the reader.
		const first = options.from ?? log.next;
		const live = log.read({ from: Math.max(first, log.first) });
		return readBoth(journal, this.id, log, live, first, wanted, this.#flushed) as AsyncGenerator<
			Extract<RunEvent, { readonly type: Type }>,
			void,
			undefined
		>;
	}

	/**
	 * The output of any completed node; undefined when it has none.
	 *
	 * @throws SwarmError `UNKNOWN_NODE`
	 */
	output<Id extends keyof Types["outputs"] & NodeId>(id: Id): Types["outputs"][Id] | undefined;
	output(id: NodeId): unknown;
	output(id: NodeId): unknown {
		const n = this.#number(id);
		return this.#actor.state.graph.outputOf(n);
	}

	/** Why a node failed, or its last attempt did. */
	error(id: NodeId): ErrorInfo | undefined {
		return this.#actor.state.graph.extras.get(this.#number(id))?.error;
	}

	/** The committed state: frozen, and shared with other snapshots where nothing changed. */
	snapshot(): Snapshot {
		return this.#actor.snapshot();
	}

	/** A live view for user interfaces. */
	view(): RunView {
		this.#view ??= new RunView(this.#actor);
		return this.#view;
	}

	/**
	 * Changes the graph: all of the patch or nothing.
	 *
	 * @param options - `key`: applied once; `expect`: the states that nodes must be in
	 * @throws SwarmError `CYCLE`, `DUPLICATE_NODE`, `UNKNOWN_NODE`, `UNKNOWN_DEPENDENCY`, `UNKNOWN_AGENT`,
	 * `ILLEGAL_STATE`, `INVALID_SPEC`, `INVALID_INPUT`, `EXPECTATION_FAILED`, `LIMIT_EXCEEDED`, `RUN_ENDED`, `OVERLOADED`
	 */
	async mutate(patch: Patch, options: PatchOptions = {}): Promise<void> {
		await this.#do({
			type: "mutate",
			patch: {
				mutations: withIds(this.#actor.ids, patch),
				...(options.expect !== undefined && { expect: options.expect }),
			},
			...(options.key !== undefined && { key: options.key }),
		});
	}

	/** No attempt starts until {@link resume}; those that run go on. @throws SwarmError `RUN_ENDED` */
	async pause(): Promise<void> {
		await this.#do({ type: "pause" });
	}

	/** @throws SwarmError `RUN_ENDED` */
	async resume(): Promise<void> {
		await this.#do({ type: "resume" });
	}

	/** Ends the run: signals abort, nothing starts any more. Harmless when it has ended. */
	async cancel(reason = "cancelled"): Promise<RunOutcome> {
		if (!this.#actor.state.ended) {
			await this.#end({
				type: "cancel",
				status: "cancelled",
				reason: typeof reason === "string" ? reason : show(reason),
			});
		}
		return this.#result;
	}

	/** Lets a run that was started with `open` end when nothing is left to do. */
	async close(): Promise<void> {
		await this.#end({ type: "close" });
	}

	/** Whose journal fails, then or now, has ended already: its result says why. */
	async #end(command: Command): Promise<void> {
		if (this.#actor.poison !== undefined) return;
		try {
			await this.#do(command);
		} catch (error) {
			if (this.#actor.poison === undefined) throw error;
		}
	}

	/**
	 * Wakes the node that has waited longest for this signal; kept when none waits.
	 *
	 * @param options - `node`: for this node only
	 * @throws SwarmError `UNKNOWN_NODE`, `RUN_ENDED`
	 */
	async signal(name: string, payload?: unknown, options: { readonly node?: NodeId } = {}): Promise<void> {
		await this.#do({ type: "signal", name, payload, ...(options.node !== undefined && { node: options.node }) });
	}

	/** Answers a node that waits for approval. @throws SwarmError `UNKNOWN_NODE`, `ILLEGAL_STATE`, `RUN_ENDED` */
	async approve(node: NodeId, answer: { readonly by?: string; readonly data?: unknown } = {}): Promise<void> {
		await this.#do({ type: "answer", node, wake: { kind: "approved", ...answer } });
	}

	/** Answers a node that waits for approval: its request throws `REJECTED`. @throws SwarmError `UNKNOWN_NODE`, `ILLEGAL_STATE`, `RUN_ENDED` */
	async reject(node: NodeId, answer: { readonly by?: string; readonly reason?: string } = {}): Promise<void> {
		await this.#do({ type: "answer", node, wake: { kind: "rejected", ...answer } });
	}

	/** Why a node stands where it does, and the nodes that stand in its way. @throws SwarmError `UNKNOWN_NODE` */
	explain(id: NodeId): Blocked {
		return explain(this.#actor.state, this.#number(id));
	}

	/** The graph as it is now, as a Mermaid flowchart. */
	toMermaid(): string {
		return toMermaid(this.snapshot());
	}

	/** The graph as it is now, in the DOT language of Graphviz. */
	toDot(): string {
		return toDot(this.snapshot());
	}

	#number(id: NodeId): number {
		this.#actor.assertSound();
		const n = this.#actor.state.graph.index.get(id);
		if (n === undefined) throw new SwarmError("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] });
		return n;
	}

	async #do(command: Command): Promise<void> {
		const answer: Answer = await ask(this.#actor, command);
		if ("code" in answer) throw SwarmError.from(answer);
	}
}
