import { checkFit } from "./answer-check.js";
import { type ApprovalsOptions, readApprovals } from "./approval-reader.js";
import type { Chunk } from "./core/chunk-log.js";
import type { Clock } from "./core/clock.js";
import { type ErrorInfo, SwarmError } from "./core/errors.js";
import type { ReadOptions } from "./core/event-log.js";
import type { NodeId, RunId } from "./core/ids.js";
import { toDot, toMermaid } from "./diagram.js";
import type { Question } from "./executor/question.js";
import { type Answer, GraphActor } from "./graph/actor.js";
import { type AnswerTo, type ApprovalAnswer, approvalOf, type RejectionAnswer, rejectionOf } from "./graph/answers.js";
import type { Command } from "./graph/command.js";
import { explain } from "./graph/explain.js";
import { ask } from "./graph/handle.js";
import { withIds } from "./graph/name-nodes.js";
import { show } from "./graph/spec.js";
import type { RunState } from "./graph/state.js";
import type { Blocked, Patch, PatchOptions, RunEvent, RunEventType, Snapshot } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import type { StreamItem } from "./merged-reader.js";
import { outcomeOf, type RunOutcome } from "./outcome.js";
import type { DeliveryResult } from "./ports/delivery-loop.js";
import { type ChunkOptions, checkStream, RunReaders, type StreamOf, type StreamOptions } from "./run-readers.js";
import { optionsOf } from "./run-settings.js";
import type { GraphTypes } from "./swarm-options.js";
import { RunView } from "./view.js";
import { type WaitingApproval, type WaitingFilter, type WaitingNode, waitingIn } from "./waiting-list.js";

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
	const delivered = deliver?.(actor, outcome);
	const readers = new RunReaders(actor, journal);
	return new RunHandle(actor, Promise.resolve(outcome), readers, delivered === undefined ? {} : { delivered });
}

/** Calls of functions, as the nodes count them: in processes before this one, too. */
export function attemptsOf({ graph }: RunState): number {
	let attempts = 0;
	for (let n = 0; n < graph.size; n++) attempts += graph.nodes.attempt(n);
	return attempts;
}

/** What a run that goes on in this process has beside its graph. */
export interface RunLinks {
	readonly delivered?: Promise<DeliveryResult | undefined>;
	/** What its functions have asked that not every answer fits. */
	readonly questions?: ReadonlyMap<NodeId, Question>;
	/** Why nothing can be asked of it: it was only planned. */
	readonly refusal?: SwarmError;
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

	readonly #readers: RunReaders;
	readonly #delivered: Promise<DeliveryResult | undefined>;
	readonly #questions: ReadonlyMap<NodeId, Question>;
	readonly #refusal: SwarmError | undefined;

	/** @internal Runs are made by `swarm.start`. */
	constructor(
		actor: GraphActor,
		result: Promise<RunOutcome>,
		readers: RunReaders,
		{ delivered = Promise.resolve(undefined), questions = new Map(), refusal }: RunLinks = {},
	) {
		this.#delivered = delivered;
		this.#questions = questions;
		this.#refusal = refusal;
		this.id = actor.state.run;
		this.#readers = readers;
		this.#actor = actor;
		this.#result = result;
	}

	/** The run and the node in it that called this one; undefined for a run that the host has started. */
	get parent(): { readonly run: RunId; readonly node: NodeId } | undefined {
		const { parent } = optionsOf(this.#actor.state.settings);
		return parent && { run: parent.run, node: parent.node };
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
		return this.#readers.events(options) as AsyncGenerator<RunEvent> as AsyncGenerator<
			Extract<RunEvent, { readonly type: Type }>,
			void,
			undefined
		>;
	}

	/**
	 * Reads what agents let out with `ctx.emit` before their outputs: first what the memory still has, then what comes,
	 * until the run has ended. A chunk with `persist` comes when it is kept; the chunks of an attempt come in order.
	 *
	 * @param options - `node`: of this node only; `from`: from this event on, with what the journal keeps
	 * @throws SwarmError `INVALID_OPTION`; in the loop: `LAGGED`, unless `onLag` is `"skip"`; with `from` also what
	 * {@link events} throws
	 */
	chunks(options: ChunkOptions = {}): AsyncGenerator<Chunk, void, undefined> {
		checkStream(options);
		return this.#readers.chunks(options);
	}

	/**
	 * Reads events and chunks together, in the order in which they happened: for a user interface. It begins where
	 * {@link events} does. A chunk with `persist` comes as a chunk with `seq`, in place of its event.
	 *
	 * @param options - `from`: the first event wanted; `node`: what is about this node only; `types`: `"chunk"` for chunks
	 * @throws SwarmError `INVALID_OPTION`; in the loop what {@link events} and {@link chunks} throw
	 */
	stream<Type extends StreamItem["type"] = StreamItem["type"]>(options: StreamOptions<Type> = {}): StreamOf<Type> {
		checkStream(options);
		return this.#readers.stream(options) as AsyncGenerator<StreamItem> as StreamOf<Type>;
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
		this.#view ??= new RunView(this.#actor, this.#readers);
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
		if (!this.#actor.state.ended && this.#refusal === undefined) {
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
		if (this.#actor.poison !== undefined || this.#refusal !== undefined) return;
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

	/**
	 * Answers a node that waits for approval with a yes. What does not fit the request's schema or choices is refused, and
	 * the node waits on. Of several answers the first counts.
	 *
	 * @param answer - `by`: who says so; `data`: what was asked for; `name`, `since`: to this question only, where the node
	 * may have asked another one by now
	 * @throws SwarmError `INVALID_INPUT` with the path in the data, also where the schema itself fails; `ILLEGAL_STATE` when
	 * the node waits for no approval, for another one or not any more; `UNKNOWN_NODE`, `RUN_ENDED`
	 */
	async approve(node: NodeId, answer: ApprovalAnswer = {}): Promise<void> {
		const question = this.#questions.get(node);
		const fit = question && checkFit(this.#actor.state, this.#questions, node, question, answer);
		if (fit !== undefined) await fit;
		await this.#do(approvalOf(node, answer));
	}

	/**
	 * Answers `ctx.ask` of a node: the short form of {@link approve} with the text as its data.
	 *
	 * @throws SwarmError what {@link approve} throws
	 */
	answer(node: NodeId, text: string, options: AnswerTo = {}): Promise<void> {
		return this.approve(node, { ...options, data: text });
	}

	/**
	 * Answers a node that waits for approval with a no: its request throws `REJECTED`.
	 *
	 * @param answer - `by`: who says so; `reason`: why; `name`, `since`: to this question only
	 * @throws SwarmError `ILLEGAL_STATE`, `UNKNOWN_NODE`, `INVALID_INPUT`, `RUN_ENDED`
	 */
	async reject(node: NodeId, answer: RejectionAnswer = {}): Promise<void> {
		await this.#do(rejectionOf(node, answer));
	}

	/**
	 * What waits, and for whom: approvals, signals, sleeps and called runs, the longest first. It costs what waits, however
	 * large the graph is.
	 *
	 * @param filter - `kind`: of this kind only; `to`: approvals for this person or group only
	 */
	waiting(filter: WaitingFilter = {}): WaitingNode[] {
		this.#actor.assertSound();
		return waitingIn(this.#actor.state, filter);
	}

	/**
	 * Reads the questions of this run: those that wait now, oldest first, and then each that comes, until the run has ended
	 * or this process lets go of it. Each comes once; one that is asked anew, with a `problem`, comes again. What is
	 * answered before its turn does not come at all. Questions of runs that were called are theirs.
	 *
	 * @param options - `to`: for this person or group only
	 * @throws SwarmError in the loop: why the run was stopped, where its journal failed or another process took it over
	 *
	 * @example
	 * ```ts
	 * import { createSwarm, defineAgent } from "dagswarm";
	 *
	 * const buy = defineAgent({ name: "buy", run: async (item: string, ctx) => ctx.ask(`buy ${item}?`) });
	 * const run = createSwarm({ agents: [buy] }).start({ nodes: [{ id: "b", agent: "buy", input: "bees" }] });
	 * for await (const { node, reason, since } of run.approvals())
	 *   await run.answer(node, reason === "buy bees?" ? "ten" : "none", { since });
	 * (await run.result()).outputs["b"]; // "ten"
	 * ```
	 */
	approvals(options: ApprovalsOptions = {}): AsyncGenerator<WaitingApproval, void, undefined> {
		return readApprovals(this.#actor, options);
	}

	/**
	 * Leaves a message for the agent of a node, which finds it in `ctx.inbox()`. A node that waits is not woken by it.
	 *
	 * @param message - plain data
	 * @throws SwarmError `UNKNOWN_NODE`, `ILLEGAL_STATE` for a node that has ended, `INVALID_INPUT`, `LIMIT_EXCEEDED` beyond
	 * 100 messages, `RUN_ENDED`
	 */
	async steer(node: NodeId, message: unknown): Promise<void> {
		await this.#do({ type: "steer", node, payload: message });
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
		if (this.#refusal !== undefined) throw this.#refusal;
		const answer: Answer = await ask(this.#actor, command);
		if ("code" in answer) throw SwarmError.from(answer);
	}
}
