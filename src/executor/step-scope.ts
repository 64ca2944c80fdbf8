import { AsyncLocalStorage } from "node:async_hooks";
import type { Attempt } from "./attempt.js";

/** Steps may run side by side: only the asynchronous context tells which one something is a part of. */
const scope = new AsyncLocalStorage<{ readonly attempt: Attempt; readonly name: string }>();

/** Does a step of an attempt. */
export function withinStep<Result>(attempt: Attempt, name: string, run: () => Result): Result {
	return scope.run({ attempt, name }, run);
}

/**
 * The step that is being done by who asks, the innermost one. What a step waits for and calls is counted by itself: once it
 * is recorded, it does so no more, and what comes after it is found as before.
 */
export function stepOf(attempt: Attempt): string | undefined {
	const step = scope.getStore();
	// A run that was started within a step has steps of its own.
	return step?.attempt === attempt ? step.name : undefined;
}
