import type { Awaitable, Journal } from "../journal/journal.js";
import { appending } from "./conformance/appending.js";
import { durability } from "./conformance/durability.js";
import { ownership } from "./conformance/ownership.js";
import { retention } from "./conformance/retention.js";
import { watching } from "./conformance/watching.js";
import { openedChecks } from "./port-check.js";

/** One property that a journal has to have. */
export interface JournalCheck {
	readonly name: string;
	/**
	 * Tries it out.
	 *
	 * @param open - an empty journal, each time; it is closed in the end
	 * @param reopen - the same store once more, after it was closed or beside it; only checks of durable
	 * journals ask for it
	 * @throws Error (of node:assert) when the journal has not the property
	 */
	run(open: () => Awaitable<Journal>, reopen?: () => Awaitable<Journal>): Promise<void>;
}

/**
 * What every implementation of the port {@link Journal} has to do, as checks for any test runner. They are
 * independent of each other, and a journal may answer at once or by promises.
 *
 * @param options - `durable`: also what is promised when the process ends (default false)
 *
 * @example
 * ```ts
 * import { memoryJournal } from "dagswarm";
 * import { journalConformance } from "dagswarm/testing";
 *
 * let passed = 0;
 * const checks = journalConformance();
 * for (const check of checks) {
 *   await check.run(() => memoryJournal()); // in a test of its own, named check.name
 *   passed++;
 * }
 * passed === checks.length; // true
 * ```
 */
export function journalConformance(options: { readonly durable?: boolean } = {}): readonly JournalCheck[] {
	const scripts = { ...appending, ...ownership, ...retention, ...watching };
	return openedChecks("journal", scripts, options.durable === true ? durability : {});
}
