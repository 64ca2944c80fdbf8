import { type Clock, systemClock } from "../core/clock.js";
import { Emitter, type ErrorReporter, warnOf } from "../core/emitter.js";
import { type ErrorInfo, type Refusal, SwarmError } from "../core/errors.js";
import { EventLog } from "../core/event-log.js";
import { type IdSource, randomIds } from "../core/ids.js";
import { Mailbox } from "../core/mailbox.js";
import type { ActorConfig, ActorHost, EventSink } from "./actor-config.js";
import { Batch } from "./batch.js";
import { Checker } from "./checker.js";
import type { Command } from "./command.js";
import { decide, type Rules } from "./decide.js";
import { carryOut } from "./effects.js";
import type { Accepted } from "./fence.js";
import { GraphHandle } from "./handle.js";
import { KeptCounts } from "./kept-counts.js";
import { Started } from "./lease.js";
import { LeaseView } from "./lease-view.js";
import { nameNodes } from "./name-nodes.js";
import { NodeTimers, type TimerEffect } from "./node-timers.js";
import { originate, rulesOf } from "./origin.js";
import { Snapshots } from "./snapshot.js";
import { refuse } from "./spec.js";
import { RunState } from "./state.js";
import { bugError, lostError } from "./story.js";
import { Transaction } from "./transaction.js";
import type { Mutation, NodeSpec, RunEvent, Snapshot } from "./types.js";

/** The answer to a command. */
export type Answer = Accepted | Refusal;

type Reply = (answer: Answer) => void;

interface Letter {
	readonly command: Command;
	readonly reply: Reply | undefined;
	/** Its sender waits for the call to return, and is told by what is thrown. */
	readonly direct: boolean;
}

/**
 * The single writer of one graph: it takes commands one at a time, decides and applies them, and
 * publishes the events of each batch once they are accepted. Everything else only proposes.
 *
 * @example
 * ```ts
 * import { GraphActor } from "dagswarm";
 *
 * const { handle } = GraphActor.create({
 *   nodes: [{ id: "a", agent: "work" }, { id: "b", agent: "work", dependsOn: ["a"] }],
 * });
 * handle.ready(); // ["a"]
 * const claimed = await handle.claim("a");
 * if (claimed.ok) await handle.complete(claimed.lease, 42);
 * handle.ready(); // ["b"]
 * ```
 */
export class GraphActor {
	/**
	 * Makes an actor and the handle to drive it by.
	 *
	 * @throws SwarmError when the graph is refused: `INVALID_SPEC`, `UNKNOWN_AGENT`, `DUPLICATE_NODE`,
	 * `UNKNOWN_DEPENDENCY`, `CYCLE`, `INVALID_INPUT`
	 */
	static create(config: ActorConfig = {}): { readonly actor: GraphActor; readonly handle: GraphHandle } {
		const actor = new GraphActor(config);
		return { actor, handle: new GraphHandle(actor) };
	}

	readonly clock: Clock;
	readonly ids: IdSource;
	readonly log: EventLog<RunEvent>;
	/** Takes what a listener threw. */
	readonly report: ErrorReporter;
	/** Read it between commands only, and never write it. */
	readonly state: RunState;
	/** What a lease's node has before it. */
	readonly leases: LeaseView;
	/** Outcomes that came with a lease that was over. */
	stale = 0;
	readonly #rules: Rules;
	readonly #checker: Checker | undefined;
	readonly #journal: EventSink | undefined;
	readonly #host: ActorHost | undefined;
	readonly #batch = new Batch();
	readonly #tx: Transaction;
	readonly #mailbox: Mailbox<Letter>;
	readonly #emitter: Emitter<{ readonly batch: readonly RunEvent[] }>;
	readonly #snapshots: Snapshots;
	readonly #timers: NodeTimers;
	readonly #replies: (() => void)[] = [];
	/** With a journal or a check, which may stop the run: the counts as they were when they last did not. */
	readonly #committed: KeptCounts | undefined;
	#subscribers = 0;
	#draining = false;
	/** What was decided waits for the journal to ask for it. */
	#pending = false;
	/** The journal has what was decided, and has not said that it keeps it: nothing is decided meanwhile. */
	#inFlight = false;
	#poison: SwarmError | undefined;
	#refusing: Refusal | undefined;

	private constructor(config: ActorConfig) {
		this.clock = config.clock ?? systemClock;
		this.ids = config.ids ?? randomIds;
		this.state = config.recovered?.state ?? new RunState();
		this.leases = new LeaseView(this.state.graph);
		this.log = new EventLog(config.eventBuffer ?? 4_096, this.state.seq);
		const { check = "off", journal } = config;
		if (check !== "off") this.#checker = new Checker(this.state, this.#batch, check);
		this.#journal = journal;
		if (check !== "off" || journal !== undefined) this.#committed = new KeptCounts(this.state.graph.counts);
		this.#host = config.host;
		this.#mailbox = new Mailbox(config.mailboxSize ?? 10_000);
		this.report = config.onListenerError ?? warnOf;
		this.#emitter = new Emitter(this.report);
		this.#timers = new NodeTimers(this.clock, (timer) => this.#onTimer(timer));
		this.#snapshots = new Snapshots(this.state);
		this.#tx = new Transaction(this.state, this.#batch);
		if (config.recovered === undefined) this.state.run = config.run ?? this.ids.run();
		this.#rules = rulesOf(config, this.state.run);
		this.#tx.now = this.clock.now();
		this.#checker?.begin();
		originate(this.#tx, config, this.#rules, this.ids);
		try {
			this.#checker?.verify();
		} catch (error) {
			throw bugError(error, this.log, this.#batch);
		}
		// The promise is to readers opened in the same tick.
		queueMicrotask(() => this.log.closeOpening());
		this.#draining = true;
		this.#commit();
		this.#draining = false;
	}

	get poison(): SwarmError | undefined {
		return this.#poison;
	}

	/**
	 * Takes a command from outside.
	 *
	 * @returns the refusal `OVERLOADED` when too many wait
	 */
	send(command: Command, reply: (answer: Answer) => void): Refusal | undefined {
		if (this.#poison !== undefined) throw this.#poison;
		const letter = { command, reply, direct: !this.#draining && !this.#inFlight };
		// Who wants to stop a run may not be kept out by what it is busy with.
		if (command.type === "cancel") this.#mailbox.push(letter);
		else if (this.#replies.length >= this.#mailbox.bound || !this.#mailbox.offer(letter)) {
			return refuse("OVERLOADED", `${this.#mailbox.bound} commands wait`, {
				hint: "wait for replies before sending more",
			});
		}
		this.#drain();
		return undefined;
	}

	/** Takes an outcome or a timer: never refused for want of room. */
	post(command: Command, reply?: (answer: Answer) => void): void {
		if (this.#refusing !== undefined) return reply?.(this.#refusing);
		// Nothing waits and nothing is going on: it need not go through the mailbox.
		if (this.#draining || this.#inFlight) this.#mailbox.push({ command, reply, direct: false });
		else this.#drain(command, reply);
	}

	/**
	 * Grants the lease of a ready node within the batch that is being decided; for schedulers, from
	 * {@link ActorHost.fill} only. With an error the attempt fails before it begins.
	 */
	claim(n: number, error?: ErrorInfo): Answer {
		const { effects } = this.#batch;
		const before = effects.length;
		try {
			return this.#execute(error === undefined ? { type: "claim", n } : { type: "claim", n, error });
		} catch (bug) {
			// A slot was taken for it, and is given back with those of the leases that were granted.
			effects.truncate(before);
			const { seq, epoch, graph } = this.state;
			const lease = new Started(seq, this.#tx.now, graph.id(n), graph.nodes.attempt(n), epoch, n);
			effects.push({ type: "start", lease, input: undefined, wake: undefined });
			throw bug;
		}
	}

	/** Gives every new node of a mutation that has no id one. */
	nameNodes(mutation: Mutation, named: (node: NodeSpec) => NodeSpec): Mutation {
		return nameNodes(mutation, named);
	}

	/** Lets the scheduler look for work again, for instance when a slot became free elsewhere. */
	poke(): void {
		if (this.#poison === undefined) this.#drain();
	}

	/** Listens to committed batches. @returns a function that stops it */
	subscribe(listener: (events: readonly RunEvent[]) => void): () => void {
		const off = this.#emitter.on("batch", listener);
		this.#subscribers++;
		return () => {
			off();
			this.#subscribers = this.#emitter.count("batch");
		};
	}

	/** How many nodes are in each state, as it is committed. */
	get committedCounts(): Int32Array {
		return this.#committed?.counts ?? this.state.graph.counts;
	}

	/** Whether nothing more will happen, and the journal knows it. */
	get isOver(): boolean {
		return this.#poison !== undefined || (this.state.ended && !this.#pending);
	}

	/**
	 * What a bug or a lost journal left behind is not to be read: it may never have been committed.
	 *
	 * @throws SwarmError `INTERNAL` or `JOURNAL_UNAVAILABLE`
	 */
	assertSound(): void {
		if (this.#pending && !this.#draining && !this.#inFlight) this.#journal?.settle?.();
		if (this.#poison !== undefined) throw this.#poison;
	}

	/** For journals that defer: all that was decided. Nothing more is, until it is {@link accepted} or {@link lose lost}. */
	handOver(take: (event: RunEvent) => void): void {
		this.#inFlight = true;
		this.#batch.each(take);
	}

	/** The journal keeps what it was handed over. */
	accepted(): void {
		if (this.#poison !== undefined) return;
		this.#inFlight = false;
		this.#pending = false;
		this.#draining = true;
		try {
			this.#release();
			if (this.#mailbox.size > 0) this.#turn();
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#draining = false;
		}
	}

	/** The journal does not keep what it was handed over, or takes no more: the run stops here. */
	lose(error: unknown): void {
		this.#inFlight = false;
		this.#pending = false;
		if (this.#poison === undefined) this.#fail(lostError(error));
	}

	/** The committed state: frozen, and shared with other snapshots where nothing changed. */
	snapshot(): Snapshot {
		this.assertSound();
		return this.#snapshots.take();
	}

	/** Decides what waits, lets the scheduler claim, and commits it all as one batch; then again, as long as more came. */
	#drain(command?: Command, reply?: Reply): void {
		if (this.#draining || this.#inFlight) return;
		this.#draining = true;
		try {
			this.#tx.now = this.clock.now();
			if (command !== undefined) this.#take(command, reply);
			if (this.#mailbox.size > 0) this.#takeAll();
			this.#host?.fill(this);
			if (this.#commit() && this.#mailbox.size > 0) this.#turn();
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#draining = false;
		}
	}

	/** What came while a batch was going out. */
	#turn(): void {
		do {
			this.#tx.now = this.clock.now();
			this.#takeAll();
			this.#host?.fill(this);
		} while (this.#commit() && this.#mailbox.size > 0);
	}

	#takeAll(): void {
		for (let letter = this.#mailbox.shift(); letter !== undefined; letter = this.#mailbox.shift()) {
			this.#take(letter.command, letter.reply, letter.direct);
		}
	}

	#take(command: Command, reply: Reply | undefined, direct = false): void {
		let answer: Answer;
		try {
			answer = this.#execute(command);
		} catch (error) {
			// By the time that the replies go out the run refuses.
			if (reply !== undefined && !direct) this.#replies.push(() => this.#refusing && reply(this.#refusing));
			throw error;
		}
		if (reply !== undefined) this.#replies.push(() => reply(this.#refusing ?? answer));
		else if ("code" in answer && answer.code === "STALE_LEASE" && command.type !== "timer") this.stale++;
	}

	#execute(command: Command): Answer {
		const tx = this.#tx;
		const checker = this.#checker;
		tx.begin();
		if (checker === undefined) return decide(tx, command, this.#rules);
		checker.begin();
		const answer = decide(tx, command, this.#rules);
		checker.verify();
		return answer;
	}

	/** @returns false when it waits for the journal */
	#commit(): boolean {
		const journal = this.#journal;
		if (journal !== undefined && (this.#pending || this.#batch.length > 0) && !this.#append(journal)) {
			this.#host?.deferred?.(this);
			return false;
		}
		this.#release();
		return true;
	}

	/** @returns whether the journal has it all */
	#append(journal: EventSink): boolean {
		if (journal.defer !== undefined) {
			if (!this.#pending) journal.defer(this);
			this.#pending = true;
			return false;
		}
		let taken: void | PromiseLike<void>;
		try {
			if (journal.appendEach === undefined) taken = journal.append(this.#batch.list());
			else taken = journal.appendEach((take) => this.#batch.each(take));
		} catch (error) {
			throw lostError(error);
		}
		if (taken === undefined) return true;
		this.#pending = true;
		this.#inFlight = true;
		void taken.then(
			() => this.accepted(),
			(error) => this.lose(error),
		);
		return false;
	}

	/** What is committed goes out: to readers, to who asked, to the world. */
	#release(): void {
		const batch = this.#batch;
		if (batch.length > 0) {
			this.#publish();
			batch.clearEvents();
		}
		if (this.#replies.length > 0) for (const reply of this.#replies.splice(0)) reply();
		if (batch.effects.length > 0) {
			for (let i = 0; i < batch.effects.length; i++)
				carryOut(batch.effects.at(i), this, this.#host, this.#timers, this.#journal?.defer !== undefined);
			batch.effects.truncate(0);
		}
		this.#host?.committed(this);
	}

	#publish(): void {
		this.#committed?.keep();
		this.#batch.pass(this.log);
		if (this.#subscribers > 0) this.#emitter.emit("batch", this.#batch.list());
		if (this.state.ended) this.log.close();
		else this.log.wake();
	}

	#onTimer({ node, kind, fence }: TimerEffect): void {
		const fire = (): void => this.post({ type: "timer", node, kind, fence });
		if (kind !== "retry" || this.#host === undefined || this.#host.mayRetry(this, node, fire)) fire();
	}

	#fail(cause: unknown): void {
		const error = SwarmError.is(cause) && cause.code !== "INTERNAL" ? cause : bugError(cause, this.log, this.#batch);
		this.#poison = error;
		this.#timers.clearAll();
		this.log.close(error);
		this.#refuseRest(error);
		if (this.#host === undefined) throw error;
		this.#host.poisoned(this, error, this.#batch.unstarted());
	}

	/** What was decided and not committed, or not decided at all, did not happen. */
	#refuseRest(error: SwarmError): void {
		this.#refusing = refuse("POISONED", `the run was stopped: ${error.message}`);
		for (const reply of this.#replies.splice(0)) reply();
		for (let letter = this.#mailbox.shift(); letter !== undefined; letter = this.#mailbox.shift())
			letter.reply?.(this.#refusing);
	}
}
