import type { AttemptInfo, PortAnswer, RunInfo } from "./port.js";

/** Watches long runs and nodes, and is asked what to do when one takes long or falls silent. */
export interface CriticPort {
	/**
	 * A run begins, or an attempt of a node does.
	 *
	 * @returns null to leave it alone: its time limits are then plain hard limits
	 */
	watch(subject: CriticSubject): CriticHandle | null;
}

/** What is watched: a run, or with `attempt` one attempt of a node in it. */
export interface CriticSubject {
	readonly run: RunInfo;
	readonly attempt?: AttemptInfo;
	/** Milliseconds since the Unix epoch. */
	readonly startedAt: number;
	/** The time limit it has, from the start; milliseconds. With a critic it is the soft one. */
	readonly limit?: number;
}

/** The watch over one subject. What it throws is the port's failure, never the agent's. */
export interface CriticHandle {
	/** Asks {@link escalate} after so long without activity; milliseconds, at least 1. None: idleness is not looked at. */
	readonly idleAfter?: number;
	/** Asks {@link escalate} so long after the start; milliseconds. By default the subject's own limit. */
	readonly softAfter?: number;
	/**
	 * The hard limit is the soft one, or the subject's own where that is later, times this, at least 1; default 2. No
	 * extension goes beyond it.
	 */
	readonly hardFactor?: number;
	/** Something was done. A verdict is carried out at once. */
	activity?(activity: CriticActivity): CriticVerdict | undefined;
	/**
	 * The soft limit is reached, or nothing was done for `idleAfter`; once per idle period, and again when a verdict says
	 * so. Without it the subject's time limit is a plain hard one, and idleness is not looked at.
	 */
	escalate?(escalation: CriticEscalation): PortAnswer<CriticVerdict>;
	/** It is over. */
	end?(): void;
}

/** A sign of life. */
export interface CriticActivity {
	readonly kind: "step" | "tool" | "output" | "usage";
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
	/** Of the step or the tool. */
	readonly name?: string;
	/** Of the tool. */
	readonly input?: unknown;
	/** The node that did it. */
	readonly node: string;
}

/** Why a critic is asked. */
export interface CriticEscalation {
	readonly cause: "idle" | "deadline";
	/** Milliseconds since the start, and since the last activity. */
	readonly elapsed: number;
	readonly idle: number;
	/** How often this subject was escalated before. */
	readonly before: number;
}

/** What is to be done. */
export type CriticVerdict =
	| { readonly action: "continue" }
	/** It is asked again so much later, milliseconds, at least 1: the soft limit moves on, or it is idle still. */
	| { readonly action: "extend"; readonly by: number }
	/**
	 * The agent finds the message in `ctx.inbox()`. Of a run: each of its running nodes does. With `by` it is asked again
	 * so much later, as with `extend`: whether it helped.
	 */
	| { readonly action: "steer"; readonly message: string; readonly by?: number }
	/** It ends now, for good. */
	| { readonly action: "kill"; readonly reason: string };
