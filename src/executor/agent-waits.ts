import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { waitKey } from "../core/wait-key.js";
import type { Wait, Wake } from "../graph/types.js";
import type { Attempt } from "./attempt.js";
import { type Approval, type ApprovalRequest, type AskOptions, Question, TEXT } from "./question.js";
import { stepOf } from "./step-scope.js";

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

	ask(reason: string, options: AskOptions): Promise<string> {
		return heard(this.#ask(reason, options));
	}

	async #ask(reason: string, options: AskOptions): Promise<string> {
		const { data } = await this.#approval({
			...options,
			reason,
			...(options.choices === undefined && { schema: TEXT }),
		});
		// It is one of the choices, or a text by its schema.
		return data as string;
	}

	async #approval(request: ApprovalRequest): Promise<Approval> {
		const question = new Question(request, this.#attempt.lease.node);
		const preparing = question.prepare();
		if (preparing !== undefined) await preparing;
		for (let problem: string | undefined; ; ) {
			const wait = question.wait(this.#attempt.run.actor.clock.now(), problem);
			const wake = await this.#wait(wait, question.isOpen ? undefined : question);
			if (wake.kind === "rejected") throw this.#rejected(request.reason, wake);
			if (wake.kind !== "approved") return question.expire();
			const by = wake.by === undefined ? {} : { by: wake.by };
			if (question.isOpen) return { ...by, ...(wake.data !== undefined && { data: wake.data }) };
			try {
				return { ...by, data: await question.take(wake.data) };
			} catch (error) {
				// It was given while there was no function to look at it. Nothing is lost: the person is asked again.
				problem = (error as Error).message;
			}
		}
	}

	#rejected(reason: string, wake: Extract<Wake, { kind: "rejected" }>): SwarmError {
		const by = wake.by === undefined ? "" : ` by ${wake.by}`;
		const why = wake.reason === undefined ? "" : `: ${wake.reason}`;
		return this.#error("REJECTED", `${reason}: rejected${by}${why}`);
	}

	#in(duration: Duration): number {
		return this.#attempt.run.actor.clock.now() + milliseconds(duration);
	}

	#wait(wait: Exclude<Wait, { readonly kind: "child" }>, question?: Question): Promise<Wake> {
		const step = stepOf(this.#attempt);
		const own = step === undefined ? wait : { ...wait, step };
		const before = this.answered(own);
		return before === undefined ? this.#attempt.park(own, question) : Promise.resolve(before);
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
export function heard<Value>(wait: Promise<Value>): Promise<Value> {
	wait.catch(noop);
	return wait;
}
