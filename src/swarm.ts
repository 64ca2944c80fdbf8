import { ActiveRun } from "./active-run.js";
import { checkAgentLimits, limitEntries } from "./agent-limits.js";
import { systemClock } from "./core/clock.js";
import { type Duration, milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import { registerWriter, thisProcess, unregisterWriter } from "./core/host.js";
import { type RunId, randomIds } from "./core/ids.js";
import { checkWhole } from "./core/whole.js";
import { type DryOrigin, dryRun, planRun, refuseDryRun } from "./dry-run.js";
import type { AnyAgent } from "./executor/agent.js";
import { Executor } from "./executor/executor.js";
import { LocalPool } from "./executor/worker-pool.js";
import { editedNodes, forkHistory } from "./fork.js";
import { checkPatchShape } from "./graph/mutation-shape.js";
import type { Journal, Writer } from "./journal/journal.js";
import { JournalWriter } from "./journal/writer.js";
import { checkKnown } from "./known-options.js";
import { openProgress } from "./port-checkpoints.js";
import { type Recovered, recoverOpen } from "./recover-all.js";
import { busyHere, changedAgents, fromJournal, giveBack, takeOver } from "./recovery.js";
import { Redeliveries } from "./redelivery.js";
import { endedRun, type RunHandle } from "./run.js";
import { RunFailedError } from "./run-failed-error.js";
import { RecentMemos } from "./run-memos.js";
import type { RunPlan } from "./run-plan.js";
import { optionsOf, type RunOptions, settingsOf } from "./run-settings.js";
import { Limits, type LimitView } from "./scheduler/limits.js";
import { Scheduler } from "./scheduler/scheduler.js";
import { findRun, hasNow, historyUpTo, loadState } from "./stored-run.js";
import { SwarmCalls } from "./swarm-calls.js";
import { agentsByName, checkOptions, checkStart, checkVersionPolicy, existing, unkept } from "./swarm-checks.js";
import type {
	ForkOptions,
	GraphSpec,
	GraphTypes,
	RecoverOptions,
	StartOptions,
	SwarmOptions,
} from "./swarm-options.js";
import type { Origin, SwarmParts } from "./swarm-parts.js";
import { Toolbox } from "./toolbox.js";
import { type WaitingFilter, type WaitingNode, waitingInAll } from "./waiting-list.js";

/** The composition root: agents, limits and ports; it runs many graphs, which share its slots and limits. */
export class Swarm<A extends AnyAgent = AnyAgent> {
	readonly #parts: Omit<SwarmParts, "onEnd">;
	readonly #writer: Writer;
	readonly #redeliveries: Redeliveries;
	readonly #calls: SwarmCalls;
	readonly #runs = new Map<RunId, ActiveRun>();
	/** Runs that are being taken over: a second one that tries would take them from the first. */
	readonly #recovering = new Map<RunId, Promise<RunHandle>>();
	#closed = false;

	/** @internal Use {@link createSwarm}. */
	constructor(options: SwarmOptions<A>) {
		checkOptions(options);
		const agents = agentsByName(options.agents);
		const clock = options.clock ?? systemClock;
		const limits = new Limits(limitEntries(options), clock);
		checkAgentLimits(options.agents, limits);
		const executor = new Executor({
			agents,
			pool: options.pool ?? new LocalPool(options.concurrency ?? 4),
			clock,
			depth: (most) => scheduler.depth(most),
			onFree: () => scheduler.pump(),
		});
		const scheduler = new Scheduler(executor);
		const journal = typeof options.journal === "object" ? options.journal : undefined;
		this.#writer = { id: randomIds.run(), ...thisProcess() };
		if (journal !== undefined) registerWriter(this.#writer.id);
		const durability = options.durability ?? (journal?.durable === true ? "strict" : "relaxed");
		const writer = journal && new JournalWriter({ journal, durability, clock, writer: this.#writer });
		this.#calls = new SwarmCalls(new Toolbox(agents, options.skills), {
			options,
			runs: this.#runs,
			recovering: this.#recovering,
			isOpen: () => !this.#closed,
			begin: (origin, given) => this.#begin(origin, given),
			recover: (run, given) => this.recover(run, given),
		});
		this.#parts = {
			options,
			agents,
			clock,
			limits,
			executor,
			scheduler,
			journal,
			writer,
			memos: new RecentMemos(clock),
			callHost: this.#calls,
		};
		this.#redeliveries = new Redeliveries(this.#parts);
	}

	/**
	 * Starts a run.
	 *
	 * @throws SwarmError before anything runs: `INVALID_SPEC`, `UNKNOWN_AGENT`, `DUPLICATE_NODE`,
	 * `UNKNOWN_DEPENDENCY`, `CYCLE`, `INVALID_INPUT`, `INVALID_OPTION`, `RUN_EXISTS`, `SWARM_CLOSED`; `JOURNAL_UNAVAILABLE`
	 * where a journal is asked for a given `runId` and cannot be read
	 */
	start<Types extends GraphTypes = GraphTypes>(
		graph: GraphSpec<A, Types>,
		options: StartOptions = {},
	): RunHandle<Types> {
		this.#assertOpen();
		const run = this.#idOf(options);
		if (options.dryRun === true)
			return dryRun(this.#originOf(graph, run, options), options, this.#parts) as RunHandle<Types>;
		try {
			return this.#begin(this.#originOf(graph, run, options), options).handle as RunHandle<Types>;
		} catch (error) {
			this.#redeliveries.refused(run, options, error);
			throw error;
		}
	}

	/**
	 * What {@link start} would run, in which order, and how long it would take, as far as that is known beforehand. No agent
	 * runs, no port is asked, and nothing is kept. `start` with `dryRun` gives the same as a run that is over.
	 *
	 * @returns the nodes that would run, in the order in which they would start, then those that would not; and totals
	 *
	 * @throws SwarmError what {@link start} throws
	 */
	plan(graph: GraphSpec<A>, options: Omit<StartOptions, "dryRun"> = {}): RunPlan {
		this.#assertOpen();
		return planRun(this.#originOf(graph, this.#idOf(options), options), options, this.#parts);
	}

	#idOf({ runId }: StartOptions): RunId {
		return runId ?? (this.#parts.options.ids ?? randomIds).run();
	}

	#originOf(graph: unknown, run: RunId, options: StartOptions): DryOrigin {
		// The types of the agents were checked where the graph was written.
		const untyped = graph as GraphSpec;
		checkStart(untyped, options);
		checkKnown(options, "start");
		this.#assertNew(run, options.runId !== undefined);
		return { run, nodes: untyped.nodes };
	}

	/**
	 * Brings back a run that its journal has and that nobody writes any more: nodes that ended stay ended, nodes that
	 * ran are tried again, what waited still waits. Runs that its nodes have called and wait for come back with it. One
	 * that was called itself, by a node that does not wait for it any more, is cancelled. So is one that is recovered with a
	 * `signal` that has aborted, whether its agents are here or not.
	 *
	 * @returns the run; of one that has ended, a handle whose result is there
	 * @throws SwarmError `UNKNOWN_RUN`, `RUN_BUSY` while its writer is alive, `VERSION_MISMATCH`, `SEQ_PRUNED`, `JOURNAL_CORRUPT`,
	 * `JOURNAL_UNAVAILABLE`, `INVALID_OPTION` for a swarm without a journal, `SWARM_CLOSED`
	 */
	async recover(run: RunId, options: RecoverOptions = {}): Promise<RunHandle> {
		const journal = this.#journalFor("recover");
		this.#assertHere(run);
		if (this.#recovering.has(run)) throw busyHere(run, "it is being brought back already");
		const recovering = this.#recover(journal, run, options);
		this.#recovering.set(run, recovering);
		try {
			return await recovering;
		} finally {
			this.#recovering.delete(run);
		}
	}

	async #recover(journal: Journal, run: RunId, options: RecoverOptions): Promise<RunHandle> {
		const summary = await fromJournal(() => findRun(journal, run));
		if (summary.ended) return endedRun(await fromJournal(() => loadState(journal, run)), summary, this.#parts);
		const { agents, clock, limits } = this.#parts;
		const { onVersionMismatch = "fail" } = options;
		const isEnding = options.signal?.aborted === true;
		checkVersionPolicy(onVersionMismatch);
		checkStart({ nodes: [] }, options.signal === undefined ? {} : { signal: options.signal });
		const taken = await fromJournal(() =>
			takeOver(run, { journal, writer: this.#writer, clock, agents, limits, onVersionMismatch, isEnding }),
		);
		const { open, settings, ended } = taken.state;
		const kept = optionsOf(settings);
		let active: ActiveRun;
		try {
			this.#assertHere(run);
			if (ended) return this.#redeliveries.deliver(run, taken);
			const isWanted = kept.parent === undefined || (await this.#calls.isAwaited(journal, kept.parent, run));
			const signal = isWanted ? options.signal : AbortSignal.abort("nobody waits for it any more");
			this.#assertHere(run);
			const progress = await openProgress(this.#parts, { run, taken });
			this.#assertHere(run);
			active = this.#begin(
				{ run, taken, ...(progress !== undefined && { progress }) },
				{ ...kept, open, ...(signal !== undefined && { signal }) },
			);
		} catch (error) {
			await giveBack(journal, run, taken.epoch);
			throw error;
		}
		await active.calls.adopt({ onVersionMismatch });
		return active.handle;
	}

	/**
	 * Brings back every run that has not ended and that nobody writes any more. Runs that agents have called come back
	 * with those that called them; one that nobody waits for any more is cancelled.
	 *
	 * @returns the runs that were not called, oldest first, and those that cannot go on here, each with the reason
	 * @throws SwarmError `JOURNAL_UNAVAILABLE`, `JOURNAL_CORRUPT`, `INVALID_OPTION`, `SWARM_CLOSED`
	 */
	async recoverAll(options: RecoverOptions = {}): Promise<Recovered> {
		const journal = this.#journalFor("recoverAll");
		const open = await fromJournal(() => journal.runs({ ended: false }));
		return recoverOpen(
			open.map(({ run }) => run).toReversed(),
			(run) => this.#isHere(run),
			(run) => this.recover(run, options),
		);
	}

	/**
	 * Starts a new run from any point of one that the journal has: nodes that had ended keep their outcomes, but for
	 * those that are edited and whatever depends on them. What such a node had added is not in the fork; nodes that
	 * had not ended run from the start. The old run stays as it is, and may still go on.
	 *
	 * @param options - `atSeq`: from 1 to the old run's last event
	 * @throws SwarmError `UNKNOWN_RUN`, `UNKNOWN_NODE`, `SEQ_PRUNED` when the events up to there are not all kept, what
	 * {@link RunHandle.mutate} throws for the edit, `VERSION_MISMATCH` for a missing agent or limit, `RUN_EXISTS`, `JOURNAL_CORRUPT`, `JOURNAL_UNAVAILABLE`,
	 * `INVALID_OPTION`, `SWARM_CLOSED`
	 */
	async fork(from: RunId, options: ForkOptions = {}): Promise<RunHandle> {
		const journal = this.#journalFor("fork");
		const { atSeq, edit = [], reset = [], ...given } = options;
		checkWhole(atSeq, "atSeq", 1, Number.MAX_SAFE_INTEGER);
		checkStart({ nodes: [] }, given);
		const shape = checkPatchShape(edit);
		if (shape !== undefined) throw SwarmError.from(shape);
		// What was decided here a moment ago may still be on its way to the journal.
		await this.#parts.writer?.flush();
		const past = await fromJournal(() => historyUpTo(journal, from, atSeq));
		this.#assertOpen();
		const run = this.#idOf(given);
		this.#assertNew(run, given.runId !== undefined);
		const { clock, agents, limits } = this.#parts;
		const kept: RunOptions = { ...optionsOf(past.settings), ...given };
		// Nobody waits for the fork of a run that was called.
		const { deadlineAt: _, parent: __, ...merged } = kept;
		const { open = past.open } = merged;
		const settings = settingsOf(merged, agents.values(), clock.now());
		const { events: history, state } = forkHistory(past, [...editedNodes(edit), ...reset], {
			run,
			from,
			open,
			settings,
		});
		// It runs with the agents as they are; without them it would never end.
		changedAgents(state, { agents, limits, onVersionMismatch: "run" });
		return this.#begin({ run, history, edit }, { ...merged, open }).handle;
	}

	#begin(origin: Origin, options: RunOptions): ActiveRun {
		// A run can end before this returns; then it is not among those that go on.
		const active: ActiveRun = new ActiveRun(origin, options, {
			...this.#parts,
			onEnd: (ended) => {
				if (this.#runs.get(origin.run) === ended) this.#runs.delete(origin.run);
			},
		});
		if (!active.finished) this.#runs.set(origin.run, active);
		return active;
	}

	#assertOpen(): void {
		if (this.#closed) throw new SwarmError("SWARM_CLOSED", "the swarm is closed");
	}

	#assertNew(run: RunId, given: boolean): void {
		const { journal } = this.#parts;
		if (this.#runs.has(run)) throw existing(run, "swarm.get(id) has it");
		// Ids of our own are as good as unique; a journal that answers later refuses the first batch.
		if (given && journal !== undefined && hasNow(journal, run))
			throw existing(run, "await swarm.recover(id) goes on with it, or tells what it came to");
	}

	#assertHere(run: RunId): void {
		this.#assertOpen();
		if (this.#isHere(run)) throw busyHere(run);
	}

	#isHere(run: RunId): boolean {
		return this.#runs.has(run) || this.#redeliveries.has(run);
	}

	#journalFor(what: string): Journal {
		this.#assertOpen();
		const { journal } = this.#parts;
		if (journal === undefined) throw unkept(what);
		return journal;
	}

	/**
	 * Runs a graph to its end: the short form.
	 *
	 * @returns the outputs of the completed sinks, by id
	 * @throws SwarmError what {@link start} throws; `INVALID_OPTION` for a `dryRun`; `RUN_FAILED` with `outcome` when it did not complete
	 */
	async run<Sinks extends GraphTypes["sinks"] = GraphTypes["sinks"]>(
		graph: GraphSpec<A, GraphTypes & { readonly sinks: Sinks }>,
		options: StartOptions = {},
	): Promise<Sinks> {
		refuseDryRun(options);
		const handle = this.start(graph, options);
		const outcome = await handle.result();
		if (outcome.status === "completed") return outcome.outputs as Sinks;
		throw new RunFailedError(handle.id, outcome);
	}

	/** Runs that have not ended, those that agents have called included, oldest first. */
	runs(): RunHandle[] {
		return [...this.#runs.values()].filter(({ finished }) => !finished).map((run) => run.handle);
	}

	/** How the limits stand: what is taken, who waits, what is closed. Members of families are there while they are of use. */
	limits(): LimitView[] {
		return this.#parts.limits.view();
	}

	/**
	 * A run that goes on in this swarm, by its id; also one that has ended and is being delivered.
	 *
	 * @returns undefined for any other: the journal may have it, see {@link recover}
	 */
	get(run: RunId): RunHandle | undefined {
		return this.#runs.get(run)?.handle;
	}

	/**
	 * What waits in all runs that have not ended, and for whom, the longest first.
	 *
	 * @param filter - `kind`: of this kind only; `to`: approvals for this person or group only
	 */
	waiting(filter: WaitingFilter = {}): WaitingNode[] {
		return waitingInAll(this.#runs.values(), filter);
	}

	/** Where its runs are kept; undefined without a journal. */
	get journal(): Journal | undefined {
		return this.#parts.journal;
	}

	/**
	 * The graph that runs when an agent or a skill of this swarm is called by its name: what starts runs from stored words
	 * needs it.
	 *
	 * @returns the graph, with the input as the skill's schema makes it
	 * @throws SwarmError `UNKNOWN_TOOL`, `INVALID_INPUT`; what the skill's own function throws
	 */
	async graphOf(name: string, input?: unknown): Promise<GraphSpec> {
		const { toolbox } = this.#calls;
		toolbox.assertAllowed(name, undefined);
		return toolbox.graphOf(name, await toolbox.admit(name, input, name));
	}

	/** Cancels what still runs and takes no more; with a journal see also {@link drain}. Resolves when every function has returned or its grace is over. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#endAll((run) => run.handle.cancel("the swarm was closed"));
	}

	/**
	 * Lets go of every run without ending it, for a shutdown: nothing starts any more, what runs may end within a time,
	 * and what does not is told to stop and runs again where the run is recovered. The results of these runs are
	 * `suspended`. Runs that no journal keeps are cancelled.
	 *
	 * @param within - how long functions may take to return; default 10 seconds. Who is in a hurry may drain again with less
	 * @throws SwarmError `INVALID_OPTION`
	 */
	async drain(within: Duration = "10s"): Promise<void> {
		const ms = milliseconds(within, "within");
		if (this.#parts.journal === undefined) return this.close();
		this.#closed = true;
		await this.#endAll((run) => run.leave(ms));
	}

	async #endAll(end: (run: ActiveRun) => Promise<unknown>): Promise<void> {
		const ending = Array.from(this.#runs.values(), async (run) => {
			await end(run);
			await run.stopDelivering();
		});
		await Promise.all([...ending, this.#redeliveries.close()]);
		unregisterWriter(this.#writer.id);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}
