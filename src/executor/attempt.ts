import type { Timer } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { Answer, GraphActor } from "../graph/actor.js";
import type { Command } from "../graph/command.js";
import type { Lease, Wait, Wake } from "../graph/types.js";
import type { AnyAgent } from "./agent.js";
import { AgentContext } from "./context.js";

/** A run as the executor sees it. */
export interface RunPort {
	readonly actor: GraphActor;
	/** How long an aborted function may take to return, unless its node says otherwise; milliseconds. */
	graceOf(lease: Lease): number;
	/** Attempts whose functions are parked, by node. */
	readonly parked: Map<NodeId, Attempt>;
	/** Functions that have not returned, leaked ones left out. */
	inFlight: number;
	/** Functions that had not returned when their grace was over. */
	leaked: number;
	/** The slot and the limits of a node are free again. */
	released(lease: Lease): void;
	/** A function returned or was given up. */
	returned(): void;
}

/** How an attempt came to be over before its function returned. */
export type AbortCode = "TIMEOUT" | "CANCELLED";

/** One call of an agent function, from its first lease until it returns. */
export class Attempt {
	readonly context: AgentContext;
	/** Its place among the running ones. */
	index = -1;
	holdsSlot = true;
	over: AbortCode | undefined;
	leaked = false;
	graceTimer: Timer | undefined;
	/** Called once the function has returned or was given up. */
	onReturn: (() => void) | undefined;
	/** While parked: how to go on. */
	waiting: { readonly resolve: (wake: Wake) => void; readonly reject: (error: Error) => void } | undefined;
	/** A request to park is under way. */
	parking = false;
	/** What the function returned while its node was still parked. */
	early: { readonly ok: boolean; readonly value: unknown } | undefined;
	#controller: AbortController | undefined;
	#waits: Promise<unknown> | undefined;

	constructor(
		readonly run: RunPort,
		public lease: Lease,
		readonly agent: AnyAgent,
		private readonly onParked: (attempt: Attempt, parked: boolean) => void,
	) {
		this.context = new AgentContext(this);
	}

	get signal(): AbortSignal {
		this.#controller ??= new AbortController();
		if (this.over !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#reason(this.over));
		return this.#controller.signal;
	}

	/** Tells the function that its outcome is not wanted any more. */
	abort(code: AbortCode): void {
		this.over = code;
		const reason = this.#reason(code);
		this.#controller?.abort(reason);
		this.waiting?.reject(reason);
		this.waiting = undefined;
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

	/** Gives lease and slot back and waits. Waits of one attempt come one after the other. */
	park(wait: Wait): Promise<Wake> {
		const before = this.#waits;
		const parked = before === undefined ? this.#park(wait) : before.then(() => this.#park(wait));
		const settled = parked.then(noop, noop);
		this.#waits = settled;
		void settled.then(() => {
			if (this.#waits === settled) this.#waits = undefined;
		});
		return parked;
	}

	#park(wait: Wait): Promise<Wake> {
		return new Promise((resolve, reject) => {
			if (this.over !== undefined) {
				reject(this.#reason(this.over));
				return;
			}
			this.parking = true;
			this.run.actor.post({ type: "park", lease: this.lease, wait }, (answer) => {
				this.parking = false;
				if ("code" in answer) reject(SwarmError.from(answer));
				else this.waiting = { resolve, reject };
				this.onParked(this, !("code" in answer));
			});
		});
	}
}

function noop(): void {}
