import { isAbsolute } from "node:path";
import { SwarmError } from "../core/errors.js";
import { show } from "../graph/spec.js";
import { isTimeZone, whyNotCron } from "./cron-slots.js";
import {
	aMoment,
	anId,
	aText,
	checkObject,
	durationUpTo,
	type FieldCheck,
	type Fields,
	listOf,
	numberFrom,
	oneOf,
	type Problem,
	wholeFrom,
	wrong,
} from "./fields.js";
import { fileSettings } from "./file-patterns.js";
import { EVERY_HINT, readEvery } from "./schedule-text.js";
import type {
	CronSchedule,
	EventSchedule,
	FileSchedule,
	IntervalSchedule,
	MissedPolicy,
	OnceSchedule,
	Schedule,
} from "./trigger.js";

const kind: FieldCheck = () => undefined;

const missed: Fields<MissedPolicy> = {
	missed: oneOf("skip", "one", "all"),
	maxMissed: wholeFrom(1, 10_000),
	catchUp: oneOf("oldest", "newest"),
};

const once: Fields<OnceSchedule> = { kind, at: aMoment };

const every: Fields<IntervalSchedule> = {
	...missed,
	kind,
	// What `onBadSchedule` is has to be known as well.
	every: kind,
	first: oneOf("interval", "now"),
	mode: oneOf("rate", "delay"),
	onBadSchedule: oneOf("error", "default"),
	backoff: (value, path) => checkObject(value, path, { factor: numberFrom(1, 100), max: durationUpTo() }),
};

const cron: Fields<CronSchedule> = {
	...missed,
	kind,
	cron: (value, path) => {
		const why = whyNotCron(value);
		return why === undefined ? undefined : wrong(path, `is ${show(value)}, which ${why}`, 'write "0 9 * * MON-FRI"');
	},
	timeZone: (value, path) =>
		isTimeZone(value)
			? undefined
			: wrong(path, `is ${show(value)}, no time zone`, "use one like Europe/Berlin, or UTC"),
};

const file: Fields<FileSchedule> = {
	kind,
	paths: listOf(aText),
	ignore: listOf(aText),
	cwd: (value, path) =>
		typeof value === "string" && isAbsolute(value) ? undefined : wrong(path, `is ${show(value)}, no absolute path`),
	settle: durationUpTo("1m"),
	maxFileBytes: wholeFrom(0, Number.MAX_SAFE_INTEGER),
	maxFiles: wholeFrom(1, 1_000_000),
};

const endings = ["completed", "failed", "cancelled", "stalled", "timed_out", "budget_exceeded"];

const event: Fields<EventSchedule> = {
	kind,
	event: (value, path) =>
		aText(value, path) ?? ((value as string).length > 200 ? wrong(path, "has more than 200 characters") : undefined),
	run: (value, path) => checkObject(value, path, { trigger: anId, status: listOf(oneOf(...endings)) }),
	webhook: (value, path) =>
		checkObject(value, path, {
			secret: aText,
			maxBytes: wholeFrom(1, 16 * 1024 * 1024),
			signature: oneOf("dagswarm", "github"),
		}) ?? aText((value as { secret?: unknown }).secret, `${path}/secret`),
};

const KINDS: Readonly<Record<Schedule["kind"], Readonly<Record<string, FieldCheck>>>> = {
	once,
	every,
	cron,
	file,
	manual: { kind },
	event,
};

/** Checks when a trigger starts runs. */
export function checkSchedule(value: unknown, path: string): Problem | undefined {
	const on = value as Partial<Schedule> | null;
	if (typeof on !== "object" || on === null) return wrong(path, `is ${show(value)}, no schedule`);
	const known = Object.keys(KINDS);
	if (!Object.hasOwn(KINDS, String(on.kind)))
		return wrong(`${path}/kind`, `is ${show(on.kind)}`, `use ${known.join(", ")}`);
	const problem = checkObject(on, path, KINDS[on.kind as Schedule["kind"]]);
	return problem ?? checkWhole(on as Schedule, path);
}

/** What one field says about another. */
function checkWhole(on: Schedule, path: string): Problem | undefined {
	switch (on.kind) {
		case "every":
			return checkEvery(on, path) ?? checkMissed(on, path);
		case "cron":
			return cron.cron(on.cron, `${path}/cron`) ?? checkMissed(on, path);
		case "file":
			return file.paths(on.paths, `${path}/paths`) ?? checkFiles(on, path);
		case "event":
			return on.event === undefined && on.run === undefined && on.webhook === undefined
				? wrong(path, "names nothing that may happen", "give at least one of event, run and webhook")
				: undefined;
		default:
			return undefined;
	}
}

function checkFiles(on: FileSchedule, path: string): Problem | undefined {
	try {
		fileSettings(on);
		return undefined;
	} catch (error) {
		if (!SwarmError.is(error)) throw error;
		return wrong(path, error.message);
	}
}

function checkEvery(on: IntervalSchedule, path: string): Problem | undefined {
	const read = readEvery(on.every);
	if (!("ms" in read) && !(read.why === "unreadable" && on.onBadSchedule === "default"))
		return { path: `${path}/every`, says: read.says, hint: EVERY_HINT };
	if (on.mode !== "delay")
		return on.backoff && wrong(`${path}/backoff`, "means nothing without a delay", 'set mode: "delay"');
	return (
		on.missed && wrong(`${path}/missed`, "means nothing with a delay: what is overdue starts when a service is there")
	);
}

function checkMissed(on: MissedPolicy, path: string): Problem | undefined {
	if (on.missed === "all") return undefined;
	const extra = (["maxMissed", "catchUp"] as const).find((field) => on[field] !== undefined);
	return extra && wrong(`${path}/${extra}`, 'means nothing without missed: "all"');
}
