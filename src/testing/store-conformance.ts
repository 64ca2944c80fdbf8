import type { Awaitable } from "../journal/journal.js";
import type { Store } from "../triggers/store.js";
import { storeChanges } from "./conformance/store-changes.js";
import { storeDurability } from "./conformance/store-durability.js";
import { storeLeases } from "./conformance/store-leases.js";
import { storeLists } from "./conformance/store-lists.js";
import { storeRequests } from "./conformance/store-requests.js";
import type { StoreScript } from "./conformance/store-samples.js";

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
	const checks: StoreCheck[] = [];
	const scripts = { ...storeLeases, ...storeChanges, ...storeLists, ...storeRequests };
	for (const [name, script] of Object.entries(scripts)) checks.push({ name, run: (open) => withStore(open, script) });
	if (options.durable !== true) return checks;
	for (const [name, script] of Object.entries(storeDurability)) {
		const run: StoreCheck["run"] = async (open, reopen) => {
			if (reopen === undefined) throw new TypeError(`the check "${name}" needs a way to open the store again`);
			await withStore(open, (store) => script(store, reopen));
		};
		checks.push({ name, run });
	}
	return checks;
}

async function withStore(open: () => Awaitable<Store>, script: StoreScript): Promise<void> {
	const store = await open();
	try {
		await script(store);
	} finally {
		await store.close();
	}
}
