import { ActiveRun } from "./active-run.js";
import { type Clock, systemClock } from "./core/clock.js";
import { milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import { type RunId, randomIds } from "./core/ids.js";
import { findNotPlain } from "./core/plain.js";
import { checkWhole } from "./core/whole.js";
import type { AnyAgent } from "./executor/agent.js";
import { Executor } from "./executor/executor.js";
import { LocalPool } from "./executor/worker-pool.js";
import { checkPolicies, show } from "./graph/spec.js";
import type { NodePolicies } from "./graph/types.js";
import type { RunOutcome } from "./outcome.js";
import type { RunHandle } from "./run.js";
import { agentKey, Limits } from "./scheduler/limits.js";
import { type SchedulingPolicy, schedulingPolicies } from "./scheduler/run-queue.js";
import { Scheduler } from "./scheduler/scheduler.js";
import type { GraphSpec, StartOptions, SwarmOptions } from "./swarm-options.js";

/** The composition root: agents, limits and ports; it runs many graphs, which share its slots and limits. */
export class Swarm<A extends AnyAgent = AnyAgent> {
	readonly #options: SwarmOptions<A>;
	readonly #agents: ReadonlyMap<string, AnyAgent>;
	readonly #clock: Clock;
	readonly #limits: Limits;
	readonly #executor: Executor;
	readonly #scheduler: Scheduler;
	readonly #runs = new Map<RunId, ActiveRun>();
	#closed = false;

	/** @internal Use {@link createSwarm}. */
	constructor(options: SwarmOptions<A>) {
		checkOptions(options);
		this.#options = options;
		this.#agents = agentsByName(options.agents);
		this.#clock = options.clock ?? systemClock;
		this.#limits = new Limits(limitEntries(options));
		for (const agent of options.agents) {
			for (const name of agent.limits ?? []) {
				if (!this.#limits.has(name))
					throw new SwarmError(
						"INVALID_OPTION",
						`agent "${agent.name}" takes the limit "${name}", which the swarm does not have`,
					);
			}
		}
		this.#executor = new Executor({
			agents: this.#agents,
			pool: options.pool ?? new LocalPool(options.concurrency ?? 4),
			clock: this.#clock,
			depth: (most) => this.#scheduler.depth(most),
			onFree: () => this.#scheduler.pump(),
		});
		this.#scheduler = new Scheduler(this.#executor);
	}

	/**
	 * Starts a run.
	 *
	 * @throws SwarmError before anything runs: `INVALID_SPEC`, `UNKNOWN_AGENT`, `DUPLICATE_NODE`,
	 * `UNKNOWN_DEPENDENCY`, `CYCLE`, `INVALID_INPUT`, `INVALID_OPTION`, `RUN_EXISTS`, `SWARM_CLOSED`
	 */
	start(graph: GraphSpec<A>, options: StartOptions = {}): RunHandle {
		if (this.#closed) throw new SwarmError("SWARM_CLOSED", "the swarm is closed");
		// The types of the agents were checked where the graph was written.
		const untyped = graph as unknown as GraphSpec;
		checkStart(untyped, options);
		const id = options.runId ?? (this.#options.ids ?? randomIds).run();
		if (this.#runs.has(id)) throw new SwarmError("RUN_EXISTS", `the run "${id}" exists`, { hint: "use another runId" });
		const run = new ActiveRun(id, untyped, options, {
			options: this.#options,
			agents: this.#agents,
			clock: this.#clock,
			limits: this.#limits,
			executor: this.#executor,
			scheduler: this.#scheduler,
			onEnd: () => {
				this.#runs.delete(id);
			},
		});
		if (!run.finished) this.#runs.set(id, run);
		return run.handle;
	}

	/**
	 * Runs a graph to its end: the short form.
	 *
	 * @returns the outputs of the completed sinks, by id
	 * @throws SwarmError what {@link start} throws; `RUN_FAILED` with `outcome` when it did not complete
	 */
	async run(graph: GraphSpec<A>, options: StartOptions = {}): Promise<Readonly<Record<string, unknown>>> {
		const handle = this.start(graph, options);
		const outcome = await handle.result();
		if (outcome.status === "completed") return outcome.outputs;
		throw new RunFailedError(handle.id, outcome);
	}

	/** Runs that have not ended, oldest first. */
	runs(): RunHandle[] {
		return [...this.#runs.values()].map((run) => run.handle);
	}

	/** Cancels what still runs and takes no more. Resolves when every function has returned or its grace is over. */
	async close(): Promise<void> {
		this.#closed = true;
		await Promise.all([...this.#runs.values()].map((run) => run.handle.cancel("the swarm was closed")));
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}

/** What `swarm.run` throws when the run did not complete. */
export class RunFailedError extends SwarmError {
	constructor(
		id: RunId,
		readonly outcome: RunOutcome,
	) {
		const failed = outcome.failures.slice(0, 8).map(({ id: node }) => node);
		super(
			"RUN_FAILED",
			`the run "${id}" ended ${outcome.status}${outcome.reason === undefined ? "" : `: ${outcome.reason}`}`,
			{ nodes: failed },
		);
	}
}

/**
 * Makes a swarm.
 *
 * @throws SwarmError `DUPLICATE_AGENT`, or `INVALID_OPTION` for an option out of its range
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 *
 * const swarm = createSwarm({
 *   agents: [
 *     defineAgent({ name: "fetch", run: async (topic: string) => topic.length }),
 *     defineAgent({ name: "sum", run: async (_: undefined, ctx) => Number(ctx.deps["a"]) + Number(ctx.deps["b"]) }),
 *   ],
 *   concurrency: 8,
 * });
 * const outputs = await swarm.run({
 *   nodes: [
 *     { id: "a", agent: "fetch", input: "bees" },
 *     { id: "b", agent: "fetch", input: "wasps" },
 *     { id: "total", agent: "sum", dependsOn: ["a", "b"] },
 *   ],
 * });
 * outputs["total"]; // 9
 * ```
 */
export function createSwarm<const A extends AnyAgent>(options: SwarmOptions<A>): Swarm<A> {
	return new Swarm(options);
}

function agentsByName(agents: readonly AnyAgent[]): Map<string, AnyAgent> {
	const byName = new Map<string, AnyAgent>();
	for (const agent of agents) {
		if (byName.has(agent.name)) throw new SwarmError("DUPLICATE_AGENT", `there are two agents called "${agent.name}"`);
		byName.set(agent.name, agent);
	}
	return byName;
}

function limitEntries(options: SwarmOptions): [string, number][] {
	const entries = Object.entries(options.limits ?? {});
	for (const agent of options.agents)
		if (agent.concurrency !== undefined) entries.push([agentKey(agent.name), agent.concurrency]);
	return entries;
}

function checkOptions(options: SwarmOptions): void {
	if (!Array.isArray(options?.agents)) throw new SwarmError("INVALID_OPTION", "createSwarm needs a list of agents");
	for (const agent of options.agents) {
		if (typeof agent?.name !== "string" || typeof agent.run !== "function") {
			throw new SwarmError("INVALID_OPTION", `${show(agent)} is no agent`, { hint: "make it with defineAgent" });
		}
		const problem = checkPolicies(agent);
		if (problem !== undefined) throw new SwarmError("INVALID_OPTION", `agent "${agent.name}": ${problem}`);
	}
	checkWhole(options.concurrency, "concurrency", 1, 100_000);
	checkWhole(options.maxNodes, "maxNodes", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.maxDepth, "maxDepth", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.maxPatchSize, "maxPatchSize", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(options.eventBuffer, "eventBuffer", 1, 100_000_000);
	checkCommon(options);
	if (options.grace !== undefined) milliseconds(options.grace, "grace");
	if (options.check !== undefined && !["off", "local", "full"].includes(options.check)) {
		throw new SwarmError("INVALID_OPTION", `check is ${show(options.check)}: use off, local or full`);
	}
}

function checkStart(graph: GraphSpec, options: StartOptions): void {
	if (typeof graph !== "object" || graph === null || !Array.isArray(graph.nodes)) {
		throw new SwarmError("INVALID_SPEC", "a graph is { nodes: [...] }");
	}
	checkWhole(options.concurrency, "concurrency", 1, 100_000);
	checkWhole(options.onStall?.times, "onStall.times", 1, 1_000);
	checkCommon(options);
	if (options.deadline !== undefined) milliseconds(options.deadline, "deadline");
	const { signal } = options;
	if (signal !== undefined && (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function")) {
		throw new SwarmError("INVALID_OPTION", "signal is no AbortSignal");
	}
	const wrong = options.metadata === undefined ? undefined : findNotPlain(options.metadata);
	if (wrong !== undefined) throw new SwarmError("INVALID_OPTION", `metadata holds ${wrong.found} at "${wrong.path}"`);
	if (options.runId !== undefined && (typeof options.runId !== "string" || options.runId === "")) {
		throw new SwarmError("INVALID_OPTION", "runId is not a string with a character in it");
	}
}

function checkCommon(options: Omit<NodePolicies, "limits"> & { readonly policy?: SchedulingPolicy }): void {
	const problem = checkPolicies(options);
	if (problem !== undefined) throw new SwarmError("INVALID_OPTION", problem);
	if (options.policy !== undefined && !schedulingPolicies.includes(options.policy)) {
		throw new SwarmError("INVALID_OPTION", `policy is ${show(options.policy)}: use ${schedulingPolicies.join(" or ")}`);
	}
}
