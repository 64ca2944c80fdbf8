import type { Clock } from "../core/clock.js";
import { milliseconds } from "../core/durations.js";
import { errorInfo, SwarmError } from "../core/errors.js";
import { isThenable } from "../core/thenable.js";
import type { PortAnswer, PortName, PortPolicy } from "./port.js";

const DEFAULT_DEADLINE_MS = 10_000;

/** What a call of a port came to. */
export type Guarded<Value> =
	| { readonly ok: true; readonly value: Value }
	| {
			readonly ok: false;
			readonly error: SwarmError;
			/** It did not answer in time, and may be busy with that still. */
			readonly hangs?: true;
	  };

/** Ports whose failure ends a run unless their policy says otherwise: without them it would spend or lose what it may not. */
const VITAL: ReadonlySet<PortName> = new Set(["budget", "checkpointer"]);

/** Where failures are reported. */
export type PortReport = (failure: SwarmError, fail: boolean) => void;

/** Stands between a run and a port of the host: whatever the port does, the run gets an answer in time. */
export class PortGuard {
	readonly deadline: number;
	/** Whether its failure ends the run. */
	readonly fail: boolean;
	readonly #underWay = new Set<Promise<unknown>>();

	/**
	 * @param report - told of every failure, once
	 * @throws SwarmError `INVALID_OPTION` for a deadline that is none
	 */
	constructor(
		readonly port: PortName,
		policy: PortPolicy,
		private readonly clock: Clock,
		private readonly report: PortReport,
	) {
		this.deadline = milliseconds(policy.deadline ?? DEFAULT_DEADLINE_MS, `portPolicies.${port}.deadline`);
		this.fail = policy.onFailure === undefined ? VITAL.has(port) : policy.onFailure === "failRun";
	}

	/**
	 * Calls the port: an answer that is there is given at once, one that comes later within the deadline.
	 *
	 * @param late - takes an answer that nobody waits for any more
	 */
	ask<Value>(
		operation: string,
		call: () => PortAnswer<Value>,
		late?: (value: Value) => void,
	): Guarded<Value> | Promise<Guarded<Value>> {
		let answer: PortAnswer<Value>;
		try {
			answer = call();
			if (!isThenable(answer)) return { ok: true, value: answer };
		} catch (thrown) {
			return this.failed(operation, thrown);
		}
		const waited = this.#wait(operation, answer, late);
		this.#underWay.add(waited);
		void waited.then(() => this.#underWay.delete(waited));
		return waited;
	}

	/** Tells the port something that nobody waits for, however long it takes. */
	tell(operation: string, call: () => PortAnswer<void>): void {
		try {
			const answer = call();
			if (isThenable(answer)) answer.then(undefined, (thrown: unknown) => this.failed(operation, thrown));
		} catch (thrown) {
			this.failed(operation, thrown);
		}
	}

	/** Resolves when the port has answered everything, or its time is over. */
	async settled(): Promise<void> {
		// An answer may lead to another question.
		while (this.#underWay.size > 0) await Promise.all(this.#underWay);
	}

	#wait<Value>(
		operation: string,
		answer: PromiseLike<Value>,
		late: ((value: Value) => void) | undefined,
	): Promise<Guarded<Value>> {
		return new Promise((resolve) => {
			let over = false;
			const timer = this.clock.set(this.clock.now() + this.deadline, () => {
				over = true;
				const failed = this.failed(operation, new Error(`it did not answer within ${this.deadline} ms`));
				resolve({ ...failed, hangs: true });
			});
			const taken = Promise.resolve(answer).then(
				(value) => {
					if (over) return late?.(value);
					this.clock.clear(timer);
					resolve({ ok: true, value });
				},
				(thrown: unknown) => {
					// It was reported when it did not answer.
					if (over) return;
					this.clock.clear(timer);
					resolve(this.failed(operation, thrown));
				},
			);
			// What comes late may be nonsense that nobody can look at.
			taken.catch((thrown: unknown) => this.failed(operation, thrown));
		});
	}

	/** Reports what a port has done wrong. */
	failed(operation: string, thrown: unknown): { readonly ok: false; readonly error: SwarmError } {
		const { message } = errorInfo(thrown);
		const error = new SwarmError("PORT_FAILED", `${this.port}: ${operation}: ${message}`, {}, { cause: thrown });
		this.report(error, this.fail);
		return { ok: false, error };
	}
}
