import type { SwarmError } from "./core/errors.js";
import { isThenable } from "./core/thenable.js";
import type { Usage } from "./core/usage.js";
import type { AnyAgent } from "./executor/agent.js";
import type { Attempt } from "./executor/attempt.js";
import { type AttemptControl, type BudgetView, NO_BUDGET, type ToolCall } from "./executor/control.js";
import type { GraphActor } from "./graph/actor.js";
import { READY, RUNNING } from "./graph/node-table.js";
import { type PolicySource, timeouts } from "./graph/policies.js";
import type { RunState } from "./graph/state.js";
import type { RunOutcome } from "./outcome.js";
import { PortCheckpoints } from "./port-checkpoints.js";
import type { CheckpointerStore } from "./ports/checkpointer.js";
import type { CriticActivity } from "./ports/critic.js";
import { PortGuard } from "./ports/guard.js";
import type { AttemptInfo, PortName, RunInfo } from "./ports/port.js";
import { RunAudit } from "./run-audit.js";
import { type BudgetBehaviour, RunBudget } from "./run-budget.js";
import { CriticWatch } from "./run-critic.js";
import { deliveryOf, RunDelivery } from "./run-delivery.js";
import { deadlineOf, type RunOptions } from "./run-settings.js";
import type { SwarmOptions } from "./swarm-options.js";
import type { Origin } from "./swarm-parts.js";
import { type PortPolicies, type Ports, runInfo } from "./swarm-ports.js";

/** What the ports of a run are told of, and act upon. */
export interface Controlled {
	readonly actor: GraphActor;
	/** The functions of the run that have not returned. */
	attempts(): readonly Attempt[];
}

/** What a run's ports are set up with. */
export interface ControlSetup {
	readonly info: RunInfo;
	readonly ports: Ports;
	readonly portPolicies: PortPolicies;
	readonly budget: BudgetBehaviour;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly policies: PolicySource;
	/** The store of the checkpointer, where it is open already. */
	readonly progress: CheckpointerStore | undefined;
	/** The run's time limit, from its start; milliseconds. */
	readonly deadline: number | undefined;
}

/** What the ports of a run are set up from. */
interface ControlOrigin {
	readonly swarm: SwarmOptions;
	readonly options: RunOptions;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly policies: PolicySource;
	readonly startedAt: number;
}

/** @returns undefined where the host plugs nothing in: then nothing stands between a run and its functions */
export function controlOf(run: Controlled, from: ControlOrigin, { taken, progress }: Origin): RunControl | undefined {
	const { swarm, options, startedAt } = from;
	const { ports } = swarm;
	if (ports === undefined || Object.values(ports).every((port) => port === undefined)) return undefined;
	const due = deadlineOf(options, startedAt);
	return new RunControl(run, {
		info: runInfo(run.actor.state.run, options, { startedAt, resumed: taken !== undefined }),
		ports,
		portPolicies: swarm.portPolicies ?? {},
		budget: options.budget ?? swarm.budget ?? {},
		agents: from.agents,
		policies: from.policies,
		deadline: due === undefined ? undefined : due - startedAt,
		progress: progress?.store,
	});
}

/** The ports of one run: asked before its functions are called, told of what they do, closed when it is over. */
export class RunControl implements AttemptControl {
	/** Whether a critic has taken over the run's time limit. */
	readonly watchesDeadline: boolean;
	/** Where the host keeps the progress of nodes itself. */
	readonly checkpoints: PortCheckpoints | undefined;
	/** Failures of ports that the run cannot be told yet. */
	#early: (() => void)[] | undefined = [];
	readonly #run: Controlled;
	readonly #setup: ControlSetup;
	readonly #budget: RunBudget | undefined;
	readonly #audit: RunAudit | undefined;
	readonly #critic: PortGuard | undefined;
	readonly #runWatch: CriticWatch | undefined;
	readonly #watches = new Map<Attempt, CriticWatch>();
	/** Attempts whose functions have been called and have not returned. */
	readonly #called = new Set<Attempt>();

	constructor(run: Controlled, setup: ControlSetup) {
		this.#run = run;
		this.#setup = setup;
		const { ports, info, budget, agents } = setup;
		const { audit, critic, checkpointer } = ports;
		if (checkpointer !== undefined)
			this.checkpoints = new PortCheckpoints(checkpointer, this.guard("checkpointer"), info, setup.progress);
		if (audit !== undefined) this.#audit = new RunAudit(audit, this.guard("audit"), info, run.actor);
		if (ports.budget !== undefined) {
			const spent = { ...run.actor.state.usage };
			this.#budget = new RunBudget(ports.budget, this.guard("budget"), info, spent, budget, agents);
		}
		if (critic !== undefined) {
			this.#critic = this.guard("critic");
			this.#runWatch = this.#watchRun();
		}
		this.watchesDeadline = this.#runWatch !== undefined && setup.deadline !== undefined;
	}

	/** Stands between the run and one of its ports. */
	guard(port: PortName): PortGuard {
		return new PortGuard(
			port,
			this.#setup.portPolicies[port as Exclude<PortName, "delivery">] ?? {},
			this.#run.actor.clock,
			(error, fail) => this.#failed(port, error, fail),
		);
	}

	/** The run is set up: what its ports did wrong meanwhile is said to it now. */
	begin(): void {
		this.#tellEarly();
		this.#budget?.begin(this.#run.actor);
	}

	#tellEarly(): void {
		const early = this.#early;
		this.#early = undefined;
		for (const tell of early ?? []) tell();
	}

	/** A port has failed: the run records it. One that has ended cannot, and says it to who hears of listeners. */
	#failed(port: PortName, error: SwarmError, fail: boolean): void {
		if (this.#early !== undefined) {
			this.#early.push(() => this.#failed(port, error, fail));
			return;
		}
		const { actor } = this.#run;
		// What the record itself does wrong is no entry of it.
		if (port !== "audit")
			this.#audit?.add({ at: actor.clock.now(), kind: "error", error: { code: error.code, message: error.message } });
		actor.post({ type: "portFailed", port, message: error.message, fail }, (answer) => {
			if ("code" in answer) actor.report(error, `port ${port}`);
		});
	}

	call(attempt: Attempt, input: unknown, run: (agent: AnyAgent) => unknown): unknown {
		// It comes late: a pool that carries calls to workers may have kept it for so long.
		if (attempt.over !== undefined) throw attempt.signal.reason;
		const admitted = this.#budget?.admit(attempt, input) ?? attempt.agent;
		if (admitted instanceof Promise) return admitted.then((agent) => this.#call(attempt, agent, run));
		return this.#call(attempt, admitted, run);
	}

	#call(attempt: Attempt, agent: AnyAgent, run: (agent: AnyAgent) => unknown): unknown {
		this.#called.add(attempt);
		if (attempt.over !== undefined) {
			this.#end(attempt);
			throw attempt.signal.reason;
		}
		// What a cheaper one makes of it is not to stand in for what this one would.
		if (agent !== attempt.agent || this.budgetOf(attempt).model !== undefined) attempt.memo = undefined;
		this.#watch(attempt);
		let returned: unknown;
		try {
			returned = run(agent);
			if (!isThenable(returned)) {
				this.#end(attempt);
				return returned;
			}
		} catch (thrown) {
			this.#end(attempt);
			throw thrown;
		}
		return Promise.resolve(returned).finally(() => this.#end(attempt));
	}

	/** The function has returned, or is given up. */
	#end(attempt: Attempt): void {
		if (!this.#called.delete(attempt)) return;
		this.#watches.get(attempt)?.end();
		this.#watches.delete(attempt);
		this.#budget?.end(attempt);
	}

	/** The process is about to let go of the run. */
	flush(): void {
		this.#budget?.flush();
	}

	givenUp(attempt: Attempt): void {
		this.#end(attempt);
	}

	parked(attempt: Attempt): void {
		this.#budget?.parked(attempt);
		this.#watches.get(attempt)?.suspend();
	}

	continued(attempt: Attempt): void {
		this.#budget?.continued(attempt);
		const watch = this.#watches.get(attempt);
		if (watch === undefined) return;
		watch.resume();
		this.#extend(attempt, watch);
	}

	stepped(attempt: Attempt, name: string): void {
		this.#activity(attempt, { kind: "step", name });
	}

	emitted(attempt: Attempt): void {
		this.#activity(attempt, { kind: "output" });
	}

	used(attempt: Attempt, usage: Usage): void {
		this.#budget?.used(attempt, usage);
		this.#activity(attempt, { kind: "usage" });
	}

	called(attempt: Attempt, call: ToolCall): void {
		this.#audit?.add({ at: this.#run.actor.clock.now(), kind: "tool", ...call, ...infoOf(attempt) });
		if (call.phase === "start") this.#activity(attempt, { kind: "tool", name: call.name, input: call.input });
		else this.#activity(attempt, { kind: "output" });
	}

	logged(attempt: Attempt, message: string, data: unknown): void {
		const entry = { at: this.#run.actor.clock.now(), kind: "log", message, ...infoOf(attempt) } as const;
		this.#audit?.add(data === undefined ? entry : { ...entry, data });
	}

	budgetOf(attempt: Attempt): BudgetView {
		return this.#budget?.viewOf(attempt) ?? NO_BUDGET;
	}

	#activity(attempt: Attempt, what: Omit<CriticActivity, "at" | "node">): void {
		if (this.#critic === undefined) return;
		const activity = { ...what, at: this.#run.actor.clock.now(), node: attempt.lease.node };
		this.#watches.get(attempt)?.activity(activity);
		this.#runWatch?.activity(activity);
	}

	/** The run itself, under its deadline. While it waits for people or for what it has called, or is paused, it is not idle. */
	#watchRun(): CriticWatch | undefined {
		const { ports, info, deadline } = this.#setup;
		const { actor } = this.#run;
		if (ports.critic === undefined || this.#critic === undefined) return undefined;
		const subject = { run: info, startedAt: info.startedAt, ...(deadline !== undefined && { limit: deadline }) };
		const cancel = (status: "cancelled" | "timed_out", reason: string): void =>
			actor.post({ type: "cancel", status, reason });
		const watched = {
			steer: (message: string) => {
				for (const attempt of this.#run.attempts()) this.#steer(attempt, message);
			},
			kill: (reason: string) => cancel("cancelled", `KILLED: ${reason}`),
			expire: () => cancel("timed_out", "the hard limit of its time has passed"),
		};
		const watch = CriticWatch.start(ports.critic, subject, watched, this.#critic, actor.clock);
		if (watch === undefined) return undefined;
		// It may go on where it has waited before.
		const { status } = actor.state;
		if (status === "waiting" || status === "paused") watch.rest();
		actor.subscribe((events) => {
			if (events.some(({ type }) => type === "run.ended")) watch.end();
			else if (rests(actor.state)) watch.rest();
			else watch.wake();
		});
		return watch;
	}

	#watch(attempt: Attempt): void {
		const { ports, info, policies } = this.#setup;
		if (ports.critic === undefined || this.#critic === undefined) return;
		const { actor } = this.#run;
		const limit = timeouts(policies, actor.leases.spec(attempt.lease))?.attempt;
		const subject = {
			run: info,
			attempt: infoOf(attempt),
			startedAt: actor.clock.now(),
			...(limit !== undefined && { limit }),
		};
		const kill = (reason: string): void => actor.post({ type: "kill", node: attempt.lease.node, reason });
		const watched = {
			steer: (message: string) => this.#steer(attempt, message),
			kill,
			// Where the node has a limit, its own timer does it.
			expire: () => {
				if (limit === undefined) kill("the hard limit of its time has passed");
			},
		};
		const watch = CriticWatch.start(ports.critic, subject, watched, this.#critic, actor.clock);
		if (watch === undefined) return;
		this.#watches.set(attempt, watch);
		this.#extend(attempt, watch);
	}

	/** The attempt's own limit is the soft one now: its timer is that of the hard one. */
	#extend(attempt: Attempt, watch: CriticWatch): void {
		if (!Number.isFinite(watch.hard)) return;
		this.#run.actor.post({ type: "extend", lease: attempt.lease, until: watch.hard });
	}

	#steer(attempt: Attempt, message: string): void {
		this.#run.actor.post({ type: "steer", node: attempt.lease.node, payload: message });
	}

	/** What the run came to, on its way to where it is wanted. A run that goes on elsewhere is delivered there. */
	deliver(outcome: RunOutcome): RunDelivery | undefined {
		const { ports, info, portPolicies } = this.#setup;
		const { actor } = this.#run;
		if (ports.delivery === undefined || outcome.status === "suspended") return undefined;
		// What a run came to that was called is for the one that called it.
		if (info.ancestors.length > 0) return undefined;
		const report = (error: SwarmError): void => actor.report(error, "port delivery");
		const delivery = deliveryOf(actor, info, outcome);
		return new RunDelivery(ports.delivery, delivery, portPolicies.delivery ?? {}, actor.clock, report);
	}

	/** The run is over in this process: everything is settled and closed, whatever ended it. */
	async close(outcome: RunOutcome): Promise<void> {
		// It may be over before it was set up.
		this.#tellEarly();
		this.#runWatch?.end();
		for (const attempt of [...this.#called]) this.#end(attempt);
		const { status, reason, stats } = outcome;
		await this.#budget?.close(status !== "suspended");
		await this.#critic?.settled();
		await this.checkpoints?.close(status !== "suspended");
		await this.#audit?.close({
			status,
			...(reason !== undefined && { reason }),
			wallMs: stats.wallMs,
			nodes: stats.nodes,
			attempts: stats.attempts,
			usage: stats.usage,
		});
	}
}

/** Whether a run can do nothing now. What it has called is watched by itself. */
function rests(state: RunState): boolean {
	const { status, graph, parked } = state;
	if (status === "waiting" || status === "paused") return true;
	if (parked.size === 0 || state.count(RUNNING) + state.count(READY) > 0) return false;
	for (const n of parked) if (graph.extras.get(n)?.wait?.kind === "child") return true;
	return false;
}

function infoOf({ lease, agent }: Attempt): AttemptInfo {
	return { node: lease.node, agent: agent.name, attempt: lease.attempt };
}
