import type { Duration } from "../core/durations.js";
import { type ErrorInfo, SwarmError } from "../core/errors.js";
import type { SchemaOutput, StandardSchema } from "../core/standard-schema.js";
import { checkUsage, type Usage } from "../core/usage.js";
import type { Settled } from "../graph/dependencies.js";
import type { Wait, Wake } from "../graph/types.js";
import { AgentGraph } from "./agent-graph.js";
import { AgentWaits, heard } from "./agent-waits.js";
import type { Attempt } from "./attempt.js";
import {
	AttemptCalls,
	type Callable,
	type CallOptions,
	type Tool,
	type ToolRequest,
	type ToolResult,
} from "./calls.js";
import { Checkpoint } from "./checkpoint.js";
import { type BudgetView, NO_BUDGET } from "./control.js";
import { Emission, type EmitOptions } from "./emission.js";
import { type AnyDeps, depsOf } from "./needs.js";
import type { Answered, Approval, ApprovalRequest, AskOptions, ChoiceRequest, SchemaRequest } from "./question.js";
import { withinStep } from "./step-scope.js";

/** What an agent has touched. */
interface Made {
	checkpoint?: Checkpoint;
	emission?: Emission;
	/** Names of steps that this attempt has used. */
	steps?: Set<string>;
	calls?: AttemptCalls;
	graph?: AgentGraph;
	deps?: AnyDeps;
	settled?: Readonly<Record<string, Settled>>;
	waits?: AgentWaits;
	/** How many messages it has taken from its inbox. */
	taken?: number;
}

/**
 * What an agent is given beside its input. Everything that costs something is made when it is touched.
 *
 * @typeParam Deps - outputs of dependencies by name, where the agent declares them
 */
export class AgentContext<Deps = AnyDeps> {
	readonly #attempt: Attempt;
	#made: Made | undefined;

	constructor(attempt: Attempt) {
		this.#attempt = attempt;
		const { actor } = attempt.run;
		// A join that starts early: what is there is what was there at the lease.
		if (actor.leases.hasOpen(attempt.lease)) {
			this.#made = { deps: depsOf(attempt), settled: actor.leases.settled(attempt.lease) };
		}
		const waited = actor.leases.waited(attempt.lease);
		if (waited !== undefined) {
			this.#made ??= {};
			this.#made.waits = new AgentWaits(attempt, waited);
		}
	}

	get runId(): string {
		return this.#attempt.run.actor.state.run;
	}

	get nodeId(): string {
		return this.#attempt.lease.node;
	}

	/** From 1. */
	get attempt(): number {
		return this.#attempt.lease.attempt;
	}

	/**
	 * The same for every attempt of this node, in whatever process: hand it to services that take a key for doing a
	 * thing once.
	 */
	get idempotencyKey(): string {
		// A run's id may hold a slash, too: two runs never share a key.
		return `${this.runId.replaceAll("%", "%25").replaceAll("/", "%2F")}/${this.nodeId}`;
	}

	/** Whether an attempt before this one was ended by its process: parts of the work may have been done. */
	get resumed(): boolean {
		const { run, lease } = this.#attempt;
		return run.actor.leases.isResumed(lease);
	}

	/** Saved progress, for work that takes long. */
	get checkpoint(): Checkpoint {
		this.#made ??= {};
		this.#made.checkpoint ??= new Checkpoint(this.#attempt);
		return this.#made.checkpoint;
	}

	/**
	 * Does a part of the work once: its result is recorded, and later attempts of this node get it without calling the
	 * function again. Steps may run side by side. A step that throws is not recorded. One whose process dies between
	 * its effect and its record runs again: for effects that must not happen twice, hand on the idempotency key.
	 *
	 * @param name - unique in this node
	 * @param run - gives plain data
	 * @returns what the function gave, now or in an earlier attempt
	 * @throws SwarmError `DUPLICATE_STEP` for a name used twice, `INVALID_OUTPUT`, `LIMIT_EXCEEDED` beyond 10,000 steps,
	 * `STALE_LEASE` when the attempt is over; and what the function throws
	 */
	step<Result>(name: string, run: () => Result | PromiseLike<Result>): Promise<Result> {
		const done: Promise<Result> = this.#step(name, run).catch((error: unknown) => {
			// Of an attempt that is over nobody may wait any more; what goes wrong in one that runs is to be heard.
			if (!this.#attempt.isCurrent) done.catch(noop);
			throw error;
		});
		return done;
	}

	async #step<Result>(name: string, run: () => Result | PromiseLike<Result>): Promise<Result> {
		this.#made ??= {};
		this.#made.steps ??= new Set();
		const { lease } = this.#attempt;
		if (this.#made.steps.has(name)) {
			throw new SwarmError("DUPLICATE_STEP", `node "${lease.node}" uses the step "${name}" twice in one attempt`, {
				nodes: [lease.node],
				hint: "give each step a name of its own, for instance with an index",
			});
		}
		this.#made.steps.add(name);
		const recorded = this.#attempt.run.actor.leases.steps(lease);
		// What was recorded under this name is what the same function gave.
		if (recorded?.has(name) === true) return recorded.get(name) as Result;
		const value = await withinStep(this.#attempt, name, run);
		const answer = await this.#attempt.ask({ type: "step", lease: this.#attempt.lease, name, value });
		if ("code" in answer) throw SwarmError.from(answer);
		this.#attempt.run.control?.stepped(this.#attempt, name);
		return value;
	}

	/**
	 * Says what the work has used since the last time: tokens, cost, whatever is counted. It counts for the budget and for
	 * windows of limits at once, and for `stats.usage` whatever becomes of the attempt.
	 *
	 * @param usage - what came on top; finite numbers of at least 0, by measure
	 * @throws SwarmError `INVALID_INPUT`
	 */
	usage(usage: Usage): void {
		checkUsage(usage, `the usage of node "${this.nodeId}"`);
		const { lease, run } = this.#attempt;
		run.actor.post({ type: "charge", node: lease.node, attempt: lease.attempt, usage });
		run.used(this.#attempt, usage);
	}

	/** How this attempt stands with the budget of its run; never low where there is none. */
	get budget(): BudgetView {
		return this.#attempt.run.control?.budgetOf(this.#attempt) ?? NO_BUDGET;
	}

	/**
	 * Leaves a note in the record of the run, where the host keeps one.
	 *
	 * @param data - plain data that belongs to it
	 */
	log(message: string, data?: unknown): void {
		this.#attempt.run.control?.logged(this.#attempt, message, data);
	}

	/**
	 * Lets out a part of the output, or progress as `{ done, total }`, for whoever reads the run's chunks. What an attempt
	 * emits after its end is dropped.
	 *
	 * @param chunk - plain data; handed over, not copied: make a new object for each
	 * @param options - `persist`: recorded as an event `node.emitted`, too; then a promise says when it is, and nobody has
	 * to wait for it
	 * @throws SwarmError `INVALID_INPUT` for what is not plain data, at once; the promise rejects with `STALE_LEASE` when
	 * the attempt is over, `LIMIT_EXCEEDED` while 4,096 chunks of it wait, `POISONED` when the journal fails
	 */
	emit(chunk: unknown, options: { readonly persist: true }): Promise<void>;
	emit(chunk: unknown, options?: EmitOptions): void;
	emit(chunk: unknown, options?: EmitOptions): Promise<void> | undefined {
		this.#made ??= {};
		this.#made.emission ??= new Emission(this.#attempt);
		return this.#made.emission.emit(chunk, options?.persist === true);
	}

	/** @internal How a wait has ended for an attempt before this one. Each is given once. */
	answered(wait: Wait): Wake | undefined {
		return this.#made?.waits?.answered(wait);
	}

	/**
	 * The outputs of the dependencies, by alias or id; `undefined` for one that has none. Where the agent declares `many`, an
	 * object by the ids of the nodes.
	 */
	get deps(): Deps {
		this.#made ??= {};
		this.#made.deps ??= depsOf(this.#attempt);
		// What the agent declares was checked where its node was added.
		return this.#made.deps as Deps;
	}

	/** How the dependencies ended, by alias or id. */
	get settled(): Readonly<Record<string, Settled>> {
		this.#made ??= {};
		this.#made.settled ??= this.#attempt.run.actor.leases.settled(this.#attempt.lease);
		return this.#made.settled;
	}

	/** Aborts when the attempt is over before the function returns: time-out, cancel, prune. */
	get signal(): AbortSignal {
		return this.#attempt.signal;
	}

	/** How the attempt before this one failed. */
	get lastError(): ErrorInfo | undefined {
		const { run, lease } = this.#attempt;
		return lease.attempt > 1 ? run.actor.leases.lastError(lease) : undefined;
	}

	/**
	 * Calls another agent, or a skill, in a run of its own, and waits for it without holding a slot. Calls of one attempt
	 * come one after the other. After a crash an attempt that makes the same calls in the same order gets what they came
	 * to, and nothing is called twice; a retry calls anew.
	 *
	 * @param target - the agent or skill, or its name
	 * @param input - plain data
	 * @returns the output of the agent; of a skill what its `output` makes of its run, or the outputs of its sinks by id
	 * @throws SwarmError `UNKNOWN_TOOL` for what may not be called, `INVALID_INPUT` with the path, `LIMIT_EXCEEDED` beyond `maxCallDepth` or
	 * 10,000 calls, `PORT_FAILED`, `DUPLICATE_STEP` for a key used twice, `CALL_FAILED` with the first failure of the run as
	 * `cause`; `CANCELLED` or `TIMEOUT` when the attempt ends meanwhile, which cancels the run
	 */
	call<Input, Output>(
		target: Callable<Input, Output>,
		...given: undefined extends Input ? [input?: Input, options?: CallOptions] : [input: Input, options?: CallOptions]
	): Promise<Output>;
	call<Output = unknown>(name: string, input?: unknown, options?: CallOptions): Promise<Output>;
	call(target: Callable | string, input?: unknown, options?: CallOptions): Promise<unknown> {
		return heard(this.#calls.call(target, input, options));
	}

	/**
	 * Makes several calls at a time, as a model asks for several tools: their runs go on side by side, as far as there are
	 * slots. One that is refused, as {@link call} would refuse it, leaves the others alone: its result says why.
	 *
	 * @param requests - at most 1,000
	 * @returns what each came to, in order; at once where all are refused
	 * @throws SwarmError `INVALID_INPUT` for no list, `LIMIT_EXCEEDED` for more than 1,000 requests or 10,000 calls, `PORT_FAILED`,
	 * `DUPLICATE_STEP` for a key used twice; `CANCELLED` or `TIMEOUT` when the attempt ends meanwhile, which cancels the runs
	 */
	callAll(requests: readonly ToolRequest[], options?: CallOptions): Promise<readonly ToolResult[]> {
		return heard(this.#calls.callAll(requests, options));
	}

	get #calls(): AttemptCalls {
		this.#made ??= {};
		this.#made.calls ??= new AttemptCalls(this.#attempt, (wait) => this.#made?.waits?.answered(wait));
		return this.#made.calls;
	}

	/** What {@link call} may call. @throws SwarmError `PORT_FAILED` */
	tools(): readonly Tool[] {
		return this.#attempt.run.calls.tools(this.#attempt);
	}

	/** Reads what is committed, and stages changes for the completion. */
	get graph(): AgentGraph {
		this.#made ??= {};
		this.#made.graph ??= new AgentGraph(this.#attempt);
		return this.#made.graph;
	}

	/** @internal Saved progress, if it was touched. */
	get progress(): Checkpoint | undefined {
		return this.#made?.checkpoint;
	}

	/** @internal What was staged, if anything was touched. */
	get stagedGraph(): AgentGraph | undefined {
		return this.#made?.graph;
	}

	/**
	 * Sleeps without holding a slot.
	 *
	 * @param duration - milliseconds, or text with a unit such as `"5m"`
	 * @throws SwarmError `INVALID_OPTION`; `CANCELLED` or `TIMEOUT` when the attempt ends meanwhile
	 */
	sleep(duration: Duration): Promise<void> {
		return this.#waits.sleep(duration);
	}

	/**
	 * Waits for `run.signal(name, payload)` without holding a slot. A signal that came first is taken at once.
	 *
	 * @param options - `timeout`: how long at most
	 * @returns the payload
	 * @throws SwarmError `TIMEOUT` when none came in time
	 */
	waitForSignal(name: string, options: { readonly timeout?: Duration } = {}): Promise<unknown> {
		return this.#waits.signal(name, options);
	}

	/**
	 * Asks a person, and waits for `run.approve(nodeId)` or `run.reject(nodeId)` without holding a slot. With a `schema` or
	 * with `choices` only an answer that fits is taken, and another one is refused to whoever gives it. An answer that came
	 * while this process did not have the run is looked at later: where it does not fit, the same is asked again, and
	 * `problem` of the wait says why.
	 *
	 * @param request - why, whom, what may be answered, and how long to wait at most
	 * @returns who said yes, and what the schema made of the answer's data
	 * @throws SwarmError `REJECTED` with what the person said, `TIMEOUT` when nobody answered in time, `INVALID_OPTION` for
	 * a request that contradicts itself, `INVALID_INPUT` for a name or choices that nobody could answer to
	 */
	requestApproval<Schema extends StandardSchema>(
		request: SchemaRequest<Schema>,
	): Promise<Answered<SchemaOutput<Schema>>>;
	requestApproval<const Choice extends string>(request: ChoiceRequest<Choice>): Promise<Answered<Choice>>;
	requestApproval(request: ApprovalRequest): Promise<Approval>;
	requestApproval(request: ApprovalRequest): Promise<Approval> {
		return this.#waits.approval(request);
	}

	/**
	 * Asks a person for a text, or for one of several, and waits for `run.answer(nodeId, text)` without holding a slot.
	 *
	 * @param question - what the person reads
	 * @param options - `choices`: 1 to 100 different texts; without them any text is an answer
	 * @returns the answer
	 * @throws SwarmError what {@link requestApproval} throws
	 */
	ask<const Choice extends string = string>(question: string, options: AskOptions<Choice> = {}): Promise<Choice> {
		return this.#waits.ask(question, options) as Promise<Choice>;
	}

	/**
	 * Takes the messages of `run.steer(nodeId, message)` that this attempt has not taken yet: at most 100 come to a node in
	 * all. A new attempt gets them again, from the first. A message wakes nobody who waits: look between two steps.
	 *
	 * @returns the messages, oldest first; none once the attempt is over
	 */
	inbox(): readonly unknown[] {
		if (!this.#attempt.isCurrent) return [];
		const { run, lease } = this.#attempt;
		const messages = run.actor.leases.inbox(lease);
		if (messages === undefined) return [];
		this.#made ??= {};
		const fresh = messages.slice(this.#made.taken);
		this.#made.taken = messages.length;
		return fresh;
	}

	get #waits(): AgentWaits {
		this.#made ??= {};
		this.#made.waits ??= new AgentWaits(this.#attempt);
		return this.#made.waits;
	}
}

function noop(): void {}
