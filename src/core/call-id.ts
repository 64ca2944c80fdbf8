import type { RunId } from "./ids.js";

/** Whose node calls, as the id of a child run says; undefined for an id that no call has made. */
export function callerIn(run: RunId): RunId | undefined {
	return /^(.+)\/[^/]+\/\d+[.:][^/]+$/s.exec(run)?.[1];
}
