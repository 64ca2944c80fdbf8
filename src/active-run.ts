import { AsyncResource } from "node:async_hooks";
import type { Clock, Timer } from "./core/clock.js";
import { milliseconds } from "./core/durations.js";
import type { SwarmError } from "./core/errors.js";
import type { NodeId, RunId } from "./core/ids.js";
import type { AnyAgent } from "./executor/agent.js";
import type { AbortCode, Attempt, RunPort } from "./executor/attempt.js";
import type { Executor } from "./executor/executor.js";
import { GraphActor } from "./graph/actor.js";
import type { ActorHost } from "./graph/actor-config.js";
import { type PolicySource, timeouts } from "./graph/policies.js";
import type { Lease, NodePolicies, NodeSpec, Wake } from "./graph/types.js";
import { outcomeOf, type RunOutcome } from "./outcome.js";
import { RunHandle } from "./run.js";
import { RunFollower } from "./run-follower.js";
import { agentKey, type Limits } from "./scheduler/limits.js";
import { RunQueue } from "./scheduler/run-queue.js";
import type { Scheduler } from "./scheduler/scheduler.js";
import type { StartOptions, SwarmOptions } from "./swarm-options.js";

/** What a run shares with the others of its swarm. */
export interface SwarmParts {
	readonly options: SwarmOptions;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly clock: Clock;
	readonly limits: Limits;
	readonly executor: Executor;
	readonly scheduler: Scheduler;
	/** The run has ended and its functions have returned. */
	readonly onEnd: () => void;
}

const DEFAULT_GRACE_MS = 5_000;

/** One run inside a swarm: it carries out its actor's effects and knows when all of it is over. */
export class ActiveRun implements ActorHost, RunPort {
	readonly actor: GraphActor;
	readonly handle: RunHandle;
	readonly scope = new AsyncResource("SwarmRun");
	readonly parked = new Map<NodeId, Attempt>();
	inFlight = 0;
	leaked = 0;
	finished = false;
	#attempts = 0;
	readonly #parts: SwarmParts;
	readonly #policies: PolicySource;
	readonly #queue: RunQueue;
	readonly #startedAt: number;
	readonly #resolve: (outcome: RunOutcome) => void;
	readonly #release: () => void;
	readonly #cleanUp: (() => void)[] = [];
	#deadline: Timer | undefined;
	#ready = false;

	constructor(id: RunId, graph: { readonly nodes: readonly NodeSpec[] }, options: StartOptions, parts: SwarmParts) {
		this.#parts = parts;
		this.#startedAt = parts.clock.now();
		this.#policies = policySource(parts, options);
		const { promise, resolve } = Promise.withResolvers<RunOutcome>();
		this.#resolve = resolve;
		this.actor = this.#makeActor(id, graph, options);
		this.#release = parts.clock.hold();
		this.#queue = new RunQueue(this.actor, {
			limits: parts.limits,
			agentLimits: agentLimits(parts.agents),
			limited: parts.options.agents.some((agent) => agent.concurrency !== undefined || (agent.limits?.length ?? 0) > 0),
			policy: options.policy ?? parts.options.policy,
			concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
			slots: parts.executor.slots,
			onWake: (queue) => {
				parts.scheduler.wake(queue);
				parts.scheduler.pump();
			},
		});
		this.handle = new RunHandle(this.actor, promise);
		if (parts.options.inspect !== undefined) new RunFollower(this.actor, parts.options.inspect);
		this.#ready = true;
		this.#finishIfOver();
		if (this.finished) return;
		parts.scheduler.add(this.#queue);
		this.#watch(options);
		// Functions start when the caller has had the rest of its tick, to open readers for instance.
		queueMicrotask(() => parts.executor.balance());
	}

	#makeActor(id: RunId, graph: { readonly nodes: readonly NodeSpec[] }, options: StartOptions): GraphActor {
		const { options: swarm, clock } = this.#parts;
		const journal = swarm.journal?.(id);
		return GraphActor.create({
			run: id,
			nodes: graph.nodes,
			open: options.open === true,
			policies: this.#policies,
			timed: [options, swarm, ...swarm.agents].some((source) => source.timeout !== undefined),
			clock,
			...(swarm.seed !== undefined && { seed: swarm.seed }),
			host: this,
			...(options.onStall !== undefined && { onStall: options.onStall }),
			...(options.metadata !== undefined && { metadata: options.metadata }),
			...(journal !== undefined && { journal }),
			...pick(swarm, ["ids", "check", "eventBuffer", "maxNodes", "maxDepth", "maxPatchSize", "onListenerError"]),
		}).actor;
	}

	#watch(options: StartOptions): void {
		const { clock } = this.#parts;
		if (options.deadline !== undefined) {
			const ms = milliseconds(options.deadline, "deadline");
			this.#deadline = clock.set(this.#startedAt + ms, () => {
				this.actor.post({ type: "cancel", status: "timed_out", reason: `the deadline of ${ms} ms has passed` }, ignore);
			});
		}
		const { signal } = options;
		if (signal === undefined) return;
		const cancel = (): void => {
			const reason: unknown = signal.reason;
			const text = reason instanceof Error ? reason.message : String(reason);
			this.actor.post({ type: "cancel", status: "cancelled", reason: text }, ignore);
		};
		if (signal.aborted) queueMicrotask(cancel);
		else {
			signal.addEventListener("abort", cancel, { once: true });
			this.#cleanUp.push(() => signal.removeEventListener("abort", cancel));
		}
	}

	start(actor: GraphActor, lease: Lease, input: unknown, wake: Wake | undefined): void {
		this.#attempts += wake === undefined ? 1 : 0;
		this.#parts.executor.start(this, lease, actor.leases.agent(lease), input, wake);
	}

	unstarted(_actor: GraphActor, lease: Lease): void {
		this.#parts.executor.release();
		this.released(lease);
		this.#parts.scheduler.pump();
	}

	deferred(): void {
		if (this.#ready) this.#parts.executor.balance();
	}

	abort(_actor: GraphActor, lease: Lease, code: AbortCode): void {
		this.#parts.executor.abort(this, lease, code);
	}

	mayRetry(_actor: GraphActor, node: NodeId, free: () => void): boolean {
		return this.#parts.executor.isReturned(this, node, free);
	}

	fill(): void {
		this.#parts.scheduler.fill(this.#queue);
	}

	committed(): void {
		if (!this.#ready) return;
		if (this.actor.isOver) this.#finishIfOver();
		this.#parts.executor.balance();
	}

	poisoned(_actor: GraphActor, _error: SwarmError, unstarted: readonly Lease[]): void {
		for (const lease of unstarted) {
			this.#parts.executor.release();
			this.released(lease);
		}
		for (const attempt of this.#parts.executor.attemptsOf(this))
			this.#parts.executor.abort(this, attempt.lease, "CANCELLED");
		this.#finishIfOver();
		this.#parts.scheduler.pump();
	}

	graceOf(lease: Lease): number {
		const { graph } = this.actor.state;
		const { grace } = timeouts(this.#policies, graph.spec(this.actor.leases.numberOf(lease))) ?? {};
		return grace ?? milliseconds(this.#parts.options.grace ?? DEFAULT_GRACE_MS, "grace");
	}

	released(lease: Lease): void {
		this.#queue.release(this.actor.leases.numberOf(lease));
	}

	returned(): void {
		this.#finishIfOver();
	}

	parkedOrNot(attempt: Attempt, parked: boolean): void {
		this.#parts.executor.parkedOrNot(attempt, parked);
	}

	#finishIfOver(): void {
		if (this.finished || this.inFlight > 0) return;
		if (!this.actor.isOver) return;
		this.finished = true;
		const { clock, scheduler, onEnd } = this.#parts;
		if (this.#deadline !== undefined) clock.clear(this.#deadline);
		for (const cleanUp of this.#cleanUp) cleanUp();
		this.#release();
		scheduler.remove(this.#queue);
		onEnd();
		this.#resolve(
			outcomeOf(this.actor, { attempts: this.#attempts, leaked: this.leaked, wallMs: clock.now() - this.#startedAt }),
		);
	}
}

function ignore(): void {}

function policySource({ agents, limits, options: swarm }: SwarmParts, run: StartOptions): PolicySource {
	const defaults: NodePolicies = { ...pick(swarm, POLICIES), ...pick(run, POLICIES) };
	return { agent: (name) => agents.get(name), hasLimit: (name) => limits.has(name), defaults };
}

const POLICIES = ["retry", "timeout", "onFailure", "onPatchRejected", "canMutate", "onResume"] as const;

/** The named fields of an object that are set. */
function pick<T extends object, Key extends keyof T>(
	from: T,
	keys: readonly Key[],
): { [K in Key]?: Exclude<T[K], undefined> } {
	const picked: { [K in Key]?: Exclude<T[K], undefined> } = {};
	for (const key of keys) if (from[key] !== undefined) picked[key] = from[key] as Exclude<T[Key], undefined>;
	return picked;
}

function agentLimits(agents: ReadonlyMap<string, AnyAgent>): (name: string) => readonly string[] | undefined {
	const limits = new Map<string, readonly string[]>();
	for (const [name, agent] of agents) {
		const names = [...(agent.limits ?? []), ...(agent.concurrency === undefined ? [] : [agentKey(name)])];
		if (names.length > 0) limits.set(name, names);
	}
	return (name) => limits.get(name);
}
