import type { VirtualClock } from "../core/clock.js";
import { milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { countingIds, type RunId } from "../core/ids.js";
import { createSwarm } from "../create-swarm.js";
import type { AnyAgent } from "../executor/agent.js";
import { type PolicySource, timeouts } from "../graph/policies.js";
import type { RunEvent, StoredSpec } from "../graph/types.js";
import type { Journal, RunSummary } from "../journal/journal.js";
import { memoryJournal } from "../journal/memory-journal.js";
import type { RunHandle } from "../run.js";
import type { Swarm } from "../swarm.js";
import type { GraphSpec, StartOptions } from "../swarm-options.js";
import { Census } from "./census.js";
import { type FaultCounts, noCounts, type ResolvedFaults, resolveFaults } from "./faults.js";
import { foldProblem } from "./fold.js";
import { interfere } from "./interference.js";
import { MortalJournal } from "./mortal-journal.js";
import { Random } from "./random.js";
import { SimulatedPool } from "./simulated-pool.js";
import { outcomeProblem, type SimulatedRun, snapshotOf, stuck } from "./simulated-run.js";
import { runName, type SimulationPlan, slotBounds, startOf } from "./simulation-plan.js";
import { SlotWatch } from "./slot-watch.js";
import { judgeTrace } from "./trace-oracle.js";
import { turned } from "./turn.js";
import { WatchedClock } from "./watched-clock.js";

const DEFAULT_CONCURRENCY = 3;
/** Short, so that a function that was given up is seen to be. */
const GRACE_MS = 50;
/** Every attempt ends some day, whatever became of its outcome. */
const TIMEOUT_MS = 1_000;
/** Turns without anything happening, after which nothing will by itself. */
const IDLE_TURNS = 3;
const HOPELESS_TURNS = 40;
/** Late outcomes still arrive after the end of the last run. */
const AFTERMATH_STEPS = 500;

/** Who finds what is wrong in a simulation. */
export type Judge =
	/** The checks after every command. */
	| "invariants"
	/** See {@link judgeTrace}. */
	| "trace"
	/** The events fold into another state than the run's. */
	| "fold"
	/** A function is called too early, too late or twice at a time. */
	| "calls"
	/** More runs at a time than slots or limits allow. */
	| "slots"
	/** A run never ends, or sleeps while it has work. */
	| "liveness"
	/** The next process cannot take over what the journal has. */
	| "recovery"
	/** A timer is still set when all is over. */
	| "timers"
	/** The outcome does not say what the nodes do. */
	| "outcome"
	/** A request from outside that ends in an error which is no refusal. */
	| "requests";

/** Something that may never happen, and has. */
export interface Problem {
	readonly judge: Judge;
	/** One sentence. */
	readonly what: string;
}

/** What dies together. */
interface Process {
	readonly swarm: Swarm;
	readonly pool: SimulatedPool;
	/** The swarm's: agents and pool set their timers past it. */
	readonly clock: WatchedClock;
	readonly journal: MortalJournal | undefined;
}

/** More would fail whatever runs by the third crash. */
const MAX_RESTARTS = 8;

/**
 * A swarm on a virtual clock with a pool that is not to be relied on, driven step by step: a step is
 * a turn of the event loop, then the next timer.
 */
export class Simulation {
	readonly clock: VirtualClock;
	readonly runs: SimulatedRun[] = [];
	steps = 0;
	readonly #plan: SimulationPlan;
	readonly #random: Random;
	readonly #census: Census;
	readonly #slots: SlotWatch;
	readonly #journals = new Map<RunId, RunEvent[]>();
	readonly #problems: Problem[] = [];
	readonly counts: FaultCounts = noCounts();
	/** What outlives a process. */
	readonly #store: Journal | undefined;
	#process: Process;
	#faults: ResolvedFaults;
	#dying = false;
	/** A run cannot go on: neither can the simulation. */
	#lost = false;

	constructor(plan: SimulationPlan) {
		this.#plan = plan;
		this.clock = plan.clock;
		this.#faults = plan.faults;
		this.#random = new Random(plan.seed);
		this.#census = new Census(this.clock, (run, spec) => this.#graceOf(run, spec));
		this.#slots = new SlotWatch(slotBounds(plan, plan.swarm.concurrency ?? DEFAULT_CONCURRENCY));
		if (plan.faults.restart > 0) this.#store = memoryJournal();
		this.#process = this.#boot();
	}

	#boot(): Process {
		const plan = this.#plan;
		const { concurrency = DEFAULT_CONCURRENCY, grace = GRACE_MS } = plan.swarm;
		const clock = new WatchedClock(plan.clock);
		const pool = new SimulatedPool(concurrency, this.clock, new Random(this.#random.next()), this.#faults, this.counts);
		pool.onOutcome = () => {
			if (this.#process.pool === pool) this.#disturb();
		};
		const journal = this.#store && this.#mortal(this.#store);
		const swarm = createSwarm<AnyAgent>({
			check: "full",
			grace,
			timeout: TIMEOUT_MS,
			...plan.swarm,
			concurrency,
			agents: plan.agents.map((agent) => this.#census.watch(agent, () => journal?.dead === true)),
			clock,
			ids: countingIds(),
			pool,
			seed: plan.seed,
			durability: "strict",
			journal: journal ?? ((run) => ({ append: (events) => this.#record(run, events) })),
		});
		return { swarm, pool, clock, journal };
	}

	#mortal(store: Journal): MortalJournal {
		const random = new Random(this.#random.next());
		return new MortalJournal(
			store,
			(batch) => {
				// They are written together: in which order the runs stand in the write says nothing.
				this.#slots.together(() => {
					for (const { run, events } of batch) this.#record(run, events);
				});
			},
			() => {
				if (this.#faults.restart === 0 || this.counts.restart >= MAX_RESTARTS) return undefined;
				return random.chance(this.#faults.restart) ? (random.chance(500) ? "before" : "after") : undefined;
			},
		);
	}

	/** The process is dead, and another one takes over what the journal has. */
	async #reboot(store: Journal): Promise<void> {
		this.#dying = false;
		this.counts.restart++;
		if (this.#process.journal !== undefined) this.#process.journal.dead = true;
		this.#census.died();
		this.#slots.died();
		this.#process = this.#boot();
		for (const run of this.#open()) {
			const summary = (await store.find(run.handle.id)) as RunSummary | undefined;
			if (summary !== undefined) await store.release(summary.run, summary.epoch);
			try {
				if (summary === undefined) this.#start(run.graph, startOf(this.#plan, run.handle.id), run.handle.id, run);
				else this.#follow(run, await this.#process.swarm.recover(run.handle.id));
			} catch (error) {
				// It may die again at once: then the next one has to take over.
				if (this.#process.journal?.dead === true) return;
				this.#lost = true;
				this.#object("recovery", `${run.handle.id} cannot be taken over: ${String(error)}`);
				return;
			}
		}
	}

	/** To the end of every run, or until it is plain that one will never end. */
	async play(): Promise<void> {
		this.#plan.graphs.forEach((graph, i) => {
			const run = runName(i);
			this.#start(graph, startOf(this.#plan, run), run);
		});
		await this.#advance();
		for (const run of this.runs) if (run.outcome === undefined) this.#object("liveness", stuck(run, this.steps));
		await this.#deliver();
		const { pending } = this.#process.clock;
		if (this.#open().length === 0 && pending > 0)
			this.#object("timers", `${pending} timers are set, and every run has ended`);
		// What arrives too late may change nothing any more.
		let step = 0;
		do await turned();
		while (this.clock.step() && ++step < AFTERMATH_STEPS);
	}

	/** What runs came to is still on its way when they have ended. A process that died on the way delivers nothing more. */
	async #deliver(): Promise<void> {
		if (this.#open().length > 0) return;
		let underWay = this.runs.length;
		for (const { handle } of this.runs) void handle.delivered().then(() => underWay--);
		await turned();
		while (underWay > 0 && this.clock.step()) await turned();
	}

	/** As the runtime has it: of the node, its agent, the run, the swarm. */
	#graceOf(run: RunId, spec: StoredSpec): number {
		const { agents, swarm } = this.#plan;
		const timeout = startOf(this.#plan, run).timeout ?? swarm.timeout;
		const source: PolicySource = {
			agent: (name) => agents.find((agent) => agent.name === name),
			hasLimit: () => true,
			defaults: timeout === undefined ? {} : { timeout },
		};
		return timeouts(source, spec)?.grace ?? milliseconds(swarm.grace ?? GRACE_MS, "grace");
	}

	#start(graph: GraphSpec, options: StartOptions, runId: RunId, known?: SimulatedRun): void {
		const events = known?.events ?? [];
		this.#journals.set(runId, events);
		const handle = this.#process.swarm.start(graph, { ...options, runId });
		const run = known ?? { graph, handle, events, outcome: undefined };
		if (known === undefined) this.runs.push(run);
		this.#follow(run, handle);
	}

	/** What a dead process still says of its runs does not count. */
	#follow(run: SimulatedRun, handle: RunHandle): void {
		const { journal } = this.#process;
		run.handle = handle;
		void handle.result().then((outcome) => {
			if (run.handle === handle && journal?.dead !== true) run.outcome = outcome;
		});
	}

	#record(run: RunId, events: readonly RunEvent[]): void {
		for (const event of events) {
			this.#journals.get(run)?.push(event);
			this.#census.take(run, event);
			this.#slots.take(run, event);
		}
	}

	async #advance(): Promise<void> {
		const { steps: safety, livenessSteps } = this.#plan;
		let idle = 0;
		for (; this.steps < safety + livenessSteps && this.#open().length > 0; this.steps++) {
			if (this.steps === safety) this.#calm();
			if (this.#disturb()) idle = 0;
			if (this.#store !== undefined && (this.#dying || this.#process.journal?.dead === true)) {
				await this.#reboot(this.#store);
				idle = 0;
				if (this.#lost) return;
			}
			await this.#settled();
			idle = this.clock.step() ? 0 : idle + 1;
			if (idle < IDLE_TURNS) continue;
			if (idle === IDLE_TURNS) this.#checkAwake();
			// Only somebody outside can make a difference now.
			for (const { handle } of this.#open()) this.#ask(() => this.#plan.relieve(handle));
			if (idle > HOPELESS_TURNS && this.#process.journal?.dead !== true) return;
		}
	}

	/** Everything that can go on without the clock has; a commit takes a turn of its own, and what follows from it another. */
	async #settled(): Promise<void> {
		const { journal } = this.#process;
		for (let written = -1; written !== (journal?.writes ?? 0); ) {
			written = journal?.writes ?? 0;
			await turned();
			if (journal !== undefined) await turned();
		}
	}

	/** Somebody outside does something, or not. */
	#disturb(): boolean {
		const { counts } = this;
		const before = counts.interfere + counts.cancel;
		const { restart } = this.#faults;
		if (restart > 0 && counts.restart < MAX_RESTARTS && this.#random.chance(restart)) this.#dying = true;
		for (const { handle } of this.#open()) {
			if (this.#random.chance(this.#faults.interfere)) {
				counts.interfere++;
				this.#ask(() => interfere(handle, this.#random, this.#plan.scripted));
			} else if (this.#random.chance(this.#faults.cancel)) {
				counts.cancel++;
				this.#ask(() => handle.cancel("by the simulation"));
			}
		}
		return counts.interfere + counts.cancel > before;
	}

	#open(): SimulatedRun[] {
		return this.runs.filter(({ outcome }) => outcome === undefined);
	}

	#calm(): void {
		this.#faults = resolveFaults({});
		this.#process.pool.calm(this.#faults);
	}

	/** Requests from outside may be refused, and nothing else may go wrong; they are not waited for. */
	#ask(act: () => Promise<unknown>): void {
		const { journal } = this.#process;
		const judge = (error: unknown): void => {
			// Whoever asks a process that dies gets no answer, or this one.
			if (journal?.dead === true) return;
			if (SwarmError.is(error) && error.code !== "INTERNAL" && error.code !== "POISONED") return;
			this.#object("requests", `a request from outside ends in ${String(error)}`);
		};
		// A run that has broken down throws whatever it is asked.
		new Promise((resolve) => resolve(act())).catch(judge);
	}

	/** Nothing moves and no timer is set: what is ready should have started, unless its run is paused or every slot is taken. */
	#checkAwake(): void {
		const snapshots = this.#open().flatMap(snapshotOf);
		const running = snapshots.reduce((sum, { counts }) => sum + counts.running, 0);
		if (running > 0) return;
		for (const { run, status, counts } of snapshots)
			if (status !== "paused" && counts.ready > 0)
				this.#object("liveness", `${run} sleeps, and ${counts.ready} of its nodes are ready`);
	}

	#object(judge: Judge, what: string): void {
		this.#problems.push({ judge, what });
	}

	/** Everything that is not as it should be. */
	problems(): Problem[] {
		const found = [...this.#problems];
		const say = (judge: Judge, what: readonly string[]): void => {
			for (const each of what) found.push({ judge, what: each });
		};
		say("calls", this.#census.problems);
		say("slots", this.#slots.problems);
		for (const run of this.runs) {
			const { handle, events, outcome } = run;
			if (outcome === undefined) continue;
			const [snapshot] = snapshotOf(run);
			say("trace", judgeTrace(events));
			if (snapshot === undefined) {
				say("invariants", [`${handle.id} has broken down: ${outcome.reason ?? "after its end"}`]);
				continue;
			}
			const folded = foldProblem(events, snapshot);
			if (folded !== undefined) say("fold", [`${handle.id}: ${folded}`]);
			const wrong = outcomeProblem(snapshot, events, outcome);
			if (wrong !== undefined) say("outcome", [`${handle.id}: ${wrong}`]);
		}
		if (found.length === 0 && this.#process.swarm.runs().length > 0)
			say("liveness", ["the swarm still holds a run that has ended"]);
		return found;
	}
}
