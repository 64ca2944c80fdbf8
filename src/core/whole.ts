import { SwarmError } from "./errors.js";

/**
 * Checks an option that is a whole number, if it is given.
 *
 * @throws SwarmError `INVALID_OPTION` when it is none from `least` to `most`
 */
export function checkWhole(value: number | undefined, what: string, least: number, most: number): void {
	if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
	throw new SwarmError("INVALID_OPTION", `${what} is ${String(value)}, not a whole number from ${least} to ${most}`);
}
