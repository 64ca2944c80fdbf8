import { BudgetQueue, wakeAll } from "./budget-queue.js";
import { type Duration, milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import { addUsage, checkUsage, emptyUsage, type Usage, type UsageTotal } from "./core/usage.js";
import type { AnyAgent } from "./executor/agent.js";
import type { Attempt } from "./executor/attempt.js";
import { type BudgetView, NO_BUDGET } from "./executor/control.js";
import type { GraphActor } from "./graph/actor.js";
import { show } from "./graph/spec.js";
import type { Wait } from "./graph/types.js";
import type { BudgetPort, BudgetVerdict } from "./ports/budget.js";
import type { Guarded, PortGuard } from "./ports/guard.js";
import type { RunInfo } from "./ports/port.js";

/** What a run does when its budget is used up. */
export interface BudgetBehaviour {
	/**
	 * `stop` (default): the run ends `budget_exceeded`. `degrade`: from the warning on, nodes that name a `fallback` use it, and the
	 * run ends when even that is too much. `ask`: the node waits for `run.approve`.
	 */
	readonly onExhausted?: "stop" | "degrade" | "ask";
	/** What becomes of what runs when the run stops: it may end (default), or is aborted. */
	readonly inFlight?: "finish" | "abort";
	/** Where the budget says when it is worth asking again, a node waits up to so long; default 1 hour. */
	readonly maxWait?: Duration;
}

/** What came of asking, and how much had been given back by all when it was asked. */
type Answered = Guarded<BudgetVerdict> & { readonly asOf: number };

/** An attempt that was refused. */
interface Refused {
	/** Asks again. */
	readonly ask: (approved?: boolean) => Answered | Promise<Answered>;
	readonly estimate: Usage;
	/** It waits no longer than this. */
	readonly giveUpAt: number;
	readonly asOf: number;
}

/** What one attempt has reserved and used. */
interface Spending {
	reservation: string | undefined;
	readonly used: UsageTotal;
	low: boolean;
	remaining: Usage | undefined;
	model: string | undefined;
	/** Since when it holds a slot; undefined while it is parked. */
	heldSince: number | undefined;
}

const DEFAULT_MAX_WAIT_MS = 3_600_000;
/** Under this name waits for the budget are told from the agent's own. */
const WAIT_NAME = "dagswarm.budget";

/** Reserves for the attempts of a run before their functions are called, and settles afterwards. */
export class RunBudget {
	readonly #spendings = new Map<Attempt, Spending>();
	/** Of attempts that are over: what their functions say that they have used is spent all the same. */
	readonly #ended = new WeakMap<Attempt, Spending>();
	readonly #opened: Guarded<void> | Promise<Guarded<void>> | undefined;
	/** Attempts that are not let in yet. */
	readonly #admissions = new Set<Promise<AnyAgent>>();
	readonly #queue: BudgetQueue;
	readonly #behaviour: BudgetBehaviour;
	readonly #maxWait: number;

	constructor(
		private readonly port: BudgetPort,
		private readonly guard: PortGuard,
		private readonly run: RunInfo,
		spent: Usage,
		behaviour: BudgetBehaviour,
		private readonly agents: ReadonlyMap<string, AnyAgent>,
	) {
		this.#behaviour = behaviour;
		this.#queue = new BudgetQueue(port, WAIT_NAME);
		this.#maxWait = milliseconds(behaviour.maxWait ?? DEFAULT_MAX_WAIT_MS, "budget.maxWait");
		if (port.open !== undefined) this.#opened = guard.ask("open", () => port.open?.(run, spent));
	}

	/** The run goes on in this process: what waited in the one before asks again. */
	begin(actor: GraphActor): void {
		if (this.run.resumed) wakeAll(actor, WAIT_NAME);
	}

	/**
	 * Asks for what an attempt is expected to use.
	 *
	 * @returns the agent to call, at once where the port answers at once; rejects with `BUDGET_EXCEEDED`
	 */
	admit(attempt: Attempt, input: unknown): AnyAgent | Promise<AnyAgent> {
		if (this.#opened instanceof Promise) return this.#later(this.#opened.then(() => this.#admit(attempt, input)));
		const spared = this.#isSpared(attempt);
		const first = this.#ask(attempt, this.#estimate(attempt, attempt.agent, input), spared);
		if (!(first instanceof Promise) && first.ok && first.value.verdict === "allowed") {
			this.#reserved(attempt, first.value);
			return attempt.agent;
		}
		return this.#later(this.#decide(attempt, input, first, spared));
	}

	#later(admission: Promise<AnyAgent>): Promise<AnyAgent> {
		this.#admissions.add(admission);
		const done = (): void => void this.#admissions.delete(admission);
		admission.then(done, done);
		return admission;
	}

	#admit(attempt: Attempt, input: unknown): Promise<AnyAgent> {
		const spared = this.#isSpared(attempt);
		const first = this.#ask(attempt, this.#estimate(attempt, attempt.agent, input), spared);
		return this.#decide(attempt, input, first, spared);
	}

	async #decide(
		attempt: Attempt,
		input: unknown,
		first: Answered | Promise<Answered>,
		spared: boolean,
	): Promise<AnyAgent> {
		let agent = attempt.agent;
		let answer = await first;
		const giveUpAt = attempt.run.actor.clock.now() + this.#maxWait;
		for (;;) {
			if (attempt.over !== undefined) {
				if (answer.ok && answer.value.verdict !== "blocked") this.#giveBack(answer.value.reservation);
				throw attempt.signal.reason;
			}
			// Without a budget the run goes on where its policy says so; otherwise it has ended by now.
			if (!answer.ok) {
				this.#open(attempt, undefined);
				return agent;
			}
			const verdict = answer.value;
			const fallback = this.#behaviour.onExhausted === "degrade" ? this.#fallback(attempt) : undefined;
			if (verdict.verdict !== "blocked") {
				if (verdict.verdict === "allowed" || fallback === undefined || agent === fallback.agent) {
					this.#reserved(attempt, verdict);
					return agent;
				}
				if (fallback.agent === undefined) {
					this.#reserved(attempt, verdict).model = fallback.model;
					return agent;
				}
				// What was reserved was for the agent that is dear.
				this.#giveBack(verdict.reservation);
			} else if (fallback?.agent === undefined || agent === fallback.agent) {
				const estimate = this.#estimate(attempt, agent, input);
				const ask = (approved = spared) => this.#ask(attempt, estimate, approved);
				answer = await this.#blocked(attempt, verdict, { ask, estimate, giveUpAt, asOf: answer.asOf });
				continue;
			}
			agent = fallback.agent;
			answer = await this.#ask(attempt, this.#estimate(attempt, agent, input), spared);
		}
	}

	/** Waits where that helps, asks a person where that is wanted, and otherwise ends the run. */
	async #blocked(
		attempt: Attempt,
		{ retryAfter, whenSettled, reason }: Extract<BudgetVerdict, { verdict: "blocked" }>,
		{ ask, estimate, giveUpAt, asOf }: Refused,
	): Promise<Answered> {
		const { actor } = attempt.run;
		const now = actor.clock.now();
		if (whenSettled === true && now < giveUpAt) {
			await this.#queue.wait(attempt, giveUpAt, asOf);
			const answer = await ask();
			// Unless it goes on waiting: what it has left is enough for the next one, or that one hears the same.
			if (!answer.ok || answer.value.verdict !== "blocked" || answer.value.whenSettled !== true) this.#queue.wakeOne();
			return answer;
		}
		if (retryAfter !== undefined && now + retryAfter <= giveUpAt) {
			await attempt.park({ kind: "sleep", until: now + Math.max(retryAfter, 1), name: WAIT_NAME });
			return ask();
		}
		if (this.#behaviour.onExhausted === "ask" && (await this.#isApproved(attempt, reason, estimate))) return ask(true);
		actor.post({ type: "exhaust", reason, abort: this.#behaviour.inFlight === "abort" });
		const error = new SwarmError("BUDGET_EXCEEDED", `node "${attempt.lease.node}" was not run: ${reason}`, {
			nodes: [attempt.lease.node],
		});
		throw Object.assign(error, { retryable: false });
	}

	async #isApproved(attempt: Attempt, reason: string, estimate: Usage): Promise<boolean> {
		const wait: Wait = {
			kind: "approval",
			name: WAIT_NAME,
			reason: `${reason}: may "${attempt.lease.node}" run all the same?`,
			data: { estimate: { ...estimate } },
		};
		const wake = attempt.context.answered(wait) ?? (await attempt.park(wait));
		return wake.kind === "approved";
	}

	#ask(attempt: Attempt, estimate: Usage, approved: boolean): Answered | Promise<Answered> {
		const asOf = this.#queue.settlements;
		const { lease, agent } = attempt;
		const request = { run: this.run, node: lease.node, attempt: lease.attempt, agent: agent.name, estimate, approved };
		const late = (verdict: BudgetVerdict): void => {
			// The run may be over by now.
			if (isVerdict(verdict) && verdict.verdict !== "blocked")
				this.guard.tell("settle", () => this.port.settle(verdict.reservation, {}, true));
			this.#queue.settled();
		};
		const answer = this.guard.ask("reserve", () => this.port.reserve(request), late);
		return answer instanceof Promise ? answer.then((later) => this.#checked(later, asOf)) : this.#checked(answer, asOf);
	}

	#checked(answer: Guarded<BudgetVerdict>, asOf: number): Answered {
		if (!answer.ok || isVerdict(answer.value)) return { ...answer, asOf };
		return { ...this.guard.failed("reserve", new Error(`${show(answer.value)} is no verdict`)), asOf };
	}

	/** Nodes that run in any case, to tidy up, are counted and not refused. */
	#isSpared(attempt: Attempt): boolean {
		return attempt.run.actor.state.stopping !== undefined;
	}

	#reserved(attempt: Attempt, verdict: Exclude<BudgetVerdict, { verdict: "blocked" }>): Spending {
		const spending = this.#open(attempt, verdict.reservation);
		spending.low = verdict.verdict === "warning";
		spending.remaining = verdict.remaining;
		return spending;
	}

	#open(attempt: Attempt, reservation: string | undefined): Spending {
		const used = emptyUsage();
		if (this.#isFirst(attempt)) {
			addUsage(used, { nodes: 1 });
			// At once: the next process is told of it, however this one ends.
			this.#charge(attempt, { nodes: 1 });
		}
		const heldSince = attempt.run.actor.clock.now();
		const spending = { reservation, used, low: false, remaining: undefined, model: undefined, heldSince };
		this.#spendings.set(attempt, spending);
		return spending;
	}

	#fallback(attempt: Attempt): { agent: AnyAgent | undefined; model: string | undefined } | undefined {
		const spec = attempt.run.actor.leases.spec(attempt.lease);
		const fallback = spec.fallback ?? attempt.agent.fallback;
		if (fallback === undefined) return undefined;
		const agent = fallback.agent === undefined ? undefined : this.agents.get(fallback.agent);
		return { agent, model: fallback.model };
	}

	#estimate(attempt: Attempt, agent: AnyAgent, input: unknown): Usage {
		const { estimate } = agent;
		const given: unknown = typeof estimate === "function" ? estimate(input) : (estimate ?? {});
		checkUsage(given, `the estimate of agent "${agent.name}"`);
		return this.#isFirst(attempt) ? { ...given, nodes: given.nodes ?? 1 } : given;
	}

	/** A node counts once, whichever attempt and process of it was let in first. */
	#isFirst({ run, lease }: Attempt): boolean {
		return run.actor.leases.usage(lease)?.["nodes"] === undefined;
	}

	/** How an attempt stands, for its agent. */
	viewOf(attempt: Attempt): BudgetView {
		const spending = this.#spendings.get(attempt);
		if (spending === undefined) return NO_BUDGET;
		const { low, remaining, model } = spending;
		return { low, ...(remaining !== undefined && { remaining }), ...(model !== undefined && { model }) };
	}

	used(attempt: Attempt, usage: Usage): void {
		const spending = this.#spendings.get(attempt) ?? this.#ended.get(attempt);
		if (spending === undefined) return;
		addUsage(spending.used, usage);
		this.#settle(spending, false);
	}

	parked(attempt: Attempt): void {
		const spending = this.#spendings.get(attempt);
		if (spending === undefined) return;
		const held = this.#held(attempt, spending);
		if (held !== undefined) this.#charge(attempt, held);
	}

	/** How long it has held its slot since that was asked last. */
	#held(attempt: Attempt, spending: Spending): Usage | undefined {
		if (spending.heldSince === undefined) return undefined;
		const usage = { agentSeconds: (attempt.run.actor.clock.now() - spending.heldSince) / 1_000 };
		spending.heldSince = undefined;
		addUsage(spending.used, usage);
		return usage;
	}

	#charge({ run, lease }: Attempt, usage: Usage): void {
		run.actor.post({ type: "charge", node: lease.node, attempt: lease.attempt, usage });
	}

	/** The process is about to let go of the run: what its functions have used until now is written down. */
	flush(): void {
		for (const attempt of this.#spendings.keys()) {
			if (this.#spendings.get(attempt)?.heldSince === undefined) continue;
			this.parked(attempt);
			this.continued(attempt);
		}
	}

	continued(attempt: Attempt): void {
		const spending = this.#spendings.get(attempt);
		if (spending !== undefined) spending.heldSince = attempt.run.actor.clock.now();
	}

	/** The function has returned, or was given up. */
	end(attempt: Attempt): void {
		const spending = this.#spendings.get(attempt);
		if (spending === undefined) return;
		this.#spendings.delete(attempt);
		this.#ended.set(attempt, spending);
		const held = this.#held(attempt, spending);
		this.#settle(spending, true);
		// Last: the run may be over with it.
		if (held !== undefined) this.#charge(attempt, held);
	}

	#settle({ reservation, used }: Spending, last: boolean): void {
		if (reservation !== undefined) this.#tell(reservation, { ...used }, last);
	}

	#giveBack(reservation: string): void {
		this.#tell(reservation, {}, true);
	}

	#tell(reservation: string, used: Usage, last: boolean): void {
		const told = this.guard.ask("settle", () => this.port.settle(reservation, used, last));
		if (!last) return;
		if (told instanceof Promise) void told.then(() => this.#queue.settled());
		else this.#queue.settled();
	}

	/** The run is over in this process, or for good. */
	async close(ended: boolean): Promise<void> {
		for (const attempt of [...this.#spendings.keys()]) this.end(attempt);
		// What is reserved only now is given back, which is asked for in its turn.
		while (this.#admissions.size > 0) await Promise.allSettled(this.#admissions);
		await this.guard.settled();
		this.#queue.close();
		if (this.port.close !== undefined) await this.guard.ask("close", () => this.port.close?.(this.run, ended));
	}
}

function isVerdict(value: unknown): value is BudgetVerdict {
	try {
		return readsAsVerdict(value);
	} catch {
		return false;
	}
}

function readsAsVerdict(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return false;
	const { verdict, reservation, reason, retryAfter, whenSettled } = value as Record<string, unknown>;
	if (whenSettled !== undefined && typeof whenSettled !== "boolean") return false;
	if (verdict === "blocked")
		return (
			typeof reason === "string" && (retryAfter === undefined || (typeof retryAfter === "number" && retryAfter >= 0))
		);
	return (verdict === "allowed" || verdict === "warning") && typeof reservation === "string";
}
