import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { waitKey } from "../core/wait-key.js";
import type { Wait, Wake } from "../graph/types.js";
import type { Attempt } from "./attempt.js";

/** How a person answered. */
export interface Approval {
	readonly by?: string;
	readonly data?: unknown;
}

/** What a person is asked. */
export interface ApprovalRequest {
	readonly reason: string;
	/** Tells it from other requests of this node, where one attempt makes several at a time. */
	readonly name?: string;
	readonly data?: unknown;
	/** How long to wait at most; milliseconds, or text with a unit such as `"2d"`. */
	readonly timeout?: Duration;
}

/** What an attempt waits for without holding a slot. */
export class AgentWaits {
	readonly #attempt: Attempt;
	/** How the waits of an attempt that its process ended have ended: this one need not wait for them again. */
	readonly #waited: Map<string, Wake[]> | undefined;

	constructor(attempt: Attempt, waited?: ReadonlyMap<string, readonly Wake[]>) {
		this.#attempt = attempt;
		if (waited !== undefined) this.#waited = new Map([...waited].map(([key, wakes]) => [key, [...wakes]]));
	}

	sleep(duration: Duration): Promise<void> {
		return heard(this.#sleep(duration));
	}

	async #sleep(duration: Duration): Promise<void> {
		await this.#wait({ kind: "sleep", until: this.#in(duration) });
	}

	signal(name: string, options: { readonly timeout?: Duration }): Promise<unknown> {
		return heard(this.#signal(name, options));
	}

	async #signal(name: string, { timeout }: { readonly timeout?: Duration }): Promise<unknown> {
		const until = timeout === undefined ? {} : { until: this.#in(timeout) };
		const wake = await this.#wait({ kind: "signal", name, ...until });
		if (wake.kind === "signal") return wake.payload;
		throw this.#error("TIMEOUT", `no signal "${name}" came in time`);
	}

	approval(request: ApprovalRequest): Promise<Approval> {
		return heard(this.#approval(request));
	}

	async #approval({ reason, name, data, timeout }: ApprovalRequest): Promise<Approval> {
		const wake = await this.#wait({
			kind: "approval",
			reason,
			...(data !== undefined && { data }),
			...(name !== undefined && { name }),
			...(timeout !== undefined && { until: this.#in(timeout) }),
		});
		if (wake.kind === "approved") {
			return { ...(wake.by !== undefined && { by: wake.by }), ...(wake.data !== undefined && { data: wake.data }) };
		}
		if (wake.kind === "rejected") {
			const by = wake.by === undefined ? "" : ` by ${wake.by}`;
			const why = wake.reason === undefined ? "" : `: ${wake.reason}`;
			throw this.#error("REJECTED", `${reason}: rejected${by}${why}`);
		}
		throw this.#error("TIMEOUT", `nobody answered in time: ${reason}`);
	}

	#in(duration: Duration): number {
		return this.#attempt.run.actor.clock.now() + milliseconds(duration);
	}

	#wait(wait: Wait): Promise<Wake> {
		const before = this.answered(wait);
		return before === undefined ? this.#attempt.park(wait) : Promise.resolve(before);
	}

	/** How a wait has ended for an attempt before this one. Each is given once. */
	answered(wait: Wait): Wake | undefined {
		return this.#waited?.get(waitKey(wait))?.shift();
	}

	#error(code: "TIMEOUT" | "REJECTED", message: string): SwarmError {
		return new SwarmError(code, message, { nodes: [this.#attempt.lease.node] });
	}
}

function noop(): void {}

/**
 * A wait that ends badly throws where it is awaited. One that nobody awaits, of a function that has
 * returned for instance, must not end the process as an unhandled rejection.
 */
function heard<Value>(wait: Promise<Value>): Promise<Value> {
	wait.catch(noop);
	return wait;
}
