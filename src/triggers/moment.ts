import type { Moment } from "./trigger.js";

/** The last millisecond of the year 9999: what an ISO text can say in four digits. */
export const MAX_MOMENT_MS = 253_402_300_799_999;

const ISO = /^\d{4}-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Milliseconds since the Unix epoch.
 *
 * @returns undefined when it is no moment from 1970 to 9999: a text must say its offset, since without one it would be
 * another moment on every machine
 *
 * @see RFC 3339, section 5.6
 */
export function momentOf(moment: Moment): number | undefined {
	const ms = typeof moment === "string" ? ofText(moment) : moment;
	return Number.isInteger(ms) && ms >= 0 && ms <= MAX_MOMENT_MS ? ms : undefined;
}

function ofText(text: string): number {
	const match = ISO.exec(text);
	if (match === null) return Number.NaN;
	// Date takes February 30 for March 2.
	const days = new Date(Date.UTC(Number(text.slice(0, 4)), Number(match[1]), 0)).getUTCDate();
	return Number(match[2]) <= days ? Date.parse(text) : Number.NaN;
}
