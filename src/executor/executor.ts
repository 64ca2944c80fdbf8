import type { Clock } from "../core/clock.js";
import { type ErrorInfo, errorInfo } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import { isThenable } from "../core/thenable.js";
import type { Command } from "../graph/command.js";
import type { Lease, Wake } from "../graph/types.js";
import { type AnyAgent, branded } from "./agent.js";
import { type AbortCode, Attempt, type Interruption, type Remembered, type RunPort } from "./attempt.js";
import { Callbacks } from "./callbacks.js";
import { failureOf, OVERDUE, STOPPED } from "./failure.js";
import { invoke } from "./invoke.js";
import { type MemoPlan, memoPlan, remembered, replayed } from "./memo.js";
import { type Returned, returnedBy } from "./returned.js";
import type { WorkerPool } from "./worker-pool.js";

/** The loops yield to the event loop after so long without a break, so that timers and I/O have their turn. */
const SLICE_MS = 4;
/** The clock is read once in so many starts. */
const STARTS_PER_LOOK = 16;

/** What an executor works with. */
export interface ExecutorOptions {
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly pool: WorkerPool;
	readonly clock: Clock;
	/** How many nodes are ready to start; counted up to `most` or a little above. */
	readonly depth: (most: number) => number;
	/** Slots became free: look for work. */
	readonly onFree: () => void;
}

/**
 * Runs agent functions in slots and reports what comes of them. A slot is a worker loop of the pool:
 * it is taken before a node is claimed, goes from node to node, and ends when nothing is ready. The
 * executor never touches a graph: it sends commands.
 */
export class Executor {
	/** Slots that are taken and have nothing to do. */
	free = 0;
	/** No claims until the event loop has had its turn. */
	yielding = false;
	/** Loops that run or wait to run. */
	#loops = 0;
	readonly #endLoop: (() => void)[] = [];
	readonly #running: Attempt[] = [];
	readonly #spare: Callbacks[] = [];
	readonly #options: ExecutorOptions;
	#starts = 0;
	#sliceStart: number;

	constructor(options: ExecutorOptions) {
		this.#options = options;
		this.#sliceStart = options.clock.now();
	}

	/** How many functions may hold a slot at a time. */
	get slots(): number {
		return this.#options.pool.concurrency;
	}

	/** Functions that hold a slot. */
	get running(): number {
		return this.#running.length;
	}

	reserve(): void {
		this.free--;
	}

	release(): void {
		this.free++;
	}

	/** After a batch: takes more slots while there is more to do, gives back those that have nothing to do. */
	balance(): void {
		const { concurrency } = this.#options.pool;
		if (this.yielding || (this.free === 0 && this.#loops === concurrency)) return;
		if (this.free > 0) {
			if (this.#options.depth(1) === 0) this.#retire();
			return;
		}
		// Loops that are queued but have not begun will take a node each.
		const begun = this.#endLoop.length;
		const depth = this.#options.depth(concurrency - begun);
		for (let more = Math.min(depth - (this.#loops - begun), concurrency - this.#loops); more > 0; more--)
			this.#addLoop();
	}

	#addLoop(): void {
		this.#loops++;
		this.#options.pool.add(
			() =>
				new Promise((resolve) => {
					this.#endLoop.push(resolve);
					this.free++;
					this.#options.onFree();
				}),
		);
	}

	#retire(): void {
		while (this.free > 0) {
			this.free--;
			this.#loops--;
			this.#endLoop.pop()?.();
		}
	}

	/** Carries out a lease: calls the function, or lets a parked one go on. A slot is reserved for it. */
	start(run: RunPort, lease: Lease, agentName: string, input: unknown, wake: Wake | undefined): void {
		if (++this.#starts >= STARTS_PER_LOOK) this.#look();
		const parked = wake === undefined ? undefined : run.parked.get(lease.node);
		if (parked !== undefined && wake !== undefined) {
			this.#continue(parked, lease, wake);
			return;
		}
		// Specs are checked against the agents when they come in.
		const agent = this.#options.agents.get(agentName) as AnyAgent;
		const attempt = new Attempt(run, lease, agent);
		run.inFlight++;
		attempt.index = this.#running.length;
		this.#running.push(attempt);
		if (!this.#recalls(attempt, input)) this.#begin(attempt, input);
	}

	#begin(attempt: Attempt, input: unknown): void {
		if (this.#options.pool.execute === undefined) this.#call(attempt, input);
		else this.#send(attempt, input);
	}

	/** @returns whether its outcome comes from an earlier call, or that is still to be found out */
	#recalls(attempt: Attempt, input: unknown): boolean {
		const { agent, run, lease } = attempt;
		const memo = run.actor.leases.spec(lease).memo ?? (agent.memo as AnyAgent["memo"]);
		if (memo === undefined || memo === false) return false;
		try {
			const plan = memoPlan(attempt, memo, input);
			attempt.memo = plan;
			// An attempt that failed by itself is followed by a call: it may be the remembered patch that does not fit.
			const found = failedBefore(attempt) ? undefined : run.memos.find(plan.key);
			if (found === undefined) return false;
			if (!isThenable(found)) this.#recall(attempt, plan, found as Remembered);
			else {
				found.then(
					(later) => {
						// It may be over by now: then its function is not called at all.
						if (attempt.over !== undefined) this.#settle(attempt, false, attempt.signal.reason);
						else if (later === undefined) this.#begin(attempt, input);
						else this.#recall(attempt, plan, later as Remembered);
					},
					(error) => this.#settle(attempt, false, error),
				);
			}
		} catch (error) {
			this.#settle(attempt, false, error);
		}
		return true;
	}

	#recall(attempt: Attempt, plan: MemoPlan, found: Remembered): void {
		plan.hit = true;
		const { output, patch } = replayed(attempt, found);
		this.#settle(attempt, true, patch === undefined ? output : branded(output, patch));
	}

	/** A pool carries the call to its worker. */
	#send(attempt: Attempt, input: unknown): void {
		let arrived = false;
		const arrive = (ok: boolean, value: unknown): void => {
			if (arrived) return this.#report(attempt, ok ? undefined : failureOf(attempt, value), value);
			arrived = true;
			this.#settle(attempt, ok, value);
		};
		this.#options.pool.execute?.(() => invoke(attempt, input), arrive);
	}

	#call(attempt: Attempt, input: unknown): void {
		let returned: unknown;
		let later: boolean;
		try {
			returned = invoke(attempt, input);
			// A getter of the agent's may throw too.
			later = returned instanceof Promise || isThenable(returned);
		} catch (error) {
			this.#settle(attempt, false, error);
			return;
		}
		if (later) {
			const callbacks = this.#spare.pop() ?? new Callbacks((done, ok, value) => this.#settled(done, ok, value));
			callbacks.attempt = attempt;
			// A promise stays itself; whatever else has a `then` becomes one, which settles once.
			Promise.resolve(returned).then(callbacks.fulfilled, callbacks.rejected);
		} else this.#settle(attempt, true, returned);
	}

	#settled(callbacks: Callbacks, ok: boolean, value: unknown): void {
		const attempt = callbacks.attempt as Attempt;
		callbacks.attempt = undefined;
		this.#spare.push(callbacks);
		this.#settle(attempt, ok, value);
	}

	/** A function returned. */
	#settle(attempt: Attempt, ok: boolean, value: unknown): void {
		const { interruption, run } = attempt;
		if (interruption !== undefined && this.#isParked(attempt, interruption)) {
			// It did not wait for its own sleep or signal: its outcome counts when the node goes on.
			interruption.early = { ok, value };
			return;
		}
		const error = ok ? undefined : failureOf(attempt, value);
		// Before its slot is free: who waits for its limits finds them as this outcome leaves them.
		if (attempt.over === undefined) run.queue.ended(attempt.lease, error);
		this.#leave(attempt);
		this.#report(attempt, error, value);
		interruption?.onReturn?.();
		run.returned();
	}

	#isParked(attempt: Attempt, { parking, leaked, over }: Interruption): boolean {
		return over === undefined && (parking || (!attempt.holdsSlot && !leaked));
	}

	/** The function is done with: its slot is free, its timer is taken back. */
	#leave(attempt: Attempt): void {
		const { run, interruption } = attempt;
		if (interruption?.graceTimer !== undefined) this.#options.clock.clear(interruption.graceTimer);
		if (interruption?.leaked !== true) run.inFlight--;
		if (run.parked.size > 0 && run.parked.get(attempt.lease.node) === attempt) run.parked.delete(attempt.lease.node);
		this.#freeSlot(attempt);
	}

	#freeSlot(attempt: Attempt): void {
		if (!attempt.holdsSlot) return;
		attempt.holdsSlot = false;
		const last = this.#running.pop() as Attempt;
		if (last !== attempt) {
			this.#running[attempt.index] = last;
			last.index = attempt.index;
		}
		this.free++;
		attempt.run.released(attempt.lease);
		// The slot of an attempt that is over is freed outside any batch of its run.
		if (attempt.over !== undefined) this.#options.onFree();
	}

	#report(attempt: Attempt, error: ErrorInfo | undefined, value: unknown): void {
		const { run, lease } = attempt;
		if (error !== undefined) {
			run.actor.post({ type: "fail", lease, error });
			return;
		}
		let returned: Returned;
		try {
			returned = returnedBy(attempt, value);
		} catch (unreadable) {
			run.actor.post({ type: "fail", lease, error: errorInfo(unreadable) });
			return;
		}
		const { output, patch } = returned;
		const command: Command =
			patch === undefined ? { type: "complete", lease, output } : { type: "complete", lease, output, patch };
		if (attempt.memo === undefined) run.actor.post(command);
		else this.#completeOnce(attempt, attempt.memo, command, returned);
	}

	/** Completes a node whose outcome other calls may use. */
	#completeOnce(
		attempt: Attempt,
		plan: MemoPlan,
		command: Extract<Command, { type: "complete" }>,
		returned: Returned,
	): void {
		const { run, lease, context } = attempt;
		const { memos } = run;
		// What it has committed on the way is not part of its outcome, and would be missing where that is used.
		if (plan.hit || context.stagedGraph?.hasCommitted === true || !run.actor.leases.isLive(lease)) {
			run.actor.post(plan.hit ? { ...command, memo: true } : command);
			return;
		}
		memos.offer(lease, plan.key, remembered(attempt, returned), plan.ttl);
		run.actor.post(command, () => {
			if (!run.actor.leases.isCompleted(lease)) memos.withdraw(lease, plan.key);
		});
	}

	/** A request to park was granted: the slot is free. Or it was refused, and a function that did not wait for it has returned. */
	parkedOrNot(attempt: Attempt, parked: boolean): void {
		if (parked) {
			attempt.run.parked.set(attempt.lease.node, attempt);
			attempt.run.control?.parked(attempt);
			this.#freeSlot(attempt);
			this.#options.onFree();
			return;
		}
		this.#settleEarly(attempt);
	}

	#settleEarly(attempt: Attempt): void {
		const early = attempt.interruption?.early;
		if (early === undefined) return;
		attempt.interrupt().early = undefined;
		this.#settle(attempt, early.ok, early.value);
	}

	/** A parked attempt has a lease again. */
	#continue(attempt: Attempt, lease: Lease, wake: Wake): void {
		attempt.run.parked.delete(lease.node);
		attempt.lease = lease;
		attempt.holdsSlot = true;
		attempt.index = this.#running.length;
		this.#running.push(attempt);
		attempt.run.control?.continued(attempt);
		const interruption = attempt.interrupt();
		const { waiting } = interruption;
		interruption.waiting = undefined;
		waiting?.resolve(wake);
		this.#settleEarly(attempt);
	}

	/** An attempt is over before its function returned: it is told so, and given up after its grace. */
	abort(run: RunPort, lease: Lease, code: AbortCode): void {
		const attempt = this.#find(run, lease.node);
		if (attempt === undefined || attempt.over !== undefined) return;
		// An attempt that was parked did not wait for whom it had asked.
		run.queue.ended(attempt.lease, code === "TIMEOUT" && attempt.holdsSlot ? OVERDUE : STOPPED);
		attempt.abort(code);
		const interruption = attempt.interrupt();
		if (interruption.early !== undefined) {
			// The function has returned, only its node was still parked.
			this.#leave(attempt);
			run.returned();
			return;
		}
		const { clock } = this.#options;
		interruption.graceTimer = clock.set(clock.now() + run.graceOf(lease), () => this.#giveUp(attempt));
	}

	#giveUp(attempt: Attempt): void {
		const { run } = attempt;
		const interruption = attempt.interrupt();
		this.#leave(attempt);
		interruption.leaked = true;
		run.control?.givenUp(attempt);
		run.leaked++;
		interruption.onReturn?.();
		run.returned();
	}

	/**
	 * Whether no function of a node runs any more.
	 *
	 * @param free - called once that is so, if it is not
	 */
	isReturned(run: RunPort, node: NodeId, free: () => void): boolean {
		const attempt = this.#find(run, node);
		if (attempt === undefined) return true;
		attempt.interrupt().onReturn = free;
		return false;
	}

	/** The functions of a run that have not returned. */
	attemptsOf(run: RunPort): Attempt[] {
		return [...this.#running.filter((attempt) => attempt.run === run), ...run.parked.values()];
	}

	#find(run: RunPort, node: NodeId): Attempt | undefined {
		const parked = run.parked.get(node);
		if (parked !== undefined) return parked;
		// At most as many as there are slots.
		return this.#running.find((attempt) => attempt.run === run && attempt.lease.node === node);
	}

	#look(): void {
		this.#starts = 0;
		const { clock } = this.#options;
		const now = clock.now();
		if (now - this.#sliceStart < SLICE_MS || this.yielding) return;
		this.yielding = true;
		clock.yield(() => {
			this.yielding = false;
			this.#sliceStart = clock.now();
			this.#options.onFree();
		});
	}
}

/** Whether the attempt before this one came to an end of its own, and a bad one. */
function failedBefore({ run, lease }: Attempt): boolean {
	if (lease.attempt === 1) return false;
	const error = run.actor.leases.lastError(lease);
	return error !== undefined && error.code !== "CRASHED" && error.code !== "CANCELLED";
}
