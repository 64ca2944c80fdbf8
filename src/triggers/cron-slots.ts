import { Cron } from "croner";
import type { SlotSource } from "./slots.js";
import type { CronSchedule } from "./trigger.js";

/** Reading an expression costs more than asking it: those that are in use are kept as long as their schedule is. */
const read = new WeakMap<CronSchedule, SlotSource>();

/**
 * The moments that a cron expression names, from croner. What a change of the clocks skips: a time of day comes at the
 * moment the clocks have changed, and what repeats leaves out the hour that is not there. What comes twice: a time of day
 * comes the first time only, and what repeats goes on through both.
 */
export function cronSlots(schedule: CronSchedule): SlotSource {
	const known = read.get(schedule);
	if (known !== undefined) return known;
	const cron = cronOf(schedule.cron, schedule.timeZone);
	const slots: SlotSource = {
		after: (time) => cron.nextRun(new Date(time))?.getTime(),
		// croner counts what stands earlier in the same second as before it.
		before: (time) => cron.previousRuns(1, new Date(time))[0]?.getTime(),
	};
	read.set(schedule, slots);
	return slots;
}

/** What is wrong with a cron expression, in words; undefined when nothing is. */
export function whyNotCron(text: unknown): string | undefined {
	if (typeof text !== "string" || text.trim() === "") return "is no cron expression";
	// croner takes a date for a schedule, too.
	if (!looksLikeCron(text)) return "has neither five fields, nor six with seconds before them, nor a name like @daily";
	try {
		// A leap year and all its weekdays lie within 28 years, but for the turn of a century.
		return cronOf(text).nextRun(new Date(0)) === null ? "names no date that there is" : undefined;
	} catch (error) {
		return `cannot be read: ${(error as Error).message.replace(/^CronPattern: /, "")}`;
	}
}

/** Whether a text is meant as a cron expression: five or six fields, or `@` and a name. */
export function looksLikeCron(text: string): boolean {
	const fields = text.trim().split(/\s+/).length;
	return fields === 5 || fields === 6 || /^\s*@[a-z]+\s*$/i.test(text);
}

/** Whether there is a time zone of this name. */
export function isTimeZone(zone: unknown): zone is string {
	if (typeof zone !== "string" || zone === "") return false;
	try {
		new Intl.DateTimeFormat("en", { timeZone: zone });
		return true;
	} catch {
		return false;
	}
}

function cronOf(text: string, timezone = "UTC"): Cron {
	return new Cron(text.trim(), { timezone, mode: "5-or-6-parts", paused: true });
}
