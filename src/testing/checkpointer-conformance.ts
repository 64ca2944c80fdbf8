import { checkpointers, durableCheckpointers, type MakeCheckpointer } from "./conformance/checkpointers.js";

/** One property that a checkpointer has to have. */
export interface CheckpointerCheck {
	readonly name: string;
	/**
	 * Tries it out.
	 *
	 * @param make - a checkpointer with nothing in it, each time
	 * @param reopen - the same place once more; only checks of durable checkpointers ask for it
	 * @throws Error (of node:assert) when the checkpointer has not the property
	 */
	run(make: MakeCheckpointer, reopen?: MakeCheckpointer): Promise<void>;
}

/**
 * What every implementation of the port `CheckpointerPort` has to do, as checks for any test runner. They are independent
 * of each other, and a checkpointer may answer at once or by promises.
 *
 * @param options - `durable`: also what is promised to another process (default false)
 *
 * @example
 * ```ts
 * import { memoryCheckpoints } from "dagswarm";
 * import { checkpointerConformance } from "dagswarm/testing";
 *
 * for (const check of checkpointerConformance()) {
 *   // In a test of its own, named check.name:
 *   await check.run(() => memoryCheckpoints());
 * }
 * ```
 */
export function checkpointerConformance(options: { readonly durable?: boolean } = {}): readonly CheckpointerCheck[] {
	const checks: CheckpointerCheck[] = Object.entries(checkpointers).map(([name, script]) => ({ name, run: script }));
	if (options.durable !== true) return checks;
	for (const [name, script] of Object.entries(durableCheckpointers)) {
		const run: CheckpointerCheck["run"] = async (make, reopen) => {
			if (reopen === undefined) throw new TypeError(`the check "${name}" needs a way to open the place again`);
			await script(make, reopen);
		};
		checks.push({ name, run });
	}
	return checks;
}
