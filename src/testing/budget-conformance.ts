import { budgets, type MakeBudget } from "./conformance/budgets.js";
import { checksOf, type PortCheck } from "./port-check.js";

/**
 * What every implementation of the port `BudgetPort` has to do, as checks for any test runner. They are independent of
 * each other, and a budget may answer at once or by promises.
 *
 * @example
 * ```ts
 * import { budgetLedger } from "dagswarm";
 * import { budgetConformance } from "dagswarm/testing";
 *
 * for (const check of budgetConformance()) {
 *   // In a test of its own, named check.name:
 *   await check.run(({ measure, limit }) => budgetLedger({ limits: [{ measure, limit, of: "all" }] }));
 * }
 * ```
 */
export function budgetConformance(): readonly PortCheck<MakeBudget>[] {
	return checksOf(budgets);
}
