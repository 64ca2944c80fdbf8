import { type Clock, systemClock } from "../core/clock.js";
import { Emitter, type ErrorReporter, warnOf } from "../core/emitter.js";
import { type Refusal, SwarmError } from "../core/errors.js";
import { EventLog } from "../core/event-log.js";
import { type IdSource, randomIds } from "../core/ids.js";
import { Mailbox } from "../core/mailbox.js";
import type { ActorConfig, ActorHost, EventSink } from "./actor-config.js";
import { addAll } from "./additions.js";
import { HOST } from "./author.js";
import { Batch, type Effect } from "./batch.js";
import { Checker } from "./checker.js";
import type { Command } from "./command.js";
import { checkStallPlan } from "./consequences.js";
import { decide, type Rules, startRun } from "./decide.js";
import type { Accepted } from "./fence.js";
import { GraphHandle } from "./handle.js";
import { Started } from "./lease.js";
import { LeaseView } from "./lease-view.js";
import { checkPatchShape } from "./mutation-shape.js";
import { nameNodes, withIds } from "./name-nodes.js";
import { NodeTimers, type TimerEffect } from "./node-timers.js";
import { ANY_AGENT, DEFAULT_GROWTH } from "./policies.js";
import { seedOf } from "./retry.js";
import { Snapshots } from "./snapshot.js";
import { refuse } from "./spec.js";
import { RunState } from "./state.js";
import { bugError } from "./story.js";
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

type ActorEvents = { readonly batch: readonly RunEvent[] };

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
	/** The state; read it between commands only, and never write it. */
	readonly state = new RunState();
	/** What a lease's node has before it. */
	readonly leases = new LeaseView(this.state.graph);
	/** Outcomes that came with a lease that was over. */
	stale = 0;
	readonly #rules: Rules;
	readonly #checker: Checker | undefined;
	readonly #journal: EventSink | undefined;
	readonly #host: ActorHost | undefined;
	readonly #batch = new Batch();
	readonly #tx: Transaction;
	readonly #mailbox: Mailbox<Letter>;
	readonly #emitter: Emitter<ActorEvents>;
	readonly #snapshots: Snapshots;
	readonly #timers: NodeTimers;
	readonly #replies: (() => void)[] = [];
	/** With a journal or a check, which may stop the run: the counts as they were when they last did not. */
	readonly #committedCounts: Int32Array | undefined;
	#subscribers = 0;
	#draining = false;
	#poison: SwarmError | undefined;
	#refusing: Refusal | undefined;

	private constructor(config: ActorConfig) {
		this.clock = config.clock ?? systemClock;
		this.ids = config.ids ?? randomIds;
		this.log = new EventLog(config.eventBuffer ?? 4_096);
		const { check = "off", journal } = config;
		if (check !== "off") this.#checker = new Checker(this.state, this.#batch, check);
		this.#journal = journal;
		if (check !== "off" || journal !== undefined)
			this.#committedCounts = new Int32Array(this.state.graph.counts.length);
		this.#host = config.host;
		this.#mailbox = new Mailbox(config.mailboxSize ?? 10_000);
		this.report = config.onListenerError ?? warnOf;
		this.#emitter = new Emitter(this.report);
		this.#timers = new NodeTimers(this.clock, (timer) => this.#onTimer(timer));
		this.#snapshots = new Snapshots(this.state);
		this.#tx = new Transaction(this.state, this.#batch);
		this.state.run = config.run ?? this.ids.run();
		const policies = config.policies ?? ANY_AGENT;
		this.#rules = {
			policies,
			check,
			maxNodes: config.maxNodes ?? DEFAULT_GROWTH.maxNodes,
			maxDepth: config.maxDepth ?? DEFAULT_GROWTH.maxDepth,
			maxPatchSize: config.maxPatchSize ?? DEFAULT_GROWTH.maxPatchSize,
			seed: config.seed ?? seedOf(this.state.run),
			onStall: config.onStall,
			timed: config.timed ?? policies !== ANY_AGENT,
		};
		this.#create(config);
	}

	#create(config: ActorConfig): void {
		const { state } = this;
		state.open = config.open ?? true;
		this.#tx.now = this.clock.now();
		this.#tx.begin();
		this.#checker?.begin();
		this.#tx.stamp({
			type: "run.created",
			run: state.run,
			epoch: state.epoch,
			open: state.open,
			...(config.metadata !== undefined && { metadata: config.metadata }),
		});
		const patch = withIds(this.ids, [{ type: "addNodes", nodes: config.nodes ?? [] }]);
		if (Array.isArray(config.nodes)) state.graph.reserve(config.nodes.length);
		const refusal =
			checkStallPlan(config.onStall, this.#rules.policies) ??
			checkPatchShape(patch) ??
			addAll(this.#tx, patch, HOST, this.#rules) ??
			this.#tx.checkTerms();
		if (refusal !== undefined) throw SwarmError.from(refusal);
		startRun(this.#tx, this.#rules);
		try {
			this.#checker?.verify();
		} catch (error) {
			throw bugError(error, this.log, this.#batch);
		}
		this.#tx.begin();
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
		const letter = { command, reply, direct: !this.#draining };
		// Who wants to stop a run may not be kept out by what it is busy with.
		if (command.type === "cancel") this.#mailbox.push(letter);
		else if (!this.#mailbox.offer(letter)) {
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
		if (this.#draining) this.#mailbox.push({ command, reply, direct: false });
		else this.#drain(command, reply);
	}

	/**
	 * Grants the lease of a ready node within the batch that is being decided; for schedulers, from
	 * {@link ActorHost.fill} only.
	 */
	claim(n: number): Answer {
		const { effects } = this.#batch;
		const before = effects.length;
		try {
			return this.#execute({ type: "claim", n });
		} catch (error) {
			// A slot was taken for it, and is given back with those of the leases that were granted.
			effects.truncate(before);
			const { seq, epoch, graph } = this.state;
			const lease = new Started(seq, this.#tx.now, graph.id(n), graph.nodes.attempt(n), epoch, n);
			effects.push({ type: "start", lease, input: undefined, wake: undefined });
			throw error;
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
		return this.#committedCounts ?? this.state.graph.counts;
	}

	/**
	 * What a bug or a lost journal left behind is not to be read: it may never have been committed.
	 *
	 * @throws SwarmError `INTERNAL` or `JOURNAL_UNAVAILABLE`
	 */
	assertSound(): void {
		if (this.#poison !== undefined) throw this.#poison;
	}

	/** The committed state: frozen, and shared with other snapshots where nothing changed. */
	snapshot(): Snapshot {
		this.assertSound();
		return this.#snapshots.take();
	}

	/** Decides what waits, lets the scheduler claim, and commits it all as one batch; then again, as long as more came. */
	#drain(command?: Command, reply?: Reply): void {
		if (this.#draining) return;
		this.#draining = true;
		try {
			this.#tx.now = this.clock.now();
			if (command !== undefined) this.#take(command, reply);
			for (;;) {
				if (this.#mailbox.size > 0) this.#takeAll();
				this.#host?.fill(this);
				this.#commit();
				if (this.#mailbox.size === 0) break;
				this.#tx.now = this.clock.now();
			}
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#draining = false;
		}
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

	#commit(): void {
		const batch = this.#batch;
		if (batch.length > 0) {
			this.#publish();
			batch.clearEvents();
		}
		if (this.#replies.length > 0) for (const reply of this.#replies.splice(0)) reply();
		if (batch.effects.length > 0) {
			for (let i = 0; i < batch.effects.length; i++) this.#carryOut(batch.effects.at(i));
			batch.effects.truncate(0);
		}
		this.#host?.committed(this);
	}

	#publish(): void {
		const batch = this.#batch;
		if (this.#journal !== undefined) {
			try {
				this.#journal.append([...batch.events()]);
			} catch (error) {
				throw new SwarmError("JOURNAL_UNAVAILABLE", "the journal did not take the events", {}, { cause: error });
			}
		}
		this.#keepCounts();
		batch.pass(this.log);
		if (this.#subscribers > 0) this.#emitter.emit("batch", [...batch.events()]);
		if (this.state.ended) this.log.close();
		else this.log.wake();
	}

	#keepCounts(): void {
		const kept = this.#committedCounts;
		if (kept === undefined) return;
		const { counts } = this.state.graph;
		// Ten integers: `set` would take longer to begin.
		for (let state = 0; state < kept.length; state++) kept[state] = counts[state] as number;
	}

	#carryOut(effect: Effect): void {
		switch (effect.type) {
			case "start":
				this.#host?.start(this, effect.lease, effect.input, effect.wake);
				return;
			case "abort":
				this.#host?.abort(this, effect.lease, effect.code);
				return;
			case "timer":
				this.#timers.set(effect);
				return;
			case "clearTimers":
				this.#timers.clear(effect.node, effect.kind);
				return;
		}
	}

	#onTimer({ node, kind, fence }: TimerEffect): void {
		const fire = (): void => this.post({ type: "timer", node, kind, fence }, ignore);
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

/** A timer that comes late is no outcome. */
function ignore(): void {}
