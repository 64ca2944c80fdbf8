import type { Usage } from "../core/usage.js";
import type { AttemptInfo, PortAnswer, RunInfo } from "./port.js";

/**
 * Says what may be spent. Every attempt reserves before its function is called and settles afterwards, so attempts that
 * run side by side cannot overshoot by more than what each used beyond its reserve.
 */
export interface BudgetPort {
	/**
	 * A run begins, or goes on in another process.
	 *
	 * @param spent - what its own nodes have used in earlier processes, without runs they called; nothing for a run that
	 * begins
	 */
	open?(run: RunInfo, spent: Usage): PortAnswer<void>;
	/** An attempt is about to start. What is allowed is reserved until it is settled. */
	reserve(request: BudgetRequest): PortAnswer<BudgetVerdict>;
	/**
	 * What an attempt has used so far in all, `nodes` included; its reserve counts for as long as it is larger.
	 *
	 * @param last - the attempt is over: the rest of its reserve is free. Called once with true for every reservation. What a
	 * function that was given up still says that it has used comes later, with false: it is spent, too
	 */
	settle(reservation: string, used: Usage, last: boolean): PortAnswer<void>;
	/**
	 * The run is over in this process. What its attempts had reserved is free.
	 *
	 * @param ended - it is over for good: otherwise it may go on, in another process or in this one
	 */
	close?(run: RunInfo, ended: boolean): PortAnswer<void>;
}

/** What is asked for. */
export interface BudgetRequest extends AttemptInfo {
	readonly run: RunInfo;
	/** What the agent expects to use; at least `{ nodes: 1 }` for a first attempt. A measure that is 0 will not be used. */
	readonly estimate: Usage;
	/** A person has approved it: it is counted, and not refused. */
	readonly approved: boolean;
}

/** What may be spent. */
export type BudgetVerdict =
	| {
			/** `warning`: it is allowed, and most of the budget (80 %, say) is used or reserved. */
			readonly verdict: "allowed" | "warning";
			/** Unique. */
			readonly reservation: string;
			/** Of each limited measure, what is left after this. */
			readonly remaining?: Usage;
	  }
	| {
			readonly verdict: "blocked";
			/** What is used up, in words: which measure, of whom, how much of how much. */
			readonly reason: string;
			readonly measure?: string;
			/** Milliseconds until it is worth asking again; none when time alone changes nothing. */
			readonly retryAfter?: number;
			/** It would fit if nothing were reserved but by the nodes that wait for its run: worth asking again when an attempt in flight has used less than that. */
			readonly whenSettled?: true;
	  };
