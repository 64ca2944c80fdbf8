import type { AsyncResource } from "node:async_hooks";
import type { ChunkLog } from "../core/chunk-log.js";
import type { Timer } from "../core/clock.js";
import { type ErrorInfo, SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { Usage } from "../core/usage.js";
import type { Answer, GraphActor } from "../graph/actor.js";
import type { Command } from "../graph/command.js";
import type { Lease, StagedPatch, Wait, Wake } from "../graph/types.js";
import type { AnyAgent } from "./agent.js";
import type { CallPort } from "./calls.js";
import { AgentContext } from "./context.js";
import type { AttemptControl } from "./control.js";
import type { MemoPlan } from "./memo.js";
import type { Question } from "./question.js";

/** Whom limits hear of attempts from. */
export interface AttemptLimits {
	/** The function of an attempt is about to be called. */
	called(lease: Lease): void;
	/**
	 * An attempt has ended, as far as its function can tell: it has returned, or was told to stop. Comes once.
	 *
	 * @param error - how it failed; undefined when it did not
	 */
	ended(lease: Lease, error: ErrorInfo | undefined): void;
}

/** A run as the executor sees it. */
export interface RunPort {
	readonly actor: GraphActor;
	/** The asynchronous context that the run was started in. */
	readonly scope: AsyncResource;
	/** How long an aborted function may take to return, unless its node says otherwise; milliseconds. */
	graceOf(lease: Lease): number;
	/** Attempts whose functions are parked, by node. */
	readonly parked: Map<NodeId, Attempt>;
	/** What parked attempts have asked that not every answer fits, by node. */
	readonly questions: Map<NodeId, Question>;
	/** Outcomes of earlier calls. */
	readonly memos: MemoStore;
	/** Saved progress of the run's nodes. */
	readonly checkpoints: CheckpointStore;
	/** What the host has plugged in; none where it has nothing. */
	readonly control: AttemptControl | undefined;
	/** What its agents may call, and who does it. */
	readonly calls: CallPort;
	/** Functions that have not returned, leaked ones left out. */
	inFlight: number;
	/** Functions that had not returned when their grace was over. */
	leaked: number;
	/** Where it is known what attempts have taken of limits. */
	readonly queue: AttemptLimits;
	/** The slot and the limits of a node are free again. */
	released(lease: Lease): void;
	/** A function returned or was given up. */
	returned(): void;
	/** What an attempt says that it has used. */
	used(attempt: Attempt, usage: Usage): void;
	/** A request to park was granted or refused. */
	parkedOrNot(attempt: Attempt, parked: boolean): void;
	/** What attempts let out before their outputs; made when it is first needed. */
	readonly chunks: ChunkLog;
}

/** Where the progress of nodes is kept. */
export interface CheckpointStore {
	load(node: NodeId): unknown;
	/** Remembers progress for the next attempt in this process. */
	note(node: NodeId, state: unknown): void;
	/** @returns when it is kept */
	save(node: NodeId, state: unknown): Promise<void>;
}

/** An outcome that may stand in for another call. */
export interface Remembered {
	readonly output: unknown;
	readonly patch: StagedPatch | undefined;
	/** Default ids in it: a node that uses it makes its own of them. */
	readonly ids?: readonly NodeId[] | undefined;
	/** The node that it was the outcome of. */
	readonly self?: NodeId;
}

/** Where outputs are remembered. */
export interface MemoStore {
	find(key: string): Remembered | undefined | PromiseLike<Remembered | undefined>;
	/**
	 * Remembers an outcome if the lease completes its node with it.
	 *
	 * @param ttl - milliseconds
	 */
	offer(lease: Lease, key: string, remembered: Remembered, ttl: number | undefined): void;
	/** It did not. */
	withdraw(lease: Lease, key: string): void;
}

/** How an attempt came to be over before its function returned. */
export type AbortCode = "TIMEOUT" | "CANCELLED";

/** What only attempts have that are stopped, parked or watched. */
export interface Interruption {
	/** How the attempt came to be over. */
	over: AbortCode | undefined;
	/** Its grace is over too: the function may still run, and nobody waits for it. */
	leaked: boolean;
	graceTimer: Timer | undefined;
	/** Called once the function has returned or was given up. */
	onReturn: (() => void) | undefined;
	/** While parked: how to go on. */
	waiting: { readonly resolve: (wake: Wake) => void; readonly reject: (error: Error) => void } | undefined;
	/** A request to park is under way. */
	parking: boolean;
	/** What the function returned while its node was still parked. */
	early: { readonly ok: boolean; readonly value: unknown } | undefined;
	controller: AbortController | undefined;
	/** The waits so far: those of one attempt come one after the other. */
	waits: Promise<unknown> | undefined;
}

/** One call of an agent function, from its first lease until it returns. There is one for every node: it is kept small. */
export class Attempt {
	readonly context: AgentContext;
	/** Its place among the running ones. */
	index = -1;
	holdsSlot = true;
	interruption: Interruption | undefined = undefined;
	/** Where its outcome may come from, or be remembered. */
	memo: MemoPlan | undefined = undefined;

	constructor(
		readonly run: RunPort,
		public lease: Lease,
		readonly agent: AnyAgent,
	) {
		this.context = new AgentContext(this);
	}

	/** Whether it still has its lease: it runs, and nothing has ended it. */
	get isLive(): boolean {
		return this.run.actor.leases.isLive(this.lease);
	}

	/** Whether it is the one that its node has: it runs, or is parked. */
	get isCurrent(): boolean {
		if (this.over !== undefined) return false;
		return this.isLive || this.interruption?.parking === true || this.run.parked.get(this.lease.node) === this;
	}

	/** Made when it is first needed. */
	interrupt(): Interruption {
		this.interruption ??= {
			over: undefined,
			leaked: false,
			graceTimer: undefined,
			onReturn: undefined,
			waiting: undefined,
			parking: false,
			early: undefined,
			controller: undefined,
			waits: undefined,
		};
		return this.interruption;
	}

	get over(): AbortCode | undefined {
		return this.interruption?.over;
	}

	get signal(): AbortSignal {
		const interruption = this.interrupt();
		interruption.controller ??= new AbortController();
		const { over, controller } = interruption;
		if (over !== undefined && !controller.signal.aborted) controller.abort(this.#reason(over));
		return controller.signal;
	}

	/** Tells the function that its outcome is not wanted any more. */
	abort(code: AbortCode): void {
		const interruption = this.interrupt();
		interruption.over = code;
		const reason = this.#reason(code);
		interruption.controller?.abort(reason);
		interruption.waiting?.reject(reason);
		interruption.waiting = undefined;
	}

	#reason(code: AbortCode): SwarmError {
		const what = code === "TIMEOUT" ? "its time is over" : "it was cancelled";
		return new SwarmError(code, `attempt ${this.lease.attempt} of node "${this.lease.node}" is over: ${what}`, {
			nodes: [this.lease.node],
		});
	}

	ask(command: Command): Promise<Answer> {
		return new Promise((resolve) => this.run.actor.post(command, resolve));
	}

	/**
	 * Gives lease and slot back and waits. Waits of one attempt come one after the other.
	 *
	 * @param question - what is asked, where answers are looked at
	 * @param onParked - called when that is committed
	 */
	park(wait: Wait, question?: Question, onParked?: () => void): Promise<Wake> {
		const interruption = this.interrupt();
		const before = interruption.waits;
		const park = (): Promise<Wake> => this.#park(wait, question, onParked);
		const parked = before === undefined ? park() : before.then(park);
		const settled = parked.then(noop, noop);
		interruption.waits = settled;
		void settled.then(() => {
			if (interruption.waits === settled) interruption.waits = undefined;
		});
		return parked;
	}

	#park(wait: Wait, question: Question | undefined, onParked: (() => void) | undefined): Promise<Wake> {
		return question === undefined ? this.#parkNow(wait, onParked) : this.#parkAsking(wait, question);
	}

	/** An answer may be looked at as soon as somebody can see the question. */
	async #parkAsking(wait: Wait, question: Question): Promise<Wake> {
		const { node } = this.lease;
		const { questions } = this.run;
		questions.set(node, question);
		try {
			return await this.#parkNow(wait);
		} finally {
			// Of an attempt that is over, the next one may have asked meanwhile.
			if (questions.get(node) === question) questions.delete(node);
		}
	}

	#parkNow(wait: Wait, onParked?: () => void): Promise<Wake> {
		return new Promise((resolve, reject) => {
			if (this.over !== undefined) {
				reject(this.#reason(this.over));
				return;
			}
			const interruption = this.interrupt();
			interruption.parking = true;
			this.run.actor.post({ type: "park", lease: this.lease, wait }, (answer) => {
				interruption.parking = false;
				if ("code" in answer) reject(SwarmError.from(answer));
				else interruption.waiting = { resolve, reject };
				this.run.parkedOrNot(this, !("code" in answer));
				if (!("code" in answer)) onParked?.();
			});
		});
	}
}

function noop(): void {}
