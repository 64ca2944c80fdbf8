import { createHash } from "node:crypto";
import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import type { TriggerRecord } from "./trigger.js";

/** The longest key that a caller may give; characters. */
export const MAX_GIVEN_KEY = 200;

/** Of a key, what it needs to know of the trigger. */
type Owner = Pick<TriggerRecord, "revision"> & { readonly spec: Pick<TriggerRecord["spec"], "id"> };

/** The key of a slot in time: `trigger@revision:2026-11-25T20:00:01.000Z`. @param slot - milliseconds since the Unix epoch */
export function slotKey(trigger: Owner, slot: number): string {
	return keyOf(trigger, new Date(slot).toISOString());
}

/** The key of the one occurrence of a `once`. */
export function onceKey(trigger: Owner): string {
	return keyOf(trigger, "once");
}

/**
 * The key of a change of files. Its number tells the second A of A → B → A from the first.
 *
 * @param change - the number of the change, from 1
 * @param content - the SHA-256 of what is there now in hexadecimal digits; undefined when nothing is there any more
 */
export function changeKey(trigger: Owner, change: number, content: string | undefined): string {
	return keyOf(trigger, `${change}-${content?.slice(0, 12) ?? "deleted"}`);
}

/** Ids of runs that are no longer than this stand in keys as they are. */
const MAX_RUN_ID = 100;

/**
 * The key of the end of a run. One key leads to the next where ends of runs start runs: what would grow with each, or end like
 * the id of another attempt, stands there as its hash.
 */
export function runEndKey(trigger: Owner, run: RunId): string {
	const isPlain = run.length <= MAX_RUN_ID && !run.includes("#");
	return keyOf(trigger, `run-${isPlain ? run : createHash("sha256").update(run).digest("hex").slice(0, 32)}`);
}

/**
 * The key of what is started by hand or by an event: a key that the caller gave, so that twice the same is once, or a fresh id.
 *
 * @throws SwarmError `INVALID_OPTION`
 */
export function givenKey(trigger: Owner, given: string): string {
	return keyOf(trigger, checkGivenKey(given));
}

/**
 * A key that a caller gave, of a trigger's occurrence or of a submission.
 *
 * @throws SwarmError `INVALID_OPTION` unless it has 1 to 200 characters, all of them whole and printable; or when it ends like
 * the id of a later attempt's run, `#2`
 */
export function checkGivenKey(given: unknown): string {
	const problem = whyNotKey(given);
	if (problem === undefined) return given as string;
	throw new SwarmError("INVALID_OPTION", `the key ${problem}`, {
		hint: `keys have 1 to ${MAX_GIVEN_KEY} printable characters, and do not end in # and digits`,
	});
}

function whyNotKey(given: unknown): string | undefined {
	if (typeof given !== "string" || given === "") return "is not a text with a character in it";
	if (given.length > MAX_GIVEN_KEY) return `has ${given.length} characters`;
	if (!given.isWellFormed()) return "holds half a character";
	if (/\p{Cc}|\p{Zl}|\p{Zp}/u.test(given)) return "holds a control character";
	return /#\d+$/.test(given) ? "ends like the id of another attempt" : undefined;
}

function keyOf({ spec, revision }: Owner, slot: string): string {
	return `${spec.id}@${revision}:${slot}`;
}
