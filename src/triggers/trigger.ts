import type { Duration } from "../core/durations.js";
import type { Plain } from "../core/plain.js";
import type { NodeSpec, RetryPolicy } from "../graph/types.js";
import type { EndStatus } from "../outcome.js";

/** A moment: milliseconds since the Unix epoch, or a text that says one in ISO 8601 with its offset. */
export type Moment = number | string;

/**
 * How often: a duration, or a text as people write one, `"every 30s"`, `"5m"`, `"1 H"`, `"90"`. Bare digits in a text are
 * seconds, a bare number is milliseconds as everywhere.
 */
export type Every = number | string;

/** What a timed trigger does about slots that came while no service was there, and are found more than 30 seconds late. */
export interface MissedPolicy {
	/** `skip`: they are left out (default). `one`: the newest starts for all of them, unless one is on time. `all` of them start. */
	readonly missed?: "skip" | "one" | "all";
	/** With `all`: at most so many, the newest; 1 to 10,000, default 100. Those beyond are skipped, and say so in the history. */
	readonly maxMissed?: number;
	/** With `all`: which go first, default `oldest`. */
	readonly catchUp?: "oldest" | "newest";
}

/** Starts once: when the trigger is put, or at a moment. */
export interface OnceSchedule {
	readonly kind: "once";
	/** By default at once. One that passed while no service was there still counts. */
	readonly at?: Moment;
}

/** Starts again and again, in slots that are counted from the moment when the trigger was made. */
export interface IntervalSchedule extends MissedPolicy {
	readonly kind: "every";
	readonly every: Every;
	/** When the first slot is: after one interval (default), or at once. */
	readonly first?: "interval" | "now";
	/**
	 * `rate` (default): in fixed slots. `delay`: one interval after the run before has ended; what is overdue starts when a service
	 * is there, whatever was missed.
	 */
	readonly mode?: "rate" | "delay";
	/** What to do with an `every` that is no schedule: refuse the trigger (default), or take five minutes and warn. */
	readonly onBadSchedule?: "error" | "default";
	/** With `delay`: after a failure the interval grows by `factor`, 1 to 100, up to `max`; by default it does not. */
	readonly backoff?: { readonly factor?: number; readonly max?: Duration };
}

/** Starts when a clock on the wall says so. */
export interface CronSchedule extends MissedPolicy {
	readonly kind: "cron";
	/** Five fields, six with seconds before them, or `@daily` and its like. */
	readonly cron: string;
	/** A zone of the IANA database, such as `Europe/Berlin`; default `UTC`. */
	readonly timeZone?: string;
}

/** Starts when the content of files changes. What is there when the trigger is made is the baseline. */
export interface FileSchedule {
	readonly kind: "file";
	/** Paths and globs; relative ones are below `cwd`. At least one. */
	readonly paths: readonly string[];
	/** Globs of what does not count. */
	readonly ignore?: readonly string[];
	/** An absolute path; by default where the service runs. */
	readonly cwd?: string;
	/** A file counts when it has been left alone for so long, and the last state of it always does; default 100 ms, up to a minute. */
	readonly settle?: Duration;
	/** Larger files are compared by size and time, not by content; bytes, default 64 MiB. */
	readonly maxFileBytes?: number;
	/** Files beyond so many are refused; default 10,000. */
	readonly maxFiles?: number;
}

/** Starts only by hand: `service.fire`. */
export interface ManualSchedule {
	readonly kind: "manual";
}

/** Starts when something happens: a named event, the end of another run, a webhook; what is named of them, at least one. */
export interface EventSchedule {
	readonly kind: "event";
	/** The name of an event, see `service.emit`. */
	readonly event?: string;
	/** The end of a run that this service has run. */
	readonly run?: {
		/** Runs of this trigger only. */
		readonly trigger?: string;
		/** By default all; runs that were let go of have not ended. */
		readonly status?: readonly EndStatus[];
	};
	/** `POST /hooks/<id of the trigger>` at the service's endpoint, see `http` of the service, with a signature. */
	readonly webhook?: {
		/** The name of the secret among the service's `secrets`: what is stored is the name. */
		readonly secret: string;
		/** Longer bodies are refused; bytes, 1 to 16 MiB, default 64 KiB. */
		readonly maxBytes?: number;
		/**
		 * Whose signatures it takes: those that `verifyWebhook` accepts (default), or those of GitHub, `x-hub-signature-256`, which
		 * say nothing about when they were made.
		 */
		readonly signature?: "dagswarm" | "github";
	};
}

/** When a trigger starts runs. */
export type Schedule = OnceSchedule | IntervalSchedule | CronSchedule | FileSchedule | ManualSchedule | EventSchedule;

/** What an occurrence starts: an agent or a skill of the swarm by its name, or nodes. */
export type StartSpec =
	| string
	| {
			/** An agent or a skill of the swarm. */
			readonly call: string;
			/**
			 * What it takes; by default the {@link OccurrenceInfo}. `{ "$occurrence": "/payload/path" }` anywhere in it is replaced
			 * by that part of the occurrence, a JSON Pointer.
			 */
			readonly input?: unknown;
	  }
	| { readonly nodes: readonly NodeSpec[] };

/** What a trigger does about an occurrence that comes while an earlier one goes on. */
export type Overlap = "skip" | "queue" | "cancelPrevious" | "allow";

/** What makes runs start on their own: plain data, kept in the store. */
export interface TriggerSpec {
	/** Unique in the store: letters, digits, `.`, `_`, `-`, up to 100 characters. */
	readonly id: string;
	readonly on: Schedule;
	readonly start: StartSpec;
	readonly description?: string;
	/** Default `skip` for timed ones, `queue` for the others. */
	readonly overlap?: Overlap;
	/** With `queue`: at most so many wait, further ones are skipped; 1 to 10,000, default 100. */
	readonly maxQueued?: number;
	/** With `allow`: at most so many go on at a time, further ones wait; 1 to 10,000, default 100. */
	readonly maxRunning?: number;
	/** A failed occurrence is tried again, as another attempt of the same occurrence. Default 1: not. */
	readonly retry?: RetryPolicy | number;
	/** A run ends `timed_out` after so long. */
	readonly deadline?: Duration;
	/** Starts up to so much later than its slot, by a share drawn from the key: the slot stays the same. */
	readonly jitter?: Duration;
	/** At most so many occurrences are started over its life; then it has ended. */
	readonly maxRuns?: number;
	/** Nothing is due before. */
	readonly startAt?: Moment;
	/** Nothing is due from then on. */
	readonly endAt?: Moment;
	/** Default true. `false`: what comes due is left out, as if it were not there. */
	readonly enabled?: boolean;
	/** Ended occurrences that are kept; 1 to 10,000, default 100. */
	readonly history?: number;
	/**
	 * What the output of a completed run leaves for the next one: it is kept under this name together with the end of the
	 * occurrence, and `{ "$remembered": "name" }` in an input is replaced by it, or by null.
	 */
	readonly remember?: {
		/** A name in the store: letters, digits, `.`, `_`, `-`, up to 100 characters. */
		readonly as: string;
		/** Which part of the output, a JSON Pointer; by default all of it. */
		readonly path?: string;
	};
	/** A JSON Pointer into the output of a completed run: where `true` stands there, the trigger has done what it was for, and is over. */
	readonly until?: string;
	readonly metadata?: Readonly<Record<string, Plain>>;
}

/** A trigger as the store keeps it. */
export interface TriggerRecord {
	readonly spec: TriggerSpec;
	/**
	 * Rises by one when `on` changes in what makes its slots, so that slots of one schedule are never taken for those of another.
	 */
	readonly revision: number;
	/** The anchor of its slots; milliseconds since the Unix epoch. */
	readonly createdAt: number;
	readonly updatedAt: number;
	/** `code`: listed by the program, and gone when it is not any more. `store`: put there, and kept. */
	readonly source: "code" | "store";
	readonly paused: boolean;
	/** Why no occurrence comes any more; undefined while some may. */
	readonly over?: "maxRuns" | "endAt" | "once" | "until";
	readonly cursor: TriggerCursor;
	/** For compare-and-set: rises with each write. */
	readonly version: number;
}

/** How far a trigger has come. */
export interface TriggerCursor {
	/** Timed slots up to here have been dealt with, or are those of nobody; milliseconds since the Unix epoch. */
	readonly slot?: number;
	/** Occurrences that were started. */
	readonly started: number;
	/** How they ended: a retry is no end. */
	readonly completed: number;
	readonly failed: number;
	readonly cancelled: number;
	/** Failures since the last success. */
	readonly failures: number;
	/** With `mode: "delay"`: when the last run ended. */
	readonly endedAt?: number;
	/** Of a file trigger: the number of its last change; the files themselves are in the store's manifest. */
	readonly change?: number;
}
