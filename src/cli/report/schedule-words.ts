import { everyOf } from "../../triggers/schedule-text.js";
import type { EventSchedule, Schedule } from "../../triggers/trigger.js";
import { oneLine } from "./one-line.js";

const UNITS = [
	["day", 86_400_000],
	["hour", 3_600_000],
	["minute", 60_000],
	["second", 1_000],
] as const;

/** When a trigger starts something, in a few words. */
export function scheduleWords(on: Schedule): string {
	switch (on.kind) {
		case "once":
			return on.at === undefined ? "once, at once" : `once, at ${new Date(on.at).toISOString()}`;
		case "every": {
			const { ms } = everyOf(on);
			return on.mode === "delay" ? `${lengthWords(ms)} after each end` : intervalWords(ms);
		}
		case "cron":
			return `cron ${on.cron.trim()}${on.timeZone === undefined ? "" : ` in ${on.timeZone}`}`;
		case "file":
			return `changes of ${oneLine(on.paths.join(", "), 60)}`;
		case "manual":
			return "by hand";
		case "event":
			return eventWords(on);
	}
}

/** `every minute`, `every 90 seconds`, `every 250 ms`. */
function intervalWords(ms: number): string {
	return `every ${lengthWords(ms).replace(/^1 (?!ms)/, "")}`;
}

function lengthWords(ms: number): string {
	const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ["ms", 1];
	const count = ms / size;
	return `${count} ${unit}${count === 1 || unit === "ms" ? "" : "s"}`;
}

function eventWords({ event, run, webhook }: EventSchedule): string {
	const words: string[] = [];
	if (event !== undefined) words.push(`event ${oneLine(event, 40)}`);
	if (run !== undefined) {
		const of = run.trigger === undefined ? "a run" : `a run of ${run.trigger}`;
		words.push(`end of ${of}${run.status === undefined ? "" : ` (${run.status.join(", ")})`}`);
	}
	if (webhook !== undefined) words.push("webhook");
	return words.join(" or ");
}
