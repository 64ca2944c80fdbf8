import { critics, type MakeCritic } from "./conformance/critics.js";
import { checksOf, type PortCheck } from "./port-check.js";

/**
 * What every implementation of the port `CriticPort` has to do, whatever its opinions are, as checks for any test runner.
 * They are independent of each other.
 *
 * @example
 * ```ts
 * import { idleCritic } from "dagswarm";
 * import { criticConformance } from "dagswarm/testing";
 *
 * for (const check of criticConformance()) {
 *   // In a test of its own, named check.name:
 *   await check.run(() => idleCritic({ idleAfter: "30s", steps: 20 }));
 * }
 * ```
 */
export function criticConformance(): readonly PortCheck<MakeCritic>[] {
	return checksOf(critics);
}
