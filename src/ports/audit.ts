import type { ErrorInfo } from "../core/errors.js";
import type { Usage } from "../core/usage.js";
import type { AttemptInfo, PortAnswer, RunInfo } from "./port.js";

/**
 * Keeps a record of what runs did, for those who have to account for it. It is told of everything in order, one
 * call after the other, and never holds up a run.
 */
export interface AuditPort {
	/**
	 * A run begins, or goes on in another process.
	 *
	 * @returns null when it is not to be recorded
	 */
	startRun(run: RunInfo): PortAnswer<AuditRecorder | null>;
}

/** The record of one run. */
export interface AuditRecorder {
	/** Takes an entry; the next one comes when this has been taken. */
	record(entry: AuditEntry): PortAnswer<void>;
	/** The run is over, however it ended; a cancel does not reach this call. It comes once, last. */
	close(stats: AuditStats): PortAnswer<void>;
}

/** One thing that happened. */
export type AuditEntry = { readonly at: number } & (
	| {
			/** A fact of the run, as {@link RunEvent}: its own fields are in `data`. */
			readonly kind: "event";
			readonly seq: number;
			readonly type: string;
			readonly data: unknown;
	  }
	| ({ readonly kind: "step"; readonly name: string; readonly value?: unknown } & AttemptInfo)
	| ({
			/** A call of another agent or of a skill, when it begins and when it is over. */
			readonly kind: "tool";
			readonly name: string;
			readonly phase: "start" | "end";
			readonly input?: unknown;
			readonly output?: unknown;
			readonly error?: ErrorInfo;
	  } & AttemptInfo)
	| ({ readonly kind: "usage"; readonly usage: Usage } & AttemptInfo)
	| ({ readonly kind: "log"; readonly message: string; readonly data?: unknown } & AttemptInfo)
	| { readonly kind: "error"; readonly error: ErrorInfo; readonly node?: string }
	/** Entries that came faster than the port took them, beyond what is kept for it. */
	| { readonly kind: "gap"; readonly lost: number }
);

/** What a run came to. */
export interface AuditStats {
	/** `completed`, `failed`, `stalled`, `cancelled`, `timed_out`, `budget_exceeded`, or `suspended` where the process let go of it. */
	readonly status: string;
	readonly reason?: string;
	readonly wallMs: number;
	readonly nodes: number;
	readonly attempts: number;
	readonly usage: Usage;
}
