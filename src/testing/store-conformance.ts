import type { Awaitable } from "../journal/journal.js";
import type { Store } from "../triggers/store.js";
import { storeChanges } from "./conformance/store-changes.js";
import { storeDurability } from "./conformance/store-durability.js";
import { storeLeases } from "./conformance/store-leases.js";
import { storeLists } from "./conformance/store-lists.js";
import { storeRequests } from "./conformance/store-requests.js";
import { openedChecks } from "./port-check.js";

/** One property that a store has to have. */
export interface StoreCheck {
	readonly name: string;
	/**
	 * Tries it out.
	 *
	 * @param open - an empty store, each time; it is closed in the end
	 * @param reopen - the same store once more, after it was closed or beside it; only checks of durable stores ask for it
	 * @throws Error (of node:assert) when the store has not the property
	 */
	run(open: () => Awaitable<Store>, reopen?: () => Awaitable<Store>): Promise<void>;
}

/**
 * What every implementation of the port {@link Store} has to do, as checks for any test runner. They are independent of each
 * other, and a store may answer at once or by promises. What is promised of its journal, `journalConformance` checks.
 *
 * @param options - `durable`: also what is promised when the process ends, and of several that have it open (default false)
 *
 * @example
 * ```ts
 * import { memoryStore } from "dagswarm";
 * import { storeConformance } from "dagswarm/testing";
 *
 * let passed = 0;
 * const checks = storeConformance();
 * for (const check of checks) {
 *   await check.run(() => memoryStore()); // in a test of its own, named check.name
 *   passed++;
 * }
 * passed === checks.length; // true
 * ```
 */
export function storeConformance(options: { readonly durable?: boolean } = {}): readonly StoreCheck[] {
	const scripts = { ...storeLeases, ...storeChanges, ...storeLists, ...storeRequests };
	return openedChecks("store", scripts, options.durable === true ? storeDurability : {});
}
