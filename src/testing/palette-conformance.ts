import { type MakePalette, palettes } from "./conformance/palettes.js";
import { checksOf, type PortCheck } from "./port-check.js";

/**
 * What every implementation of the port `PalettePort` has to do, whatever it allows, as checks for any test runner. They
 * are independent of each other.
 *
 * @example
 * ```ts
 * import { palette } from "dagswarm";
 * import { paletteConformance } from "dagswarm/testing";
 *
 * for (const check of paletteConformance()) {
 *   // In a test of its own, named check.name:
 *   await check.run(() => palette({ allow: { "*": ["search"] } }));
 * }
 * ```
 */
export function paletteConformance(): readonly PortCheck<MakePalette>[] {
	return checksOf(palettes);
}
