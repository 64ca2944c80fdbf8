import type { Clock, Timer } from "./core/clock.js";
import type { CriticActivity, CriticHandle, CriticPort, CriticSubject, CriticVerdict } from "./ports/critic.js";
import type { PortGuard } from "./ports/guard.js";

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
	/** Asked in this idle period. */
	#idleAsked = false;
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
		const soft = handle.softAfter ?? subject.limit ?? Number.POSITIVE_INFINITY;
		const factor = Math.max(1, handle.hardFactor ?? DEFAULT_HARD_FACTOR);
		this.#soft = subject.startedAt + soft;
		this.#hard = subject.startedAt + (subject.limit ?? soft) * factor;
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
		if (typeof handle !== "object" || typeof handle.escalate !== "function") {
			guard.failed("watch", new Error("what it gave is no handle"));
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
		if (this.#idleAsked) {
			this.#idleAsked = false;
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
		this.#lastActivity = now;
		this.#arm();
	}

	/** It waits for somebody: that is no idleness, though its time goes on. */
	rest(): void {
		this.#resting = true;
		this.#arm();
	}

	wake(): void {
		if (!this.#resting) return;
		this.#resting = false;
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
		const { idleAfter } = this.#handle;
		if (idleAfter === undefined || this.#idleAsked || this.#resting) return Number.POSITIVE_INFINITY;
		return this.#lastActivity + Math.max(1, idleAfter);
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
			this.#idleAsked = true;
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
		const answer = await this.guard.ask("escalate", () => this.#handle.escalate(escalation));
		this.#asking = false;
		if (this.#over) return;
		if (answer.ok) this.#carryOut(answer.value);
		if (!this.#over) this.#arm();
	}

	#carryOut(verdict: CriticVerdict): void {
		if (this.#killed || this.#over) return;
		switch (verdict?.action) {
			case "continue":
				return;
			case "extend":
				if (!Number.isFinite(verdict.by) || verdict.by < 0) break;
				// Less than that would ask again and again at the same moment.
				if (verdict.by < 1) return;
				this.#soft = this.clock.now() + verdict.by;
				// Beyond the hard limit nobody is asked any more.
				if (this.#soft >= this.#hard) this.#soft = Number.POSITIVE_INFINITY;
				this.#arm();
				return;
			case "steer":
				this.watched.steer(String(verdict.message));
				return;
			case "kill":
				this.#killed = true;
				this.end();
				this.watched.kill(String(verdict.reason));
				return;
		}
		this.guard.failed("escalate", new Error(`${JSON.stringify(verdict)} is no verdict`));
	}
}
