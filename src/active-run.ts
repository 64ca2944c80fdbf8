import { AsyncResource } from "node:async_hooks";
import { actorSettings } from "./actor-settings.js";
import { agentLimits, isLimited } from "./agent-limits.js";
import type { ChunkLog } from "./core/chunk-log.js";
import { aheadClock, type Clock } from "./core/clock.js";
import { milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import type { NodeId } from "./core/ids.js";
import type { Usage } from "./core/usage.js";
import type { AbortCode, Attempt, MemoStore, RunPort } from "./executor/attempt.js";
import type { Question } from "./executor/question.js";
import { GraphActor } from "./graph/actor.js";
import type { ActorHost } from "./graph/actor-config.js";
import { type PolicySource, timeouts } from "./graph/policies.js";
import type { Lease, Wake } from "./graph/types.js";
import type { RunJournal } from "./journal/run-journal.js";
import { outcomeOf, type RunOutcome } from "./outcome.js";
import type { DeliveryResult } from "./ports/delivery-loop.js";
import type { RunInfo } from "./ports/port.js";
import { giveBack } from "./recovery.js";
import { attemptsOf, RunHandle } from "./run.js";
import type { BudgetBehaviour } from "./run-budget.js";
import { RunCalls } from "./run-calls.js";
import { RunCheckpoints } from "./run-checkpoints.js";
import { controlOf, type RunControl } from "./run-control.js";
import type { RunDelivery } from "./run-delivery.js";
import { RunFollower } from "./run-follower.js";
import { RunMemos } from "./run-memos.js";
import { policySource } from "./run-policies.js";
import { RunReaders } from "./run-readers.js";
import type { RunOptions } from "./run-settings.js";
import { RunSnapshots } from "./run-snapshots.js";
import { RunQueue } from "./scheduler/run-queue.js";
import type { Origin, SwarmParts } from "./swarm-parts.js";
import { runInfo } from "./swarm-ports.js";
import { watchForEnd } from "./watch-for-end.js";

const DEFAULT_GRACE_MS = 5_000;

/** One run inside a swarm: it carries out its actor's effects and knows when all of it is over. */
export class ActiveRun implements ActorHost, RunPort {
	readonly actor: GraphActor;
	readonly handle: RunHandle;
	readonly scope = new AsyncResource("SwarmRun");
	readonly parked = new Map<NodeId, Attempt>();
	readonly questions = new Map<NodeId, Question>();
	readonly checkpoints: RunCheckpoints;
	readonly control: RunControl | undefined;
	readonly memos: MemoStore;
	/** As ports see it. */
	readonly info: RunInfo;
	/** What it was started with for a budget that is used up: what it calls does the same. */
	readonly budget: BudgetBehaviour | undefined;
	inFlight = 0;
	leaked = 0;
	finished = false;
	#attempts = 0;
	readonly #parts: SwarmParts;
	readonly #policies: PolicySource;
	readonly queue: RunQueue;
	readonly #sink: RunJournal | undefined;
	readonly #snapshots: RunSnapshots | undefined;
	readonly #readers: RunReaders;
	readonly #clock: Clock;
	readonly #startedAt: number;
	readonly #resolve: (outcome: RunOutcome) => void;
	readonly #resolveDelivered: (result: DeliveryResult | undefined) => void;
	#delivery: RunDelivery | undefined;
	/** Its swarm begins no delivery any more. */
	#isKept = false;
	readonly #release: () => void;
	#stopWatching: (() => void) | undefined;
	#ready = false;
	#finishing = false;
	/** It is over; what is left to do is done by its ports. */
	#left = false;
	#onIdle: (() => void) | undefined;
	#lettingGo: Promise<void> | undefined;
	/** Who asks again may have less time. */
	#hurry: ((due: number) => void) | undefined;
	#calls: RunCalls | undefined;

	constructor(origin: Origin, options: RunOptions, parts: SwarmParts) {
		this.#parts = parts;
		const { taken } = origin;
		// A run's time does not go back, whatever the clock of another machine said.
		const behind = (taken?.state.at ?? origin.history?.at(-1)?.at ?? 0) - parts.clock.now();
		this.#clock = behind > 0 ? aheadClock(parts.clock, behind) : parts.clock;
		this.#startedAt = taken?.createdAt ?? this.#clock.now();
		this.info = runInfo(origin.run, options, { startedAt: this.#startedAt, resumed: taken !== undefined });
		this.budget = options.budget;
		this.#policies = policySource(parts, options);
		const { promise, resolve } = Promise.withResolvers<RunOutcome>();
		this.#resolve = resolve;
		if (taken === undefined) this.#sink = parts.writer?.open(origin.run);
		else this.#sink = parts.writer?.open(origin.run, taken.epoch, taken.state.seq, taken.state.status);
		if (this.#sink !== undefined)
			this.#sink.staysOpen = parts.options.ports?.delivery !== undefined && options.parent === undefined;
		const { journal } = parts;
		this.memos = this.#sink && journal ? new RunMemos(journal, this.#sink, this.#clock) : parts.memos;
		if (taken !== undefined) this.#attempts = attemptsOf(taken.state);
		try {
			this.checkpoints = new RunCheckpoints(this.#sink, taken?.checkpoints ?? new Map());
			this.actor = this.#makeActor(origin, options);
		} catch (error) {
			this.#sink?.close();
			throw error;
		}
		this.#readers = new RunReaders(this.actor, journal, this.#sink, parts.options.chunkBuffer);
		this.#sink?.bind(this.actor);
		this.control = controlOf(
			{ actor: this.actor, attempts: () => parts.executor.attemptsOf(this) },
			{ ...parts, policies: this.#policies, options, swarm: parts.options, startedAt: this.#startedAt },
			origin,
		);
		if (this.control?.checkpoints !== undefined)
			this.checkpoints.keepIn(this.control.checkpoints, origin.progress?.loaded ?? new Map());
		this.checkpoints.bind(this.actor);
		const { snapshotEvery } = parts.options;
		const saved = taken?.snapshotSeq ?? 0;
		if (this.#sink && journal)
			this.#snapshots = new RunSnapshots(this.actor, this.#sink, journal, snapshotEvery, saved);
		this.#release = parts.clock.hold();
		this.queue = new RunQueue(this.actor, {
			root: this.info.ancestors.at(-1),
			limits: parts.limits,
			agentLimits: agentLimits(parts.agents),
			limited: parts.options.agents.some(isLimited),
			policy: options.policy ?? parts.options.policy,
			concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
			slots: parts.executor.slots,
			onWake: (queue) => {
				parts.scheduler.wake(queue);
				parts.scheduler.pump();
			},
		});
		const delivered = Promise.withResolvers<DeliveryResult | undefined>();
		this.#resolveDelivered = delivered.resolve;
		const { questions } = this;
		this.handle = new RunHandle(this.actor, promise, this.#readers, { delivered: delivered.promise, questions });
		if (parts.options.inspect !== undefined) new RunFollower(this.actor, parts.options.inspect);
		this.#ready = true;
		this.#finishIfOver();
		if (this.#left) return;
		parts.scheduler.add(this.queue);
		this.#stopWatching = watchForEnd(this.actor, options, {
			startedAt: this.#startedAt,
			// With a critic the deadline is the soft limit: its watch has the hard one.
			hasDeadline: this.control?.watchesDeadline !== true,
		});
		// It may have ended at once.
		if (this.#left) this.#stopWatching();
		this.control?.begin();
		// Functions start when the caller has had the rest of its tick, to open readers for instance.
		queueMicrotask(() => parts.executor.balance());
	}

	/** What its nodes call. */
	get calls(): RunCalls {
		this.#calls ??= new RunCalls(this, this.#parts, this.#parts.callHost);
		return this.#calls;
	}

	#makeActor({ run, nodes, taken, history, edit }: Origin, options: RunOptions): GraphActor {
		const { options: swarm } = this.#parts;
		const tap = typeof swarm.journal === "function" ? swarm.journal(run) : this.#sink;
		return GraphActor.create({
			run,
			...(nodes !== undefined && { nodes }),
			...(taken !== undefined && { recovered: taken }),
			...(history !== undefined && { history }),
			...(edit !== undefined && { edit }),
			...actorSettings(options, this.#policies, this.#parts, this.#startedAt),
			clock: this.#clock,
			host: this,
			...(tap !== undefined && { journal: tap }),
		}).actor;
	}

	/**
	 * Lets go of the run without ending it: nothing starts any more, what runs may end within a time, and what does
	 * not is told to stop and runs again elsewhere. Asked once more with less time, it takes no longer than that.
	 *
	 * @param within - milliseconds
	 */
	letGo(within: number): Promise<void> {
		this.#hurry?.(this.#parts.clock.now() + within);
		this.#lettingGo ??= this.#letGo(within);
		return this.#lettingGo;
	}

	/** The same, until nothing of it is left here. Functions that do not listen are not waited for. */
	async leave(within: number): Promise<void> {
		await this.letGo(within);
		// Functions that waited have heard of it by then.
		await new Promise<void>((resolve) => this.#parts.clock.yield(resolve));
		if (this.inFlight === 0) await this.handle.result();
	}

	async #letGo(within: number): Promise<void> {
		const { journal, scheduler, executor, clock } = this.#parts;
		if (this.finished) return;
		scheduler.remove(this.queue);
		if (this.queue.running > 0) {
			await new Promise<void>((resolve) => {
				let timer = clock.set(clock.now() + within, resolve);
				this.#onIdle = () => {
					clock.clear(timer);
					resolve();
				};
				this.#hurry = (due) => {
					if (due >= timer.due) return;
					clock.clear(timer);
					timer = clock.set(due, resolve);
				};
			});
		}
		for (const { context } of executor.attemptsOf(this)) context.progress?.flush();
		this.control?.flush();
		if (!this.actor.isOver) this.actor.post({ type: "interrupt" });
		try {
			await this.#sink?.flushed();
		} catch {
			// The run says itself how it ended: its actor is told by the same failure.
			return;
		}
		if (this.actor.isOver) return;
		await this.#snapshots?.leave();
		this.actor.lose(
			new SwarmError("SUSPENDED", `this process has let go of the run after event ${this.actor.state.seq}`),
		);
		for (const attempt of executor.attemptsOf(this)) executor.abort(this, attempt.lease, "CANCELLED");
		if (this.#sink !== undefined && journal !== undefined) await giveBack(journal, this.#sink.run, this.#sink.epoch);
	}

	start(actor: GraphActor, lease: Lease, input: unknown, wake: Wake | undefined): void {
		this.#attempts += wake === undefined ? 1 : 0;
		this.#parts.executor.start(this, lease, actor.leases.agent(lease), input, wake);
	}

	unstarted(_actor: GraphActor, lease: Lease): void {
		this.#undo(lease);
		this.#parts.scheduler.pump();
	}

	deferred(): void {
		if (this.#ready) this.#parts.executor.balance();
	}

	abort(_actor: GraphActor, lease: Lease, code: AbortCode): void {
		this.#calls?.leave(lease.node);
		this.#parts.executor.abort(this, lease, code);
	}

	mayRetry(_actor: GraphActor, node: NodeId, free: () => void): boolean {
		return this.#parts.executor.isReturned(this, node, free);
	}

	fill(): void {
		this.#parts.scheduler.fill(this.queue);
	}

	committed(): void {
		if (!this.#ready) return;
		const { scheduler, executor } = this.#parts;
		if (this.actor.isOver) {
			this.#readers.close();
			this.#finishIfOver();
		} else if (!this.queue.active && this.queue.hasWork()) {
			// Its turn came while a batch was on its way to the journal, and it could not claim then.
			scheduler.wake(this.queue);
			scheduler.pump();
		}
		executor.balance();
	}

	poisoned(_actor: GraphActor, _error: SwarmError, unstarted: readonly Lease[]): void {
		for (const lease of unstarted) this.#undo(lease);
		for (const attempt of this.#parts.executor.attemptsOf(this))
			this.#parts.executor.abort(this, attempt.lease, "CANCELLED");
		this.#readers.close();
		this.#finishIfOver();
		this.#parts.scheduler.pump();
	}

	get chunks(): ChunkLog {
		return this.#readers.log;
	}

	graceOf(lease: Lease): number {
		const { graph } = this.actor.state;
		const { grace } = timeouts(this.#policies, graph.spec(this.actor.leases.numberOf(lease))) ?? {};
		return grace ?? milliseconds(this.#parts.options.grace ?? DEFAULT_GRACE_MS, "grace");
	}

	#undo(lease: Lease): void {
		this.#parts.executor.release();
		this.released(lease);
		this.queue.drop(this.actor.leases.numberOf(lease));
	}

	released(lease: Lease): void {
		this.queue.release(this.actor.leases.numberOf(lease));
		// The outcome of the last one is still to come.
		if (this.queue.running === 0 && this.#onIdle !== undefined) queueMicrotask(this.#onIdle);
	}

	returned(): void {
		this.#finishIfOver();
	}

	used(attempt: Attempt, usage: Usage): void {
		this.control?.used(attempt, usage);
		this.queue.used(attempt.lease, usage);
	}

	parkedOrNot(attempt: Attempt, parked: boolean): void {
		this.#parts.executor.parkedOrNot(attempt, parked);
	}

	#finishIfOver(): void {
		if (this.#left || this.#finishing || this.inFlight > 0 || !this.actor.isOver) return;
		const sink = this.#sink;
		if (sink === undefined || sink.defer !== undefined || this.actor.poison !== undefined) return this.#finish();
		// Effects may run ahead of the journal: what the run came to may not.
		this.#finishing = true;
		sink.flushed().then(
			() => this.#finish(),
			() => this.#finish(),
		);
	}

	#finish(): void {
		this.#left = true;
		const { scheduler } = this.#parts;
		this.#stopWatching?.();
		scheduler.remove(this.queue);
		this.#calls?.end();
		const wallMs = this.#clock.now() - this.#startedAt;
		const outcome = outcomeOf(this.actor, { attempts: this.#attempts, leaked: this.leaked, wallMs });
		const { control } = this;
		if (control === undefined) return this.#leave(outcome);
		// Never rejects: what a port does wrong is the port's failure.
		void control.close(outcome).then(() => {
			if (!this.#isKept) return this.#leave(outcome, control.deliver(outcome));
			this.#leave(outcome);
			if (this.#sink !== undefined && this.#parts.journal !== undefined)
				void giveBack(this.#parts.journal, this.#sink.run, this.#sink.epoch);
		});
	}

	#leave(outcome: RunOutcome, delivery?: RunDelivery): void {
		this.finished = true;
		this.#delivery = delivery;
		if (delivery === undefined) this.#let(undefined);
		else void delivery.result.then((result) => this.#delivered(result));
		this.#resolve(outcome);
	}

	/** It was taken, or nobody will ever take it: nothing is left to do for the run. */
	async #delivered(result: DeliveryResult): Promise<void> {
		if (result.ok || result.error?.code !== "CANCELLED") {
			// A journal that fails now has it listed as undelivered: it is delivered again.
			await this.#sink?.end().catch((error) => this.actor.report(error, "delivery"));
		} else if (this.#sink !== undefined && this.#parts.journal !== undefined) {
			await giveBack(this.#parts.journal, this.#sink.run, this.#sink.epoch);
		}
		this.#let(result);
	}

	#let(result: DeliveryResult | undefined): void {
		this.#sink?.close();
		this.#release();
		this.#parts.onEnd(this);
		this.#resolveDelivered(result);
	}

	/** The try to deliver that is under way may end; no other comes. Resolves when nothing is under way. */
	async stopDelivering(): Promise<void> {
		this.#isKept = true;
		if (this.#delivery === undefined) return;
		this.#delivery.close();
		await this.handle.delivered();
	}
}
