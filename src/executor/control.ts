import type { ErrorInfo } from "../core/errors.js";
import type { Usage } from "../core/usage.js";
import type { AnyAgent } from "./agent.js";
import type { Attempt } from "./attempt.js";

/** How an agent stands with its budget. */
export interface BudgetView {
	/** Most of a budget is used or reserved: the cheaper way should do. */
	readonly low: boolean;
	/** Of each limited measure, what was left when the attempt started. */
	readonly remaining?: Usage;
	/** The model to fall back to, where the budget is low and the node names one. */
	readonly model?: string;
}

/** How an agent stands where nothing is budgeted. */
export const NO_BUDGET: BudgetView = Object.freeze({ low: false });

/** A call of another agent, when it begins and when it is over. */
export interface ToolCall {
	readonly name: string;
	readonly phase: "start" | "end";
	readonly input?: unknown;
	readonly output?: unknown;
	readonly error?: ErrorInfo;
}

/** Stands around the calls of a run's functions where its host has plugged something in. Without ports there is none. */
export interface AttemptControl {
	/**
	 * Calls the function of an attempt, once what has to come first has come.
	 *
	 * @param run - calls the function of the agent, which may be another one
	 */
	call(attempt: Attempt, input: unknown, run: (agent: AnyAgent) => unknown): unknown;
	/** The function gave its slot back to wait, and has one again. */
	parked(attempt: Attempt): void;
	continued(attempt: Attempt): void;
	/** The function was given up: it may still run, and nobody waits for it. */
	givenUp(attempt: Attempt): void;
	stepped(attempt: Attempt, name: string): void;
	used(attempt: Attempt, usage: Usage): void;
	emitted(attempt: Attempt, chunk: unknown): void;
	called(attempt: Attempt, call: ToolCall): void;
	logged(attempt: Attempt, message: string, data: unknown): void;
	budgetOf(attempt: Attempt): BudgetView;
}
