import type { ErrorCode } from "../core/errors.js";
import type { RunStatus } from "../core/lifecycle.js";
import type { EndStatus } from "../outcome.js";
import type { Occurrence } from "../triggers/occurrence.js";

/** What scripts are told by the exit code, see docs/command-line.md. */
export const EXIT = {
	completed: 0,
	failed: 1,
	usage: 2,
	stalled: 3,
	cancelled: 4,
	budget: 5,
	timedOut: 6,
	waiting: 7,
	interrupted: 130,
} as const;

const STATUSES: Readonly<Record<EndStatus | RunStatus, number>> = {
	completed: EXIT.completed,
	dry_run: EXIT.completed,
	failed: EXIT.failed,
	stalled: EXIT.stalled,
	cancelled: EXIT.cancelled,
	stopping: EXIT.cancelled,
	budget_exceeded: EXIT.budget,
	timed_out: EXIT.timedOut,
	waiting: EXIT.waiting,
	created: EXIT.waiting,
	running: EXIT.waiting,
	paused: EXIT.waiting,
	// Somebody let go of it before its end.
	suspended: EXIT.interrupted,
};

/** The exit code for a run in this status: one that has not ended counts as one that waits. */
export function exitCodeOf(status: EndStatus | RunStatus): number {
	return STATUSES[status];
}

/** The exit code for an occurrence: one that was skipped counts as one that was cancelled. */
export function exitCodeOfOccurrence({ state, status }: Pick<Occurrence, "state" | "status">): number {
	switch (state) {
		case "completed":
			return EXIT.completed;
		case "failed":
			return status === undefined ? EXIT.failed : exitCodeOf(status);
		case "cancelled":
		case "skipped":
			return EXIT.cancelled;
		default:
			return EXIT.waiting;
	}
}

/** What was asked for is wrong, and nothing was done: not to be mixed up with a run that failed. */
const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
	"CYCLE",
	"DUPLICATE_AGENT",
	"DUPLICATE_NODE",
	"INVALID_INPUT",
	"INVALID_OPTION",
	"INVALID_SPEC",
	"RUN_EXISTS",
	"UNKNOWN_AGENT",
	"UNKNOWN_DEPENDENCY",
	"UNKNOWN_NODE",
	"UNKNOWN_OCCURRENCE",
	"UNKNOWN_RUN",
	"UNKNOWN_TRIGGER",
]);

/** The exit code for a command that was refused. */
export function exitCodeOfError(code: ErrorCode): number {
	return USAGE.has(code) ? EXIT.usage : EXIT.failed;
}
