import type { Clock, Timer } from "./core/clock.js";
import { show } from "./graph/spec.js";
import type {
	CriticActivity,
	CriticEscalation,
	CriticHandle,
	CriticPort,
	CriticSubject,
	CriticVerdict,
} from "./ports/critic.js";
import type { PortGuard } from "./ports/guard.js";
import type { PortAnswer } from "./ports/port.js";

/** The hard limit is the soft one times this, where the handle says nothing else. */
const DEFAULT_HARD_FACTOR = 2;

/** What a watch may do to its subject. */
export interface Watched {
	steer(message: string): void;
	/** Ends it for good. */
	kill(reason: string): void;
	/** Its hard limit is reached; without one this is never called. */
	expire(): void;
}

/**
 * Watches one subject for its critic: when nothing was done for a while, or the soft limit is reached, the critic is
 * asked. One timer at a time, which activity does not touch: it finds out when it fires.
 */
export class CriticWatch {
	readonly #handle: CriticHandle;
	#startedAt: number;
	/** When it is to be asked because of the time that it takes; infinite once it was, until it extends. */
	#soft: number;
	#hard: number;
	#lastActivity: number;
	/** From when on it is asked again in this idle period; undefined before it was, infinite when that is enough. */
	#idleAgain: number | undefined;
	#asking = false;
	#escalations = 0;
	#killed = false;
	#over = false;
	/** Nothing can be done meanwhile: idleness is not looked at. */
	#resting = false;
	/** Since when its time stands still. */
	#suspendedAt: number | undefined;
	#timer: Timer | undefined;

	private constructor(
		handle: CriticHandle,
		subject: CriticSubject,
		private readonly watched: Watched,
		private readonly guard: PortGuard,
		private readonly clock: Clock,
	) {
		this.#handle = handle;
		this.#startedAt = subject.startedAt;
		this.#lastActivity = clock.now();
		const { escalate, softAfter, hardFactor = DEFAULT_HARD_FACTOR } = handle;
		const limit = subject.limit ?? Number.POSITIVE_INFINITY;
		const soft = softAfter ?? limit;
		// Who is never asked leaves the limit as it is; no hard one comes before a soft one that is later than the limit.
		this.#soft = subject.startedAt + (escalate === undefined ? Number.POSITIVE_INFINITY : soft);
		const hard = Math.max(soft, subject.limit ?? soft) * Math.max(1, hardFactor);
		this.#hard = subject.startedAt + (escalate === undefined ? limit : hard);
		this.#arm();
	}

	/** @returns undefined where the critic leaves the subject alone, or fails */
	static start(
		port: CriticPort,
		subject: CriticSubject,
		watched: Watched,
		guard: PortGuard,
		clock: Clock,
	): CriticWatch | undefined {
		const answer = guard.ask("watch", () => port.watch(subject));
		if (answer instanceof Promise || !answer.ok || answer.value === null) return undefined;
		const handle = answer.value;
		const problem = guard.ask("watch", () => problemOf(handle));
		if (problem instanceof Promise || !problem.ok) return undefined;
		if (problem.value !== undefined) {
			guard.failed("watch", new Error(problem.value));
			return undefined;
		}
		return new CriticWatch(handle, subject, watched, guard, clock);
	}

	/** When the hard limit is reached; infinite without one. */
	get hard(): number {
		return this.#hard;
	}

	/** Something was done. */
	activity(activity: CriticActivity): void {
		if (this.#over) return;
		this.#lastActivity = activity.at;
		if (this.#idleAgain !== undefined) {
			this.#idleAgain = undefined;
			this.#arm();
		}
		if (this.#handle.activity === undefined) return;
		const answer = this.guard.ask("activity", () => this.#handle.activity?.(activity));
		if (!(answer instanceof Promise) && answer.ok && answer.value !== undefined) this.#carryOut(answer.value);
	}

	/** Its time stands still: it has given its slot back to wait. */
	suspend(): void {
		if (this.#over || this.#suspendedAt !== undefined) return;
		this.#suspendedAt = this.clock.now();
		this.#arm();
	}

	resume(): void {
		if (this.#over || this.#suspendedAt === undefined) return;
		const now = this.clock.now();
		const shift = now - this.#suspendedAt;
		this.#suspendedAt = undefined;
		this.#startedAt += shift;
		this.#soft += shift;
		this.#hard += shift;
		if (this.#idleAgain !== undefined) this.#idleAgain += shift;
		this.#lastActivity = now;
		this.#arm();
	}

	/** It waits for somebody: that is no idleness, though its time goes on. */
	rest(): void {
		if (this.#resting) return;
		this.#resting = true;
		this.#arm();
	}

	wake(): void {
		if (!this.#resting) return;
		this.#resting = false;
		this.#idleAgain = undefined;
		this.#lastActivity = this.clock.now();
		this.#arm();
	}

	/** It is over: nothing more happens. */
	end(): void {
		if (this.#over) return;
		this.#over = true;
		if (this.#timer !== undefined) this.clock.clear(this.#timer);
		this.#timer = undefined;
		if (this.#handle.end !== undefined) void this.guard.ask("end", () => this.#handle.end?.());
	}

	#arm(): void {
		if (this.#timer !== undefined) this.clock.clear(this.#timer);
		this.#timer = undefined;
		// While it is being asked there is only one thing that it is too late for.
		const due = this.#asking ? this.#hard : Math.min(this.#soft, this.#idleDue(), this.#hard);
		if (this.#over || this.#suspendedAt !== undefined || due === Number.POSITIVE_INFINITY) return;
		this.#timer = this.clock.set(due, () => this.#look());
	}

	#idleDue(): number {
		const { idleAfter, escalate } = this.#handle;
		if (idleAfter === undefined || escalate === undefined || this.#resting) return Number.POSITIVE_INFINITY;
		return this.#idleAgain ?? this.#lastActivity + Math.max(1, idleAfter);
	}

	#look(): void {
		this.#timer = undefined;
		if (this.#over) return;
		const now = this.clock.now();
		if (now >= this.#hard) {
			this.end();
			this.watched.expire();
			return;
		}
		if (this.#asking) return;
		if (now >= this.#soft) {
			this.#soft = Number.POSITIVE_INFINITY;
			void this.#ask("deadline");
		} else if (now >= this.#idleDue()) {
			this.#idleAgain = Number.POSITIVE_INFINITY;
			void this.#ask("idle");
		}
		this.#arm();
	}

	async #ask(cause: "idle" | "deadline"): Promise<void> {
		this.#asking = true;
		const now = this.clock.now();
		const escalation = {
			cause,
			elapsed: now - this.#startedAt,
			idle: now - this.#lastActivity,
			before: this.#escalations++,
		};
		// Only who has it is asked.
		const ask = () => this.#handle.escalate?.(escalation) as PortAnswer<CriticVerdict>;
		const answer = await this.guard.ask("escalate", ask);
		this.#asking = false;
		if (this.#over) return;
		if (answer.ok) this.#carryOut(answer.value, cause);
		if (!this.#over) this.#arm();
	}

	#carryOut(verdict: CriticVerdict, cause: CriticEscalation["cause"] = "deadline"): void {
		if (this.#killed || this.#over) return;
		try {
			this.#obey(verdict, cause);
		} catch (thrown) {
			// Even to look at it may go wrong.
			this.guard.failed("escalate", thrown);
		}
	}

	#obey(verdict: CriticVerdict, cause: CriticEscalation["cause"]): void {
		switch (verdict?.action) {
			case "continue":
				return;
			case "extend":
				if (!isSpan(verdict.by)) break;
				this.#askAgain(cause, verdict.by);
				return;
			case "steer":
				if (verdict.by !== undefined && !isSpan(verdict.by)) break;
				this.watched.steer(String(verdict.message));
				if (verdict.by !== undefined) this.#askAgain(cause, verdict.by);
				return;
			case "kill":
				this.#killed = true;
				this.end();
				this.watched.kill(String(verdict.reason));
				return;
		}
		this.guard.failed("escalate", new Error(`${show(verdict)} is no verdict`));
	}

	/** It is asked so much later, about the time that it takes or whether it is idle still. */
	#askAgain(cause: CriticEscalation["cause"], by: number): void {
		// Less than that would ask again and again at the same moment.
		if (by < 1) return;
		const at = this.clock.now() + by;
		// Something may have been done while it was being decided: another idle period, then.
		if (cause === "idle" && this.#idleAgain !== undefined) this.#idleAgain = at;
		// Beyond the hard limit nobody is asked any more.
		if (cause === "deadline") this.#soft = at < this.#hard ? at : Number.POSITIVE_INFINITY;
		this.#arm();
	}
}

/** Why what a critic gave is no handle. */
function problemOf(handle: CriticHandle): string | undefined {
	if (typeof handle !== "object" || !["function", "undefined"].includes(typeof handle.escalate))
		return "what it gave is no handle";
	for (const name of ["softAfter", "idleAfter", "hardFactor"] as const) {
		const value = handle[name];
		if (value !== undefined && !(typeof value === "number" && value >= 0))
			return `${name} is ${show(value)}, not a number of at least 0`;
	}
	return undefined;
}

function isSpan(by: number): boolean {
	return Number.isFinite(by) && by >= 0;
}
